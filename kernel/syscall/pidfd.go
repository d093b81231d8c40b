package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/task"
)

func init() {
	Define(434, "pidfd_open", sysPidfdOpen, In("pid", Int), In("flags", Flags(Flag{abi.O_NONBLOCK, "PIDFD_NONBLOCK"})), Covers("PIDFD_NONBLOCK"),
		Lacks("PIDFD_THREAD"))
	Define(438, "pidfd_getfd", sysPidfdGetfd, In("pidfd", FD), In("targetfd", FD), In("flags", Hex))
}

// sysPidfdOpen implements pidfd_open(2).
func sysPidfdOpen(t *task.Task, a Args) (uint64, error) {
	if a.Uint(1)&^abi.O_NONBLOCK != 0 {
		return 0, errno.EINVAL.Because("unknown flags")
	}
	fd, err := t.OpenPIDFD(a.Int(0), int(a.Uint(1)))
	return uint64(fd), err
}

// sysPidfdGetfd implements pidfd_getfd(2).
func sysPidfdGetfd(t *task.Task, a Args) (uint64, error) {
	if a[2] != 0 {
		return 0, errno.EINVAL.Because("no flags are known")
	}
	g, err := t.PIDFDGroup(a.FD(0))
	if err != nil {
		return 0, err
	}
	x := g.LeaderTask(t.Thread)
	files := x.Files(t.Thread)
	if files == nil {
		return 0, errno.ESRCH
	}
	defer files.Release(t.Thread)
	if c, o := t.Cred, x.Credentials(); !c.Has(cred.CapSysPtrace) &&
		(c.FSUID != o.UID || c.FSUID != o.EUID || c.FSUID != o.SUID || !g.Dumpable(t.Thread)) {
		return 0, errno.EPERM.Because("the process may not be traced")
	}
	f, err := files.Get(t.Thread, a.FD(1))
	if err != nil {
		return 0, err
	}
	fd, err := t.FDs.Install(t.Thread, f, true, 0)
	if err != nil {
		f.DecRef(t.Thread)
	}
	return uint64(fd), err
}
