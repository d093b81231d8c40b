package tmpfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// node is what all inodes have; links and special files have nothing else.
type node struct {
	fs     *FS     // immutable
	xattrs []xattr // sorted by name; guarded by Inode.mu
}

// Evict implements vfs.Evicter.
func (n *node) Evict(t *sched.Thread, inode *vfs.Inode) { n.fs.inodes.Add(-1) }

// file is a regular file.
type file struct {
	node
	seals   int  // abi.F_SEAL_…; guarded by Inode.mu
	sealing bool // immutable: made by memfd_create(2)
}

var (
	_ vfs.Reader     = (*file)(nil)
	_ vfs.Writer     = (*file)(nil)
	_ vfs.Setattrer  = (*file)(nil)
	_ vfs.Fallocater = (*file)(nil)
	_ vfs.Mapper     = (*file)(nil)
	_ vfs.Fcntler    = (*file)(nil)
	_ vfs.XAttrer    = (*file)(nil)
	_ vfs.Evicter    = (*file)(nil)
)

func newFile(fs *FS, n vfs.NewNode) *vfs.Inode {
	f := &file{node: node{fs: fs}}
	i := fs.sb.NewInode(fs.sb.NextIno(), n.Mode, f)
	i.Init(n)
	i.Pages = vfs.NewPageCache(fs.mem, i, nil, fs)
	return i
}

// Read implements vfs.Reader.
func (n *file) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, off int64) (int, error) {
	return vfs.GenericRead(t, f, dst, off)
}

// Write implements vfs.Writer.
func (n *file) Write(t *sched.Thread, f *vfs.File, src *mm.IO, off int64) (int, error) {
	if n.sealing {
		return vfs.GenericWrite(t, f, src, off, func(off int64, size int) error {
			return n.checkWrite(f.Inode, off, int64(size))
		})
	}
	return vfs.GenericWrite(t, f, src, off)
}

// Setattr implements vfs.Setattrer.
func (n *file) Setattr(t *sched.Thread, i *vfs.Inode, s *vfs.SetAttr) error {
	if s.Mask&vfs.AttrSize != 0 && n.sealing {
		if err := n.checkResize(i, s.Size); err != nil {
			return err
		}
	}
	i.Apply(t, s)
	return nil
}

// Fallocate implements vfs.Fallocater: allocation, holes and zeroing.
func (n *file) Fallocate(t *sched.Thread, f *vfs.File, mode int, off, size int64) error {
	i := f.Inode
	end := off + size
	keep := mode&abi.FALLOC_FL_KEEP_SIZE != 0
	if n.sealing {
		if err := n.checkFallocate(i, mode, end); err != nil {
			return err
		}
	}
	switch mode &^ abi.FALLOC_FL_KEEP_SIZE {
	case 0:
	case abi.FALLOC_FL_PUNCH_HOLE:
		i.Changed()
		return i.Pages.Punch(t, off, min(end, max(off, i.Size())))
	case abi.FALLOC_FL_ZERO_RANGE:
		if err := i.Pages.Punch(t, off, min(end, max(off, i.Size()))); err != nil {
			return err
		}
	default:
		return errNotSupported
	}
	old := i.Size()
	if err := i.Pages.Allocate(t, off, end); err != nil {
		i.Pages.Truncate(t, old) // what was allocated beyond the end goes again
		return err
	}
	if !keep && end > old {
		i.SetSize(end)
		i.Changed()
	} else {
		i.ChangedAttr()
	}
	return nil
}

// newSpecial makes a symbolic link, FIFO, socket or device node.
func newSpecial(fs *FS, n vfs.NewNode) *vfs.Inode {
	i := fs.sb.NewInode(fs.sb.NextIno(), n.Mode, &node{fs: fs})
	i.Init(n)
	return i
}
