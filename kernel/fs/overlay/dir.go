package overlay

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// dir is a directory.
type dir struct {
	node
	path string // immutable: its place in the lower layers; "": nothing of it is there
}

var (
	_ vfs.Lookuper  = (*dir)(nil)
	_ vfs.Creater   = (*dir)(nil)
	_ vfs.Mkdirer   = (*dir)(nil)
	_ vfs.Mknoder   = (*dir)(nil)
	_ vfs.Symlinker = (*dir)(nil)
	_ vfs.Linker    = (*dir)(nil)
	_ vfs.Tmpfiler  = (*dir)(nil)
	_ vfs.Unlinker  = (*dir)(nil)
	_ vfs.Rmdirer   = (*dir)(nil)
	_ vfs.Renamer   = (*dir)(nil)
	_ vfs.Opener    = (*dir)(nil)
	_ vfs.Setattrer = (*dir)(nil)
	_ vfs.Getattrer = (*dir)(nil)
	_ vfs.XAttrer   = (*dir)(nil)
	_ vfs.Evicter   = (*dir)(nil)
)

// newDir makes the inode of a directory, whose layers' references it takes over.
func (fs *FS) newDir(t *sched.Thread, parent *node, name, path string, upper *vfs.Inode, lower []*vfs.Inode) *vfs.Inode {
	d := &dir{path: path}
	d.init(fs, upper, lower, key{})
	d.place(parent, name)
	ino := fs.dirIno(d)
	i := fs.adopt(&d.node, ino, d)
	return i
}

// dirIno is the number of a directory: that of the first lower layer that has it, so it stays at copy-up.
func (fs *FS) dirIno(d *dir) uint64 {
	if len(d.lower) > 0 {
		return fs.inoOf(keyOf(d.lower[0]))
	}
	return fs.inoOf(keyOf(d.up.Load()))
}

// below reports whether a lower layer has something under name that would show if the upper one had nothing.
func (d *dir) below(t *sched.Thread, name string) (bool, error) {
	for _, l := range d.lower {
		x, err := find(t, l, name)
		if err != nil {
			return false, err
		}
		if x != nil {
			white := isWhiteout(x)
			x.DecRef(t)
			return !white, nil
		}
	}
	return false, nil
}

// begin prepares a change of d's names: fs.mu is taken and d has an upper inode. The caller unlocks fs.mu also on error.
func (d *dir) begin(t *sched.Thread) (*vfs.Inode, error) {
	d.fs.mu.Lock(t)
	return d.fs.copyUpLocked(t, &d.node, wholeFile)
}

// end finishes it.
func (d *dir) end(t *sched.Thread) {
	if d.up.Load() != nil {
		d.mirror()
	}
	d.fs.mu.Unlock(t)
}

// cover puts a whiteout at name in the upper directory u. Caller holds fs.mu.
func cover(t *sched.Thread, u *vfs.Inode, name string) error {
	o, ok := u.Ops.(vfs.Mknoder)
	if !ok {
		return errno.EPERM
	}
	u.Lock(t)
	defer u.Unlock(t)
	i, err := o.Mknod(t, u, name, vfs.NewNode{Mode: abi.S_IFCHR})
	if err == nil {
		i.DecRef(t)
	}
	return err
}

// uncover removes a whiteout at name, if there is one. Caller holds fs.mu.
func uncover(t *sched.Thread, u *vfs.Inode, name string) (was bool, err error) {
	x, err := find(t, u, name)
	if x == nil || err != nil {
		return false, err
	}
	defer x.DecRef(t)
	if !isWhiteout(x) {
		return false, nil
	}
	return true, unlinkReal(t, u, name, x)
}

// unlinkReal removes a name that is no directory from a real directory.
func unlinkReal(t *sched.Thread, u *vfs.Inode, name string, x *vfs.Inode) error {
	o, ok := u.Ops.(vfs.Unlinker)
	if !ok {
		return errno.EPERM
	}
	u.Lock(t)
	defer u.Unlock(t)
	x.Lock(t)
	defer x.Unlock(t)
	return o.Unlink(t, u, name, x)
}

// make makes a new file in the upper layer and returns its inode here.
func (d *dir) make(t *sched.Thread, name string, op func(u *vfs.Inode) (*vfs.Inode, error)) (*vfs.Inode, error) {
	u, err := d.begin(t)
	defer d.end(t)
	if err != nil {
		return nil, err
	}
	white, err := uncover(t, u, name)
	if err != nil {
		return nil, err
	}
	u.Lock(t)
	x, err := op(u)
	u.Unlock(t)
	if err == nil && white && x.IsDir() {
		err = setMark(t, x, markOpaque, "y")
	}
	if err != nil {
		if white {
			cover(t, u, name)
		}
		return nil, err
	}
	if x.IsDir() {
		d.self.AddNlink(1)
		return d.fs.newDir(t, &d.node, name, "", x, nil), nil
	}
	k := keyOf(x)
	i := d.fs.newFile(k, found{upper: x})
	nodeOf(i).place(&d.node, name)
	d.fs.tabMu.Lock(t)
	d.fs.nodes[k] = i
	d.fs.tabMu.Unlock(t)
	return i, nil
}

// Create implements vfs.Creater.
func (d *dir) Create(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	return d.make(t, name, func(u *vfs.Inode) (*vfs.Inode, error) { return makeIn(t, u, name, n, nil) })
}

// Mkdir implements vfs.Mkdirer.
func (d *dir) Mkdir(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	return d.make(t, name, func(u *vfs.Inode) (*vfs.Inode, error) { return makeIn(t, u, name, n, nil) })
}

// Mknod implements vfs.Mknoder. A device 0:0 would be a whiteout.
func (d *dir) Mknod(t *sched.Thread, self *vfs.Inode, name string, n vfs.NewNode) (*vfs.Inode, error) {
	if n.Mode.Type() == abi.S_IFCHR && n.Rdev == 0 {
		return nil, errno.EPERM.Because("overlay: the device 0:0 is a whiteout")
	}
	return d.make(t, name, func(u *vfs.Inode) (*vfs.Inode, error) { return makeIn(t, u, name, n, nil) })
}

// Symlink implements vfs.Symlinker.
func (d *dir) Symlink(t *sched.Thread, self *vfs.Inode, name, target string, n vfs.NewNode) (*vfs.Inode, error) {
	return d.make(t, name, func(u *vfs.Inode) (*vfs.Inode, error) {
		if o, ok := u.Ops.(vfs.Symlinker); ok {
			return o.Symlink(t, u, name, target, n)
		}
		return nil, errno.EPERM
	})
}

// Tmpfile implements vfs.Tmpfiler.
func (d *dir) Tmpfile(t *sched.Thread, self *vfs.Inode, n vfs.NewNode) (*vfs.Inode, error) {
	root := d.fs.upper.Inode()
	root.Lock(t)
	x, err := root.Ops.(vfs.Tmpfiler).Tmpfile(t, root, n)
	root.Unlock(t)
	if err != nil {
		return nil, err
	}
	k := keyOf(x)
	i := d.fs.newFile(k, found{upper: x})
	i.SetNlink(0)
	d.fs.tabMu.Lock(t)
	d.fs.nodes[k] = i
	d.fs.tabMu.Unlock(t)
	return i, nil
}

// Link implements vfs.Linker.
func (d *dir) Link(t *sched.Thread, self *vfs.Inode, name string, target *vfs.Inode) error {
	u, err := d.begin(t)
	defer d.end(t)
	if err != nil {
		return err
	}
	x, err := d.fs.copyUpLocked(t, nodeOf(target), wholeFile)
	if err != nil {
		return err
	}
	o, ok := u.Ops.(vfs.Linker)
	if !ok {
		return errno.EPERM
	}
	white, err := uncover(t, u, name)
	if err != nil {
		return err
	}
	u.Lock(t)
	x.Lock(t)
	err = o.Link(t, u, name, x)
	x.Unlock(t)
	u.Unlock(t)
	if err != nil {
		if white {
			cover(t, u, name)
		}
		return err
	}
	target.AddNlink(1)
	target.ChangedAttr()
	return nil
}

// Unlink implements vfs.Unlinker.
func (d *dir) Unlink(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	u, err := d.begin(t)
	defer d.end(t)
	if err != nil {
		return err
	}
	if err := d.removeName(t, u, name); err != nil {
		return err
	}
	child.AddNlink(-1)
	child.ChangedAttr()
	d.fs.unplace(t, nodeOf(child), &d.node, name)
	return nil
}

// removeName takes a name that is no directory out of the upper directory and covers what is below. Caller holds fs.mu.
func (d *dir) removeName(t *sched.Thread, u *vfs.Inode, name string) error {
	below, err := d.below(t, name)
	if err != nil {
		return err
	}
	x, err := find(t, u, name)
	if err != nil {
		return err
	}
	if x != nil {
		err = unlinkReal(t, u, name, x)
		x.DecRef(t)
		if err != nil {
			return err
		}
	}
	if below {
		return cover(t, u, name)
	}
	return nil
}

// unplace notes that a file has lost the name under which it would be copied up. Caller holds fs.mu.
func (fs *FS) unplace(t *sched.Thread, n, parent *node, name string) {
	if n.parent == parent && n.name == name {
		n.parent = nil
		parent.self.DecRef(t) // not the last: the caller has the directory
	}
}

// Rmdir implements vfs.Rmdirer.
func (d *dir) Rmdir(t *sched.Thread, self *vfs.Inode, name string, child *vfs.Inode) error {
	u, err := d.begin(t)
	defer d.end(t)
	if err != nil {
		return err
	}
	c := child.Ops.(*dir)
	if err := c.clear(t); err != nil {
		return err
	}
	if err := d.rmdirReal(t, u, name, c); err != nil {
		return err
	}
	below, err := d.below(t, name)
	if err == nil && below {
		err = cover(t, u, name)
	}
	if err != nil {
		return err
	}
	d.self.AddNlink(-1)
	d.fs.unplace(t, &c.node, &d.node, name)
	return nil
}

// rmdirReal removes c's upper directory, if it has one. Caller holds fs.mu.
func (d *dir) rmdirReal(t *sched.Thread, u *vfs.Inode, name string, c *dir) error {
	x := c.up.Load()
	if x == nil {
		return nil
	}
	o, ok := u.Ops.(vfs.Rmdirer)
	if !ok {
		return errno.EPERM
	}
	u.Lock(t)
	defer u.Unlock(t)
	x.Lock(t)
	defer x.Unlock(t)
	return o.Rmdir(t, u, name, x)
}

// clear checks that a directory shows nothing, and removes the whiteouts that make it so. Caller holds fs.mu.
func (d *dir) clear(t *sched.Thread) error {
	l, err := d.merge(t)
	if err != nil {
		return err
	}
	if len(l.entries) > 2 {
		return errno.ENOTEMPTY
	}
	x := d.up.Load()
	for _, name := range l.white {
		if _, err := uncover(t, x, name); err != nil {
			return err
		}
	}
	return nil
}
