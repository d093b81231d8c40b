package overlay

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func init() {
	vfs.RegisterType(vfs.FSType{Name: "overlay", NoDev: true, Mount: mount})
}

// FS is one instance.
type FS struct {
	sb     *vfs.Superblock
	layers []vfs.Path // immutable: lower ones, topmost first; counted
	upper  vfs.Path   // immutable: counted; not OK for a read-only overlay
	opts   string     // immutable: as /proc/mounts shows them

	mu     ksync.Mutex
	copied map[key]*vfs.Inode // counted: copies of lower files with several names; guarded by mu

	tabMu ksync.Mutex
	nodes map[key]*vfs.Inode // not counted: files that are no directories, in memory; guarded by tabMu
	// The numbers of names of copied files while they are not in memory; guarded by tabMu.
	nlinks map[key]uint32
}

// key names a real file.
type key struct {
	dev vfs.Dev
	ino uint64
}

func keyOf(i *vfs.Inode) key { return key{i.SB.Dev, i.Ino} }

var (
	classFS  = ksync.Class{Name: "overlay", Rank: ksync.RankInode}
	classTab = ksync.Class{Name: "overlay table", Rank: ksync.RankFSInternal}

	_ vfs.StatFSer    = (*FS)(nil)
	_ vfs.SuperSyncer = (*FS)(nil)
	_ vfs.Shutdowner  = (*FS)(nil)
	_ vfs.Optioner    = (*FS)(nil)
)

// maxLayers bounds the lower layers.
const maxLayers = 64

// mount makes an instance. Options: lowerdir=a:b:c, upperdir=, workdir= (not needed: copies begin without a name).
// Without upperdir the overlay is read-only.
func mount(t *sched.Thread, v *vfs.VFS, r vfs.MountRequest) (*vfs.Superblock, error) {
	var lower []string
	upper := ""
	for _, opt := range strings.Split(r.Data, ",") {
		name, val, _ := strings.Cut(opt, "=")
		switch name {
		case "lowerdir":
			lower = strings.Split(val, ":")
		case "upperdir":
			upper = val
		case "", "workdir", "index", "redirect_dir", "xino", "metacopy", "volatile", "userxattr", "nfs_export":
		default:
			return nil, errno.EINVAL.Because("overlay: bad option " + opt)
		}
	}
	if len(lower) == 0 || len(lower) > maxLayers {
		return nil, errno.EINVAL.Because("overlay: lowerdir= is missing, or has too many layers")
	}
	if r.FS == nil {
		return nil, errno.EINVAL.Because("overlay: paths, and nobody from whose root to see them")
	}
	var paths []vfs.Path
	var up vfs.Path
	var err error
	for _, name := range append(lower[:len(lower):len(lower)], upper) {
		if name == "" {
			continue
		}
		var p vfs.Path
		if p, err = v.Resolve(t, r.FS, vfs.Path{}, name, vfs.Follow|vfs.Directory); err != nil {
			break
		}
		paths = append(paths, p)
	}
	var sb *vfs.Superblock
	if err == nil {
		layers := paths
		if upper != "" {
			up, layers = paths[len(paths)-1], paths[:len(paths)-1]
		}
		sb, err = New(t, v, r.Source, layers, up)
	}
	for _, p := range paths {
		p.DecRef(t)
	}
	return sb, err
}

// New makes an instance of lower layers, topmost first, and an upper one, which may be the zero Path. It takes
// references of its own.
func New(t *sched.Thread, v *vfs.VFS, source string, lower []vfs.Path, upper vfs.Path) (*vfs.Superblock, error) {
	fs := &FS{
		mu: ksync.NewMutex(&classFS), tabMu: ksync.NewMutex(&classTab),
		copied: map[key]*vfs.Inode{}, nodes: map[key]*vfs.Inode{}, nlinks: map[key]uint32{},
	}
	if upper.OK() {
		if _, ok := upper.Inode().Ops.(vfs.Tmpfiler); !ok || upper.Mount.ReadOnly() {
			return nil, errno.EINVAL.Because("overlay: the upper layer must be writable and know O_TMPFILE")
		}
		fs.upper = upper
		upper.IncRef()
	}
	var real []*vfs.Inode
	for _, p := range lower {
		p.IncRef()
		fs.layers = append(fs.layers, p)
		real = append(real, p.Inode())
		fs.opts += ":" + v.PathString(t, nil, p)
	}
	fs.opts = "lowerdir=" + strings.TrimPrefix(fs.opts, ":")
	if upper.OK() {
		fs.opts += ",upperdir=" + v.PathString(t, nil, upper)
	}
	fs.sb = v.NewSuperblock("overlay", source, abi.OVERLAY_MAGIC, fs)
	fs.sb.Fs = fs
	if !upper.OK() {
		fs.sb.SetReadOnly(true)
	}
	var up *vfs.Inode
	if upper.OK() {
		up = upper.Inode()
		up.IncRef()
	}
	for _, i := range real {
		i.IncRef()
	}
	root := fs.newDir(t, nil, "", "/", up, real)
	fs.sb.SetRoot(root)
	return fs.sb, nil
}

// StatFS implements vfs.StatFSer: the space is the upper layer's.
func (fs *FS) StatFS(t *sched.Thread, sb *vfs.Superblock) (vfs.StatFS, error) {
	p := fs.upper
	if !p.OK() {
		p = fs.layers[0]
	}
	s, err := p.Mount.SB.StatFS(t)
	s.Type = abi.OVERLAY_MAGIC
	return s, err
}

// SyncFS implements vfs.SuperSyncer.
func (fs *FS) SyncFS(t *sched.Thread, sb *vfs.Superblock) error {
	if fs.upper.OK() {
		return fs.upper.Mount.SB.Sync(t)
	}
	return nil
}

// Shutdown implements vfs.Shutdowner.
func (fs *FS) Shutdown(t *sched.Thread, sb *vfs.Superblock) {
	fs.mu.Lock(t)
	copied := fs.copied
	fs.copied = nil
	fs.mu.Unlock(t)
	keys := make([]key, 0, len(copied))
	for k := range copied {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.dev, b.dev), cmp.Compare(a.ino, b.ino)) })
	for _, k := range keys { // in an order of its own: frames are freed in it
		copied[k].DecRef(t)
	}
	for _, p := range fs.layers {
		p.DecRef(t)
	}
	if fs.upper.OK() {
		fs.upper.DecRef(t)
	}
}

// ShowOptions implements vfs.Optioner.
func (fs *FS) ShowOptions(*vfs.Superblock) string { return fs.opts }

// Remount implements vfs.Optioner: the layers stay what they are.
func (fs *FS) Remount(t *sched.Thread, sb *vfs.Superblock, data string) error { return nil }

// inoOf is the number under which a real file shows. Layers may use the same numbers for different files; the first
// lower layer's, which is mostly the only one, show unchanged.
func (fs *FS) inoOf(real key) uint64 {
	for n, p := range fs.layers {
		if p.Mount.SB.Dev == real.dev {
			return real.ino ^ uint64(n)<<56
		}
	}
	return real.ino | 1<<48
}

// node is what all inodes here have.
type node struct {
	fs    *FS
	self  *vfs.Inode
	lower []*vfs.Inode              // immutable: a directory's layers that merge, a file's only one; counted
	up    atomic.Pointer[vfs.Inode] // set once, under FS.mu; counted
	key   key                       // immutable: in FS.nodes; zero for directories

	parent *node  // where its copy goes; guarded by FS.mu; counted (its inode); nil: the root, or removed
	name   string // guarded by FS.mu
}

// noder finds a node from an inode's Ops.
type noder interface{ base() *node }

func (n *node) base() *node { return n }

func nodeOf(i *vfs.Inode) *node { return i.Ops.(noder).base() }

func (n *node) init(fs *FS, upper *vfs.Inode, lower []*vfs.Inode, k key) {
	n.fs, n.lower, n.key = fs, lower, k
	n.up.Store(upper)
}

// real is the file that counts now: the copy, if there is one.
func (n *node) real() *vfs.Inode {
	if u := n.up.Load(); u != nil {
		return u
	}
	return n.lower[0]
}

// place says where the node stands. Caller holds FS.mu, or the node is new.
func (n *node) place(parent *node, name string) {
	if parent != nil {
		parent.self.IncRef()
	}
	n.parent, n.name = parent, name
}

// adopt makes the inode of a real file: attributes are the real file's.
func (fs *FS) adopt(n *node, ino uint64, ops any) *vfs.Inode {
	r := n.real()
	i := fs.sb.NewInode(ino, r.Mode(), ops)
	i.Rdev = r.Rdev
	n.self = i
	i.SetNlink(max(r.Nlink(), 1))
	n.mirror()
	return i
}

// mirror copies the real file's attributes. Caller holds the inode's lock, or the inode is new.
func (n *node) mirror() {
	r := n.real()
	n.self.SetMode(r.Mode())
	n.self.SetOwner(r.UID(), r.GID())
	n.self.SetSize(r.Size())
	n.self.CopyTimes(r)
}

// Evict implements vfs.Evicter.
func (n *node) Evict(t *sched.Thread, i *vfs.Inode) {
	if n.key != (key{}) {
		n.fs.tabMu.Lock(t)
		if n.fs.nodes[n.key] == i {
			delete(n.fs.nodes, n.key)
		}
		if _, ok := n.fs.nlinks[n.key]; ok {
			n.fs.nlinks[n.key] = i.Nlink()
		}
		n.fs.tabMu.Unlock(t)
	}
	for _, l := range n.lower {
		l.DecRef(t)
	}
	if u := n.up.Load(); u != nil {
		u.DecRef(t)
	}
	if n.parent != nil {
		n.parent.self.DecRef(t)
	}
}

// Getattr implements vfs.Getattrer: what the layers know better.
func (n *node) Getattr(t *sched.Thread, i *vfs.Inode, a *vfs.Attr) error {
	r, err := n.real().Attr(t)
	if err != nil {
		return err
	}
	a.Size, a.Blocks, a.BlkSize = r.Size, r.Blocks, r.BlkSize
	a.Mtime = r.Mtime
	a.Atime, a.Ctime = max(a.Atime, r.Atime), max(a.Ctime, r.Ctime)
	if r.Btime != 0 {
		a.Btime = r.Btime
	}
	return nil
}
