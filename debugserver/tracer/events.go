package tracer

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	eventStop = 128 // PTRACE_EVENT_STOP

	// Values of si_code in a SIGTRAP.
	siKernel  = 0x80
	trapBrkpt = 1
	trapTrace = 2
	trapHW    = 4
)

// handle digests one event. It returns the thread, stopped, or nil, and whether somebody wants to know.
func (t *Tracer) handle(tid int, ws unix.WaitStatus) (*Thread, bool) {
	th := t.threads[tid]
	if ws.Exited() || ws.Signaled() {
		delete(t.threads, tid)
		if tid == t.pid {
			t.exited, t.status = true, ws.ExitStatus()
			if ws.Signaled() {
				t.status = -int(ws.Signal())
			}
		}
		return nil, false
	}
	if th == nil { // a clone may stop before its parent reports it
		if !t.ours(tid) {
			t.letGo(tid)
			return nil, false
		}
		th = &Thread{ID: tid, starting: true}
		t.threads[tid] = th
	}
	th.running, th.regsOK, th.event = false, false, false
	if th.starting {
		th.starting = false
		t.Stats.Clones++
		t.arm(th) // debug registers are not inherited
	}
	switch ev := int(ws>>16) & 0xff; {
	case ev == eventStop:
		th.group = ws.StopSignal() != unix.SIGTRAP
		return th, false
	case ev == unix.PTRACE_EVENT_CLONE:
		if n, err := unix.PtraceGetEventMsg(tid); err == nil && t.threads[int(n)] == nil {
			t.born(int(n))
		}
		th.event = true
		return th, false
	case ws.StopSignal() == unix.SIGTRAP|sysGood:
		return t.syscallStop(th)
	case ws.StopSignal() == unix.SIGTRAP:
		return t.trap(th)
	}
	if ws.StopSignal() == unix.SIGSEGV && len(t.guards) > 0 {
		si := t.siginfo(th)
		if _, ok := t.guarded(si); ok {
			t.pc(th) // leaves its slot
			th.Hit, th.fault = Hit{Kind: hitGuard, Addr: si.addr()}, si.addr()
			return th, true
		}
	}
	t.signal(th, ws.StopSignal())
	return th, false
}

// born takes note of a thread that has been cloned, and lets a process go.
func (t *Tracer) born(tid int) {
	if t.ours(tid) {
		t.threads[tid] = &Thread{ID: tid, running: true, starting: true}
		return
	}
	// Its first stop may have been seen already, and then it is no longer ours to wait for.
	if got, ws, err := wait4(tid, waitOpts); err == nil && got == tid && ws.Stopped() {
		t.letGo(tid)
	}
}

func (t *Tracer) letGo(tid int) {
	t.Stats.Foreign++
	ptrace(unix.PTRACE_DETACH, tid, 0, 0)
}

// ours tells whether tid is a thread of the process: clone events also come for clone calls that make a new process
// with an exit signal other than SIGCHLD.
func (t *Tracer) ours(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", t.pid, tid))
	return err == nil
}

// signal keeps a signal for the thread's next continue.
func (t *Tracer) signal(th *Thread, s unix.Signal) {
	t.Stats.Signals++
	th.sigs = append(th.sigs, int(s))
	if len(t.scratch.slots) > 0 {
		t.pc(th) // leaves its slot, so that the program's handler sees an address of its own
	}
}

// faults are signals that the thread's own instruction causes.
func faults(s unix.Signal) bool {
	switch s {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL:
		return true
	}
	return false
}

// trap classifies a SIGTRAP.
func (t *Tracer) trap(th *Thread) (*Thread, bool) {
	si := t.siginfo(th)
	switch si.code() {
	case siKernel:
		return t.int3(th)
	case trapBrkpt, trapTrace, trapHW:
		if touched := t.debugHit(th); len(touched) > 0 {
			th.Hit = t.watchHit(touched)
			return th, th.Hit.Kind != HitNone
		}
		th.Hit = Hit{Kind: HitStep}
		return th, true
	}
	// Sent by kill? Only if it says who: a trap of ours of which Linux tells nothing more must not end the program.
	if si.signo() != int32(unix.SIGTRAP) || si.code() > 0 {
		if pc, err := t.pc(th); err == nil && t.bps[pc-1] != nil {
			return t.int3(th)
		}
		return th, false
	}
	t.signal(th, unix.SIGTRAP)
	return th, false
}

// int3 finds out whose breakpoint a thread has run into.
func (t *Tracer) int3(th *Thread) (*Thread, bool) {
	regs, err := t.Regs(th.ID)
	if err != nil {
		return th, false
	}
	pc := regs.Rip - 1
	b := t.bps[pc]
	if b == nil {
		th.Hit = Hit{Kind: HitHardcoded, Addr: pc}
		return th, true
	}
	regs.Rip = pc
	th.dirty, th.over = true, true
	owners := b.asked(t, regs)
	if len(owners) > 0 {
		t.Stats.Hits++
		th.Hit = Hit{Kind: HitBreakpoint, Addr: pc, Owners: owners}
		return th, true
	}
	t.Stats.Filtered++
	if t.canDisplace(th) {
		return th, false // cont steps over it
	}
	th.Hit = Hit{Kind: hitFiltered, Addr: pc}
	return th, true
}

type siginfo [128]byte

func (s *siginfo) signo() int32 { return *(*int32)(unsafe.Pointer(&s[0])) }
func (s *siginfo) code() int32  { return *(*int32)(unsafe.Pointer(&s[8])) }

func (t *Tracer) siginfo(th *Thread) *siginfo {
	si := new(siginfo)
	if ptrace(unix.PTRACE_GETSIGINFO, th.ID, 0, uintptr(unsafe.Pointer(si))) != nil {
		return new(siginfo)
	}
	return si
}

func (s *siginfo) addr() uint64 { return *(*uint64)(unsafe.Pointer(&s[16])) }
