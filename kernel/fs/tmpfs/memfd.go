package tmpfs

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// NewMemfd opens a new file without a name, as memfd_create(2); flags are of abi.MFD_….
func NewMemfd(t *sched.Thread, v *vfs.VFS, name string, flags int) (*vfs.File, error) {
	sb, _ := v.Shared(t, "tmpfs.memfd", func() any {
		sb, err := Mount(t, v, vfs.MountRequest{Source: "memfd", Data: "size=0,nr_inodes=0"})
		if err != nil {
			return nil
		}
		return sb
	}).(*vfs.Superblock)
	if sb == nil {
		return nil, errno.ENOMEM
	}
	fs := sb.Fs.(*FS)
	if err := fs.chargeInode(); err != nil {
		return nil, err
	}
	n := vfs.NewNode{Mode: abi.S_IFREG | 0o777, UID: uint32(t.Cred.FSUID), GID: uint32(t.Cred.FSGID)}
	i := newFile(fs, n)
	i.SetNlink(0)
	f := i.Ops.(*file)
	f.sealing = true
	f.seals = abi.F_SEAL_SEAL
	if flags&abi.MFD_ALLOW_SEALING != 0 {
		f.seals = 0
	}
	if flags&abi.MFD_NOEXEC_SEAL != 0 {
		i.SetMode(abi.S_IFREG | 0o666)
		f.seals = f.seals&^abi.F_SEAL_SEAL | abi.F_SEAL_EXEC
	}
	return v.NewAnonFileInode(t, "/memfd:"+name+" (deleted)", i, f, abi.O_RDWR|abi.O_LARGEFILE), nil
}

// Fcntl implements vfs.Fcntler: seals.
func (n *file) Fcntl(t *sched.Thread, f *vfs.File, cmd int, arg uint64) (uint64, error) {
	i := f.Inode
	if !n.sealing || cmd != abi.F_ADD_SEALS && cmd != abi.F_GET_SEALS {
		return 0, errno.EINVAL
	}
	i.Lock(t)
	defer i.Unlock(t)
	if cmd == abi.F_GET_SEALS {
		return uint64(n.seals), nil
	}
	const all = abi.F_SEAL_SEAL | abi.F_SEAL_SHRINK | abi.F_SEAL_GROW | abi.F_SEAL_WRITE | abi.F_SEAL_FUTURE_WRITE | abi.F_SEAL_EXEC
	switch {
	case arg&^all != 0:
		return 0, errno.EINVAL
	case !f.CanWrite():
		return 0, errno.EPERM
	case n.seals&abi.F_SEAL_SEAL != 0:
		return 0, errno.EPERM.Because("sealed against seals")
	case arg&abi.F_SEAL_WRITE != 0 && n.seals&abi.F_SEAL_WRITE == 0 && i.Pages.WritablyMapped(t):
		return 0, errno.EBUSY.Because("the file is mapped writable")
	}
	n.seals |= int(arg)
	return 0, nil
}

// checkWrite looks at the seals before a write. Caller holds i's lock.
func (n *file) checkWrite(i *vfs.Inode, off, size int64) error {
	switch {
	case n.seals&(abi.F_SEAL_WRITE|abi.F_SEAL_FUTURE_WRITE) != 0:
		return errno.EPERM.Because("sealed against writing")
	case n.seals&abi.F_SEAL_GROW != 0 && off+size > i.Size():
		return errno.EPERM.Because("sealed against growing")
	}
	return nil
}

func (n *file) checkResize(i *vfs.Inode, size int64) error {
	switch {
	case n.seals&abi.F_SEAL_SHRINK != 0 && size < i.Size():
		return errno.EPERM.Because("sealed against shrinking")
	case n.seals&abi.F_SEAL_GROW != 0 && size > i.Size():
		return errno.EPERM.Because("sealed against growing")
	}
	return nil
}

func (n *file) checkFallocate(i *vfs.Inode, mode int, end int64) error {
	if mode&abi.FALLOC_FL_PUNCH_HOLE != 0 {
		return n.checkWrite(i, 0, 0)
	}
	return n.checkResize(i, max(end, i.Size()))
}

// Mmap implements vfs.Mapper.
func (n *file) Mmap(t *sched.Thread, f *vfs.File, req *mm.MapRequest) error {
	req.Pager = f.Inode.Pages
	if n.sealing {
		f.Inode.Lock(t)
		sealed := n.seals&(abi.F_SEAL_WRITE|abi.F_SEAL_FUTURE_WRITE) != 0
		f.Inode.Unlock(t)
		if sealed && req.Flags&abi.MAP_SHARED != 0 {
			if req.Prot&mm.Write != 0 {
				return errno.EPERM.Because("sealed against writing")
			}
			req.ReadOnlyFile = true
		}
	}
	f.Inode.Accessed(t, f.Path.Mount)
	return nil
}
