package p9

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/machine/p9"
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "9p", NoDev: true, Mount: Mount})
}

// FS is one mount's session.
type FS struct {
	sb     *vfs.Superblock
	Client *client

	mu      ksync.Mutex
	inodes  map[uint64]*vfs.Inode // by QID path; not counted; guarded by mu
	written []*vfs.Inode          // counted: opened for writing, perhaps with pages to write; guarded by mu
}

var classFS = &ksync.Class{Name: "9p", Rank: ksync.RankFSInternal}

var (
	_ vfs.StatFSer    = (*FS)(nil)
	_ vfs.SuperSyncer = (*FS)(nil)
	_ vfs.Shutdowner  = (*FS)(nil)
	_ vfs.Optioner    = (*FS)(nil)
)

// Mount starts a session with the transport that has the source's name as its tag. Options are those of Linux's v9fs:
// trans, version, msize, cache, access, uname, aname; only trans=virtio and version=9p2000.L are there, and
// caching is always "loose".
func Mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	tr, ok := v.Source(r.Source).(Transport)
	if !ok {
		return nil, errno.ENOENT.Because("no 9P transport has the mount tag " + strconv.Quote(r.Source))
	}
	o := options{uname: "root"}
	if err := o.parse(r.Data); err != nil {
		return nil, err
	}
	if !tr.Acquire() {
		return nil, errno.EBUSY.Because("the transport is in use by another mount")
	}
	fs := &FS{Client: newClient(tr), mu: ksync.NewMutex(classFS), inodes: map[uint64]*vfs.Inode{}}
	sb := v.NewSuperblock("9p", r.Source, abi.V9FS_MAGIC, fs)
	sb.Fs, fs.sb = fs, sb
	if r.Flags&abi.MS_RDONLY != 0 {
		sb.SetReadOnly(true)
	}
	root, err := fs.start(t, o)
	if err != nil {
		fs.stop(t)
		return nil, err
	}
	sb.SetRoot(root)
	return sb, nil
}

type options struct{ uname, aname string }

func (o *options) parse(data string) error {
	for _, opt := range strings.Split(data, ",") {
		key, val, _ := strings.Cut(opt, "=")
		ok := true
		switch key {
		case "", "msize", "cache", "access", "noxattr", "posixacl", "dfltuid", "dfltgid", "nodevmap", "mmap", "loose", "fscache":
		case "trans":
			ok = val == "virtio"
		case "version":
			ok = strings.EqualFold(val, p9.Version)
		case "uname":
			o.uname = val
		case "aname":
			o.aname = val
		default:
			ok = false
		}
		if !ok {
			return errno.EINVAL.Because("9p: bad option " + opt)
		}
	}
	return nil
}

// start opens the session and returns the root directory.
func (fs *FS) start(t *sched.Thread, o options) (*vfs.Inode, error) {
	if err := fs.Client.version(t); err != nil {
		return nil, err
	}
	fid, err := fs.Client.attach(t, o.uname, o.aname)
	if err != nil {
		return nil, err
	}
	a, err := fs.Client.getattr(t, fid)
	if err == nil && a.Mode&abi.S_IFMT != abi.S_IFDIR {
		err = errno.ENOTDIR
	}
	if err != nil {
		fs.Client.clunk(t, fid)
		return nil, err
	}
	return fs.inode(t, fid, &a), nil
}

// stop ends the session when nothing of it is in use.
func (fs *FS) stop(t *sched.Thread) {
	fs.Client.drain(t)
	fs.Client.tr.Release()
}

// node is what all inodes have.
type node struct {
	fs     *FS    // immutable
	fid    uint32 // immutable
	qid    p9.QID // immutable
	blocks int64  // immutable: of 512 bytes, when the inode came to memory
}

// special is a FIFO, a socket or a device: its name and attributes are the host's, what it does is the kernel's.
type special struct{ node }

// link is a symbolic link.
type link struct {
	node
	target string // guarded by FS.mu; "": not asked for yet
}

var (
	_ vfs.Evicter    = (*special)(nil)
	_ vfs.Getattrer  = (*special)(nil)
	_ vfs.Setattrer  = (*special)(nil)
	_ vfs.Readlinker = (*link)(nil)
)

// inode returns the inode of the file that fid, which it takes over, stands for, with a reference.
func (fs *FS) inode(t *sched.Thread, fid uint32, a *p9.Attr) *vfs.Inode {
	fs.mu.Lock(t)
	defer fs.mu.Unlock(t)
	if old := fs.inodes[a.QID.Path]; old != nil && same(old, a) && old.TryIncRef() {
		fs.Client.clunk(t, fid)
		return old
	}
	i := fs.newInode(t, fid, a)
	fs.inodes[a.QID.Path] = i
	return i
}

// same reports whether an inode in memory is the file that a describes. The server's host may have given the number
// to another file meanwhile, or the file may be another version: its pages are then not to be mixed.
func same(i *vfs.Inode, a *p9.Attr) bool {
	n := nodeOf(i)
	if i.Mode().Type() != vfs.Mode(a.Mode).Type() {
		return false
	}
	return n.qid.Version == a.QID.Version || !i.Mode().IsReg() || !n.fs.sb.ReadOnly()
}

func nodeOf(i *vfs.Inode) *node {
	switch o := i.Ops.(type) {
	case *dir:
		return &o.node
	case *file:
		return &o.node
	case *link:
		return &o.node
	}
	return &i.Ops.(*special).node
}

func (fs *FS) newInode(t *sched.Thread, fid uint32, a *p9.Attr) *vfs.Inode {
	n := node{fs: fs, fid: fid, qid: a.QID, blocks: int64(a.Blocks)}
	mode := vfs.Mode(a.Mode)
	var ops any
	switch mode.Type() {
	case abi.S_IFDIR:
		ops = &dir{node: n}
	case abi.S_IFREG:
		ops = newFile(n)
	case abi.S_IFLNK:
		ops = &link{node: n}
	case abi.S_IFIFO, abi.S_IFSOCK, abi.S_IFCHR, abi.S_IFBLK:
		ops = &special{n}
	default: // the server's nonsense
		mode = abi.S_IFREG
		ops = newFile(n)
	}
	i := fs.sb.NewInode(a.QID.Path, mode, ops)
	if mode.IsReg() {
		i.Pages = vfs.NewPageCache(fs.sb.VFS.Memory, i, ops.(*file), nil)
	}
	i.Rdev = vfs.Dev(a.Rdev)
	i.SetOwner(cred.ID(a.UID), cred.ID(a.GID))
	i.SetNlink(uint32(min(a.Nlink, 1<<31)))
	i.SetSize(int64(a.Size))
	i.SetAMCTime(a.Atime, a.Mtime, a.Ctime)
	return i
}

// Evict implements vfs.Evicter: the fid goes.
func (n *node) Evict(t *sched.Thread, i *vfs.Inode) {
	n.fs.mu.Lock(t)
	if n.fs.inodes[n.qid.Path] == i {
		delete(n.fs.inodes, n.qid.Path)
	}
	n.fs.mu.Unlock(t)
	n.fs.Client.clunk(t, n.fid)
}

// Getattr implements vfs.Getattrer: the space is the host's, not the page cache's.
func (n *node) Getattr(t *sched.Thread, i *vfs.Inode, a *vfs.Attr) error {
	a.Blocks = n.blocks
	if n.fs.sb.ReadOnly() {
		return nil
	}
	a.Blocks = max(a.Blocks, (a.Size+511)/512)
	return nil
}

// Setattr implements vfs.Setattrer.
func (n *node) Setattr(t *sched.Thread, i *vfs.Inode, s *vfs.SetAttr) error {
	a := p9.SetAttr{Mode: uint32(s.Mode.Perm()), UID: uint32(s.UID), GID: uint32(s.GID), Size: uint64(s.Size), Atime: s.Atime, Mtime: s.Mtime}
	for _, x := range [...]struct {
		mask int
		set  uint32
	}{
		{vfs.AttrMode, p9.SetattrMode},
		{vfs.AttrUID, p9.SetattrUID},
		{vfs.AttrGID, p9.SetattrGID},
		{vfs.AttrSize, p9.SetattrSize},
		{vfs.AttrAtime, p9.SetattrAtime | p9.SetattrAtimeSet},
		{vfs.AttrMtime, p9.SetattrMtime | p9.SetattrMtimeSet},
		{vfs.AttrCtime, p9.SetattrCtime},
	} {
		if s.Mask&x.mask != 0 {
			a.Valid |= x.set
		}
	}
	err := n.fs.Client.change(t, p9.Tsetattr, func(m *message) {
		m.U32(n.fid)
		m.SetAttr(&a)
	})
	if err == nil {
		i.Apply(t, s)
	}
	return err
}

// Readlink implements vfs.Readlinker.
func (l *link) Readlink(t *sched.Thread, i *vfs.Inode) (string, error) {
	l.fs.mu.Lock(t)
	target := l.target
	l.fs.mu.Unlock(t)
	if target != "" {
		return target, nil
	}
	target, err := l.fs.Client.readlink(t, l.fid)
	if err == nil {
		l.fs.mu.Lock(t)
		l.target = target
		l.fs.mu.Unlock(t)
	}
	return target, err
}

// StatFS implements vfs.StatFSer.
func (fs *FS) StatFS(t *sched.Thread, sb *vfs.Superblock) (vfs.StatFS, error) {
	s, err := fs.Client.statfs(t, nodeOf(sb.Root.Inode()).fid)
	if err != nil {
		return vfs.StatFS{}, err
	}
	return vfs.StatFS{
		Type: abi.V9FS_MAGIC, BSize: int64(s.BlkSize), Blocks: s.Blocks, BFree: s.Bfree, BAvail: s.Bavail,
		Files: s.Files, FFree: s.Ffree, NameLen: int64(s.NameLen),
	}, nil
}

// SyncFS implements vfs.SuperSyncer.
func (fs *FS) SyncFS(t *sched.Thread, sb *vfs.Superblock) error {
	fs.mu.Lock(t)
	list := fs.written
	fs.written = nil
	for _, i := range list {
		f := i.Ops.(*file)
		f.listed = false
	}
	fs.mu.Unlock(t)
	var first error
	for _, i := range list {
		if err := i.Pages.Sync(t, 0, allPages); err != nil && first == nil {
			first = err
		}
		i.DecRef(t)
	}
	return first
}

// Shutdown implements vfs.Shutdowner.
func (fs *FS) Shutdown(t *sched.Thread, sb *vfs.Superblock) {
	fs.SyncFS(t, sb)
	fs.stop(t)
}

// ShowOptions implements vfs.Optioner.
func (fs *FS) ShowOptions(*vfs.Superblock) string {
	return fmt.Sprintf("trans=virtio,version=9p2000.L,cache=loose,msize=%d", fs.Client.msize)
}

// Remount implements vfs.Optioner.
func (fs *FS) Remount(t *sched.Thread, sb *vfs.Superblock, data string) error {
	var o options
	return o.parse(data)
}
