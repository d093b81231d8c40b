package overlay

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// copyUp makes sure that n has an upper inode, and returns it. Of a regular file's content at most size bytes are
// copied: a file that is about to be cut needs no more. Caller doesn't hold fs.mu.
func (fs *FS) copyUp(t *sched.Thread, n *node, size int64) (*vfs.Inode, error) {
	if u := n.up.Load(); u != nil {
		return u, nil
	}
	fs.mu.Lock(t)
	defer fs.mu.Unlock(t)
	return fs.copyUpLocked(t, n, size)
}

const wholeFile = 1<<63 - 1

// copyUpLocked is copyUp with fs.mu held.
func (fs *FS) copyUpLocked(t *sched.Thread, n *node, size int64) (*vfs.Inode, error) {
	fs.mu.AssertHeld(t)
	if !fs.upper.OK() {
		return nil, errno.EROFS
	}
	// The directories above that have no copy yet, lowest first.
	var chain []*node
	for x := n; x != nil && x.up.Load() == nil; x = x.parent {
		chain = append(chain, x)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		x := chain[i]
		limit := int64(wholeFile)
		if x == n {
			limit = size
		}
		if err := fs.copyOne(t, x, limit); err != nil {
			return nil, err
		}
	}
	return n.up.Load(), nil
}

// copyOne copies one file or directory whose parent has an upper inode. Caller holds fs.mu.
func (fs *FS) copyOne(t *sched.Thread, n *node, size int64) error {
	l := n.lower[0]
	if u := fs.copied[n.key]; u != nil && n.key != (key{}) { // by way of another name
		u.IncRef()
		n.up.Store(u)
		return nil
	}
	var dir *vfs.Inode // nil: the file has no name any more
	if n.parent != nil {
		dir = n.parent.up.Load()
	}
	nn := vfs.NewNode{Mode: l.Mode(), UID: uint32(l.UID()), GID: uint32(l.GID()), Rdev: l.Rdev}
	var u *vfs.Inode
	var err error
	switch {
	case l.Mode().IsReg():
		u, err = fs.copyFile(t, n, dir, nn, size)
	case dir == nil:
		return errno.ESTALE.Because("overlay: the file was removed")
	default:
		dir.Lock(t)
		before := dir.Mtime()
		u, err = makeIn(t, dir, n.name, nn, l)
		restoreMtime(t, dir, before)
		dir.Unlock(t)
		if err == nil {
			if err = fs.copyAttrs(t, n, u); err != nil {
				u.DecRef(t)
			}
		}
	}
	if err != nil {
		return err
	}
	if !l.IsDir() && l.Nlink() > 1 {
		u.IncRef()
		fs.copied[n.key] = u
		fs.tabMu.Lock(t)
		fs.nlinks[n.key] = n.self.Nlink()
		fs.tabMu.Unlock(t)
	}
	n.up.Store(u)
	return nil
}

// makeIn makes a file that is neither regular nor a directory's content in a real directory, which is locked.
func makeIn(t *sched.Thread, dir *vfs.Inode, name string, nn vfs.NewNode, like *vfs.Inode) (*vfs.Inode, error) {
	switch nn.Mode.Type() {
	case abi.S_IFDIR:
		if o, ok := dir.Ops.(vfs.Mkdirer); ok {
			return o.Mkdir(t, dir, name, nn)
		}
	case abi.S_IFREG:
		if o, ok := dir.Ops.(vfs.Creater); ok {
			return o.Create(t, dir, name, nn)
		}
	case abi.S_IFLNK:
		target := like.Link
		if r, ok := like.Ops.(vfs.Readlinker); ok && target == "" {
			var err error
			if target, err = r.Readlink(t, like); err != nil {
				return nil, err
			}
		}
		if o, ok := dir.Ops.(vfs.Symlinker); ok {
			return o.Symlink(t, dir, name, target, nn)
		}
	default:
		if o, ok := dir.Ops.(vfs.Mknoder); ok {
			return o.Mknod(t, dir, name, nn)
		}
	}
	return nil, errno.EPERM
}

// copyFile copies a regular file: first without a name, so that nobody sees it half done, then it gets its place.
func (fs *FS) copyFile(t *sched.Thread, n *node, dir *vfs.Inode, nn vfs.NewNode, size int64) (*vfs.Inode, error) {
	root := fs.upper.Inode()
	maker := root.Ops.(vfs.Tmpfiler)
	root.Lock(t)
	u, err := maker.Tmpfile(t, root, nn)
	root.Unlock(t)
	if err != nil {
		return nil, err
	}
	if err = fs.copyData(t, n.lower[0], u, size); err == nil {
		err = fs.copyAttrs(t, n, u)
	}
	if err == nil && dir != nil {
		l, ok := dir.Ops.(vfs.Linker)
		if !ok {
			err = errno.EPERM
		} else {
			dir.Lock(t)
			before := dir.Mtime()
			u.Lock(t)
			err = l.Link(t, dir, n.name, u)
			u.Unlock(t)
			restoreMtime(t, dir, before)
			dir.Unlock(t)
		}
	}
	if err != nil {
		u.DecRef(t)
		return nil, err
	}
	return u, nil
}

// restoreMtime is called at copy-up: for those who look from above nothing has changed.
func restoreMtime(t *sched.Thread, dir *vfs.Inode, mtime int64) {
	dir.Change(t, &vfs.SetAttr{Mask: vfs.AttrMtime, Mtime: mtime})
}

// copyChunk is how much is copied at once.
const copyChunk = 256 << 10

// copyData copies the content.
func (fs *FS) copyData(t *sched.Thread, from, to *vfs.Inode, size int64) error {
	size = min(size, from.Size())
	if size == 0 {
		return nil
	}
	src, err := vfs.OpenInode(t, from, abi.O_RDONLY|abi.O_NOATIME)
	if err != nil {
		return err
	}
	defer src.DecRef(t)
	dst, err := vfs.OpenInode(t, to, abi.O_WRONLY)
	if err != nil {
		return err
	}
	defer dst.DecRef(t)
	buf := make([]byte, min(size, copyChunk))
	for off := int64(0); off < size; {
		n, err := src.ReadAt(t, mm.KernelIO(buf[:min(size-off, copyChunk)]), off)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if !allZero(buf[:n]) { // holes stay holes
			if _, err := dst.WriteAt(t, mm.KernelIO(buf[:n]), off); err != nil {
				return err
			}
		}
		off += int64(n)
	}
	to.Lock(t)
	defer to.Unlock(t)
	return to.Change(t, &vfs.SetAttr{Mask: vfs.AttrSize, Size: size})
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// copyAttrs gives a copy what is not its content.
func (fs *FS) copyAttrs(t *sched.Thread, n *node, u *vfs.Inode) error {
	l := n.lower[0]
	if x, ok := l.Ops.(vfs.XAttrer); ok {
		if err := copyXAttrs(t, x, l, u); err != nil {
			return err
		}
	}
	if m := fs.originMark(l); m != "" && !l.IsDir() {
		if err := setMark(t, u, markOrigin, m); err != nil && errno.Of(err) != errno.EOPNOTSUPP {
			return err
		}
	}
	a, err := l.Attr(t)
	if err != nil {
		return err
	}
	u.Lock(t)
	defer u.Unlock(t)
	return u.Change(t, &vfs.SetAttr{
		Mask: vfs.AttrMode | vfs.AttrUID | vfs.AttrGID | vfs.AttrAtime | vfs.AttrMtime,
		Mode: a.Mode, UID: a.UID, GID: a.GID, Atime: a.Atime, Mtime: a.Mtime,
	})
}

func copyXAttrs(t *sched.Thread, x vfs.XAttrer, from, to *vfs.Inode) error {
	y, ok := to.Ops.(vfs.XAttrer)
	if !ok {
		return nil
	}
	type attr struct {
		name  string
		value []byte
	}
	var all []attr
	from.Lock(t)
	names, err := x.ListXAttr(t, from)
	for _, name := range names {
		if v, err := x.GetXAttr(t, from, name); err == nil && !strings.HasPrefix(name, markPrefix) {
			all = append(all, attr{name, v})
		}
	}
	from.Unlock(t)
	if err != nil {
		return nil // a filesystem without them
	}
	to.Lock(t)
	defer to.Unlock(t)
	for _, a := range all {
		if err := y.SetXAttr(t, to, a.name, a.value, 0); err != nil && errno.Of(err) != errno.EOPNOTSUPP {
			return err
		}
	}
	return nil
}
