package vfs

import (
	"strings"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// lookup returns the dentry of name in parent, with a reference; it may be negative. The filesystem is asked if
// the name isn't cached, or isn't valid any more.
func (v *VFS) lookup(t *sched.Thread, parent *Dentry, name string) (*Dentry, error) {
	dir := parent.Inode()
	if d := v.cached(t, parent, name); d != nil {
		if d.quirks&quirkRevalidate == 0 {
			return d, nil
		}
		if dir.Ops.(Revalidater).Revalidate(t, dir, name, d.Inode()) {
			return d, nil
		}
		v.drop(t, d)
		d.DecRef(t)
	}
	dir.mu.Lock(t)
	d, err := v.lookupLocked(t, parent, name)
	dir.mu.Unlock(t)
	v.trim(t)
	return d, err
}

// cached returns the hashed dentry of name with a reference, or nil.
func (v *VFS) cached(t *sched.Thread, parent *Dentry, name string) *Dentry {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	d := parent.children[name]
	if d != nil {
		d.refs.Add(1)
		d.used = true
		v.stats.Hits++
	}
	return d
}

// lookupLocked is lookup with the directory locked; a cached name was revalidated, or need not be.
func (v *VFS) lookupLocked(t *sched.Thread, parent *Dentry, name string) (*Dentry, error) {
	dir := parent.Inode()
	dir.mu.AssertHeld(t)
	if d := v.cached(t, parent, name); d != nil {
		return d, nil
	}
	l, ok := dir.Ops.(Lookuper)
	if !ok {
		return nil, errno.ENOTDIR
	}
	inode, err := l.Lookup(t, dir, name)
	if err != nil && errno.Of(err) != errno.ENOENT {
		return nil, err
	}
	if err != nil {
		inode = nil
	}
	d := newDentry(parent, strings.Clone(name), inode)
	v.dcache.Lock(t)
	v.stats.Misses++
	v.hash(t, d)
	v.dcache.Unlock(t)
	return d, nil
}

// instantiate makes a negative dentry positive: the file was made. It takes over the inode's reference.
func (v *VFS) instantiate(t *sched.Thread, d *Dentry, inode *Inode) {
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	if d.hashed {
		v.stats.Negative--
	}
	d.inode.Store(inode)
}
