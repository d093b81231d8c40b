package tmpfs

import (
	"sort"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// dir is a directory. All fields are guarded by its Inode.mu.
type dir struct {
	node
	parent  *vfs.Inode        // "..": not counted, a directory outlives what is in it
	entries map[string]*entry // by name
	order   []*entry          // by cookie; removed ones stay until compaction
	removed int
	cookie  int64
}

// entry is a name. Its cookie is its place in listings, for ever.
type entry struct {
	name   string
	inode  *vfs.Inode // counted
	cookie int64
	gone   bool
}

var (
	_ vfs.Lookuper  = (*dir)(nil)
	_ vfs.Creater   = (*dir)(nil)
	_ vfs.Mkdirer   = (*dir)(nil)
	_ vfs.Mknoder   = (*dir)(nil)
	_ vfs.Symlinker = (*dir)(nil)
	_ vfs.Linker    = (*dir)(nil)
	_ vfs.Unlinker  = (*dir)(nil)
	_ vfs.Rmdirer   = (*dir)(nil)
	_ vfs.Renamer   = (*dir)(nil)
	_ vfs.Tmpfiler  = (*dir)(nil)
	_ vfs.DirReader = (*dir)(nil)
	_ vfs.XAttrer   = (*dir)(nil)
	_ vfs.Evicter   = (*dir)(nil)
)

// Cookies 0 and 1 are "." and "..".
const firstCookie = 2

// entrySize is what a name adds to a directory's size, as on Linux.
const entrySize = 20

func newDir(fs *FS, ino uint64, mode vfs.Mode) *vfs.Inode {
	d := &dir{node: node{fs: fs}, entries: map[string]*entry{}, cookie: firstCookie}
	i := fs.sb.NewInode(ino, mode, d)
	i.SetNlink(2)
	d.parent = i
	i.SetSize(2 * entrySize)
	return i
}

// add enters a name; it takes over a reference to inode.
func (d *dir) add(self *vfs.Inode, name string, inode *vfs.Inode) {
	e := &entry{name: strings.Clone(name), inode: inode, cookie: d.cookie}
	d.cookie++
	d.entries[e.name] = e
	d.order = append(d.order, e)
	d.touch(self)
}

func (d *dir) touch(self *vfs.Inode) {
	self.SetSize(int64(2+len(d.entries)) * entrySize)
	self.Changed()
}

// take removes a name and returns the inode with the entry's reference.
func (d *dir) take(self *vfs.Inode, name string) *vfs.Inode {
	e := d.entries[name]
	delete(d.entries, name)
	e.gone = true
	d.removed++
	if d.removed > 32 && d.removed > len(d.order)/2 {
		keep := make([]*entry, 0, len(d.order)-d.removed)
		for _, x := range d.order {
			if !x.gone {
				keep = append(keep, x)
			}
		}
		d.order, d.removed = keep, 0
	}
	d.touch(self)
	return e.inode
}

// Evict implements vfs.Evicter. A directory goes when it is empty, or with its whole filesystem.
func (d *dir) Evict(t *sched.Thread, inode *vfs.Inode) {
	d.fs.inodes.Add(-1)
	// Children of children wait on a list: the depth of the tree is the guest's choice.
	todo := []*dir{d}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range x.order {
			if e.gone {
				continue
			}
			if sub, ok := e.inode.Ops.(*dir); ok && e.inode.Refs() == 1 {
				todo = append(todo, &dir{order: sub.order})
				sub.order = nil
			}
			e.inode.DecRef(t)
		}
		x.order, x.entries = nil, nil
	}
}

// Lookup implements vfs.Lookuper.
func (d *dir) Lookup(t *sched.Thread, self *vfs.Inode, name string) (*vfs.Inode, error) {
	e := d.entries[name]
	if e == nil {
		return nil, errno.ENOENT
	}
	e.inode.IncRef()
	return e.inode, nil
}

// enter makes the name of a new inode: one reference for the entry, one for the caller.
func (d *dir) enter(self *vfs.Inode, name string, i *vfs.Inode) *vfs.Inode {
	i.IncRef()
	d.add(self, name, i)
	return i
}

// Create implements vfs.Creater.
func (d *dir) Create(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	if err := d.fs.chargeInode(); err != nil {
		return nil, err
	}
	return d.enter(self, name, newFile(d.fs, n)), nil
}

// Tmpfile implements vfs.Tmpfiler.
func (d *dir) Tmpfile(t *sched.Thread, self *vfs.Inode, n vfs.NewNode) (*vfs.Inode, error) {
	if err := d.fs.chargeInode(); err != nil {
		return nil, err
	}
	i := newFile(d.fs, n)
	i.SetNlink(0)
	return i, nil
}

// Mkdir implements vfs.Mkdirer.
func (d *dir) Mkdir(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	if err := d.fs.chargeInode(); err != nil {
		return nil, err
	}
	i := newDir(d.fs, d.fs.sb.NextIno(), n.Mode)
	i.Init(n)
	i.Ops.(*dir).parent = self
	self.AddNlink(1)
	return d.enter(self, name, i), nil
}

// Mknod implements vfs.Mknoder.
func (d *dir) Mknod(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	if err := d.fs.chargeInode(); err != nil {
		return nil, err
	}
	return d.enter(self, name, newSpecial(d.fs, n)), nil
}

// Symlink implements vfs.Symlinker.
func (d *dir) Symlink(t *sched.Thread, self *vfs.Inode, name, target string, n vfs.NewNode) (*vfs.Inode, error) {
	if err := d.fs.chargeInode(); err != nil {
		return nil, err
	}
	i := newSpecial(d.fs, n)
	i.Link = strings.Clone(target)
	i.SetSize(int64(len(target)))
	return d.enter(self, name, i), nil
}

// Link implements vfs.Linker.
func (d *dir) Link(t *sched.Thread, self *vfs.Inode, name string, target *vfs.Inode) error {
	target.IncRef()
	target.AddNlink(1)
	target.ChangedAttr()
	d.add(self, name, target)
	return nil
}

// Unlink implements vfs.Unlinker.
func (d *dir) Unlink(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	if d.entries[name] == nil {
		return errno.ENOENT
	}
	i := d.take(self, name)
	i.AddNlink(-1)
	i.ChangedAttr()
	i.DecRef(t)
	return nil
}

// Rmdir implements vfs.Rmdirer.
func (d *dir) Rmdir(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	if d.entries[name] == nil {
		return errno.ENOENT
	}
	if len(child.Ops.(*dir).entries) > 0 {
		return errno.ENOTEMPTY
	}
	i := d.take(self, name)
	i.SetNlink(0)
	i.ChangedAttr()
	self.AddNlink(-1)
	i.DecRef(t)
	return nil
}

// Rename implements vfs.Renamer.
func (d *dir) Rename(t *sched.Thread, r *vfs.RenameRequest) error {
	to := r.NewDir.Ops.(*dir)
	if d.entries[r.OldName] == nil {
		return errno.ENOENT
	}
	oldIsDir, newIsDir := r.Old.IsDir(), r.New != nil && r.New.IsDir()
	if r.Exchange {
		a, b := d.entries[r.OldName], to.entries[r.NewName]
		a.inode, b.inode = b.inode, a.inode
		if d != to && oldIsDir != newIsDir {
			delta := 1
			if newIsDir {
				delta = -1
			}
			r.OldDir.AddNlink(-delta)
			r.NewDir.AddNlink(delta)
		}
		if oldIsDir {
			r.Old.Ops.(*dir).parent = r.NewDir
		}
		if newIsDir {
			r.New.Ops.(*dir).parent = r.OldDir
		}
		d.touch(r.OldDir)
		to.touch(r.NewDir)
		r.Old.ChangedAttr()
		r.New.ChangedAttr()
		return nil
	}
	var white *vfs.Inode
	if r.Whiteout {
		if err := d.fs.chargeInode(); err != nil {
			return err
		}
		white = newSpecial(d.fs, vfs.NewNode{Mode: abi.S_IFCHR})
	}
	if r.New != nil {
		if newIsDir && len(r.New.Ops.(*dir).entries) > 0 {
			if white != nil {
				white.DecRef(t)
			}
			return errno.ENOTEMPTY
		}
		i := to.take(r.NewDir, r.NewName)
		if newIsDir {
			i.SetNlink(0)
			r.NewDir.AddNlink(-1)
		} else {
			i.AddNlink(-1)
		}
		i.ChangedAttr()
		i.DecRef(t)
	}
	i := d.take(r.OldDir, r.OldName)
	to.add(r.NewDir, r.NewName, i)
	if white != nil {
		d.add(r.OldDir, r.OldName, white)
	}
	if oldIsDir && d != to {
		r.OldDir.AddNlink(-1)
		r.NewDir.AddNlink(1)
		i.Ops.(*dir).parent = r.NewDir
	}
	i.ChangedAttr()
	return nil
}

// Empty reports whether the directory, which is locked, has no names.
func (d *dir) Empty() bool { return len(d.entries) == 0 }

// ReadDir implements vfs.DirReader.
func (d *dir) ReadDir(t *sched.Thread, f *vfs.File, emit func(vfs.DirEntry) bool) error {
	pos := f.Position(t)
	if pos == 0 {
		if !emit(vfs.DirEntry{Name: ".", Ino: f.Inode.Ino, Type: abi.DT_DIR, Next: 1}) {
			return nil
		}
		pos = 1
	}
	if pos == 1 {
		if !emit(vfs.DirEntry{Name: "..", Ino: d.parent.Ino, Type: abi.DT_DIR, Next: firstCookie}) {
			return nil
		}
		pos = firstCookie
	}
	at := sort.Search(len(d.order), func(i int) bool { return d.order[i].cookie >= pos })
	for _, e := range d.order[at:] {
		if e.gone {
			continue
		}
		if !emit(vfs.DirEntry{Name: e.name, Ino: e.inode.Ino, Type: e.inode.Mode().DirType(), Next: e.cookie + 1}) {
			return nil
		}
	}
	return nil
}
