package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

var rlimitNames = Enum(Flag{0, "RLIMIT_CPU"}, Flag{1, "RLIMIT_FSIZE"}, Flag{2, "RLIMIT_DATA"}, Flag{3, "RLIMIT_STACK"},
	Flag{4, "RLIMIT_CORE"}, Flag{5, "RLIMIT_RSS"}, Flag{6, "RLIMIT_NPROC"}, Flag{7, "RLIMIT_NOFILE"}, Flag{8, "RLIMIT_MEMLOCK"},
	Flag{9, "RLIMIT_AS"}, Flag{10, "RLIMIT_LOCKS"}, Flag{11, "RLIMIT_SIGPENDING"}, Flag{12, "RLIMIT_MSGQUEUE"},
	Flag{13, "RLIMIT_NICE"}, Flag{14, "RLIMIT_RTPRIO"}, Flag{15, "RLIMIT_RTTIME"})

// rlimitFormat shows a struct rlimit64.
var rlimitFormat Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	l, err := mm.CopyInStruct[abi.Rlimit](t.Thread, mm.UAddr(v))
	if v == 0 || err != nil {
		return Addr(t, v, a, ret)
	}
	show := func(n uint64) string {
		if n == abi.RLIM_INFINITY {
			return "RLIM64_INFINITY"
		}
		return Uint(t, n, a, ret)
	}
	return "{rlim_cur=" + show(l.Cur) + ", rlim_max=" + show(l.Max) + "}"
}

func init() {
	Define(97, "getrlimit", sysGetrlimit, In("resource", rlimitNames), Out("rlim", rlimitFormat))
	Define(98, "getrusage", sysGetrusage, In("who", Int), Out("usage", Addr), Covers("RUSAGE_SELF, CHILDREN, THREAD"), Lacks("block I/O counts"))
	Define(100, "times", sysTimes, Out("buf", Addr))
	Define(160, "setrlimit", sysSetrlimit, In("resource", rlimitNames), In("rlim", rlimitFormat))
	Define(302, "prlimit64", sysPrlimit64, In("pid", Int), In("resource", rlimitNames), In("new", rlimitFormat), Out("old", rlimitFormat),
		Covers("all resources; enforced: CPU FSIZE DATA STACK CORE NPROC NOFILE MEMLOCK AS SIGPENDING"))
}

func resource(n int) (int, error) {
	if n < 0 || n >= abi.RLIM_NLIMITS {
		return 0, errno.EINVAL.Because("no such resource")
	}
	return n, nil
}

// sysGetrlimit implements getrlimit(2).
func sysGetrlimit(t *task.Task, a Args) (uint64, error) {
	r, err := resource(a.Int(0))
	if err != nil {
		return 0, err
	}
	l := t.Group.Rlimit(t.Thread, r)
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &l)
}

// sysSetrlimit implements setrlimit(2).
func sysSetrlimit(t *task.Task, a Args) (uint64, error) {
	r, err := resource(a.Int(0))
	if err != nil {
		return 0, err
	}
	l, err := mm.CopyInStruct[abi.Rlimit](t.Thread, a.Addr(1))
	if err != nil {
		return 0, err
	}
	_, err = t.Group.SetRlimit(t, r, l)
	return 0, err
}

// sysPrlimit64 implements prlimit(2).
func sysPrlimit64(t *task.Task, a Args) (uint64, error) {
	r, err := resource(a.Int(1))
	if err != nil {
		return 0, err
	}
	g := t.Group
	if pid := a.Int(0); pid != 0 && pid != t.TID() {
		x := t.Sys.Task(t.Thread, pid)
		if x == nil {
			return 0, errno.ESRCH
		}
		c, o := t.Cred, x.Credentials()
		same := c.UID == o.UID && c.UID == o.EUID && c.UID == o.SUID && c.GID == o.GID && c.GID == o.EGID && c.GID == o.SGID
		if x.Group != g && !same && !c.Has(cred.CapSysResource) {
			return 0, errno.EPERM.Because("another user's process")
		}
		g = x.Group
	}
	var old abi.Rlimit
	if a[2] != 0 {
		l, err := mm.CopyInStruct[abi.Rlimit](t.Thread, a.Addr(2))
		if err != nil {
			return 0, err
		}
		if old, err = g.SetRlimit(t, r, l); err != nil {
			return 0, err
		}
	} else {
		old = g.Rlimit(t.Thread, r)
	}
	if a[3] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(3), &old)
}

// sysGetrusage implements getrusage(2).
func sysGetrusage(t *task.Task, a Args) (uint64, error) {
	t.AccountSystem()
	self, children := t.Group.Rusage(t.Thread)
	var u abi.Rusage
	switch a.Int(0) {
	case abi.RUSAGE_SELF:
		u = self.ABI()
	case abi.RUSAGE_CHILDREN:
		u = children.ABI()
	case abi.RUSAGE_THREAD:
		u = t.ThreadUsage().ABI()
	default:
		return 0, errno.EINVAL.Because("unknown who")
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &u)
}

// sysTimes implements times(2).
func sysTimes(t *task.Task, a Args) (uint64, error) {
	if a[0] != 0 {
		t.AccountSystem()
		self, children := t.Group.Rusage(t.Thread)
		v := [4]int64{
			self.UTime / abi.ClockTick, self.STime / abi.ClockTick, children.UTime / abi.ClockTick, children.STime / abi.ClockTick,
		}
		if err := mm.CopyOutStruct(t.Thread, a.Addr(0), &v); err != nil {
			return 0, err
		}
	}
	return uint64(t.Now() / abi.ClockTick), nil
}
