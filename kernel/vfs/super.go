package vfs

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Superblock is one instance of a filesystem: a tree of inodes.
type Superblock struct {
	VFS    *VFS   // immutable
	Type   string // immutable: "tmpfs"
	Source string // immutable: what was mounted, as /proc/mounts shows it
	Dev    Dev    // immutable: st_dev of its files
	Magic  int64  // immutable
	Ops    any    // immutable: StatFSer, SuperSyncer, Shutdowner, Optioner
	Root   *Dentry
	Fs     any // immutable: the filesystem's own data

	flags   atomic.Uint32 // abi.MS_RDONLY …
	lastIno atomic.Uint64
	mounts  atomic.Int32 // mounts of it; with the last one it shuts down
}

// StatFSer tells sizes; without it they are 0.
type StatFSer interface {
	StatFS(t *sched.Thread, sb *Superblock) (StatFS, error)
}

// SuperSyncer writes back everything.
type SuperSyncer interface {
	SyncFS(t *sched.Thread, sb *Superblock) error
}

// Shutdowner hears that the last mount is gone and no file is open.
type Shutdowner interface {
	Shutdown(t *sched.Thread, sb *Superblock)
}

// Optioner shows the mount options ("size=64k,mode=755") and takes new ones at a remount.
type Optioner interface {
	ShowOptions(sb *Superblock) string
	Remount(t *sched.Thread, sb *Superblock, data string) error
}

// NewSuperblock returns a superblock without a root; the filesystem calls SetRoot.
func (v *VFS) NewSuperblock(fsType, source string, magic int64, ops any) *Superblock {
	sb := &Superblock{VFS: v, Type: fsType, Source: source, Magic: magic, Ops: ops}
	sb.Dev = MakeDev(0, v.lastDev.Add(1))
	sb.lastIno.Store(1)
	return sb
}

// SetRoot makes root, of which it takes over a reference, the root directory.
func (sb *Superblock) SetRoot(root *Inode) {
	d := &Dentry{SB: sb, name: "/", root: true}
	d.parent = d
	d.refs.Store(1)
	d.inode.Store(root)
	sb.Root = d
}

// NextIno returns an unused inode number; the root's is 1.
func (sb *Superblock) NextIno() uint64 { return sb.lastIno.Add(1) }

// ReadOnly reports whether nothing may be changed.
func (sb *Superblock) ReadOnly() bool { return sb.flags.Load()&abi.MS_RDONLY != 0 }

// SetReadOnly makes the whole filesystem read-only or writable.
func (sb *Superblock) SetReadOnly(ro bool) {
	if ro {
		sb.flags.Or(abi.MS_RDONLY)
	} else {
		sb.flags.And(^uint32(abi.MS_RDONLY))
	}
}

// StatFS returns sizes.
func (sb *Superblock) StatFS(t *sched.Thread) (StatFS, error) {
	s := StatFS{Type: sb.Magic, BSize: 4096, NameLen: abi.NAME_MAX}
	if o, ok := sb.Ops.(StatFSer); ok {
		return o.StatFS(t, sb)
	}
	return s, nil
}

// Sync writes back everything.
func (sb *Superblock) Sync(t *sched.Thread) error {
	if o, ok := sb.Ops.(SuperSyncer); ok {
		return o.SyncFS(t, sb)
	}
	return nil
}

// Options returns the filesystem's own mount options.
func (sb *Superblock) Options() string {
	if o, ok := sb.Ops.(Optioner); ok {
		return o.ShowOptions(sb)
	}
	return ""
}

// put drops a mount's reference.
func (sb *Superblock) put(t *sched.Thread) {
	if sb.mounts.Add(-1) > 0 {
		return
	}
	sb.VFS.dropSuper(t, sb)
	sb.Root.DecRef(t)
	if o, ok := sb.Ops.(Shutdowner); ok {
		o.Shutdown(t, sb)
	}
}

// Kill takes apart a superblock that never was mounted.
func (sb *Superblock) Kill(t *sched.Thread) {
	sb.mounts.Store(1)
	sb.put(t)
}

// FSType is a kind of filesystem.
type FSType struct {
	Name  string
	NoDev bool // needs no block device: "nodev" in /proc/filesystems
	Mount func(t *sched.Thread, v *VFS, r MountRequest) (*Superblock, error)
}

// MountRequest says what to mount.
type MountRequest struct {
	Source string
	Flags  int    // abi.MS_…
	Data   string // options of the filesystem, separated by commas
	FS     *FS    // the mounter's root and directory, for options that are paths
}

var fsTypes []FSType

// RegisterType makes a filesystem type known. For init functions.
func RegisterType(ft FSType) { fsTypes = append(fsTypes, ft) }

// FSTypes returns the known types.
func FSTypes() []FSType { return fsTypes }

// fsType finds a type; ENODEV if there is none.
func fsType(name string) (*FSType, error) {
	for i := range fsTypes {
		if fsTypes[i].Name == name {
			return &fsTypes[i], nil
		}
	}
	return nil, errno.ENODEV.Because("no filesystem type " + name)
}

var (
	classMount  = ksync.Class{Name: "mount", Rank: ksync.RankMount}
	classRename = ksync.Class{Name: "rename", Rank: ksync.RankRename}
	classDcache = ksync.Class{Name: "dcache", Rank: ksync.RankDcache}
	classLocks  = ksync.Class{Name: "filelocks", Rank: ksync.RankFileLocks}
	// The position of a file that a filesystem opens while it holds an inode of its own.
	classInnerPos = ksync.Class{Name: "inner filepos", Rank: ksync.RankInode}
	classPos      = ksync.Class{Name: "filepos", Rank: ksync.RankFilePos}
)
