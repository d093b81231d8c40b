package task

import (
	"errors"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/mm"
)

// handle makes the task run a signal's handler: it builds the frame on the user stack and sets the registers. If the
// stack has no room for it, that is a SIGSEGV.
func (t *Task) handle(info *abi.SigInfo, act abi.SigAction) {
	sig := info.Signo
	mask := t.sig.Blocked
	if t.sig.hasSaved { // sigsuspend: after the handler the mask before the call holds again
		mask = t.sig.saved
		t.sig.hasSaved = false
	}
	if err := t.pushFrame(info, act, mask); err != nil {
		t.forceSegv(sig)
		return
	}
	block := t.sig.Blocked | act.Mask
	if act.Flags&abi.SA_NODEFER == 0 {
		block |= abi.SetOf(sig)
	}
	t.SetSignalMask(block)
}

// forceSegv is what happens to a task whose frame can't be built or read: SIGSEGV, and if that was the signal that
// failed, the end.
func (t *Task) forceSegv(sig abi.Signal) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	t.force(abi.NewSigInfo(abi.SIGSEGV, abi.SI_KERNEL), sig == abi.SIGSEGV)
}

// onAltStack reports whether the task runs on its alternate stack. With SS_AUTODISARM it never does: the
// stack is disarmed on entry.
func (t *Task) onAltStack(sp uint64) bool {
	a := &t.sig.alt
	return a.Flags&abi.SS_AUTODISARM == 0 && a.Size != 0 && sp > a.SP && sp-a.SP <= a.Size
}

var errNoStack = errors.New("no room for a signal frame")

func (t *Task) pushFrame(info *abi.SigInfo, act abi.SigAction, mask abi.SigSet) error {
	if act.Flags&abi.SA_RESTORER == 0 {
		return errNoStack // x86-64 has no other way back
	}
	fpu := t.Context.FPU()
	if fpu == nil {
		fpu = amd64.InitialFPU()
	}
	alt := t.sig.alt
	top, redZone, entering := t.Regs.RSP, true, false
	on := t.onAltStack(top)
	if act.Flags&abi.SA_ONSTACK != 0 && alt.Size != 0 && !on {
		top, redZone, entering = alt.SP+alt.Size, false, true
	}
	f, ok := amd64.LayoutSigFrame(top, redZone, len(fpu))
	if !ok || (on || entering) && (f.SP < alt.SP || f.SP > alt.SP+alt.Size) {
		return errNoStack
	}
	var u amd64.Ucontext
	u.Flags = amd64.UCFPXState | amd64.UCSigcontextSS | amd64.UCStrictRestoreSS
	u.StackSP, u.StackFlags, u.StackSize = alt.SP, alt.Flags, alt.Size
	t.Regs.Store(&u)
	u.Err, u.TrapNo, u.CR2 = t.sig.fault.Err, t.sig.fault.TrapNo, t.sig.fault.CR2
	u.OldMask, u.Sigmask = uint64(mask), uint64(mask)
	u.FPState = f.FPState

	th := t.Thread
	if err := mm.CopyOut(th, mm.UAddr(f.FPState), fpu); err != nil {
		return err
	}
	if err := mm.CopyOutStruct(th, mm.UAddr(f.SigInfo), info); err != nil {
		return err
	}
	if err := mm.CopyOut(th, mm.UAddr(f.Ucontext), u.Bytes()); err != nil {
		return err
	}
	if err := mm.CopyOutStruct(th, mm.UAddr(f.SP), &act.Restorer); err != nil {
		return err
	}
	if entering && alt.Flags&abi.SS_AUTODISARM != 0 {
		t.sig.alt = abi.StackT{Flags: abi.SS_DISABLE}
	}
	t.Regs.EnterHandler(f, act.Handler, int(info.Signo))
	return t.Context.SetFPU(nil) // handlers begin with the initial state
}

// SigReturn is rt_sigreturn(2): it puts back what the frame at RSP holds. A frame that the program made up gets it no
// further than its own registers could; one that can't be read or is malformed is a SIGSEGV.
func (t *Task) SigReturn() error {
	if err := t.popFrame(); err != nil {
		t.Regs.OrigRAX = ^uint64(0)
		t.forceSegv(0)
	}
	return errno.NoReturn
}

func (t *Task) popFrame() error {
	th := t.Thread
	f := amd64.SigFrameAt(t.Regs.RSP)
	u, err := mm.CopyInStruct[amd64.Ucontext](th, mm.UAddr(f.Ucontext))
	if err != nil {
		return err
	}
	if !amd64.Canonical(u.RIP) || u.CS != 0 && u.CS != amd64.UserCS {
		return errno.EFAULT.Because("the frame leads out of user space or 64-bit mode")
	}
	var fpu []byte
	if u.FPState != 0 {
		if fpu, err = t.copyInFPU(mm.UAddr(u.FPState)); err != nil {
			return err
		}
	}
	if err := t.Context.SetFPU(fpu); err != nil {
		return err
	}
	t.SetSignalMask(abi.SigSet(u.Sigmask))
	u.RFLAGS = u.RFLAGS&amd64.UserFlags | t.Regs.RFLAGS&^amd64.UserFlags
	t.Regs.Load(&u)
	// As on Linux a bad stack in the frame is no error.
	t.SetAltStack(abi.StackT{SP: u.StackSP, Flags: u.StackFlags, Size: u.StackSize})
	return nil
}

func (t *Task) copyInFPU(addr mm.UAddr) ([]byte, error) {
	var legacy [amd64.XsaveLegacySize]byte
	if err := mm.CopyIn(t.Thread, legacy[:], addr); err != nil {
		return nil, err
	}
	b := make([]byte, amd64.FPStateSize(legacy[:]))
	copy(b, legacy[:])
	if len(b) > len(legacy) {
		if err := mm.CopyIn(t.Thread, b[len(legacy):], addr+amd64.XsaveLegacySize); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// AltStack returns the alternate stack as sigaltstack(2) shows it.
func (t *Task) AltStack() abi.StackT {
	a := t.sig.alt
	switch {
	case a.Size == 0:
		a.Flags |= abi.SS_DISABLE
	case t.onAltStack(t.Regs.RSP):
		a.Flags |= abi.SS_ONSTACK
	}
	return a
}

// SetAltStack is sigaltstack(2).
func (t *Task) SetAltStack(a abi.StackT) error {
	if t.onAltStack(t.Regs.RSP) {
		return errno.EPERM.Because("the task runs on the alternate stack")
	}
	switch a.Flags &^ abi.SS_AUTODISARM {
	case abi.SS_DISABLE:
		t.sig.alt = abi.StackT{Flags: a.Flags}
		return nil
	case 0, abi.SS_ONSTACK:
	default:
		return errno.EINVAL.Because("unknown flags")
	}
	if a.Size < abi.MINSIGSTKSZ {
		return errno.ENOMEM.Because("smaller than MINSIGSTKSZ")
	}
	if a.SP+a.Size < a.SP {
		return errno.EINVAL.Because("the stack wraps around")
	}
	t.sig.alt = abi.StackT{SP: a.SP, Flags: a.Flags &^ abi.SS_ONSTACK, Size: a.Size}
	return nil
}
