// Package pseudo makes filesystems out of functions: directories whose entries are
// looked up, files whose text is made when they are read, links that lead to objects. procfs and
// sysfs are made of it.
//
//	root := &pseudo.Node{Mode: abi.S_IFDIR | 0o555, Children: []pseudo.Child{
//		{Name: "uptime", Node: pseudo.Text(func(t *sched.Thread) string { … })},
//	}}
//	return pseudo.New(v, "proc", r, abi.PROC_MAGIC, root), nil
//
// A Node is a description; inodes are made when names are looked up. Names of
// dynamic directories are asked for again at each use, so what has gone is gone at once.
//
// The functions are called without locks of this package and may sleep.
package pseudo

import (
	"hash/fnv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Node describes a file, directory or link. It is immutable once it can be reached.
type Node struct {
	Mode     vfs.Mode // type and permissions
	Key      any      // identity: another Key under the same name is another file
	UID, GID cred.ID
	Rdev     vfs.Dev

	// A regular file.
	Read  func(t *sched.Thread) ([]byte, error)
	Write func(t *sched.Thread, p []byte) error // one write(2), of at most MaxWrite bytes
	// Open, if not nil, makes the open file's implementation itself.
	Open func(t *sched.Thread, f *vfs.File) (impl any, err error)

	// A directory: fixed entries first, then dynamic ones.
	Children []Child
	Lookup   func(t *sched.Thread, name string) *Node // nil: no such name
	List     func(t *sched.Thread) []vfs.DirEntry     // Name and Type

	// A symbolic link: a text, or an object.
	Target func(t *sched.Thread) (string, error)
	Follow func(t *sched.Thread) (vfs.Path, error) // with references
}

// Child is a fixed entry of a directory.
type Child struct {
	Name string
	Node *Node
}

// MaxWrite bounds a write to a pseudo file.
const MaxWrite = 4096

// Text is a read-only file with the text that f makes.
func Text(f func(t *sched.Thread) string) *Node {
	return &Node{Mode: abi.S_IFREG | 0o444, Read: func(t *sched.Thread) ([]byte, error) { return []byte(f(t)), nil }}
}

// Const is a read-only file with a fixed text.
func Const(text string) *Node { return Text(func(*sched.Thread) string { return text }) }

// Dir is a directory with fixed entries.
func Dir(children ...Child) *Node { return &Node{Mode: abi.S_IFDIR | 0o555, Children: children} }

// Link is a symbolic link with a fixed target.
func Link(target string) *Node {
	return &Node{Mode: abi.S_IFLNK | 0o777, Target: func(*sched.Thread) (string, error) { return target, nil }}
}

// New makes a superblock of a tree.
func New(v *vfs.VFS, typeName string, r vfs.MountRequest, magic int64, root *Node) *vfs.Superblock {
	sb := v.NewSuperblock(typeName, r.Source, magic, nil)
	sb.SetRoot(newInode(sb, root, "/"))
	return sb
}

// inode is what an inode of this package has as Ops; dirInode and linkInode add what only they can do.
type inode struct {
	node *Node
	path string // from the filesystem's root: what its number is made of
}

type dirInode struct{ inode }

type linkInode struct{ inode }

type magicInode struct{ linkInode }

func newInode(sb *vfs.Superblock, n *Node, path string) *vfs.Inode {
	base := inode{n, path}
	var ops any = &base
	switch {
	case n.Mode.IsDir():
		ops = &dirInode{base}
	case n.Mode.IsSymlink() && n.Follow != nil:
		ops = &magicInode{linkInode{base}}
	case n.Mode.IsSymlink():
		ops = &linkInode{base}
	}
	i := sb.NewInode(number(path), n.Mode, ops)
	if n.Rdev != 0 {
		i.Init(vfs.NewNode{Rdev: n.Rdev})
	}
	i.SetOwner(n.UID, n.GID)
	if n.Mode.IsDir() {
		i.SetNlink(2)
	}
	return i
}

// number makes an inode number of a path: the same file has the same number whenever it is looked up.
func number(path string) uint64 {
	if path == "/" || path == "" {
		return 1
	}
	h := fnv.New64a()
	h.Write([]byte(path))
	return h.Sum64()>>16 | 1<<40
}

// child finds a name.
func (d *dirInode) child(t *sched.Thread, name string) *Node {
	for _, c := range d.node.Children {
		if c.Name == name {
			return c.Node
		}
	}
	if d.node.Lookup != nil {
		return d.node.Lookup(t, name)
	}
	return nil
}

// Lookup implements vfs.Lookuper.
func (d *dirInode) Lookup(t *sched.Thread, dir *vfs.Inode, name string) (*vfs.Inode, error) {
	n := d.child(t, name)
	if n == nil {
		return nil, errno.ENOENT
	}
	return newInode(dir.SB, n, d.path+name+"/"), nil
}

// nodeOf returns the node that an inode of this package stands for.
func nodeOf(i *vfs.Inode) *Node {
	switch o := i.Ops.(type) {
	case *inode:
		return o.node
	case *dirInode:
		return o.node
	case *linkInode:
		return o.node
	case *magicInode:
		return o.node
	}
	return nil
}

// Revalidate implements vfs.Revalidater.
func (d *dirInode) Revalidate(t *sched.Thread, _ *vfs.Inode, name string, child *vfs.Inode) bool {
	n := d.child(t, name)
	if n == nil || child == nil {
		return n == nil && child == nil
	}
	c := nodeOf(child)
	return n == c || n.Key != nil && n.Key == c.Key
}

// Open implements vfs.Opener: a directory is read by ReadDir.
func (d *dirInode) Open(_ *sched.Thread, _ *vfs.Inode, f *vfs.File) error {
	f.Impl = d
	return nil
}

// ReadDir implements vfs.DirReader. The position is an index in the list that was made when the directory was read from the
// start: entries that come and go meanwhile move no others.
func (d *dirInode) ReadDir(t *sched.Thread, f *vfs.File, emit func(vfs.DirEntry) bool) error {
	pos := f.Position(t)
	all, ok := f.Data.([]vfs.DirEntry)
	if pos == 0 || !ok {
		all = d.list(t, f.Inode.Ino)
		f.Data = all
	}
	for ; pos >= 0 && pos < int64(len(all)); pos++ {
		e := all[pos]
		e.Next = pos + 1
		if !emit(e) {
			break
		}
	}
	return nil
}

// list returns all entries as they are now.
func (d *dirInode) list(t *sched.Thread, self uint64) []vfs.DirEntry {
	up := number(d.path[:strings.LastIndexByte(strings.TrimSuffix(d.path, "/"), '/')+1])
	all := []vfs.DirEntry{{Name: ".", Ino: self, Type: abi.DT_DIR}, {Name: "..", Ino: up, Type: abi.DT_DIR}}
	for _, c := range d.node.Children {
		all = append(all, vfs.DirEntry{Name: c.Name, Ino: number(d.path + c.Name + "/"), Type: c.Node.Mode.DirType()})
	}
	if d.node.List != nil {
		for _, e := range d.node.List(t) {
			e.Ino = number(d.path + e.Name + "/")
			all = append(all, e)
		}
	}
	return all
}

// Readlink implements vfs.Readlinker.
func (l *linkInode) Readlink(t *sched.Thread, _ *vfs.Inode) (string, error) {
	return l.node.Target(t)
}

// FollowLink implements vfs.MagicLinker.
func (l *magicInode) FollowLink(t *sched.Thread, _ *vfs.Inode) (vfs.Path, error) {
	return l.node.Follow(t)
}

// Setattr implements vfs.Setattrer: a file may be "truncated" by those who open it for writing, nothing else changes.
func (i *inode) Setattr(_ *sched.Thread, _ *vfs.Inode, s *vfs.SetAttr) error {
	if s.Mask&^(vfs.AttrSize|vfs.AttrMtime|vfs.AttrCtime) != 0 {
		return errno.EPERM.Because("the file is made by the kernel")
	}
	return nil
}
