package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(13, "rt_sigaction", sysRtSigaction, In("sig", Sig), In("act", sigAction), Out("oldact", sigAction), In("sigsetsize", Size),
		Covers("SA_NOCLDSTOP NOCLDWAIT SIGINFO RESTORER ONSTACK RESTART NODEFER RESETHAND"))
	Define(14, "rt_sigprocmask", sysRtSigprocmask, In("how", Enum(Flag{0, "SIG_BLOCK"}, Flag{1, "SIG_UNBLOCK"}, Flag{2, "SIG_SETMASK"})),
		In("set", SigMask), Out("oldset", SigMask), In("sigsetsize", Size))
	Define(15, "rt_sigreturn", sysRtSigreturn)
	Define(34, "pause", sysPause)
	Define(127, "rt_sigpending", sysRtSigpending, Out("set", SigMask), In("sigsetsize", Size))
	Define(128, "rt_sigtimedwait", sysRtSigtimedwait, In("set", SigMask), Out("info", SigInfoFormat), In("timeout", Addr), In("sigsetsize", Size))
	Define(130, "rt_sigsuspend", sysRtSigsuspend, In("mask", SigMask), In("sigsetsize", Size))
	Define(131, "sigaltstack", sysSigaltstack, In("ss", Addr), Out("old", Addr), Covers("SS_DISABLE SS_ONSTACK SS_AUTODISARM"))
	Define(219, "restart_syscall", sysRestartSyscall)
}

// SigMask shows a sigset_t in user memory.
var SigMask Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	m, err := mm.CopyInStruct[abi.SigSet](t.Thread, mm.UAddr(v))
	if v == 0 || err != nil {
		return Addr(t, v, a, ret)
	}
	text, not := "[", ""
	if m == ^abi.SigSet(0) {
		return "~[]"
	}
	if m&0x7fffffff == 0x7fffffff&^(1<<8|1<<18) || m>>32 == 0xffffffff {
		m, not = ^m, "~"
	}
	for ; m != 0; m &= m - 1 {
		if len(text) > 1 {
			text += " "
		}
		text += m.First().String()[3:]
	}
	return not + text + "]"
}

var sigAction Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	act, err := mm.CopyInStruct[abi.SigAction](t.Thread, mm.UAddr(v))
	if v == 0 || err != nil {
		return Addr(t, v, a, ret)
	}
	h := Addr(t, act.Handler, a, ret)
	switch act.Handler {
	case abi.SIG_DFL:
		h = "SIG_DFL"
	case abi.SIG_IGN:
		h = "SIG_IGN"
	}
	return "{" + h + ", flags=" + saFlags(t, act.Flags, a, ret) + ", mask=" + Hex(t, uint64(act.Mask), a, ret) + "}"
}

var saFlags = Flags(Flag{abi.SA_NOCLDSTOP, "SA_NOCLDSTOP"}, Flag{abi.SA_NOCLDWAIT, "SA_NOCLDWAIT"}, Flag{abi.SA_SIGINFO, "SA_SIGINFO"},
	Flag{abi.SA_RESTORER, "SA_RESTORER"}, Flag{abi.SA_ONSTACK, "SA_ONSTACK"}, Flag{abi.SA_RESTART, "SA_RESTART"},
	Flag{abi.SA_NODEFER, "SA_NODEFER"}, Flag{abi.SA_RESETHAND, "SA_RESETHAND"})

// knownSA are the flags that stay in an action; a program finds out about the others by their absence (SA_UNSUPPORTED).
const knownSA = abi.SA_NOCLDSTOP | abi.SA_NOCLDWAIT | abi.SA_SIGINFO | abi.SA_RESTORER | abi.SA_ONSTACK | abi.SA_RESTART |
	abi.SA_NODEFER | abi.SA_RESETHAND

// sigsetSize checks the last argument of the rt_ calls.
func sigsetSize(n uint64) error {
	if n != 8 {
		return errno.EINVAL.Because("sigset_t has 8 bytes")
	}
	return nil
}

// sysRtSigaction implements rt_sigaction(2).
func sysRtSigaction(t *task.Task, a Args) (uint64, error) {
	if err := sigsetSize(a[3]); err != nil {
		return 0, err
	}
	sig := abi.Signal(a.Int(0))
	if !sig.Valid() || a[1] != 0 && (sig == abi.SIGKILL || sig == abi.SIGSTOP) {
		return 0, errno.EINVAL.Because("no such signal, or one that can't be caught")
	}
	var old abi.SigAction
	if a[1] != 0 {
		act, err := mm.CopyInStruct[abi.SigAction](t.Thread, a.Addr(1))
		if err != nil {
			return 0, err
		}
		act.Flags &= knownSA
		old = t.Group.SetAction(t.Thread, sig, act)
	} else {
		old = t.Group.Action(t.Thread, sig)
	}
	if a[2] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(2), &old)
}

// sysRtSigprocmask implements rt_sigprocmask(2).
func sysRtSigprocmask(t *task.Task, a Args) (uint64, error) {
	if err := sigsetSize(a[3]); err != nil {
		return 0, err
	}
	old := t.SignalMask(t.Thread)
	if a[1] != 0 {
		set, err := mm.CopyInStruct[abi.SigSet](t.Thread, a.Addr(1))
		if err != nil {
			return 0, err
		}
		switch a.Int(0) {
		case abi.SIG_BLOCK:
			set |= old
		case abi.SIG_UNBLOCK:
			set = old &^ set
		case abi.SIG_SETMASK:
		default:
			return 0, errno.EINVAL.Because("unknown how")
		}
		t.SetSignalMask(set)
	}
	if a[2] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(2), &old)
}

// sysRtSigreturn implements rt_sigreturn(2).
func sysRtSigreturn(t *task.Task, a Args) (uint64, error) { return 0, t.SigReturn() }

// sysRtSigpending implements rt_sigpending(2).
func sysRtSigpending(t *task.Task, a Args) (uint64, error) {
	if a[1] > 8 {
		return 0, errno.EINVAL.Because("sigset_t has 8 bytes")
	}
	own, group := t.PendingSignals(t.Thread)
	set := (own | group) & t.SignalMask(t.Thread)
	var b [8]byte
	for i := range b {
		b[i] = byte(set >> (8 * i))
	}
	return 0, mm.CopyOut(t.Thread, a.Addr(0), b[:a[1]])
}

// sysRtSigtimedwait implements rt_sigtimedwait(2): sigwait(3), sigwaitinfo(2).
func sysRtSigtimedwait(t *task.Task, a Args) (uint64, error) {
	if err := sigsetSize(a[3]); err != nil {
		return 0, err
	}
	set, err := mm.CopyInStruct[abi.SigSet](t.Thread, a.Addr(0))
	if err != nil {
		return 0, err
	}
	deadline := int64(ktime.Forever)
	if a[2] != 0 {
		ts, err := copyInTimespec(t, a.Addr(2))
		if err != nil {
			return 0, err
		}
		deadline = after(t, ts.Nanoseconds())
	}
	info, err := t.WaitSignal(set, deadline)
	if err != nil {
		return 0, err
	}
	if a[1] != 0 {
		if err := mm.CopyOutStruct(t.Thread, a.Addr(1), &info); err != nil {
			return 0, err
		}
	}
	return uint64(info.Signo), nil
}

// sysRtSigsuspend implements rt_sigsuspend(2).
func sysRtSigsuspend(t *task.Task, a Args) (uint64, error) {
	if err := sigsetSize(a[1]); err != nil {
		return 0, err
	}
	mask, err := mm.CopyInStruct[abi.SigSet](t.Thread, a.Addr(0))
	if err != nil {
		return 0, err
	}
	return t.WithMask(mask, func() (uint64, error) { return sysPause(t, a) })
}

// sysPause implements pause(2).
func sysPause(t *task.Task, a Args) (uint64, error) {
	ksync.Sleep(t.Thread, "pause", ktime.Forever)
	return 0, errno.RestartNoHand
}

// sysSigaltstack implements sigaltstack(2).
func sysSigaltstack(t *task.Task, a Args) (uint64, error) {
	old := t.AltStack()
	if a[0] != 0 {
		s, err := mm.CopyInStruct[abi.StackT](t.Thread, a.Addr(0))
		if err != nil {
			return 0, err
		}
		if err := t.SetAltStack(s); err != nil {
			return 0, err
		}
	}
	if a[1] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &old)
}

// sysRestartSyscall implements restart_syscall(2): an interrupted call goes on with what is left of its time.
func sysRestartSyscall(t *task.Task, a Args) (uint64, error) {
	r := t.Restart
	if r == nil {
		return 0, errno.EINTR
	}
	t.Restart = nil
	return r.RestartCall(t)
}
