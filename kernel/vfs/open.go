package vfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// OpenHow says how to open: open(2)'s flags, the mode of a new file, and openat2(2)'s restrictions.
type OpenHow struct {
	Flags   int
	Mode    Mode
	Resolve Lookup
}

// Open opens the file that name means, seen from at (or from the working directory, if at is the zero Path).
func (v *VFS) Open(t *sched.Thread, fs *FS, at Path, name string, how OpenHow) (*File, error) {
	flags := how.Flags
	if flags&abi.O_PATH != 0 {
		flags &= abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_CLOEXEC
	}
	if flags&abi.O_TMPFILE_ != 0 {
		return v.openTmpfile(t, fs, at, name, how)
	}
	w := walker{v: v, t: t, fs: fs, how: how.Resolve}
	if flags&abi.O_DIRECTORY != 0 {
		w.how |= Directory
	}
	follow := flags&abi.O_NOFOLLOW == 0
	if flags&(abi.O_CREAT|abi.O_EXCL) == abi.O_CREAT|abi.O_EXCL {
		follow = false
	}
	if err := w.start(at, name); err != nil {
		w.finish()
		return nil, err
	}
	for {
		if err := w.toParent(); err != nil {
			w.finish()
			return nil, err
		}
		var again bool
		var err error
		if flags&abi.O_CREAT != 0 {
			var created *File
			again, created, err = w.create(follow, flags, how.Mode)
			if created != nil {
				return created, nil
			}
		} else {
			again, err = w.into(follow)
		}
		if err != nil {
			w.finish()
			return nil, err
		}
		if !again {
			break
		}
	}
	p, err := w.result()
	if err != nil {
		return nil, err
	}
	f, err := v.openPath(t, p, flags, false)
	if err != nil {
		p.DecRef(t)
	}
	return f, err
}

// OpenPath opens what is at p, with permission checks: for magic links and execve(2). It takes references of its own.
func (v *VFS) OpenPath(t *sched.Thread, p Path, flags int) (*File, error) {
	p.IncRef()
	f, err := v.openPath(t, p, flags, false)
	if err != nil {
		p.DecRef(t)
	}
	return f, err
}

// OpenExec opens a program: it must be a regular file that may be executed. Writers are kept off until the File
// is closed by CloseExec.
func (v *VFS) OpenExec(t *sched.Thread, fs *FS, at Path, name string, how Lookup) (*File, error) {
	p, err := v.Resolve(t, fs, at, name, how)
	if err != nil {
		return nil, err
	}
	f, err := v.openExec(t, p)
	if err != nil {
		p.DecRef(t)
	}
	return f, err
}

func (v *VFS) openExec(t *sched.Thread, p Path) (*File, error) {
	i := p.Inode()
	if i.Mode().IsSymlink() {
		return nil, errno.ELOOP
	}
	if !i.Mode().IsReg() {
		return nil, errno.EACCES.Because("not a regular file")
	}
	if err := p.Access(t, abi.X_OK); err != nil {
		return nil, err
	}
	f := v.newFile(t, p, abi.O_RDONLY)
	if err := f.open(t); err != nil { // openPath would ask for the right to read
		v.open.Add(-1)
		return nil, err
	}
	return f, nil
}

// openPath opens what is at p, whose references the File takes over if all goes well. Fresh says that the file was
// just made: its permissions don't count.
func (v *VFS) openPath(t *sched.Thread, p Path, flags int, fresh bool) (*File, error) {
	i := p.Inode()
	if v.open.Load() >= MaxFiles {
		return nil, errno.ENFILE
	}
	if flags&abi.O_PATH != 0 {
		f := v.newFile(t, p, flags)
		f.mode = fmodePath
		return f, nil
	}
	mode := i.Mode()
	mask := 0
	switch flags & abi.O_ACCMODE {
	case abi.O_RDONLY:
		mask = abi.R_OK
	case abi.O_WRONLY:
		mask = abi.W_OK
	default:
		mask = abi.R_OK | abi.W_OK
	}
	if flags&abi.O_TRUNC != 0 {
		mask |= abi.W_OK
	}
	switch mode.Type() {
	case abi.S_IFLNK:
		return nil, errno.ELOOP.Because("a symbolic link, and O_NOFOLLOW")
	case abi.S_IFDIR:
		if mask&abi.W_OK != 0 || flags&abi.O_CREAT != 0 {
			return nil, errno.EISDIR
		}
	case abi.S_IFSOCK:
		return nil, errno.ENXIO.Because("a socket")
	case abi.S_IFCHR, abi.S_IFBLK:
		if p.Mount != nil && p.Mount.Flags()&abi.MS_NODEV != 0 {
			return nil, errno.EACCES.Because("the mount is nodev")
		}
		flags &^= abi.O_TRUNC
	case abi.S_IFIFO:
		flags &^= abi.O_TRUNC
	}
	if !fresh {
		if mask&abi.W_OK != 0 && p.readOnly() {
			return nil, errno.EROFS
		}
		if err := i.Permission(t, mask); err != nil {
			return nil, err
		}
	}
	if flags&abi.O_NOATIME != 0 && !i.ownerOrCapable(t) {
		return nil, errno.EPERM.Because("O_NOATIME is for the file's owner")
	}
	f := v.newFile(t, p, flags)
	if f.mode&fmodeWrite != 0 && mode.IsReg() && p.Mount != nil {
		if err := i.getWrite(); err != nil {
			v.open.Add(-1)
			return nil, err
		}
		p.Mount.writers.Add(1)
		f.mode |= fmodeWriter
	}
	err := f.open(t)
	f.flags.And(^uint32(openFlags))
	if err == nil && flags&abi.O_TRUNC != 0 && mode.IsReg() && !fresh {
		if err = f.truncateAtOpen(t); err != nil {
			if r, ok := f.Impl.(Releaser); ok {
				r.Release(t, f)
			}
		}
	}
	if err != nil {
		f.putWriter()
		v.open.Add(-1)
		return nil, err
	}
	return f, nil
}

func (f *File) truncateAtOpen(t *sched.Thread) error {
	i := f.Inode
	if i.writers.Load() < 0 {
		return errno.ETXTBSY
	}
	i.mu.Lock(t)
	defer i.mu.Unlock(t)
	now := i.SB.VFS.Now()
	return i.setattr(t, &SetAttr{Mask: AttrSize | AttrMtime | AttrCtime, Mtime: now, Ctime: now})
}

// open finds out what implements the file.
func (f *File) open(t *sched.Thread) error {
	i := f.Inode
	switch i.Mode().Type() {
	case abi.S_IFCHR:
		c := f.v.charDev(t, i.Rdev)
		if c == nil {
			return errno.ENXIO.Because("no driver for the device number")
		}
		impl, err := c.Open(t, i, f)
		if err != nil {
			return err
		}
		f.flags.And(^uint32(abi.O_NOCTTY))
		if f.Impl == nil {
			f.Impl = impl
		}
		f.setSeekable()
		return nil
	case abi.S_IFBLK:
		return errno.ENXIO.Because("there are no block devices")
	case abi.S_IFIFO:
		if f.v.OpenFIFO == nil {
			return errno.ENXIO
		}
		return f.v.OpenFIFO(t, i, f)
	}
	f.Impl = i.Ops
	f.setSeekable()
	if o, ok := i.Ops.(Opener); ok {
		return o.Open(t, i, f)
	}
	return nil
}

// create is into for open with O_CREAT: where there is no file it makes one and opens it.
func (w *walker) create(follow bool, flags int, mode Mode) (again bool, f *File, err error) {
	if w.kind != lastNorm {
		if flags&abi.O_EXCL != 0 {
			return false, nil, errno.EEXIST
		}
		if i := w.at.Inode(); i != nil && !i.IsDir() {
			return false, nil, nil // a link in /proc/PID/fd has led to it: >/dev/stderr
		}
		return false, nil, errno.EISDIR
	}
	if w.slash {
		return false, nil, errno.EISDIR.Because("a slash follows the name of a file to be made")
	}
	if err := w.search(); err != nil {
		return false, nil, err
	}
	v, t := w.v, w.t
	// Most files exist, or their absence is known.
	if d := w.at.Dentry.children[w.last]; d != nil && d.quirks&quirkRevalidate == 0 && d.Inode() != nil {
		if flags&abi.O_EXCL != 0 {
			return false, nil, errno.EEXIST
		}
		again, err := w.step(w.last, follow)
		return again, nil, err
	}
	if err := w.unlock(); err != nil {
		return false, nil, err
	}
	parent := w.at.Dentry
	dir := parent.Inode()
	if d := v.cached(t, parent, w.last); d != nil {
		if d.quirks&quirkRevalidate != 0 && !dir.Ops.(Revalidater).Revalidate(t, dir, w.last, d.Inode()) {
			v.drop(t, d)
		}
		d.DecRef(t)
	}
	dir.mu.Lock(t)
	d, err := v.lookupLocked(t, parent, w.last)
	fresh := false
	if err == nil && d.Inode() == nil {
		if err = w.mayMake(dir); err == nil {
			fresh = true
			err = v.createFile(t, dir, d, newNode(t, dir, abi.S_IFREG|mode.Perm(), w.fs.Umask()))
		}
		if err != nil {
			d.DecRef(t)
		}
	}
	dir.mu.Unlock(t)
	v.trim(t)
	if err != nil {
		return false, nil, err
	}
	if !fresh {
		if flags&abi.O_EXCL != 0 {
			d.DecRef(t)
			return false, nil, errno.EEXIST
		}
		if i := d.Inode(); follow && i.Mode().IsSymlink() {
			err := w.readlink(Path{w.at.Mount, d})
			d.DecRef(t)
			w.relock()
			return true, nil, err
		}
		w.moveAnchor(d)
		w.relock()
		return false, nil, w.top()
	}
	w.moveAnchor(d)
	p := w.at
	p.IncRef()
	w.finish()
	f, err = v.openPath(t, p, flags&^abi.O_TRUNC, true)
	if err != nil {
		p.DecRef(t)
	}
	return false, f, err
}

// mayMake checks that a file may be made where we are.
func (w *walker) mayMake(dir *Inode) error {
	if w.at.Mount != nil && w.at.Mount.ReadOnly() {
		return errno.EROFS
	}
	return mayCreate(w.t, dir)
}

// createFile makes the regular file that d, which is negative, names. Caller holds dir.mu.
func (v *VFS) createFile(t *sched.Thread, dir *Inode, d *Dentry, n NewNode) error {
	c, ok := dir.Ops.(Creater)
	if !ok {
		return errno.EACCES.Because("no files can be made in this directory")
	}
	inode, err := c.Create(t, dir, d.name, n)
	if err != nil {
		return err
	}
	v.instantiate(t, d, inode)
	return nil
}

// openTmpfile makes a file without a name in the directory that name means (O_TMPFILE).
func (v *VFS) openTmpfile(t *sched.Thread, fs *FS, at Path, name string, how OpenHow) (*File, error) {
	flags := how.Flags
	if flags&abi.O_TMPFILE != abi.O_TMPFILE || flags&abi.O_ACCMODE == abi.O_RDONLY || flags&abi.O_CREAT != 0 {
		return nil, errno.EINVAL.Because("O_TMPFILE needs O_DIRECTORY and writing, and excludes O_CREAT")
	}
	p, err := v.Resolve(t, fs, at, name, how.Resolve|Follow|Directory)
	if err != nil {
		return nil, err
	}
	defer p.DecRef(t)
	dir := p.Inode()
	if p.Mount.ReadOnly() {
		return nil, errno.EROFS
	}
	maker, ok := dir.Ops.(Tmpfiler)
	if !ok {
		return nil, errno.EOPNOTSUPP
	}
	dir.mu.Lock(t)
	err = mayCreate(t, dir)
	var inode *Inode
	if err == nil {
		inode, err = maker.Tmpfile(t, dir, newNode(t, dir, abi.S_IFREG|how.Mode.Perm(), fs.Umask()))
	}
	dir.mu.Unlock(t)
	if err != nil {
		return nil, err
	}
	d := newDentry(p.Dentry, "#"+utoa(inode.Ino), inode)
	q := Path{p.Mount, d}
	p.Mount.refs.Add(1)
	f, err := v.openPath(t, q, flags&^abi.O_DIRECTORY, true)
	if err != nil {
		q.DecRef(t)
		return nil, err
	}
	inode.linkable.Store(flags&abi.O_EXCL == 0)
	return f, nil
}

func utoa(n uint64) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}
