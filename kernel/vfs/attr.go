package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
)

// Stat returns what stat(2) shows of the file that name means.
func (v *VFS) Stat(t *sched.Thread, fs *FS, at Path, name string, how Lookup) (Attr, error) {
	p, err := v.Resolve(t, fs, at, name, how)
	if err != nil {
		return Attr{}, err
	}
	a, err := p.Inode().Attr(t)
	p.DecRef(t)
	return a, err
}

// Attr returns what fstat(2) shows.
func (f *File) Attr(t *sched.Thread) (Attr, error) { return f.Inode.Attr(t) }

// Readlink returns the target of the symbolic link at p.
func (v *VFS) Readlink(t *sched.Thread, fs *FS, p Path) (string, error) {
	i := p.Inode()
	switch r, ok := i.Ops.(Readlinker); {
	case !i.Mode().IsSymlink():
		return "", errno.EINVAL.Because("not a symbolic link")
	case i.Link != "":
		i.Accessed(t, p.Mount)
		return i.Link, nil
	case ok:
		s, err := r.Readlink(t, i)
		if err == nil {
			i.Accessed(t, p.Mount)
		}
		return s, err
	}
	if m, ok := i.Ops.(MagicLinker); ok {
		to, err := m.FollowLink(t, i)
		if err != nil {
			return "", err
		}
		defer to.DecRef(t)
		return v.PathString(t, fs, to), nil
	}
	return "", errno.EINVAL
}

// SetAttr changes attributes of the file at p, as far as the current task may.
func (v *VFS) SetAttr(t *sched.Thread, p Path, s SetAttr) error {
	i := p.Inode()
	if p.Mount != nil && p.Mount.ReadOnly() {
		return errno.EROFS
	}
	i.mu.Lock(t)
	defer i.mu.Unlock(t)
	if err := i.checkSetAttr(t, &s); err != nil {
		return err
	}
	return i.setattr(t, &s)
}

// Chmod changes the permission bits of the file at p.
func (v *VFS) Chmod(t *sched.Thread, p Path, mode Mode) error {
	if p.Inode().Mode().IsSymlink() {
		return errno.EOPNOTSUPP.Because("symbolic links have no mode")
	}
	return v.SetAttr(t, p, SetAttr{Mask: AttrMode, Mode: mode.Perm()})
}

// Chown changes owner and group of the file at p; cred.NoID leaves one as it is.
func (v *VFS) Chown(t *sched.Thread, p Path, uid, gid cred.ID) error {
	s := SetAttr{UID: uid, GID: gid}
	if uid != cred.NoID {
		s.Mask |= AttrUID
	}
	if gid != cred.NoID {
		s.Mask |= AttrGID
	}
	return v.SetAttr(t, p, s)
}

// Utime is a time for Utimes: a moment, now, or unchanged.
type Utime struct {
	NS   int64
	Now  bool
	Omit bool
}

// Utimes changes access and modification time of the file at p, as utimensat(2).
func (v *VFS) Utimes(t *sched.Thread, p Path, atime, mtime Utime) error {
	if atime.Omit && mtime.Omit {
		return nil
	}
	i := p.Inode()
	if p.Mount != nil && p.Mount.ReadOnly() {
		return errno.EROFS
	}
	if !i.ownerOrCapable(t) {
		if !atime.Now || !mtime.Now {
			return errno.EPERM.Because("only the owner sets other times than now")
		}
		if err := i.Permission(t, abi.W_OK); err != nil {
			return err
		}
	}
	s := SetAttr{}
	now := v.Now()
	for _, x := range []struct {
		u    Utime
		mask int
		to   *int64
	}{{atime, AttrAtime, &s.Atime}, {mtime, AttrMtime, &s.Mtime}} {
		if x.u.Omit {
			continue
		}
		s.Mask |= x.mask
		if *x.to = x.u.NS; x.u.Now {
			*x.to = now
		}
	}
	i.mu.Lock(t)
	defer i.mu.Unlock(t)
	return i.setattr(t, &s)
}

// Truncate changes the size of the regular file at p, as truncate(2).
func (v *VFS) Truncate(t *sched.Thread, p Path, size int64) error {
	i := p.Inode()
	switch {
	case i.IsDir():
		return errno.EISDIR
	case !i.Mode().IsReg():
		return errno.EINVAL.Because("not a regular file")
	case size < 0:
		return errno.EINVAL
	}
	if err := p.Access(t, abi.W_OK); err != nil {
		return err
	}
	if err := i.getWrite(); err != nil {
		return err
	}
	defer i.putWrite()
	return i.truncate(t, size)
}

// Truncate is ftruncate(2).
func (f *File) Truncate(t *sched.Thread, size int64) error {
	if !f.CanWrite() || !f.Inode.Mode().IsReg() {
		return errno.EINVAL.Because("not a regular file that is open for writing")
	}
	if size < 0 {
		return errno.EINVAL
	}
	return f.Inode.truncate(t, size)
}

func (i *Inode) truncate(t *sched.Thread, size int64) error {
	v := i.SB.VFS
	if size > i.Size() && size > v.sizeLimit(t) {
		return errno.EFBIG
	}
	i.mu.Lock(t)
	defer i.mu.Unlock(t)
	if err := i.removeSuid(t); err != nil {
		return err
	}
	now := v.Now()
	return i.setattr(t, &SetAttr{Mask: AttrSize | AttrMtime | AttrCtime, Size: size, Mtime: now, Ctime: now})
}

// Fallocate is fallocate(2).
func (f *File) Fallocate(t *sched.Thread, mode int, off, size int64) error {
	switch {
	case !f.CanWrite():
		return errno.EBADF
	case off < 0 || size <= 0:
		return errno.EINVAL
	case f.Inode.IsDir():
		return errno.EISDIR
	case f.Inode.Mode().Type() == abi.S_IFIFO:
		return errno.ESPIPE
	case !f.Inode.Mode().IsReg():
		return errno.ENODEV
	case off > maxFileSize-size:
		return errno.EFBIG
	case mode&abi.FALLOC_FL_PUNCH_HOLE != 0 && mode&abi.FALLOC_FL_KEEP_SIZE == 0:
		return errno.EOPNOTSUPP.Because("a hole is punched with FALLOC_FL_KEEP_SIZE")
	}
	if mode&abi.FALLOC_FL_KEEP_SIZE == 0 && off+size > f.Inode.Size() && off+size > f.v.sizeLimit(t) {
		return errno.EFBIG
	}
	a, ok := f.Impl.(Fallocater)
	if !ok {
		return errno.EOPNOTSUPP
	}
	f.Inode.mu.Lock(t)
	defer f.Inode.mu.Unlock(t)
	return a.Fallocate(t, f, mode, off, size)
}
