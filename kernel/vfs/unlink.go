package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Unlink removes a name of a file that is not a directory.
func (v *VFS) Unlink(t *sched.Thread, fs *FS, at Path, name string) error {
	p, w, err := v.parent(t, fs, at, name, 0)
	if err != nil {
		return err
	}
	defer p.DecRef(t)
	if w.kind != lastNorm {
		return errno.EISDIR
	}
	return v.remove(t, p, w.last, func(dir, child *Inode) error {
		if w.slash && !child.IsDir() {
			return errno.ENOTDIR
		}
		if child.IsDir() {
			return errno.EISDIR
		}
		u, ok := dir.Ops.(Unlinker)
		if !ok {
			return errno.EPERM
		}
		return u.Unlink(t, dir, w.last, child)
	})
}

// Rmdir removes an empty directory.
func (v *VFS) Rmdir(t *sched.Thread, fs *FS, at Path, name string) error {
	p, w, err := v.parent(t, fs, at, name, 0)
	if err != nil {
		return err
	}
	defer p.DecRef(t)
	switch w.kind {
	case lastDot:
		return errno.EINVAL.Because("the last component is \".\"")
	case lastDotDot:
		return errno.ENOTEMPTY
	case lastRoot:
		return errno.EBUSY
	}
	return v.remove(t, p, w.last, func(dir, child *Inode) error {
		if !child.IsDir() {
			return errno.ENOTDIR
		}
		r, ok := dir.Ops.(Rmdirer)
		if !ok {
			return errno.EPERM
		}
		if err := r.Rmdir(t, dir, w.last, child); err != nil {
			return err
		}
		child.dead.Store(true)
		child.SetNlink(0)
		return nil
	})
}

// remove locks the directory at p, finds name, checks that it may go, and has op remove it.
func (v *VFS) remove(t *sched.Thread, p Path, name string, op func(dir, child *Inode) error) error {
	dir := p.Inode()
	if err := dir.Permission(t, abi.X_OK); err != nil {
		return err
	}
	d, err := v.freshLookup(t, p.Dentry, name)
	if err == nil {
		err = v.removeDentry(t, p, d, op)
	}
	dir.mu.Unlock(t)
	if d != nil {
		d.DecRef(t) // the file itself may go now: not under the directory's lock
	}
	return err
}

func (v *VFS) removeDentry(t *sched.Thread, p Path, d *Dentry, op func(dir, child *Inode) error) error {
	dir, child := p.Inode(), d.Inode()
	if child == nil {
		return errno.ENOENT
	}
	if p.Mount.ReadOnly() {
		return errno.EROFS
	}
	if err := mayDelete(t, dir, child); err != nil {
		return err
	}
	if v.isMountPoint(t, d) {
		return errno.EBUSY.Because("a mount point")
	}
	child.mu.Lock(t)
	err := op(dir, child)
	child.mu.Unlock(t)
	if err != nil {
		return err
	}
	v.drop(t, d)
	return nil
}

func (v *VFS) isMountPoint(t *sched.Thread, d *Dentry) bool {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	return d.mounted > 0
}
