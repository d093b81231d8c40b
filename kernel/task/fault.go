package task

import (
	"errors"
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
)

// SigInfo describes an exception of the task's own code.
type SigInfo struct {
	Signo       abi.Signal
	Code        int32
	Addr        uint64
	TrapNo, Err uint64 // what the processor said, for the signal frame and the log
}

// ForceSignal gives the task the signal for an exception: a handler that it blocks or ignores is not asked.
func (t *Task) ForceSignal(i *SigInfo) {
	t.sig.fault = Fault{TrapNo: i.TrapNo, Err: i.Err, CR2: t.sig.fault.CR2}
	if i.Signo == abi.SIGSEGV || i.Signo == abi.SIGBUS {
		t.sig.fault.CR2 = i.Addr
	}
	t.forceSignal(abi.FaultSigInfo(i.Signo, i.Code, i.Addr))
}

// FaultDone is called after mm.HandleFault with its result: the task goes on, gets the signal that the fault asks for, or
// ends because there is no memory.
func (t *Task) FaultDone(tr platform.Trap, err error) {
	if err == nil {
		t.CountFault(false)
		return
	}
	var f *mm.Fault
	switch {
	case errors.As(err, &f):
		e := tr.Err
		if e == 0 {
			e = amd64.PageFaultError(f.Code == abi.SEGV_ACCERR, tr.Access == platform.AccessWrite, tr.Access == platform.AccessExec)
		}
		t.ForceSignal(&SigInfo{Signo: abi.Signal(f.Signal), Code: int32(f.Code), Addr: uint64(f.Addr), TrapNo: trapPageFault, Err: e})
	case interrupted(err):
		// A signal ended the wait for the page: its delivery comes first, then the fault happens again.
		t.SigPending.Store(true)
	case errno.Of(err) == errno.ENOMEM:
		t.Sys.OutOfMemory(t)
	default:
		t.ForceSignal(&SigInfo{Signo: abi.SIGBUS, Code: abi.BUS_ADRERR, Addr: tr.Addr, TrapNo: trapPageFault, Err: tr.Err})
	}
}

const trapPageFault = 14

// logFault writes Linux's line about a fault that ends a process.
func (t *Task) logFault(info *abi.SigInfo) {
	if !t.Sys.faultLog.Ok(t.Sys.Log) {
		return
	}
	what := ""
	switch info.Signo {
	case abi.SIGSEGV, abi.SIGBUS:
		what = fmt.Sprintf("segfault at %x", info.Addr())
		if info.Signo == abi.SIGBUS {
			what = fmt.Sprintf("bus error at %x", info.Addr())
		}
	case abi.SIGILL:
		what = "trap invalid opcode"
	case abi.SIGFPE:
		what = "trap divide error"
	case abi.SIGTRAP:
		what = "trap int3"
	default:
		what = info.Signo.String()
	}
	t.Sys.Log.Infof("%s[%d]: %s ip %016x sp %016x error %x", t.Name, t.ID, what, t.Regs.RIP, t.Regs.RSP, t.sig.fault.Err)
}
