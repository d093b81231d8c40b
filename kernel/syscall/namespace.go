package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/task"
)

func init() {
	Define(272, "unshare", sysUnshare, In("flags", Flags(cloneFlagNames...)), Covers("CLONE_FILES, CLONE_FS, CLONE_SYSVSEM"),
		Lacks("namespaces: EPERM or EINVAL"))
	Define(308, "setns", sysSetns, In("fd", FD), In("type", Hex), Lacks("there is one namespace of each kind: EINVAL"))
	Define(317, "seccomp", sysSeccomp, In("op", Int), In("flags", Hex), In("args", Addr), Lacks("everything: EINVAL"))
}

// sysUnshare implements unshare(2): CLONE_FILES, CLONE_FS and what they imply. There are no namespaces to leave.
func sysUnshare(t *task.Task, a Args) (uint64, error) {
	flags := a[0]
	switch {
	case flags&^(abi.CLONE_FILES|abi.CLONE_FS|abi.CLONE_SYSVSEM|abi.CLONE_NEWANY|abi.CLONE_THREAD|abi.CLONE_VM|abi.CLONE_SIGHAND) != 0:
		return 0, errno.EINVAL.Because("unknown flags")
	case flags&abi.CLONE_NEWANY != 0:
		if flags&abi.CLONE_NEWUSER == 0 && !t.Cred.Has(cred.CapSysAdmin) {
			return 0, errno.EPERM.Because("a new namespace needs CAP_SYS_ADMIN")
		}
		return 0, errno.EINVAL.Because("this kernel has one namespace of each kind")
	case flags&(abi.CLONE_THREAD|abi.CLONE_VM|abi.CLONE_SIGHAND) != 0 && len(t.Group.Threads(t.Thread)) > 1:
		return 0, errno.EINVAL.Because("the process has several threads")
	}
	if flags&abi.CLONE_FS != 0 {
		t.UnshareFS()
	}
	if flags&abi.CLONE_FILES != 0 {
		t.UnshareFiles(task.MaxFiles)
	}
	return 0, nil
}

// sysSetns implements setns(2): there is nothing else to enter.
func sysSetns(t *task.Task, a Args) (uint64, error) {
	f, err := t.File(a.FD(0))
	if err != nil {
		return 0, err
	}
	f.DecRef(t.Thread)
	return 0, errno.EINVAL.Because("the descriptor is of no namespace")
}

// sysSeccomp implements seccomp(2) as a kernel without it does.
func sysSeccomp(t *task.Task, a Args) (uint64, error) { return 0, errno.EINVAL.Because("no seccomp") }
