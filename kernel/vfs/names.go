package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
)

// makeName resolves name up to its directory, locks it, checks that the name is free and may be made, and has
// op make it.
func (v *VFS) makeName(t *sched.Thread, fs *FS, at Path, name string, isDir bool,
	op func(p Path, d *Dentry) (*Inode, error),
) (Path, error) {
	p, w, err := v.parent(t, fs, at, name, 0)
	if err != nil {
		return Path{}, err
	}
	defer p.DecRef(t)
	if w.kind != lastNorm {
		return Path{}, errno.EEXIST
	}
	dir := p.Inode()
	if err := dir.Permission(t, abi.X_OK); err != nil {
		return Path{}, err
	}
	d, err := v.freshLookup(t, p.Dentry, w.last)
	if err == nil {
		switch {
		case d.Inode() != nil:
			err = errno.EEXIST
		case w.slash && !isDir:
			err = errno.ENOENT.Because("a slash follows the name of what is not a directory")
		case p.Mount.ReadOnly():
			err = errno.EROFS
		default:
			err = mayCreate(t, dir)
		}
		if err == nil {
			var inode *Inode
			if inode, err = op(p, d); err == nil {
				v.instantiate(t, d, inode)
			}
		}
		if err != nil {
			d.DecRef(t)
		}
	}
	dir.mu.Unlock(t)
	v.trim(t)
	if err != nil {
		return Path{}, err
	}
	p.Mount.refs.Add(1)
	return Path{p.Mount, d}, nil
}

// freshLookup locks the directory and looks name up; the directory is locked also on error.
func (v *VFS) freshLookup(t *sched.Thread, parent *Dentry, name string) (*Dentry, error) {
	dir := parent.Inode()
	if dir.quirks&quirkRevalidate != 0 {
		if d := v.cached(t, parent, name); d != nil {
			if !dir.Ops.(Revalidater).Revalidate(t, dir, name, d.Inode()) {
				v.drop(t, d)
			}
			d.DecRef(t)
		}
	}
	dir.mu.Lock(t)
	return v.lookupLocked(t, parent, name)
}

// Mkdir makes a directory.
func (v *VFS) Mkdir(t *sched.Thread, fs *FS, at Path, name string, mode Mode) error {
	p, err := v.makeName(t, fs, at, name, true, func(p Path, d *Dentry) (*Inode, error) {
		dir := p.Inode()
		m, ok := dir.Ops.(Mkdirer)
		if !ok {
			return nil, errno.EPERM.Because("the filesystem has no mkdir")
		}
		if dir.Nlink() >= abi.LINK_MAX {
			return nil, errno.EMLINK
		}
		return m.Mkdir(t, dir, d.name, newNode(t, dir, abi.S_IFDIR|mode&0o1777, fs.Umask()))
	})
	return v.done(t, p, err)
}

// done drops the path of a name that was made.
func (v *VFS) done(t *sched.Thread, p Path, err error) error {
	if err == nil {
		p.DecRef(t)
	}
	return err
}

// Mknod makes a regular file, FIFO, socket or device node.
func (v *VFS) Mknod(t *sched.Thread, fs *FS, at Path, name string, mode Mode, rdev Dev) error {
	p, err := v.MknodPath(t, fs, at, name, mode, rdev)
	return v.done(t, p, err)
}

// MknodPath is Mknod that returns the new file's place with references: bind(2) hangs a socket on it.
func (v *VFS) MknodPath(t *sched.Thread, fs *FS, at Path, name string, mode Mode, rdev Dev) (Path, error) {
	switch mode.Type() {
	case 0:
		mode |= abi.S_IFREG
	case abi.S_IFREG, abi.S_IFIFO, abi.S_IFSOCK:
	case abi.S_IFCHR, abi.S_IFBLK:
		if !t.Cred.Has(cred.CapMknod) {
			return Path{}, errno.EPERM.Because("device nodes need CAP_MKNOD")
		}
	case abi.S_IFDIR:
		return Path{}, errno.EPERM
	default:
		return Path{}, errno.EINVAL
	}
	return v.makeName(t, fs, at, name, false, func(p Path, d *Dentry) (*Inode, error) {
		dir := p.Inode()
		n := newNode(t, dir, mode, fs.Umask())
		if mode.IsReg() {
			if c, ok := dir.Ops.(Creater); ok {
				return c.Create(t, dir, d.name, n)
			}
			return nil, errno.EPERM
		}
		m, ok := dir.Ops.(Mknoder)
		if !ok {
			return nil, errno.EPERM.Because("the filesystem has no special files")
		}
		n.Rdev = rdev
		return m.Mknod(t, dir, d.name, n)
	})
}

// Symlink makes a symbolic link to target.
func (v *VFS) Symlink(t *sched.Thread, fs *FS, target string, at Path, name string) error {
	switch {
	case target == "":
		return errno.ENOENT.Because("the target is empty")
	case len(target) >= abi.PATH_MAX:
		return errno.ENAMETOOLONG
	}
	p, err := v.makeName(t, fs, at, name, false, func(p Path, d *Dentry) (*Inode, error) {
		dir := p.Inode()
		s, ok := dir.Ops.(Symlinker)
		if !ok {
			return nil, errno.EPERM.Because("the filesystem has no symbolic links")
		}
		return s.Symlink(t, dir, d.name, target, newNode(t, dir, abi.S_IFLNK|0o777, 0))
	})
	return v.done(t, p, err)
}

// Link gives the file at old, which may be an open file without a name yet (O_TMPFILE), another name.
func (v *VFS) Link(t *sched.Thread, fs *FS, old Path, at Path, name string) error {
	target := old.Inode()
	p, err := v.makeName(t, fs, at, name, false, func(p Path, d *Dentry) (*Inode, error) {
		dir := p.Inode()
		l, ok := dir.Ops.(Linker)
		switch {
		case p.Mount != old.Mount:
			return nil, errno.EXDEV
		case target.IsDir():
			return nil, errno.EPERM.Because("a directory")
		case !ok:
			return nil, errno.EPERM.Because("the filesystem has no hard links")
		}
		target.mu.Lock(t)
		defer target.mu.Unlock(t)
		if n := target.Nlink(); n == 0 && !target.linkable.Load() {
			return nil, errno.ENOENT.Because("the file has no name any more")
		} else if n >= abi.LINK_MAX {
			return nil, errno.EMLINK
		}
		if err := l.Link(t, dir, d.name, target); err != nil {
			return nil, err
		}
		target.linkable.Store(false)
		target.IncRef()
		return target, nil
	})
	return v.done(t, p, err)
}
