package tracer

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Resume lets all threads run until one of them hits something, and stops all. onRun, if not nil, is called when they
// run.
func (t *Tracer) Resume(onRun func()) (Stop, error) { return t.orEnd(t.resume(onRun)) }

// orEnd makes a stop of the error that a process is no more: one of its threads has ended it, while they were being stopped.
func (t *Tracer) orEnd(s Stop, err error) (Stop, error) {
	if errors.Is(err, unix.ESRCH) {
		if t.untilGone(); t.exited {
			return t.exitStop(), nil
		}
	}
	return s, err
}

func (t *Tracer) resume(onRun func()) (Stop, error) {
	if t.exited {
		return t.exitStop(), ErrExited
	}
	for _, th := range t.threads {
		th.Hit = Hit{}
	}
	if err := t.writeAll(); err != nil {
		return Stop{}, err
	}
	t.freeSlots()
	var hit *Thread
	for _, th := range t.Threads() {
		if pc, _ := t.pc(th); t.bps[pc] == nil {
			th.over = false
		}
		if th.over && !t.canDisplace(th) {
			if s, err := t.stepOne(th); err != nil || s.Kind != StopHit {
				t.stopReq.Store(false)
				return s, err
			}
			if th.Hit.Kind == HitStep {
				th.Hit = Hit{}
			} else if th.Hit.Kind != HitNone {
				hit = th
			}
		}
	}
	if hit != nil {
		return t.outcome(hit), nil
	}
	if t.OnRun != nil {
		t.OnRun()
	}
	hit, err := t.contAll()
	if onRun != nil {
		onRun()
	}
	if hit != nil && err == nil {
		hit, err = t.judge(hit)
	}
	if hit == nil && err == nil {
		hit, err = t.untilHit()
	}
	t.running.Store(false)
	if err != nil && !t.exited {
		return Stop{}, err
	}
	if t.exited {
		return t.exitStop(), nil
	}
	if err := t.stopAll(); err != nil && !t.exited {
		return Stop{}, err
	}
	if t.exited {
		return t.exitStop(), nil
	}
	if t.OnStop != nil {
		t.OnStop()
	}
	return t.outcome(hit), nil
}

func (t *Tracer) exitStop() Stop { return Stop{Kind: StopExited, TID: t.pid, Status: t.status} }

// untilHit serves the running threads until one has a hit, the process is gone, or somebody interrupts.
func (t *Tracer) untilHit() (*Thread, error) {
	for !t.exited && !t.stopReq.Load() {
		tid, ws, err := t.wait(-1)
		if err != nil {
			return nil, fmt.Errorf("wait: %w", err)
		}
		th, err := t.served(tid, ws)
		if err != nil {
			return nil, err
		}
		if th == nil {
			continue
		}
		if hit, err := t.judge(th); hit != nil || err != nil {
			return hit, err
		}
	}
	return nil, nil
}

// served digests an event of a running thread, and lets the thread go on unless it is to be told of: then it is returned.
func (t *Tracer) served(tid int, ws unix.WaitStatus) (*Thread, error) {
	th, report := t.handle(tid, ws)
	if !report && th != nil && (th.event || !t.stopReq.Load()) {
		var err error
		if report, err = t.cont(th); err != nil {
			return nil, err
		}
	}
	if !report {
		return nil, nil
	}
	return th, nil
}

// judge returns a thread that somebody wants to know of, after a report of one. If nobody does all run again.
func (t *Tracer) judge(th *Thread) (*Thread, error) {
	for th != nil && th.Hit.internal() {
		if err := t.stopAll(); err != nil || t.exited {
			return nil, err
		}
		var err error
		if th, err = t.allOver(); th != nil || err != nil || t.exited || t.stopReq.Load() {
			return th, err
		}
		if th, err = t.contAll(); err != nil {
			return nil, err
		}
	}
	return th, nil
}

// internal tells whether the hit is the tracer's own affair.
func (h Hit) internal() bool {
	return h.Kind == hitFiltered || h.Kind == hitGuard || h.Kind == hitRefused
}

// allOver steps threads over breakpoints that have no copy, and over accesses to guarded pages: all others stand still
// meanwhile. It returns a thread that has a real hit.
func (t *Tracer) allOver() (hit *Thread, err error) {
	for _, th := range t.Threads() {
		if th.Hit.internal() {
			if _, err := t.stepOne(th); err != nil || t.exited {
				return nil, err
			}
			if th.Hit.Kind == HitStep {
				th.Hit = Hit{}
			}
		}
		if th.Hit.Kind != HitNone && !th.Hit.internal() {
			hit = th
		}
	}
	return hit, nil
}

// outcome says what a Resume was ended by. All threads are stopped.
func (t *Tracer) outcome(hit *Thread) Stop {
	for _, th := range t.threads {
		if th.Hit.internal() { // does it at the next resume
			th.Hit = Hit{}
		}
	}
	if hit == nil || t.threads[hit.ID] == nil {
		hit = nil
		for _, th := range t.Threads() { // an interrupt and a hit at once: both count
			if th.Hit.Kind != HitNone {
				hit = th
				break
			}
		}
	}
	if hit != nil {
		// A request that came together with a hit stays: the hit's condition may turn out to be false, and then the
		// next Resume must still end at once.
		t.last = hit.ID
		return Stop{Kind: StopHit, TID: hit.ID}
	}
	t.stopReq.Store(false)
	tid := t.last
	if t.threads[tid] == nil {
		tid = t.Threads()[0].ID
	}
	return Stop{Kind: StopInterrupted, TID: tid}
}

// contAll lets all threads run, until one has a hit. The one that was stopped for goes first: mostly it is the one that stops next, and
// the others need not have run at all, or be stopped again, if it does while they follow. They follow in turn.
func (t *Tracer) contAll() (*Thread, error) {
	t.kickTID.Store(int64(t.pid))
	t.running.Store(true)
	for i, th := range t.inTurn() {
		if t.threads[th.ID] != th {
			continue // it has ended meanwhile
		}
		if hit, err := t.cont(th); hit || err != nil {
			return th, err
		}
		if i == 0 {
			continue // one of the others runs in any case
		}
		t.turn = th.ID
		for !t.stopReq.Load() {
			tid, ws, ok := t.ready(-1)
			if !ok {
				break
			}
			if th, err := t.served(tid, ws); th != nil || err != nil {
				return th, err
			}
		}
	}
	return nil, nil
}

// inTurn lists the threads: the last one that was stopped for, then those after the last one that followed.
func (t *Tracer) inTurn() []*Thread {
	rank := func(th *Thread) int {
		switch {
		case th.ID == t.last:
			return 0
		case th.ID > t.turn:
			return 1
		}
		return 2
	}
	ths := t.Threads()
	slices.SortStableFunc(ths, func(a, b *Thread) int { return rank(a) - rank(b) })
	return ths
}

// cont lets one thread run, with the signals it has not seen yet, unless it has a hit before that.
func (t *Tracer) cont(th *Thread) (hit bool, err error) {
	if th.running {
		return false, nil
	}
	if th.over && len(th.sigs) > 0 {
		// The frame of a signal would keep the copy's address, and outlive the copy: first step, then deliver.
		if hit, err := t.stepCopy(th); hit || err != nil || t.threads[th.ID] == nil {
			return hit, err
		}
	}
	if th.over {
		t.displace(th)
	}
	t.flush(th)
	th.running = true
	if th.group { // stay stopped until SIGCONT, and tell us of it
		ptrace(unix.PTRACE_LISTEN, th.ID, 0, 0)
		return false, nil
	}
	sig := t.takeSig(th)
	ptrace(t.contRequest(), th.ID, 0, uintptr(sig)) // ESRCH: dying, its exit will be reported
	return false, nil
}

// takeSig returns the first pending signal and queues the others again.
func (t *Tracer) takeSig(th *Thread) int {
	if len(th.sigs) == 0 {
		return 0
	}
	sig := th.sigs[0]
	for _, s := range th.sigs[1:] {
		unix.Tgkill(t.pid, th.ID, unix.Signal(s))
	}
	th.sigs = nil
	return sig
}

// stopAll stops every running thread and classifies what each one was doing.
func (t *Tracer) stopAll() error {
	t.Stats.StopAlls++
	left := 0
	for _, th := range t.threads {
		if th.running {
			left++
			if !th.starting {
				ptrace(unix.PTRACE_INTERRUPT, th.ID, 0, 0) // ESRCH: dying
			}
		}
	}
	for left > 0 && !t.exited {
		tid, ws, err := t.wait(-1)
		if err == unix.ECHILD {
			break
		}
		if err != nil {
			return err
		}
		if th, report := t.handle(tid, ws); th != nil && !report {
			t.settle(th)
		}
		left = 0
		for _, th := range t.threads {
			if th.running {
				left++
			}
		}
	}
	return nil
}

// settle makes a stopped thread's state final.
func (t *Tracer) settle(th *Thread) {
	switch {
	case th.event:
		// Inside a system call its registers would be overwritten at the end: it goes on to the stop that was asked for, once
		// more, as that is forgotten if it was asked before this stop.
		t.flush(th)
		th.running = true
		ptrace(unix.PTRACE_INTERRUPT, th.ID, 0, 0)
		ptrace(t.contRequest(), th.ID, 0, 0)
	case t.unreported(th):
		t.Stats.Phantoms++
		t.flush(th)
		th.running = true
		ptrace(unix.PTRACE_CONT, th.ID, 0, 0) // reports the signal without running
	}
}

// unreported tells whether a thread was stopped between something of ours (an int3, a watched access) and its report. Its
// signal is then still queued, and would later come for a breakpoint that is gone.
func (t *Tracer) unreported(th *Thread) bool {
	const peekSiginfo = 0x4209
	pc, err := t.pc(th)
	if err != nil || t.bps[pc-1] == nil && !th.armed && len(t.guards) == 0 {
		return false
	}
	args := struct {
		off       uint64
		flags, nr uint32
	}{nr: 16}
	var si [16]siginfo
	n, _, e := unix.RawSyscall6(unix.SYS_PTRACE, peekSiginfo, uintptr(th.ID), uintptr(unsafe.Pointer(&args)), uintptr(unsafe.Pointer(&si)), 0, 0)
	if e != 0 {
		return false
	}
	for i := range si[:n] {
		if si[i].code() <= 0 { // sent by a program, and perhaps blocked
			continue
		}
		switch unix.Signal(si[i].signo()) {
		case unix.SIGTRAP:
			return true
		case unix.SIGSEGV:
			if _, ok := t.guarded(&si[i]); ok {
				return true
			}
		}
	}
	return false
}
