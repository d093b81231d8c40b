package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/task"
)

func init() {
	Define(284, "eventfd", sysEventfd, In("initval", Uint))
	Define(290, "eventfd2", sysEventfd2, In("initval", Uint), In("flags", Flags(Flag{abi.EFD_SEMAPHORE, "EFD_SEMAPHORE"},
		Flag{abi.EFD_CLOEXEC, "EFD_CLOEXEC"}, Flag{abi.EFD_NONBLOCK, "EFD_NONBLOCK"})))
}

// sysEventfd implements eventfd(2) as it was at first: without flags.
func sysEventfd(t *task.Task, a Args) (uint64, error) { return sysEventfd2(t, Args{a[0]}) }

// sysEventfd2 implements eventfd(2): EFD_SEMAPHORE, EFD_CLOEXEC, EFD_NONBLOCK.
func sysEventfd2(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(1)
	if flags&^(abi.EFD_SEMAPHORE|abi.EFD_CLOEXEC|abi.EFD_NONBLOCK) != 0 {
		return 0, errno.EINVAL.Because("unknown EFD_ flag")
	}
	e := ipc.NewEventFD(uint64(a.Uint(0)), flags&abi.EFD_SEMAPHORE != 0)
	return installAnon(t, "anon_inode:[eventfd]", e, abi.O_RDWR|flags&abi.EFD_NONBLOCK, flags&abi.EFD_CLOEXEC != 0)
}
