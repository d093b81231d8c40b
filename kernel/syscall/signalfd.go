package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(282, "signalfd", sysSignalfd, In("fd", FD), In("mask", Addr), In("sigsetsize", Size))
	Define(289, "signalfd4", sysSignalfd4, In("fd", FD), In("mask", Addr), In("sigsetsize", Size),
		In("flags", Flags(Flag{abi.SFD_CLOEXEC, "SFD_CLOEXEC"}, Flag{abi.SFD_NONBLOCK, "SFD_NONBLOCK"})))
}

// sysSignalfd implements signalfd(2) as it was at first: without flags.
func sysSignalfd(t *task.Task, a Args) (uint64, error) {
	return sysSignalfd4(t, Args{a[0], a[1], a[2]})
}

// sysSignalfd4 implements signalfd(2): SFD_CLOEXEC, SFD_NONBLOCK.
func sysSignalfd4(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(3)
	if flags&^(abi.SFD_CLOEXEC|abi.SFD_NONBLOCK) != 0 {
		return 0, errno.EINVAL.Because("unknown SFD_ flag")
	}
	if a[2] != 8 {
		return 0, errno.EINVAL.Because("a sigset_t has 8 bytes")
	}
	mask, err := mm.CopyInStruct[abi.SigSet](t.Thread, a.Addr(1))
	if err != nil {
		return 0, err
	}
	if a.FD(0) == -1 {
		return installAnon(t, "anon_inode:[signalfd]", ipc.NewSignalFD(mask), abi.O_RDWR|flags&abi.SFD_NONBLOCK, flags&abi.SFD_CLOEXEC != 0)
	}
	return uint64(a.FD(0)), withFile(t, a.FD(0), func(f *vfs.File) error {
		s, ok := f.Impl.(*ipc.SignalFD)
		if !ok {
			return errno.EINVAL.Because("not a signalfd")
		}
		s.SetMask(t.Thread, mask)
		return nil
	})
}
