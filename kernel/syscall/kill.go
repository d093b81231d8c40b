package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(62, "kill", sysKill, In("pid", Int), In("sig", Sig))
	Define(200, "tkill", sysTkill, In("tid", Int), In("sig", Sig))
	Define(234, "tgkill", sysTgkill, In("tgid", Int), In("tid", Int), In("sig", Sig))
	Define(129, "rt_sigqueueinfo", sysRtSigqueueinfo, In("tgid", Int), In("sig", Sig), In("info", SigInfoFormat))
	Define(297, "rt_tgsigqueueinfo", sysRtTgsigqueueinfo, In("tgid", Int), In("tid", Int), In("sig", Sig), In("info", SigInfoFormat))
	Define(424, "pidfd_send_signal", sysPidfdSendSignal, In("pidfd", FD), In("sig", Sig), In("info", SigInfoFormat), In("flags", Hex))
}

// Sig shows a signal's number.
var Sig Format = func(_ *task.Task, v uint64, _ Args, _ int64) string { return abi.Signal(int32(v)).String() }

// SigInfoFormat shows the head of a siginfo_t.
var SigInfoFormat Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	i, err := mm.CopyInStruct[abi.SigInfo](t.Thread, mm.UAddr(v))
	if v == 0 || err != nil {
		return Addr(t, v, a, ret)
	}
	return "{si_signo=" + i.Signo.String() + ", si_code=" + Int(t, uint64(uint32(i.Code)), a, ret) + "}"
}

// sigArg checks a signal number; 0 asks whether one might be sent.
func sigArg(n int) (abi.Signal, error) {
	if n < 0 || n > abi.NSIG {
		return 0, errno.EINVAL.Because("no such signal")
	}
	return abi.Signal(n), nil
}

// fromUser is the siginfo of kill(2) and tkill(2).
func fromUser(t *task.Task, sig abi.Signal, code int32) *abi.SigInfo {
	return abi.UserSigInfo(sig, code, t.PID(), uint32(t.Cred.UID))
}

// sysKill implements kill(2).
func sysKill(t *task.Task, a Args) (uint64, error) {
	sig, err := sigArg(a.Int(1))
	if err != nil {
		return 0, err
	}
	if a.Int(0) == -1<<31 {
		return 0, errno.ESRCH
	}
	return 0, t.Sys.Kill(t, a.Int(0), sig, fromUser(t, sig, abi.SI_USER))
}

// sysTkill implements tkill(2).
func sysTkill(t *task.Task, a Args) (uint64, error) { return killThread(t, 0, a.Int(0), a.Int(1)) }

// sysTgkill implements tgkill(2).
func sysTgkill(t *task.Task, a Args) (uint64, error) {
	if a.Int(0) <= 0 {
		return 0, errno.EINVAL
	}
	return killThread(t, a.Int(0), a.Int(1), a.Int(2))
}

func killThread(t *task.Task, tgid, tid, n int) (uint64, error) {
	sig, err := sigArg(n)
	if err != nil {
		return 0, err
	}
	if tid <= 0 {
		return 0, errno.EINVAL
	}
	return 0, t.Sys.KillThread(t, tgid, tid, sig, fromUser(t, sig, abi.SI_TKILL))
}

// userInfo copies in a siginfo that a program made. What the kernel alone may say it can say to nobody but itself.
func userInfo(t *task.Task, addr mm.UAddr, sig abi.Signal, self bool) (*abi.SigInfo, error) {
	i, err := mm.CopyInStruct[abi.SigInfo](t.Thread, addr)
	if err != nil {
		return nil, err
	}
	i.Signo = sig
	if (i.Code >= 0 || i.Code == abi.SI_TKILL) && !self {
		return nil, errno.EPERM.Because("si_code is one of the kernel's")
	}
	return &i, nil
}

// sysRtSigqueueinfo implements rt_sigqueueinfo(2): sigqueue(3).
func sysRtSigqueueinfo(t *task.Task, a Args) (uint64, error) {
	sig, err := sigArg(a.Int(1))
	if err != nil {
		return 0, err
	}
	pid := a.Int(0)
	info, err := userInfo(t, a.Addr(2), sig, pid == t.PID())
	if err != nil {
		return 0, err
	}
	g := t.Sys.Process(t.Thread, pid)
	if g == nil {
		return 0, errno.ESRCH
	}
	return 0, t.Sys.SignalProcess(t, g, sig, info)
}

// sysRtTgsigqueueinfo implements rt_tgsigqueueinfo(2): pthread_sigqueue(3).
func sysRtTgsigqueueinfo(t *task.Task, a Args) (uint64, error) {
	sig, err := sigArg(a.Int(2))
	if err != nil {
		return 0, err
	}
	if a.Int(0) <= 0 || a.Int(1) <= 0 {
		return 0, errno.EINVAL
	}
	info, err := userInfo(t, a.Addr(3), sig, a.Int(1) == t.TID())
	if err != nil {
		return 0, err
	}
	return 0, t.Sys.KillThread(t, a.Int(0), a.Int(1), sig, info)
}

// sysPidfdSendSignal implements pidfd_send_signal(2).
func sysPidfdSendSignal(t *task.Task, a Args) (uint64, error) {
	if a[3] != 0 {
		return 0, errno.EINVAL.Because("no flags are known")
	}
	g, err := t.PIDFDGroup(a.FD(0))
	if err != nil {
		return 0, err
	}
	sig, err := sigArg(a.Int(1))
	if err != nil {
		return 0, err
	}
	info := fromUser(t, sig, abi.SI_USER)
	if a[2] != 0 {
		if info, err = userInfo(t, a.Addr(2), sig, g == t.Group); err != nil {
			return 0, err
		}
	}
	return 0, t.Sys.SignalProcess(t, g, sig, info)
}
