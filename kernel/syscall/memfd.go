package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(319, "memfd_create", sysMemfdCreate, In("name", Path), In("flags", Flags(Flag{abi.MFD_CLOEXEC, "MFD_CLOEXEC"},
		Flag{abi.MFD_ALLOW_SEALING, "MFD_ALLOW_SEALING"}, Flag{abi.MFD_NOEXEC_SEAL, "MFD_NOEXEC_SEAL"}, Flag{abi.MFD_EXEC, "MFD_EXEC"})), Lacks("MFD_HUGETLB"))
}

// sysMemfdCreate implements memfd_create(2): all flags but MFD_HUGETLB.
func sysMemfdCreate(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(1)
	const both = abi.MFD_NOEXEC_SEAL | abi.MFD_EXEC
	if flags&^(abi.MFD_CLOEXEC|abi.MFD_ALLOW_SEALING|both) != 0 || flags&both == both {
		return 0, errno.EINVAL.Because("MFD_HUGETLB or an unknown flag")
	}
	name, err := mm.CopyInString(t.Thread, a.Addr(0), 249)
	if errno.Of(err) == errno.ENAMETOOLONG {
		return 0, errno.EINVAL.Because("the name is longer than 249 bytes")
	} else if err != nil {
		return 0, err
	}
	f, err := tmpfs.NewMemfd(t.Thread, t.Sys.VFS, name, flags)
	if err != nil {
		return 0, err
	}
	fd, err := t.FDs.Install(t.Thread, f, flags&abi.MFD_CLOEXEC != 0, 0)
	if err != nil {
		f.DecRef(t.Thread)
	}
	return uint64(fd), err
}
