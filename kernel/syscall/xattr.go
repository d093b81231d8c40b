package syscall

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	covers := Covers("user.* and trusted.* where the filesystem keeps them")
	Define(188, "setxattr", xattrAt(vfs.Follow, setXAttr), In("path", Path), In("name", Path), In("value", Buf(3)), In("size", Size), In("flags", Hex), covers)
	Define(189, "lsetxattr", xattrAt(0, setXAttr), In("path", Path), In("name", Path), In("value", Buf(3)), In("size", Size), In("flags", Hex), covers)
	Define(190, "fsetxattr", xattrFD(setXAttr), In("fd", FD), In("name", Path), In("value", Buf(3)), In("size", Size), In("flags", Hex), covers)
	Define(191, "getxattr", xattrAt(vfs.Follow, getXAttr), In("path", Path), In("name", Path), Out("value", Buf(3)), In("size", Size), covers)
	Define(192, "lgetxattr", xattrAt(0, getXAttr), In("path", Path), In("name", Path), Out("value", Buf(3)), In("size", Size), covers)
	Define(193, "fgetxattr", xattrFD(getXAttr), In("fd", FD), In("name", Path), Out("value", Buf(3)), In("size", Size), covers)
	Define(194, "listxattr", xattrAt(vfs.Follow, listXAttr), In("path", Path), Out("list", Buf(2)), In("size", Size), covers)
	Define(195, "llistxattr", xattrAt(0, listXAttr), In("path", Path), Out("list", Buf(2)), In("size", Size), covers)
	Define(196, "flistxattr", xattrFD(listXAttr), In("fd", FD), Out("list", Buf(2)), In("size", Size), covers)
	Define(197, "removexattr", xattrAt(vfs.Follow, removeXAttr), In("path", Path), In("name", Path), covers)
	Define(198, "lremovexattr", xattrAt(0, removeXAttr), In("path", Path), In("name", Path), covers)
	Define(199, "fremovexattr", xattrFD(removeXAttr), In("fd", FD), In("name", Path), covers)
}

// xattrOp works on the file at p; the arguments after the file are the same in all forms of a call.
type xattrOp func(t *task.Task, p vfs.Path, a Args) (uint64, error)

// xattrAt makes the handler of the form that takes a path, xattrFD of the one that takes a descriptor.
func xattrAt(how vfs.Lookup, op xattrOp) Handler {
	return func(t *task.Task, a Args) (n uint64, err error) {
		err = withPath(t, abi.AT_FDCWD, a.Addr(0), how, func(p vfs.Path) error {
			n, err = op(t, p, a)
			return err
		})
		return n, err
	}
}

func xattrFD(op xattrOp) Handler {
	return func(t *task.Task, a Args) (n uint64, err error) {
		err = withFile(t, a.FD(0), func(f *vfs.File) error {
			if f.IsPath() {
				return errno.EBADF
			}
			n, err = op(t, f.Path, a)
			return err
		})
		return n, err
	}
}

// xattrName reads and checks a name; mask says what the caller wants to do with the file.
func xattrName(t *task.Task, p vfs.Path, addr mm.UAddr, mask int) (string, vfs.XAttrer, error) {
	name, err := mm.CopyInString(t.Thread, addr, abi.XATTR_NAME_MAX)
	if errno.Of(err) == errno.ENAMETOOLONG || err == nil && name == "" {
		return "", nil, errno.ERANGE
	} else if err != nil {
		return "", nil, err
	}
	i := p.Inode()
	x, ok := i.Ops.(vfs.XAttrer)
	space, rest, _ := strings.Cut(name, ".")
	switch {
	case !ok || rest == "" || space != "user" && space != "trusted":
		return "", nil, errno.EOPNOTSUPP
	case space == "trusted" && !t.Cred.Has(cred.CapSysAdmin):
		if mask == abi.W_OK {
			return "", nil, errno.EPERM
		}
		return "", nil, errno.ENODATA
	case space == "user" && !i.Mode().IsReg() && !i.IsDir():
		return "", nil, errno.EPERM.Because("user.* attributes are for files and directories")
	}
	if mask == abi.W_OK && p.Mount != nil && p.Mount.ReadOnly() {
		return "", nil, errno.EROFS
	}
	return name, x, p.Access(t.Thread, mask)
}

func setXAttr(t *task.Task, p vfs.Path, a Args) (uint64, error) {
	name, x, err := xattrName(t, p, a.Addr(1), abi.W_OK)
	if err != nil {
		return 0, err
	}
	if a.Int(4)&^(abi.XATTR_CREATE|abi.XATTR_REPLACE) != 0 {
		return 0, errno.EINVAL
	}
	if a[3] > abi.XATTR_SIZE_MAX {
		return 0, errno.E2BIG
	}
	value, err := mm.CopyInSlice[byte](t.Thread, a.Addr(2), int(a[3]))
	if err != nil {
		return 0, err
	}
	i := p.Inode()
	i.Lock(t.Thread)
	defer i.Unlock(t.Thread)
	return 0, x.SetXAttr(t.Thread, i, name, value, a.Int(4))
}

func getXAttr(t *task.Task, p vfs.Path, a Args) (uint64, error) {
	name, x, err := xattrName(t, p, a.Addr(1), abi.R_OK)
	if err != nil {
		return 0, err
	}
	i := p.Inode()
	i.Lock(t.Thread)
	value, err := x.GetXAttr(t.Thread, i, name)
	i.Unlock(t.Thread)
	if err != nil {
		return 0, err
	}
	return copyXAttr(t, a.Addr(2), a[3], value)
}

// copyXAttr tells the size if the caller asks with a size of 0, else the bytes.
func copyXAttr(t *task.Task, to mm.UAddr, size uint64, b []byte) (uint64, error) {
	switch {
	case size == 0:
		return uint64(len(b)), nil
	case uint64(len(b)) > size:
		return 0, errno.ERANGE
	}
	return uint64(len(b)), mm.CopyOut(t.Thread, to, b)
}

func listXAttr(t *task.Task, p vfs.Path, a Args) (uint64, error) {
	i := p.Inode()
	x, ok := i.Ops.(vfs.XAttrer)
	if !ok {
		return 0, nil
	}
	i.Lock(t.Thread)
	names, err := x.ListXAttr(t.Thread, i)
	i.Unlock(t.Thread)
	if err != nil {
		return 0, err
	}
	var b []byte
	for _, n := range names {
		if strings.HasPrefix(n, "user.") || t.Cred.Has(cred.CapSysAdmin) {
			b = append(append(b, n...), 0)
		}
	}
	return copyXAttr(t, a.Addr(1), a[2], b)
}

func removeXAttr(t *task.Task, p vfs.Path, a Args) (uint64, error) {
	name, x, err := xattrName(t, p, a.Addr(1), abi.W_OK)
	if err != nil {
		return 0, err
	}
	i := p.Inode()
	i.Lock(t.Thread)
	defer i.Unlock(t.Thread)
	return 0, x.RemoveXAttr(t.Thread, i, name)
}
