package vfs

import (
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// A filesystem's inode operations (Inode.Ops) and a file's operations
// (File.Impl) are small interfaces: what an object implements is what it can do.
//
// Operations on a directory are called with its Inode.mu held. Names are valid:
// not empty, no slash, not "." or "..", at most NAME_MAX bytes. Permissions were checked.

// Lookuper finds names in a directory. ENOENT makes a negative dentry. The inode comes
// with a reference for the caller.
type Lookuper interface {
	Lookup(t *sched.Thread, dir *Inode, name string) (*Inode, error)
}

// Creater makes regular files.
type Creater interface {
	Create(t *sched.Thread, dir *Inode, name string, n NewNode) (*Inode, error)
}

// Mkdirer makes directories.
type Mkdirer interface {
	Mkdir(t *sched.Thread, dir *Inode, name string, n NewNode) (*Inode, error)
}

// Mknoder makes FIFOs, sockets and device nodes.
type Mknoder interface {
	Mknod(t *sched.Thread, dir *Inode, name string, n NewNode) (*Inode, error)
}

// Symlinker makes symbolic links.
type Symlinker interface {
	Symlink(t *sched.Thread, dir *Inode, name, target string, n NewNode) (*Inode, error)
}

// Tmpfiler makes regular files without a name (O_TMPFILE).
type Tmpfiler interface {
	Tmpfile(t *sched.Thread, dir *Inode, n NewNode) (*Inode, error)
}

// Linker makes hard links. The target is locked.
type Linker interface {
	Link(t *sched.Thread, dir *Inode, name string, target *Inode) error
}

// Unlinker removes names of files that are not directories. The child is locked.
type Unlinker interface {
	Unlink(t *sched.Thread, dir *Inode, name string, child *Inode) error
}

// Rmdirer removes empty directories; ENOTEMPTY otherwise. The child is locked.
type Rmdirer interface {
	Rmdir(t *sched.Thread, dir *Inode, name string, child *Inode) error
}

// Renamer renames. All inodes in the request are locked, types and cycles were checked.
type Renamer interface {
	Rename(t *sched.Thread, r *RenameRequest) error
}

// RenameRequest is a rename within one superblock.
type RenameRequest struct {
	OldDir   *Inode
	OldName  string
	Old      *Inode
	NewDir   *Inode
	NewName  string
	New      *Inode // what NewName names now, or nil
	Exchange bool   // Old and New change places
	Whiteout bool   // a whiteout takes the old place
}

// NewNode is how a new file begins. Owner, group and mode are final: umask and setgid
// directories were taken into account.
type NewNode struct {
	Mode Mode // with type
	UID  uint32
	GID  uint32
	Rdev Dev
}

// Readlinker returns a symbolic link's target.
type Readlinker interface {
	Readlink(t *sched.Thread, inode *Inode) (string, error)
}

// MagicLinker is a link that leads to an object and not to a name: /proc/self/fd/3,
// /proc/self/exe. The path comes with references.
type MagicLinker interface {
	FollowLink(t *sched.Thread, inode *Inode) (Path, error)
}

// Setattrer checks and performs changes of attributes that the filesystem stores; it
// calls inode.Apply for the common part. Without it Apply alone is done. The inode is locked.
type Setattrer interface {
	Setattr(t *sched.Thread, inode *Inode, s *SetAttr) error
}

// Getattrer refreshes or replaces what stat(2) shows; a is filled from the inode.
type Getattrer interface {
	Getattr(t *sched.Thread, inode *Inode, a *Attr) error
}

// Permissioner replaces the permission check; mask is of abi.R_OK, W_OK, X_OK. It may
// call inode.GenericPermission.
type Permissioner interface {
	Permission(t *sched.Thread, inode *Inode, mask int) error
}

// Opener prepares an open file: it sets f.Impl. Without it Impl is the inode's Ops.
type Opener interface {
	Open(t *sched.Thread, inode *Inode, f *File) error
}

// Revalidater says whether a cached name is still right; it is asked at each use. Child
// is nil for a negative name. Dir is not locked.
type Revalidater interface {
	Revalidate(t *sched.Thread, dir *Inode, name string, child *Inode) bool
}

// Evicter hears when an inode's last reference is gone: nobody can reach it any more.
type Evicter interface {
	Evict(t *sched.Thread, inode *Inode)
}

// XAttrer keeps extended attributes. The inode is locked.
type XAttrer interface {
	GetXAttr(t *sched.Thread, inode *Inode, name string) ([]byte, error)
	SetXAttr(t *sched.Thread, inode *Inode, name string, value []byte, flags int) error
	RemoveXAttr(t *sched.Thread, inode *Inode, name string) error
	ListXAttr(t *sched.Thread, inode *Inode) ([]string, error)
}

// Reader reads. Streams ignore off. 0 is the end of the file. After some bytes an error is
// kept back: the count alone is returned.
type Reader interface {
	Read(t *sched.Thread, f *File, dst *mm.IO, off int64) (int, error)
}

// Writer writes. Streams ignore off. With O_APPEND a seekable file writes at its
// end whatever off is, and tells by f.Wrote where that now is.
type Writer interface {
	Write(t *sched.Thread, f *File, src *mm.IO, off int64) (int, error)
}

// Poller reports which events hold now (abi.POLLIN …) and joins the queues on which changes are announced.
type Poller interface {
	Poll(t *sched.Thread, f *File, p *PollTable) Events
}

// Ioctler handles device commands; ENOTTY for those it does not know.
type Ioctler interface {
	Ioctl(t *sched.Thread, f *File, cmd uint32, arg uint64) (uint64, error)
}

// Mapper completes or refuses a mapping of the file. Files with a page cache need none.
type Mapper interface {
	Mmap(t *sched.Thread, f *File, req *mm.MapRequest) error
}

// DirReader lists a directory from f's position: emit returns false to stop before the entry it was
// given. Positions are cookies that stay valid while other entries come and go.
// The directory is locked. "." and ".." belong to the list.
type DirReader interface {
	ReadDir(t *sched.Thread, f *File, emit func(DirEntry) bool) error
}

// Seeker moves a file's position in its own way. File.posMu is held; it returns the new position.
type Seeker interface {
	Seek(t *sched.Thread, f *File, off int64, whence int) (int64, error)
}

// Syncer brings a file's data to stable storage.
type Syncer interface {
	Sync(t *sched.Thread, f *File, dataOnly bool) error
}

// Fallocater allocates or punches space. Mode is of abi.FALLOC_FL_….
type Fallocater interface {
	Fallocate(t *sched.Thread, f *File, mode int, off, size int64) error
}

// Releaser hears when a File's last reference is gone.
type Releaser interface {
	Release(t *sched.Thread, f *File)
}

// Flusher hears of each close(2) of a descriptor.
type Flusher interface {
	Flush(t *sched.Thread, f *File) error
}

// FlagSetter hears of fcntl(F_SETFL); the new flags are not in force yet.
type FlagSetter interface {
	SetFlags(t *sched.Thread, f *File, flags int) error
}

// Fcntler handles fcntl(2) commands that vfs does not know: pipe sizes, seals.
type Fcntler interface {
	Fcntl(t *sched.Thread, f *File, cmd int, arg uint64) (uint64, error)
}

// Events are poll(2)'s: abi.POLLIN ….
type Events uint32

// PollTable collects the wait queues of the files that a thread polls. A nil table collects nothing:
// the Poller only reports.
type PollTable struct {
	// Join is called for each queue that the polled file announces its events on; it adds a Waiter of the
	// poller's own to it, and removes it when the poller is done. Epoll keeps the Waiter for as long as
	// it watches the file.
	Join func(q *ksync.WaitQueue)
}

// Add joins a queue. It must be called before the condition is read, else an event may be lost.
func (p *PollTable) Add(q *ksync.WaitQueue) {
	if p != nil && p.Join != nil {
		p.Join(q)
	}
}
