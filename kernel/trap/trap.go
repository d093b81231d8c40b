// Package trap is the way between user code and the kernel: start reading here.
//
//	          ┌──────────────────── Run ────────────────────┐
//	user ─────┤ Switch returns ─▶ syscall   ─▶ Dispatch      │
//	code ◀────┤                   fault     ─▶ mm.HandleFault│
//	          │                   exception ─▶ a signal      │
//	          │                   interrupt ─▶ nothing yet   │
//	          │ exitToUser: interrupts, Schedule, signals    │
//	          └──────────────────────────────────────────────┘
//
// First breakpoint: handle.
package trap

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/syscall"
	"vitrine/kernel/task"
)

// Run is a task's life in user mode. It ends only with the task, by (*task.Task).Exit.
func Run(t *task.Task) {
	for {
		exitToUser(t)
		t.SetUser(t.Context)
		if !t.EnterUser() {
			continue
		}
		t.AccountSystem()
		tr := t.Context.Switch(&t.Regs)
		t.LeaveUser()
		t.AccountUser()
		handle(t, tr)
	}
}

// handle does what user code came for.
func handle(t *task.Task, tr platform.Trap) {
	defer oops(t)
	switch tr.Kind {
	case platform.KindSyscall:
		syscall.Dispatch(t)
	case platform.KindPageFault:
		pageFault(t, tr)
	case platform.KindException:
		exception(t, tr)
	case platform.KindInterrupt:
		// exitToUser finds out what for.
	case platform.KindDead:
		// A program that breaks its cell gets what a program that breaks its CPU would.
		t.Sys.Log.Warnf("%s[%d]: killed: %s", t.Name, t.PID(), tr.Reason)
		t.ExitGroup(task.StatusSignal(abi.SIGKILL))
	}
}

// exitToUser does what has to be done before user code goes on.
func exitToUser(t *task.Task) {
	defer oops(t)
	for {
		t.Window()
		if t.CPU.NeedResched.Load() {
			t.Schedule()
		}
		t.Sys.Gate(t)
		signal := t.SigPending.Load() // one that comes later is found by EnterUser
		if t.Sys.BeforeUser != nil {
			t.Sys.BeforeUser(t, signal)
		}
		if !signal {
			break
		}
		t.DeliverSignals()
	}
	t.BalanceSoon()
}

// pageFault lets the user go on with the page there, or have the signal.
func pageFault(t *task.Task, tr platform.Trap) {
	if tr.Access == platform.AccessExec && emulateVsyscall(t, tr.Addr) {
		return
	}
	err := mm.HandleFault(t.Thread, mm.UAddr(tr.Addr), tr.Access)
	if err == nil && t.Sys.DebugFault != nil {
		t.Sys.DebugFault(t, tr.Addr, tr.Access)
	}
	t.FaultDone(tr, err)
}

// exception makes a signal of a trap that user code caused.
func exception(t *task.Task, tr platform.Trap) {
	if abi.Signal(tr.Signal) == abi.SIGSEGV && emulateVsyscall(t, t.Regs.RIP) {
		return
	}
	i := &task.SigInfo{Signo: abi.Signal(tr.Signal), Code: int32(tr.Code), Addr: tr.Addr, TrapNo: tr.TrapNo, Err: tr.Err}
	if i.Signo == abi.SIGTRAP && t.Sys.DebugTrap != nil && t.Sys.DebugTrap(t, i) {
		return
	}
	t.ForceSignal(i)
}
