package tmpfs

import (
	"bytes"
	"sort"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

const errNotSupported = errno.EOPNOTSUPP

// xattr is an extended attribute (xattr(7)).
type xattr struct {
	name  string
	value []byte
}

// maxXAttrs bounds what one inode keeps.
const maxXAttrs = 64

func (n *node) find(name string) (int, bool) {
	k := sort.Search(len(n.xattrs), func(k int) bool { return n.xattrs[k].name >= name })
	return k, k < len(n.xattrs) && n.xattrs[k].name == name
}

func supported(i *vfs.Inode, name string) error {
	switch {
	case strings.HasPrefix(name, "user."):
		if m := i.Mode(); !m.IsReg() && !m.IsDir() {
			return errno.EPERM.Because("user attributes are for files and directories")
		}
	case strings.HasPrefix(name, "trusted."), strings.HasPrefix(name, "security."):
	default:
		return errNotSupported
	}
	return nil
}

// GetXAttr implements vfs.XAttrer.
func (n *node) GetXAttr(t *sched.Thread, i *vfs.Inode, name string) ([]byte, error) {
	if err := supported(i, name); err != nil {
		return nil, err
	}
	if k, ok := n.find(name); ok {
		return n.xattrs[k].value, nil // replaced as a whole, never changed
	}
	return nil, errno.ENODATA
}

// SetXAttr implements vfs.XAttrer.
func (n *node) SetXAttr(t *sched.Thread, i *vfs.Inode, name string, value []byte, flags int) error {
	if err := supported(i, name); err != nil {
		return err
	}
	k, ok := n.find(name)
	switch {
	case ok && flags&abi.XATTR_CREATE != 0:
		return errno.EEXIST
	case !ok && flags&abi.XATTR_REPLACE != 0:
		return errno.ENODATA
	case ok:
		n.xattrs[k].value = bytes.Clone(value)
	case len(n.xattrs) >= maxXAttrs:
		return errno.ENOSPC.Because("too many extended attributes")
	default:
		n.xattrs = append(n.xattrs, xattr{})
		copy(n.xattrs[k+1:], n.xattrs[k:])
		n.xattrs[k] = xattr{strings.Clone(name), bytes.Clone(value)}
	}
	i.ChangedAttr()
	return nil
}

// RemoveXAttr implements vfs.XAttrer.
func (n *node) RemoveXAttr(t *sched.Thread, i *vfs.Inode, name string) error {
	if err := supported(i, name); err != nil {
		return err
	}
	k, ok := n.find(name)
	if !ok {
		return errno.ENODATA
	}
	n.xattrs = append(n.xattrs[:k], n.xattrs[k+1:]...)
	i.ChangedAttr()
	return nil
}

// ListXAttr implements vfs.XAttrer.
func (n *node) ListXAttr(t *sched.Thread, i *vfs.Inode) ([]string, error) {
	var names []string
	for _, x := range n.xattrs {
		names = append(names, x.name)
	}
	return names, nil
}
