package overlay

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// file is a regular file.
type file struct{ node }

// special is a symbolic link, FIFO, socket or device node.
type special struct{ node }

var (
	_ vfs.Opener     = (*file)(nil)
	_ vfs.Reader     = (*file)(nil)
	_ vfs.Writer     = (*file)(nil)
	_ vfs.Mapper     = (*file)(nil)
	_ vfs.Syncer     = (*file)(nil)
	_ vfs.Seeker     = (*file)(nil)
	_ vfs.Setattrer  = (*file)(nil)
	_ vfs.Getattrer  = (*file)(nil)
	_ vfs.Fallocater = (*file)(nil)
	_ vfs.XAttrer    = (*file)(nil)
	_ vfs.Evicter    = (*file)(nil)
	_ vfs.Readlinker = (*special)(nil)
	_ vfs.Setattrer  = (*special)(nil)
)

// Open implements vfs.Opener: a file that will be written is copied up.
func (n *file) Open(t *sched.Thread, i *vfs.Inode, f *vfs.File) error {
	if f.CanWrite() {
		size := int64(wholeFile)
		if f.Flags()&abi.O_TRUNC != 0 {
			size = 0
		}
		_, err := n.fs.copyUp(t, &n.node, size)
		return err
	}
	if n.up.Load() != nil {
		return nil
	}
	// The layer may refuse, though modes don't show it: a file that the host's user can't read.
	if _, ok := n.lower[0].Ops.(vfs.Opener); ok {
		r, err := vfs.OpenInode(t, n.lower[0], abi.O_RDONLY)
		if err != nil {
			return err
		}
		r.DecRef(t)
	}
	return nil
}

// Read implements vfs.Reader.
func (n *file) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, off int64) (int, error) {
	if f.Flags()&abi.O_NOATIME == 0 {
		f.Inode.Accessed(t, f.Path.Mount)
	}
	r := n.real()
	if r.Pages != nil {
		return r.Pages.Read(t, dst, off)
	}
	rf, err := vfs.OpenInode(t, r, abi.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer rf.DecRef(t)
	return rf.ReadAt(t, dst, off)
}

// Write implements vfs.Writer.
func (n *file) Write(t *sched.Thread, f *vfs.File, src *mm.IO, off int64) (int, error) {
	f.Inode.Lock(t)
	defer f.Inode.Unlock(t)
	u, err := n.fs.copyUp(t, &n.node, wholeFile)
	if err != nil {
		return 0, err
	}
	defer n.mirror()
	if u.Pages != nil {
		return vfs.GenericWriteTo(t, f, u, src, off)
	}
	flags := abi.O_WRONLY | f.Flags()&(abi.O_APPEND|abi.O_SYNC)
	rf, err := vfs.OpenInode(t, u, flags)
	if err != nil {
		return 0, err
	}
	defer rf.DecRef(t)
	k, err := rf.WriteAt(t, src, off)
	if f.Append() {
		f.Wrote(u.Size())
	}
	return k, err
}

// Mmap implements vfs.Mapper: programs map the real file's pages, so that all who run a program share its text.
func (n *file) Mmap(t *sched.Thread, f *vfs.File, req *mm.MapRequest) error {
	r := n.real()
	if r.Pages == nil {
		return errno.ENODEV
	}
	req.Pager = r.Pages
	f.Inode.Accessed(t, f.Path.Mount)
	return nil
}

// Sync implements vfs.Syncer.
func (n *file) Sync(t *sched.Thread, f *vfs.File, dataOnly bool) error {
	u := n.up.Load()
	if u == nil {
		return nil
	}
	rf, err := vfs.OpenInode(t, u, abi.O_RDONLY)
	if err != nil {
		return err
	}
	defer rf.DecRef(t)
	return rf.Sync(t, dataOnly)
}

// Seek implements vfs.Seeker: the real file knows its holes.
func (n *file) Seek(t *sched.Thread, f *vfs.File, off int64, whence int) (int64, error) {
	if r := n.real(); r.Pages != nil && (whence == abi.SEEK_DATA || whence == abi.SEEK_HOLE) {
		return r.Pages.SeekData(t, off, whence == abi.SEEK_HOLE)
	}
	return f.GenericSeek(t, off, whence)
}

// Fallocate implements vfs.Fallocater.
func (n *file) Fallocate(t *sched.Thread, f *vfs.File, mode int, off, size int64) error {
	u, err := n.fs.copyUp(t, &n.node, wholeFile)
	if err != nil {
		return err
	}
	rf, err := vfs.OpenInode(t, u, abi.O_RDWR)
	if err != nil {
		return err
	}
	defer rf.DecRef(t)
	err = rf.Fallocate(t, mode, off, size)
	n.mirror()
	return err
}

// Setattr implements vfs.Setattrer: on the copy.
func (n *node) Setattr(t *sched.Thread, i *vfs.Inode, s *vfs.SetAttr) error {
	size := int64(wholeFile)
	if s.Mask&vfs.AttrSize != 0 {
		size = s.Size
	}
	u, err := n.fs.copyUp(t, n, size)
	if err != nil {
		return err
	}
	u.Lock(t)
	err = u.Change(t, s)
	u.Unlock(t)
	n.mirror()
	return err
}

// Readlink implements vfs.Readlinker.
func (n *special) Readlink(t *sched.Thread, i *vfs.Inode) (string, error) {
	r := n.real()
	if l, ok := r.Ops.(vfs.Readlinker); ok {
		return l.Readlink(t, r)
	}
	return "", errno.EINVAL
}

// hidden says that an attribute is a mark, and nobody's business.
func hidden(name string) bool { return strings.HasPrefix(name, markPrefix) }

// xattrs returns the real file's.
func (n *node) xattrs() (vfs.XAttrer, *vfs.Inode, error) {
	r := n.real()
	if x, ok := r.Ops.(vfs.XAttrer); ok {
		return x, r, nil
	}
	return nil, nil, errno.EOPNOTSUPP
}

// GetXAttr implements vfs.XAttrer.
func (n *node) GetXAttr(t *sched.Thread, i *vfs.Inode, name string) ([]byte, error) {
	x, r, err := n.xattrs()
	if err != nil || hidden(name) {
		return nil, errno.EOPNOTSUPP
	}
	r.Lock(t)
	defer r.Unlock(t)
	return x.GetXAttr(t, r, name)
}

// SetXAttr implements vfs.XAttrer.
func (n *node) SetXAttr(t *sched.Thread, i *vfs.Inode, name string, value []byte, flags int) error {
	return n.changeXAttr(t, name, func(x vfs.XAttrer, u *vfs.Inode) error {
		return x.SetXAttr(t, u, name, value, flags)
	})
}

// RemoveXAttr implements vfs.XAttrer.
func (n *node) RemoveXAttr(t *sched.Thread, i *vfs.Inode, name string) error {
	return n.changeXAttr(t, name, func(x vfs.XAttrer, u *vfs.Inode) error { return x.RemoveXAttr(t, u, name) })
}

func (n *node) changeXAttr(t *sched.Thread, name string, f func(x vfs.XAttrer, u *vfs.Inode) error) error {
	if hidden(name) {
		return errno.EOPNOTSUPP
	}
	u, err := n.fs.copyUp(t, n, wholeFile)
	if err != nil {
		return err
	}
	x, ok := u.Ops.(vfs.XAttrer)
	if !ok {
		return errno.EOPNOTSUPP
	}
	u.Lock(t)
	err = f(x, u)
	u.Unlock(t)
	n.mirror()
	return err
}

// ListXAttr implements vfs.XAttrer.
func (n *node) ListXAttr(t *sched.Thread, i *vfs.Inode) ([]string, error) {
	x, r, err := n.xattrs()
	if err != nil {
		return nil, nil
	}
	r.Lock(t)
	defer r.Unlock(t)
	all, err := x.ListXAttr(t, r)
	var names []string
	for _, name := range all {
		if !hidden(name) {
			names = append(names, name)
		}
	}
	return names, err
}
