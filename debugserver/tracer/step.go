package tracer

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Step executes one instruction of one thread; the others stay stopped. A system call that waits for another thread
// waits until Interrupt.
func (t *Tracer) Step(tid int) (Stop, error) { return t.orEnd(t.step(tid)) }

func (t *Tracer) step(tid int) (Stop, error) {
	if t.exited {
		return t.exitStop(), ErrExited
	}
	th := t.threads[tid]
	if th == nil {
		return Stop{}, fmt.Errorf("no thread %d", tid)
	}
	if err := t.writeAll(); err != nil {
		return Stop{}, err
	}
	for _, o := range t.threads {
		o.Hit = Hit{}
	}
	s, err := t.stepOne(th)
	t.stopReq.Store(false)
	if err == nil && s.Kind == StopHit && t.threads[tid] != nil {
		pc, _ := t.pc(th)
		th.over = t.bps[pc] != nil // everybody sees where it stands now: it is not hit again
	}
	return s, err
}

// stepOne steps in place: a breakpoint at PC is taken out for the time, and guarded pages that the instruction touches
// are opened, when nobody else can miss them.
func (t *Tracer) stepOne(th *Thread) (s Stop, err error) {
	pc, err := t.pc(th)
	if err != nil {
		return Stop{}, err
	}
	if b := t.bps[pc]; b != nil {
		t.Stats.InPlace++
		if err := t.poke(pc, []byte{b.orig}); err != nil {
			return Stop{}, err
		}
		defer t.poke(pc, []byte{0xcc})
	}
	var opened []uint64
	switch th.Hit.Kind {
	case hitGuard:
		opened, err = t.open(th, opened)
	case hitRefused:
		opened, err = t.openAll(th)
	}
	if err != nil {
		return Stop{}, err
	}
	th.Hit, th.over = Hit{}, false
	sig := 0
	t.kickTID.Store(int64(th.ID))
	t.running.Store(true)
	defer t.running.Store(false)
	for n := 0; ; n++ {
		report, err := t.stepOnce(th, sig)
		if err != nil {
			return Stop{}, err
		}
		sig = 0
		if t.exited {
			return t.exitStop(), nil
		}
		if t.threads[th.ID] == nil { // it ended
			return Stop{Kind: StopHit, TID: t.Threads()[0].ID}, nil
		}
		npc, _ := t.pc(th)
		switch {
		case report && th.Hit.Kind == hitGuard && slices.Contains(opened, pageOf(th.fault)): // a fault of its own
			th.Hit = Hit{}
			t.signal(th, unix.SIGSEGV)
		case report && th.Hit.Kind == hitGuard:
			if opened, err = t.open(th, opened); err != nil {
				return Stop{}, err
			}
			th.Hit = Hit{}
			continue
		case report && th.Hit.Kind == HitStep && len(opened) == 0 && t.refusedStep(th, pc):
			if opened, err = t.openAll(th); err != nil {
				return Stop{}, err
			}
			th.Hit = Hit{}
			continue
		case report && th.Hit.Kind == HitStep && len(opened) > 0 && npc == pc && n < maxRepeat && !t.stopReq.Load():
			continue // a repeated instruction: all of it, or the pages were opened for every byte
		case report:
			return Stop{Kind: StopHit, TID: th.ID}, t.reclose(th, opened)
		}
		// What the instruction itself has caused is delivered into the step, other signals wait.
		if n := len(th.sigs); n > 0 && faults(unix.Signal(th.sigs[n-1])) {
			sig, th.sigs = th.sigs[n-1], th.sigs[:n-1]
		}
		if t.stopReq.Load() { // for example the instruction sleeps in the kernel
			if sig != 0 {
				th.sigs = append([]int{sig}, th.sigs...)
			}
			th.over = npc == pc && t.bps[pc] != nil
			return Stop{Kind: StopInterrupted, TID: th.ID}, t.reclose(th, opened)
		}
	}
}

const maxRepeat = 1 << 16

// open takes the guard from the page that a thread was refused.
func (t *Tracer) open(th *Thread, opened []uint64) ([]uint64, error) {
	page := pageOf(th.fault)
	if g := t.guards[page]; g != nil {
		if err := t.protect(th, page, g.prot); err != nil {
			return opened, err
		}
		opened = append(opened, page)
	}
	return opened, nil
}

// stepOnce lets one thread go for one instruction and takes what comes.
func (t *Tracer) stepOnce(th *Thread, sig int) (bool, error) {
	t.flush(th)
	if err := ptrace(unix.PTRACE_SINGLESTEP, th.ID, 0, uintptr(sig)); err != nil && err != unix.ESRCH {
		return false, fmt.Errorf("step thread %d: %w", th.ID, err)
	}
	th.running = true
	tid, ws, err := t.wait(th.ID)
	if err != nil {
		if t.exited {
			return false, nil
		}
		return false, fmt.Errorf("step thread %d: %w", th.ID, err)
	}
	_, report := t.handle(tid, ws)
	return report, nil
}
