package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// File is an open file description: what open(2) makes and dup(2) and fork(2) share.
type File struct {
	Path  Path       // immutable; counted. Mount is nil for a file without a name
	Inode *Inode     // immutable; Path.Dentry holds it
	Impl  any        // immutable after open: the operations, small interfaces of ops.go
	Cred  *cred.Cred // immutable: the opener's

	v     *VFS
	mode  fmode         // immutable after open
	flags atomic.Uint32 // abi.O_…, without those that matter at open only
	refs  atomic.Int32

	posMu ksync.Mutex
	pos   int64 // guarded by posMu

	appended atomic.Int64 // where the last write with O_APPEND ended

	// Data is the implementation's own, set at open: a directory's cursor, a snapshot.
	Data any

	hooks []*FileHook // guarded by VFS.locksMu
	owner FileOwner   // guarded by VFS.locksMu
	flock *flockEntry // guarded by VFS.locksMu
	ofd   bool        // guarded by VFS.locksMu: it has or had open file description locks
}

// fmode says what may be done with a File.
type fmode uint8

const (
	fmodeRead   fmode = 1 << iota
	fmodeWrite        // holds a count of Inode.writers, if it is a regular file
	fmodePath         // O_PATH: a place, no file
	fmodeSeek         // has a position
	fmodeWriter       // counted in Inode.writers and Mount.writers
)

// keptFlags are the flags that fcntl(F_GETFL) shows.
const keptFlags = abi.O_ACCMODE | abi.O_APPEND | abi.O_NONBLOCK | abi.O_SYNC | abi.O_ASYNC | abi.O_DIRECT |
	abi.O_LARGEFILE | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_NOATIME | abi.O_PATH | abi.O_TMPFILE_

// openFlags are those that only an Opener sees, by Flags.
const openFlags = abi.O_NOCTTY | abi.O_TRUNC

// settableFlags are those that fcntl(F_SETFL) changes.
const settableFlags = abi.O_APPEND | abi.O_NONBLOCK | abi.O_ASYNC | abi.O_DIRECT | abi.O_NOATIME

// FileHook is called when a File's last reference goes: epoll stops to watch it. Fn may not sleep.
type FileHook struct {
	Fn func(t *sched.Thread, f *File)
}

// FileOwner is whom fcntl(F_SETOWN) tells of events.
type FileOwner struct {
	Type int // abi.F_OWNER_…
	ID   int
	Sig  int
	UID  cred.ID // of who set it
	EUID cred.ID
}

func (v *VFS) newFile(t *sched.Thread, p Path, flags int) *File {
	f := &File{Path: p, Inode: p.Inode(), v: v, Cred: t.Cred, posMu: ksync.NewMutex(&classPos)}
	// O_NOCTTY stays until the device's Open has seen it.
	f.flags.Store(uint32(flags & (keptFlags | openFlags)))
	f.refs.Store(1)
	switch flags & abi.O_ACCMODE {
	case abi.O_RDONLY:
		f.mode = fmodeRead
	case abi.O_WRONLY:
		f.mode = fmodeWrite
	default:
		f.mode = fmodeRead | fmodeWrite
	}
	v.open.Add(1)
	return f
}

// NewAnonFile returns an open file without a name in the tree: name is what /proc/PID/fd shows, such as
// "anon_inode:[eventfd]" or "pipe:[12]". Flags are of abi.O_ACCMODE and O_NONBLOCK.
func (v *VFS) NewAnonFile(t *sched.Thread, name string, impl any, flags int) *File {
	return v.NewAnonFileMode(t, name, impl, flags, 0o600)
}

// NewAnonFileMode is NewAnonFile with the mode that fstat(2) shows: abi.S_IFIFO|0o600 for a pipe.
func (v *VFS) NewAnonFileMode(t *sched.Thread, name string, impl any, flags int, mode Mode) *File {
	inode := v.anonSB.NewInode(v.anonSB.NextIno(), mode, impl)
	if t.Cred != nil {
		inode.SetOwner(t.Cred.FSUID, t.Cred.FSGID)
	}
	return v.NewAnonFileInode(t, name, inode, impl, flags)
}

// NewAnonFileInode opens inode, of which it takes over a reference, under a name outside the tree.
func (v *VFS) NewAnonFileInode(t *sched.Thread, name string, inode *Inode, impl any, flags int) *File {
	d := &Dentry{SB: inode.SB, name: name, root: true}
	d.parent = d
	d.refs.Store(1)
	d.inode.Store(inode)
	f := v.newFile(t, Path{Dentry: d}, flags)
	f.Impl = impl
	f.setSeekable()
	return f
}

// OpenInode opens inode without permission checks and without a name: for a filesystem that reads another's files. It
// may be used with inodes locked.
func OpenInode(t *sched.Thread, inode *Inode, flags int) (*File, error) {
	v := inode.SB.VFS
	inode.IncRef()
	d := &Dentry{SB: inode.SB, name: inode.SB.Type, root: true}
	d.parent = d
	d.refs.Store(1)
	d.inode.Store(inode)
	f := v.newFile(t, Path{Dentry: d}, flags)
	f.posMu = ksync.NewMutex(&classInnerPos)
	if err := f.open(t); err != nil {
		v.open.Add(-1)
		d.DecRef(t)
		return nil, err
	}
	f.flags.And(^uint32(openFlags))
	return f, nil
}

// NextAnonIno returns a number for names such as "pipe:[12]".
func (v *VFS) NextAnonIno() uint64 { return v.anonSB.NextIno() }

// AnonSB is the superblock of files without a name.
func (v *VFS) AnonSB() *Superblock { return v.anonSB }

func (f *File) setSeekable() {
	if _, ok := f.Impl.(Seeker); ok {
		f.mode |= fmodeSeek
		return
	}
	switch f.Inode.Mode().Type() {
	case abi.S_IFREG, abi.S_IFDIR, abi.S_IFBLK:
		f.mode |= fmodeSeek
	}
}

// VFS returns the switch that f belongs to.
func (f *File) VFS() *VFS { return f.v }

// Flags returns the open flags as fcntl(F_GETFL) shows them.
func (f *File) Flags() int { return int(f.flags.Load()) }

// Nonblock reports whether calls shall fail with EAGAIN rather than wait.
func (f *File) Nonblock() bool { return f.flags.Load()&abi.O_NONBLOCK != 0 }

// Append reports whether writes go to the end.
func (f *File) Append() bool { return f.flags.Load()&abi.O_APPEND != 0 }

// CanRead reports whether f is open for reading.
func (f *File) CanRead() bool { return f.mode&fmodeRead != 0 && f.mode&fmodePath == 0 }

// CanWrite reports whether f is open for writing.
func (f *File) CanWrite() bool { return f.mode&fmodeWrite != 0 && f.mode&fmodePath == 0 }

// IsPath reports whether f was opened with O_PATH: a place in the tree, not a file.
func (f *File) IsPath() bool { return f.mode&fmodePath != 0 }

// Seekable reports whether f has a position.
func (f *File) Seekable() bool { return f.mode&fmodeSeek != 0 }

// SetStream takes the position away, for devices and pseudo files that are streams. For Open.
func (f *File) SetStream() { f.mode &^= fmodeSeek }

// SetFlags is fcntl(F_SETFL).
func (f *File) SetFlags(t *sched.Thread, flags int) error {
	flags &= settableFlags
	old := f.Flags()
	if flags&abi.O_NOATIME != 0 && old&abi.O_NOATIME == 0 && !f.Inode.ownerOrCapable(t) {
		return errno.EPERM.Because("O_NOATIME is for the file's owner")
	}
	if s, ok := f.Impl.(FlagSetter); ok {
		if err := s.SetFlags(t, f, old&^settableFlags|flags); err != nil {
			return err
		}
	}
	for {
		cur := f.flags.Load()
		if f.flags.CompareAndSwap(cur, cur&^settableFlags|uint32(flags)) {
			return nil
		}
	}
}

// SetNonblock is ioctl(FIONBIO).
func (f *File) SetNonblock(on bool) {
	if on {
		f.flags.Or(abi.O_NONBLOCK)
	} else {
		f.flags.And(^uint32(abi.O_NONBLOCK))
	}
}

// IncRef takes a reference; the caller has one.
func (f *File) IncRef() {
	if f.refs.Add(1) <= 1 {
		panic("file: reference taken on a closed file")
	}
}

// Refs returns the number of references; for views and tests.
func (f *File) Refs() int { return int(f.refs.Load()) }

// DecRef drops a reference; the last one closes the file. The caller holds no lock of rank RankFilePos or above.
func (f *File) DecRef(t *sched.Thread) {
	n := f.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("file: more references dropped than taken")
	}
	f.v.locksMu.Lock(t)
	hooks := f.hooks
	f.hooks = nil
	f.v.locksMu.Unlock(t)
	for _, h := range hooks {
		h.Fn(t, f)
	}
	f.releaseLocks(t)
	if r, ok := f.Impl.(Releaser); ok && f.mode&fmodePath == 0 {
		r.Release(t, f)
	}
	if f.mode&fmodeWriter != 0 {
		f.putWriter()
		if f.Inode.Pages != nil && f.Inode.writers.Load() == 0 {
			f.Inode.Pages.Trim(t)
		}
	}
	f.Path.DecRef(t)
	f.v.open.Add(-1)
}

func (f *File) putWriter() {
	if f.mode&fmodeWriter != 0 {
		f.Inode.putWrite()
		f.Path.Mount.writers.Add(-1)
		f.mode &^= fmodeWriter
	}
}

// Close is what close(2) does for one descriptor: the record locks of owner on the file go, the file
// hears of it, and the descriptor's reference is dropped. Owner is whoever shares the descriptor table.
func (f *File) Close(t *sched.Thread, owner any) error {
	var err error
	if f.mode&fmodePath == 0 {
		if fl, ok := f.Impl.(Flusher); ok {
			err = fl.Flush(t, f)
		}
		f.dropPosixLocks(t, owner)
	}
	f.DecRef(t)
	return err
}

// AddHook has h called at the end of the file.
func (f *File) AddHook(t *sched.Thread, h *FileHook) {
	f.v.locksMu.Lock(t)
	defer f.v.locksMu.Unlock(t)
	f.hooks = append(f.hooks, h)
}

// RemoveHook undoes AddHook. It reports whether the hook was still there.
func (f *File) RemoveHook(t *sched.Thread, h *FileHook) bool {
	f.v.locksMu.Lock(t)
	defer f.v.locksMu.Unlock(t)
	for i := range f.hooks {
		if f.hooks[i] == h {
			f.hooks = append(f.hooks[:i:i], f.hooks[i+1:]...)
			return true
		}
	}
	return false
}

// Owner returns whom fcntl(F_SETOWN) named.
func (f *File) Owner(t *sched.Thread) FileOwner {
	f.v.locksMu.Lock(t)
	defer f.v.locksMu.Unlock(t)
	return f.owner
}

// SetOwner is fcntl(F_SETOWN) and F_SETSIG.
func (f *File) SetOwner(t *sched.Thread, o FileOwner) {
	f.v.locksMu.Lock(t)
	defer f.v.locksMu.Unlock(t)
	f.owner = o
}

// Name returns what /proc/PID/fd shows.
func (f *File) Name(t *sched.Thread) string { return f.v.PathString(t, nil, f.Path) }

// Poll reports events. A file without a Poller is always ready.
func (f *File) Poll(t *sched.Thread, p *PollTable) Events {
	if po, ok := f.Impl.(Poller); ok {
		return po.Poll(t, f, p)
	}
	return abi.POLLIN | abi.POLLOUT | abi.POLLRDNORM | abi.POLLWRNORM
}

// Ioctl is a device command; ENOTTY for what the file doesn't know.
func (f *File) Ioctl(t *sched.Thread, cmd uint32, arg uint64) (uint64, error) {
	if i, ok := f.Impl.(Ioctler); ok {
		return i.Ioctl(t, f, cmd, arg)
	}
	return 0, errno.ENOTTY
}
