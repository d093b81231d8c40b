package overlay

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Rename implements vfs.Renamer. What moves is copied up: a file wholly, of a directory only itself, with a mark that
// says where its lower layers are.
func (d *dir) Rename(t *sched.Thread, r *vfs.RenameRequest) error {
	to := r.NewDir.Ops.(*dir)
	fs := d.fs
	uo, err := d.begin(t)
	defer d.end(t)
	if err != nil {
		return err
	}
	un, err := fs.copyUpLocked(t, &to.node, wholeFile)
	if err != nil {
		return err
	}
	defer to.mirror()
	old := nodeOf(r.Old)
	uOld, err := fs.copyUpLocked(t, old, wholeFile)
	if err != nil {
		return err
	}
	// A file with several names below may have its copy under another one.
	if err := d.ensureName(t, uo, r.OldName, uOld); err != nil {
		return err
	}
	oldBelow, err := d.below(t, r.OldName)
	if err != nil {
		return err
	}
	newBelow, err := to.below(t, r.NewName)
	if err != nil {
		return err
	}
	if r.Exchange {
		return d.exchange(t, r, to, uo, un, uOld, oldBelow, newBelow)
	}
	if err := to.makeRoom(t, un, r); err != nil {
		return err
	}
	if err := markMoved(t, r.Old, uOld, newBelow); err != nil {
		return err
	}
	if err := renameReal(t, uo, r.OldName, uOld, un, r.NewName, nil, false); err != nil {
		return err
	}
	if oldBelow || r.Whiteout {
		if err := cover(t, uo, r.OldName); err != nil {
			return err
		}
	}
	if r.New != nil {
		if r.New.IsDir() {
			r.New.SetNlink(0)
			r.NewDir.AddNlink(-1)
		} else {
			r.New.AddNlink(-1)
		}
		r.New.ChangedAttr()
		fs.unplace(t, nodeOf(r.New), &to.node, r.NewName)
	}
	if r.Old.IsDir() && d != to {
		r.OldDir.AddNlink(-1)
		r.NewDir.AddNlink(1)
	}
	fs.replace(t, old, &to.node, r.NewName)
	old.mirror()
	return nil
}

// replace changes the place of a node. Caller holds fs.mu.
func (fs *FS) replace(t *sched.Thread, n, parent *node, name string) {
	was := n.parent
	n.place(parent, name)
	if was != nil {
		was.self.DecRef(t) // not the last: the caller has the directory
	}
}

// ensureName links u at name in the upper directory, if nothing is there. Caller holds fs.mu.
func (d *dir) ensureName(t *sched.Thread, dir *vfs.Inode, name string, u *vfs.Inode) error {
	x, err := find(t, dir, name)
	if err != nil {
		return err
	}
	if x != nil {
		x.DecRef(t)
		return nil
	}
	o, ok := dir.Ops.(vfs.Linker)
	if !ok || u.IsDir() {
		return errno.EIO
	}
	dir.Lock(t)
	defer dir.Unlock(t)
	u.Lock(t)
	defer u.Unlock(t)
	return o.Link(t, dir, name, u)
}

// makeRoom removes from the upper directory what the rename replaces: whiteout, file or empty directory.
func (d *dir) makeRoom(t *sched.Thread, un *vfs.Inode, r *vfs.RenameRequest) error {
	if r.New != nil && r.New.IsDir() {
		c := r.New.Ops.(*dir)
		if err := c.clear(t); err != nil {
			return err
		}
		return d.rmdirReal(t, un, r.NewName, c)
	}
	x, err := find(t, un, r.NewName)
	if x == nil || err != nil {
		return err
	}
	defer x.DecRef(t)
	return unlinkReal(t, un, r.NewName, x)
}

// markMoved sets the marks of a directory that moves: where its lower layers are, or that the new place's don't count.
func markMoved(t *sched.Thread, i, u *vfs.Inode, below bool) error {
	d, ok := i.Ops.(*dir)
	switch {
	case !ok:
		return nil
	case d.path != "":
		return setMark(t, u, markRedirect, d.path)
	case below:
		return setMark(t, u, markOpaque, "y")
	}
	return nil
}

// renameReal renames in the upper layer. Caller holds fs.mu, so nobody else holds two locks of that layer.
func renameReal(t *sched.Thread, uo *vfs.Inode, oldName string, x, un *vfs.Inode, newName string, y *vfs.Inode, exchange bool) error {
	o, ok := uo.Ops.(vfs.Renamer)
	if !ok {
		return errno.EPERM
	}
	vfs.LockTwo(t, uo, un)
	defer vfs.UnlockTwo(t, uo, un)
	second := x
	if y != nil {
		second = y
	}
	vfs.LockTwo(t, x, second)
	defer vfs.UnlockTwo(t, x, second)
	return o.Rename(t, &vfs.RenameRequest{
		OldDir: uo, OldName: oldName, Old: x, NewDir: un, NewName: newName, New: y, Exchange: exchange,
	})
}

// exchange lets two names change places.
func (d *dir) exchange(t *sched.Thread, r *vfs.RenameRequest, to *dir, uo, un, uOld *vfs.Inode, oldBelow, newBelow bool) error {
	fs := d.fs
	other := nodeOf(r.New)
	uNew, err := fs.copyUpLocked(t, other, wholeFile)
	if err != nil {
		return err
	}
	if err := to.ensureName(t, un, r.NewName, uNew); err != nil {
		return err
	}
	if err := markMoved(t, r.Old, uOld, newBelow); err != nil {
		return err
	}
	if err := markMoved(t, r.New, uNew, oldBelow); err != nil {
		return err
	}
	if err := renameReal(t, uo, r.OldName, uOld, un, r.NewName, uNew, true); err != nil {
		return err
	}
	if r.Old.IsDir() != r.New.IsDir() && d != to {
		delta := 1
		if r.New.IsDir() {
			delta = -1
		}
		r.OldDir.AddNlink(-delta)
		r.NewDir.AddNlink(delta)
	}
	old := nodeOf(r.Old)
	fs.replace(t, old, &to.node, r.NewName)
	fs.replace(t, other, &d.node, r.OldName)
	old.mirror()
	other.mirror()
	return nil
}
