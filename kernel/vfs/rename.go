package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Rename renames or moves a file; flags are of abi.RENAME_….
func (v *VFS) Rename(t *sched.Thread, fs *FS, oldAt Path, oldName string, newAt Path, newName string, flags int) error {
	if flags&^(abi.RENAME_NOREPLACE|abi.RENAME_EXCHANGE|abi.RENAME_WHITEOUT) != 0 ||
		flags&abi.RENAME_EXCHANGE != 0 && flags != abi.RENAME_EXCHANGE {
		return errno.EINVAL
	}
	op, ow, err := v.parent(t, fs, oldAt, oldName, 0)
	if err != nil {
		return err
	}
	defer op.DecRef(t)
	np, nw, err := v.parent(t, fs, newAt, newName, 0)
	if err != nil {
		return err
	}
	defer np.DecRef(t)
	switch {
	case op.Mount != np.Mount:
		return errno.EXDEV
	case ow.kind != lastNorm:
		return errno.EBUSY
	case nw.kind != lastNorm && flags&abi.RENAME_NOREPLACE != 0:
		return errno.EEXIST
	case nw.kind != lastNorm:
		return errno.EBUSY
	case op.Mount.ReadOnly():
		return errno.EROFS
	}
	for _, p := range []Path{op, np} {
		if err := p.Inode().Permission(t, abi.X_OK); err != nil {
			return err
		}
	}
	r := renamer{v: v, t: t, flags: flags, od: op.Dentry, nd: np.Dentry}
	above, err := r.lockDirs()
	if err != nil {
		return err
	}
	err = r.find(ow.last, nw.last)
	if err == nil {
		err = r.run(above, ow.slash, nw.slash)
	}
	r.unlockDirs()
	for _, d := range []*Dentry{r.old, r.new, r.drop} {
		if d != nil {
			d.DecRef(t)
		}
	}
	return err
}

// renamer is one rename under way.
type renamer struct {
	v        *VFS
	t        *sched.Thread
	flags    int
	od, nd   *Dentry // the directories
	old, new *Dentry // referenced; new may be negative
	drop     *Dentry // a reference too many
	tree     bool    // renameMu is held
}

// lockDirs locks both directories, the higher one first. If one contains the other, it returns the child of the
// higher one on the way to the lower one.
func (r *renamer) lockDirs() (above *Dentry, err error) {
	t, v := r.t, r.v
	a, b := r.od.Inode(), r.nd.Inode()
	if r.od == r.nd {
		a.mu.Lock(t)
		return nil, nil
	}
	if a == b {
		return nil, errno.EXDEV.Because("one directory by two names")
	}
	v.renameMu.Lock(t) // no directory moves now: who contains whom stays true
	r.tree = true
	v.dcache.Lock(t)
	oldAbove, newAbove := childToward(r.od, r.nd), childToward(r.nd, r.od)
	v.dcache.Unlock(t)
	switch {
	case oldAbove != nil:
		a.mu.Lock(t)
		b.mu.Lock(t)
		return oldAbove, nil
	case newAbove != nil:
		b.mu.Lock(t)
		a.mu.Lock(t)
		return newAbove, nil
	}
	LockTwo(t, a, b)
	return nil, nil
}

func (r *renamer) unlockDirs() {
	r.od.Inode().mu.Unlock(r.t)
	if r.od != r.nd {
		r.nd.Inode().mu.Unlock(r.t)
	}
	if r.tree {
		r.v.renameMu.Unlock(r.t)
	}
}

// childToward returns the child of dir through which d lies below it; nil if it doesn't. Caller holds dcache.
func childToward(dir, d *Dentry) *Dentry {
	for !d.root {
		if d.parent == dir {
			return d
		}
		d = d.parent
	}
	return nil
}

// find looks both names up.
func (r *renamer) find(oldName, newName string) error {
	for i, parent := range []*Dentry{r.od, r.nd} {
		name := []string{oldName, newName}[i]
		dir := parent.Inode()
		if dir.quirks&quirkRevalidate != 0 {
			if d := r.v.cached(r.t, parent, name); d != nil {
				if !dir.Ops.(Revalidater).Revalidate(r.t, dir, name, d.Inode()) {
					r.v.drop(r.t, d)
				}
				d.DecRef(r.t)
			}
		}
		d, err := r.v.lookupLocked(r.t, parent, name)
		if err != nil {
			return err
		}
		if i == 0 {
			r.old = d
		} else {
			r.new = d
		}
	}
	return nil
}

// run checks everything and renames. Both directories are locked.
func (r *renamer) run(above *Dentry, oldSlash, newSlash bool) error {
	t, v := r.t, r.v
	od, nd, oi, ni := r.od.Inode(), r.nd.Inode(), r.old.Inode(), r.new.Inode()
	exchange := r.flags&abi.RENAME_EXCHANGE != 0
	switch {
	case oi == nil:
		return errno.ENOENT
	case r.flags&abi.RENAME_NOREPLACE != 0 && ni != nil:
		return errno.EEXIST
	case exchange && ni == nil:
		return errno.ENOENT
	case !oi.IsDir() && (oldSlash || newSlash && !exchange):
		return errno.ENOTDIR
	case exchange && newSlash && !ni.IsDir():
		return errno.ENOTDIR
	case above != nil && r.old == above:
		return errno.EINVAL.Because("a directory would be moved into itself")
	case above != nil && r.new == above && exchange:
		return errno.EINVAL.Because("a directory would be moved into itself")
	case above != nil && r.new == above:
		return errno.ENOTEMPTY
	case oi == ni:
		return nil // two names of one file
	}
	ren, ok := od.Ops.(Renamer)
	if !ok {
		return errno.EPERM.Because("the filesystem has no rename")
	}
	if err := mayDelete(t, od, oi); err != nil {
		return err
	}
	if ni == nil {
		if err := mayCreate(t, nd); err != nil {
			return err
		}
	} else {
		if err := mayDelete(t, nd, ni); err != nil {
			return err
		}
		if !exchange && oi.IsDir() && !ni.IsDir() {
			return errno.ENOTDIR
		}
		if !exchange && !oi.IsDir() && ni.IsDir() {
			return errno.EISDIR
		}
	}
	if od != nd {
		// "..": a directory that moves is itself written.
		if oi.IsDir() {
			if err := oi.Permission(t, abi.W_OK); err != nil {
				return err
			}
		}
		if exchange && ni.IsDir() {
			if err := ni.Permission(t, abi.W_OK); err != nil {
				return err
			}
		}
	}
	if v.isMountPoint(t, r.old) || v.isMountPoint(t, r.new) {
		return errno.EBUSY.Because("a mount point")
	}
	second := oi
	if ni != nil {
		second = ni
	}
	LockTwo(t, oi, second)
	err := ren.Rename(t, &RenameRequest{
		OldDir: od, OldName: r.old.name, Old: oi, NewDir: nd, NewName: r.new.name, New: ni,
		Exchange: exchange, Whiteout: r.flags&abi.RENAME_WHITEOUT != 0,
	})
	if err == nil && ni != nil && !exchange && ni.IsDir() {
		ni.dead.Store(true)
		ni.SetNlink(0)
	}
	UnlockTwo(t, oi, second)
	if err == nil {
		r.moveDentries(exchange)
	}
	return err
}

// moveDentries does in the cache what the filesystem has done.
func (r *renamer) moveDentries(exchange bool) {
	t, v := r.t, r.v
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	old, nw := r.old, r.new
	if exchange {
		v.detachName(old)
		v.detachName(nw)
		old.name, nw.name = nw.name, old.name
		old.parent, nw.parent = nw.parent, old.parent // each takes over the other's reference
		v.attachName(old)
		v.attachName(nw)
		return
	}
	name := nw.name
	if v.unhash(t, nw) {
		r.drop = nw
	}
	v.detachName(old)
	old.name = name
	if r.od != r.nd {
		// The old directory is held by the caller's path.
		r.nd.refs.Add(1)
		old.parent = r.nd
		r.od.refs.Add(-1)
	}
	v.attachName(old)
}

// detachName takes d out of its parent's table, if it is there, and attachName puts it back. Caller holds dcache.
func (v *VFS) detachName(d *Dentry) {
	if d.hashed {
		delete(d.parent.children, d.name)
	}
}

func (v *VFS) attachName(d *Dentry) {
	if !d.hashed {
		return
	}
	if d.parent.children == nil {
		d.parent.children = map[string]*Dentry{}
	}
	d.parent.children[d.name] = d
}
