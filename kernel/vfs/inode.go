package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Inode is a file of any type. Its filesystem makes it with Superblock.NewInode.
type Inode struct {
	SB    *Superblock // immutable
	Ino   uint64      // immutable
	Rdev  Dev         // immutable: what a device node stands for
	Ops   any         // immutable: the operations, small interfaces of ops.go
	Pages *PageCache  // immutable once the inode can be reached; nil: the file has no pages
	Link  string      // immutable: a symbolic link's target, if the filesystem has it in memory

	mu ksync.Mutex // for a directory: its entries; for a file: its size

	// Attributes: written with mu held (times by anybody), read without.
	mode, nlink, uid, gid             atomic.Uint32
	size, atime, mtime, ctime, birthT atomic.Int64

	refs    atomic.Int32 // dentries, and whoever else keeps it
	writers atomic.Int32 // descriptors open for writing; negative: executing programs that deny them
	quirks  quirk        // immutable: which of the rarer operations Ops has

	dead     atomic.Bool // a directory that was removed: nothing can be made in it
	linkable atomic.Bool // has no name yet but may get one (O_TMPFILE)

	special any        // guarded by mu: a FIFO's pipe, what a socket node is bound to
	locks   *fileLocks // guarded by VFS.locksMu
}

// quirk says which operations the walk must ask for.
type quirk uint8

const (
	quirkPermission quirk = 1 << iota
	quirkRevalidate
	quirkMagic
	quirkGetattr
)

var classInode = ksync.Class{Name: "inode", Rank: ksync.RankInode}

// NewInode returns an inode with one reference, one link and all times now.
func (sb *Superblock) NewInode(ino uint64, mode Mode, ops any) *Inode {
	i := &Inode{SB: sb, Ino: ino, Ops: ops, mu: ksync.NewMutex(&classInode)}
	i.mode.Store(uint32(mode))
	i.nlink.Store(1)
	i.refs.Store(1)
	if sb.VFS != nil {
		i.SetTimes(sb.VFS.Now())
	}
	if _, ok := ops.(Permissioner); ok {
		i.quirks |= quirkPermission
	}
	if _, ok := ops.(Revalidater); ok {
		i.quirks |= quirkRevalidate
	}
	if _, ok := ops.(MagicLinker); ok {
		i.quirks |= quirkMagic
	}
	if _, ok := ops.(Getattrer); ok {
		i.quirks |= quirkGetattr
	}
	return i
}

// SetTimes sets all four times: for an inode that is new.
func (i *Inode) SetTimes(now int64) {
	i.atime.Store(now)
	i.mtime.Store(now)
	i.ctime.Store(now)
	i.birthT.Store(now)
}

// Init sets owner and group: for an inode that is new.
func (i *Inode) Init(n NewNode) {
	i.uid.Store(n.UID)
	i.gid.Store(n.GID)
	i.Rdev = n.Rdev
}

// Lock takes the inode's lock.
func (i *Inode) Lock(t *sched.Thread) { i.mu.Lock(t) }

// Unlock gives it back.
func (i *Inode) Unlock(t *sched.Thread) { i.mu.Unlock(t) }

// AssertLocked panics unless t holds the inode's lock.
func (i *Inode) AssertLocked(t *sched.Thread) { i.mu.AssertHeld(t) }

// LockTwo locks two inodes of equal standing, in the order of their addresses in the superblock.
func LockTwo(t *sched.Thread, a, b *Inode) {
	if a == b {
		a.mu.Lock(t)
		return
	}
	if b.SB == a.SB && b.Ino < a.Ino || b.SB != a.SB && b.SB.Dev < a.SB.Dev {
		a, b = b, a
	}
	a.mu.Lock(t)
	b.mu.Lock(t)
}

// UnlockTwo undoes LockTwo.
func UnlockTwo(t *sched.Thread, a, b *Inode) {
	if a != b {
		b.mu.Unlock(t)
	}
	a.mu.Unlock(t)
}

// Mode returns type and permissions.
func (i *Inode) Mode() Mode { return Mode(i.mode.Load()) }

// IsDir reports whether the inode is a directory.
func (i *Inode) IsDir() bool { return i.Mode().IsDir() }

// UID returns the owner.
func (i *Inode) UID() cred.ID { return cred.ID(i.uid.Load()) }

// GID returns the group.
func (i *Inode) GID() cred.ID { return cred.ID(i.gid.Load()) }

// Nlink returns the number of names.
func (i *Inode) Nlink() uint32 { return i.nlink.Load() }

// Size returns the file's size in bytes.
func (i *Inode) Size() int64 { return i.size.Load() }

// Mtime returns when the content last changed.
func (i *Inode) Mtime() int64 { return i.mtime.Load() }

// SetMode replaces type and permissions. Caller holds i.mu, or the inode is new.
func (i *Inode) SetMode(m Mode) { i.mode.Store(uint32(m)) }

// SetOwner replaces owner and group. Caller holds i.mu, or the inode is new.
func (i *Inode) SetOwner(uid, gid cred.ID) {
	i.uid.Store(uint32(uid))
	i.gid.Store(uint32(gid))
}

// SetSize replaces the size. Caller holds i.mu, or the inode is new.
func (i *Inode) SetSize(n int64) { i.size.Store(n) }

// SetNlink replaces the number of names. Caller holds i.mu, or the inode is new.
func (i *Inode) SetNlink(n uint32) { i.nlink.Store(n) }

// AddNlink changes the number of names. Caller holds the lock of the directory concerned. A filesystem that doesn't
// count subdirectories is met with indulgence: the number stays at 0.
func (i *Inode) AddNlink(n int) {
	for {
		old := i.nlink.Load()
		if i.nlink.CompareAndSwap(old, uint32(max(int64(old)+int64(n), 0))) {
			return
		}
	}
}

// Removed reports whether the inode is a directory that was removed.
func (i *Inode) Removed() bool { return i.dead.Load() }

// SetAMCTime sets the times that a filesystem has stored.
func (i *Inode) SetAMCTime(atime, mtime, ctime int64) {
	i.atime.Store(atime)
	i.mtime.Store(mtime)
	i.ctime.Store(ctime)
}

// CopyTimes makes all times those of another inode.
func (i *Inode) CopyTimes(from *Inode) {
	i.SetAMCTime(from.atime.Load(), from.mtime.Load(), from.ctime.Load())
	i.birthT.Store(from.birthT.Load())
}

// Accessed updates the access time as mount option relatime does: only if it is older than the last change
// or than a day.
func (i *Inode) Accessed(t *sched.Thread, m *Mount) {
	if m != nil && (m.Flags()&abi.MS_NOATIME != 0 || m.Flags()&abi.MS_RDONLY != 0 ||
		m.Flags()&abi.MS_NODIRATIME != 0 && i.IsDir()) || i.SB.ReadOnly() {
		return
	}
	a := i.atime.Load()
	strict := m != nil && m.Flags()&abi.MS_STRICTATIME != 0
	now := i.SB.VFS.Now()
	if strict || a <= i.mtime.Load() || a <= i.ctime.Load() || now-a > 86400e9 {
		i.atime.Store(now)
	}
}

// Changed sets mtime and ctime: the content changed.
func (i *Inode) Changed() {
	now := i.SB.VFS.Now()
	i.mtime.Store(now)
	i.ctime.Store(now)
}

// ChangedAttr sets ctime: the attributes changed.
func (i *Inode) ChangedAttr() { i.ctime.Store(i.SB.VFS.Now()) }

// Special returns what hangs on a FIFO or socket node. Caller holds i.mu.
func (i *Inode) Special(t *sched.Thread) any {
	i.mu.AssertHeld(t)
	return i.special
}

// SetSpecial hangs a pipe on a FIFO or a socket on its node. Caller holds i.mu.
func (i *Inode) SetSpecial(t *sched.Thread, v any) {
	i.mu.AssertHeld(t)
	i.special = v
}

// IncRef takes a reference; the caller has one.
func (i *Inode) IncRef() {
	if i.refs.Add(1) <= 1 {
		panic("inode: reference taken on a dead inode")
	}
}

// TryIncRef takes a reference unless the last one is gone.
func (i *Inode) TryIncRef() bool {
	for {
		n := i.refs.Load()
		if n == 0 {
			return false
		}
		if i.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// DecRef drops a reference; with the last one the inode leaves memory.
func (i *Inode) DecRef(t *sched.Thread) {
	n := i.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("inode: more references dropped than taken")
	}
	if e, ok := i.Ops.(Evicter); ok {
		e.Evict(t, i)
	}
	if i.Pages != nil {
		i.Pages.Release(t)
	}
}

// Refs returns the number of references; for views and tests.
func (i *Inode) Refs() int { return int(i.refs.Load()) }

// Attr returns what stat(2) shows.
func (i *Inode) Attr(t *sched.Thread) (Attr, error) {
	a := Attr{
		Dev: i.SB.Dev, Ino: i.Ino, Mode: i.Mode(), Nlink: i.Nlink(), UID: i.UID(), GID: i.GID(), Rdev: i.Rdev,
		Size: i.size.Load(), BlkSize: 4096, Atime: i.atime.Load(), Mtime: i.mtime.Load(), Ctime: i.ctime.Load(),
		Btime: i.birthT.Load(),
	}
	if i.Pages != nil {
		a.Blocks = i.Pages.Blocks()
	}
	if i.quirks&quirkGetattr != 0 {
		return i.getattr(t, a)
	}
	return a, nil
}

// getattr is apart because its a lives on the heap.
func (i *Inode) getattr(t *sched.Thread, a Attr) (Attr, error) {
	err := i.Ops.(Getattrer).Getattr(t, i, &a)
	return a, err
}

// DenyWrite keeps a program's file from being written while it runs; ETXTBSY if somebody writes. AllowWrite undoes it.
func (i *Inode) DenyWrite() error {
	for {
		n := i.writers.Load()
		if n > 0 {
			return errno.ETXTBSY.Because("the file is open for writing")
		}
		if i.writers.CompareAndSwap(n, n-1) {
			return nil
		}
	}
}

// AllowWrite lets writers in again.
func (i *Inode) AllowWrite() { i.writers.Add(1) }

// getWrite counts a writer; ETXTBSY while the file is being executed.
func (i *Inode) getWrite() error {
	for {
		n := i.writers.Load()
		if n < 0 {
			return errno.ETXTBSY.Because("the file is being executed")
		}
		if i.writers.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

func (i *Inode) putWrite() { i.writers.Add(-1) }
