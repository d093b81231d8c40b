package vfs

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// PivotRoot makes newRoot, a mount point, the root of the mount tree and moves the old root to putOld, which lies below
// newRoot: pivot_root(2). Tasks whose root or directory is the old root follow.
func (v *VFS) PivotRoot(t *sched.Thread, fs *FS, newRoot, putOld Path) error {
	v.mountMu.Lock(t)
	defer v.mountMu.Unlock(t)
	var drop []func(*sched.Thread)
	v.dcache.Lock(t)
	err := func() error {
		root := fs.root
		switch {
		case newRoot.Mount.Root != newRoot.Dentry || newRoot.Mount.parent == nil:
			return errno.EINVAL.Because("the new root is not a mount point")
		case root.Mount.Root != root.Dentry:
			return errno.EINVAL.Because("the current root is not a mount point")
		case newRoot.Mount == root.Mount || putOld.Mount == root.Mount:
			return errno.EBUSY.Because("the new root or put_old is on the current root's mount")
		case !putOld.Inode().IsDir() || !newRoot.Inode().IsDir():
			return errno.ENOTDIR
		case root.Mount != v.rootMount && root.Mount.parent == nil:
			return errno.EINVAL.Because("the current root is not attached")
		case !v.below(putOld, newRoot):
			return errno.EINVAL.Because("put_old is not below the new root")
		}
		old, n := root.Mount, newRoot.Mount
		drop = append(drop, v.detach(t, n).DecRef)
		if old == v.rootMount {
			v.rootMount = n
		} else {
			at := Path{old.parent, old.point}
			drop = append(drop, v.detach(t, old).DecRef)
			v.attach(t, n, at)
		}
		v.attach(t, old, v.top(putOld))
		for f := v.fsList; f != nil; f = f.next {
			for _, p := range []*Path{&f.root, &f.cwd} {
				if *p == root {
					*p = Path{n, n.Root}
					p.IncRef()
					drop = append(drop, root.DecRef)
				}
			}
		}
		return nil
	}()
	v.dcache.Unlock(t)
	for _, f := range drop {
		f(t)
	}
	return err
}

// below reports whether p is at or below dir in the mount tree. Caller holds dcache.
func (v *VFS) below(p, dir Path) bool {
	for {
		if p.Mount == dir.Mount && within(p.Dentry, dir.Dentry) {
			return true
		}
		if p.Mount.parent == nil {
			return false
		}
		p = Path{p.Mount.parent, p.Mount.point}
	}
}
