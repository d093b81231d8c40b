package task

import (
	"errors"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
)

// sysRestart is the number of restart_syscall(2).
const sysRestart = 219

// DeliverSignals is the way out to user code: whatever signals, stops and the end of the process want of the task happens
// here. It does not return if the task ends. Kernel/trap calls it before each return to user code, after a system
// call with its result, or -errno with the internal codes too, in RAX.
func (t *Task) DeliverSignals() {
	if t.Group.hasCPUTimers.Load() {
		t.checkCPUTimers()
	}
	code := t.restartCode()
	if t.SigPending.Load() {
		for {
			q, act, ok := t.nextSignal()
			if !ok {
				break
			}
			t.resolveRestart(code, true, act.Flags&abi.SA_RESTART != 0)
			code = 0
			t.handle(&q.Info, act)
		}
	}
	t.resolveRestart(code, false, false)
	t.restoreMask()
}

// restartCode returns how the system call under way wants to go on; 0 if there is none or it is complete.
func (t *Task) restartCode() errno.Errno {
	if t.Regs.OrigRAX == ^uint64(0) {
		return 0
	}
	switch e := errno.Errno(-t.Regs.RAX); e {
	case errno.RestartSys, errno.RestartNoIntr, errno.RestartNoHand, errno.RestartBlock:
		if t.Regs.RAX == -uint64(e) {
			return e
		}
	}
	return 0
}

// resolveRestart makes the interrupted call start again or fail with EINTR.
func (t *Task) resolveRestart(code errno.Errno, handler, saRestart bool) {
	again := false
	switch code {
	case 0:
		return
	case errno.RestartSys:
		again = !handler || saRestart
	case errno.RestartNoIntr:
		again = true
	case errno.RestartNoHand:
		again = !handler
	case errno.RestartBlock:
		if again = !handler; again {
			t.Regs.OrigRAX = sysRestart
		}
	}
	if again {
		t.Regs.RAX = t.Regs.OrigRAX
		t.Regs.RIP -= syscallInsn
	} else {
		t.Regs.SetReturn(^uint64(errno.EINTR) + 1)
	}
	t.Regs.OrigRAX = ^uint64(0)
}

// interrupted reports whether err says that a signal ended the call.
func interrupted(err error) bool {
	if err == nil {
		return false
	}
	switch errno.Of(err) {
	case errno.EINTR, errno.RestartSys, errno.RestartNoIntr, errno.RestartNoHand, errno.RestartBlock:
		return true
	}
	return false
}

// nextSignal takes the next signal that has a handler; everything else that is pending happens inside: stops,
// default actions, the end.
func (t *Task) nextSignal() (Queued, abi.SigAction, bool) {
	g := t.Group
	g.mu.Lock(t.Thread)
	for {
		switch {
		case g.groupExit:
			status := g.groupStatus
			g.mu.Unlock(t.Thread)
			t.Exit(status)
		case g.execing != nil && g.execing != t:
			g.mu.Unlock(t.Thread)
			t.Exit(0)
		case g.stop.notify != 0:
			why := g.stop.notify
			g.stop.notify = 0
			g.mu.Unlock(t.Thread)
			g.tellStop(t.Thread, why)
			g.mu.Lock(t.Thread)
			continue
		case t.sig.stopping:
			t.joinStop()
			continue
		}
		q, ok := t.dequeue(^t.sig.Blocked)
		if !ok {
			t.recalc()
			g.mu.Unlock(t.Thread)
			return Queued{}, abi.SigAction{}, false
		}
		sig := q.Info.Signo
		act := g.actions.get(t.Thread, sig)
		switch {
		case act.Handler == abi.SIG_IGN:
		case act.Handler != abi.SIG_DFL:
			if act.Flags&abi.SA_RESETHAND != 0 {
				g.actions.set(t.Thread, sig, abi.SigAction{})
			}
			t.recalc()
			g.mu.Unlock(t.Thread)
			t.usage.Signals.Add(1)
			return q, act, true
		case sigIgnored.Has(sig), g.unkillable && sig != abi.SIGKILL:
		case sigStop.Has(sig):
			g.stop.dequeued = true
			if sig != abi.SIGSTOP {
				g.mu.Unlock(t.Thread)
				orphaned := t.GroupOrphaned()
				g.mu.Lock(t.Thread)
				if orphaned {
					continue // nobody could continue it
				}
			}
			t.beginStop(sig)
		default:
			t.die(&q.Info)
		}
	}
}

// die begins the end of the process by a signal's default action. Caller holds g.mu.
func (t *Task) die(info *abi.SigInfo) {
	g := t.Group
	core := sigCore.Has(info.Signo) && g.limits[abi.RLIMIT_CORE].Cur > 0
	if sigSync.Has(info.Signo) && info.Code > 0 {
		g.mu.Unlock(t.Thread)
		t.logFault(info)
		g.mu.Lock(t.Thread)
	}
	if !g.groupExit {
		if sigCore.Has(info.Signo) {
			FatalSignal(t, info)
		}
		g.startExit(t.Thread, abi.SignalStatus(info.Signo, core))
	}
}

// FatalSignal is called before a signal that tells of a bug ends a program. Break here to see the program at the
// place: nothing of it is gone yet.
//
//go:noinline
func FatalSignal(t *Task, info *abi.SigInfo) {}

// dequeue takes a signal of the set, the thread's own first. Caller holds g.mu.
func (t *Task) dequeue(m abi.SigSet) (Queued, bool) {
	g := t.Group
	p := &t.sig.pending
	sig := p.next(m)
	if sig == 0 {
		p = &g.pending
		if sig = p.next(m); sig == 0 {
			return Queued{}, false
		}
	}
	q := p.take(sig)
	switch {
	case q.timer != nil:
		q.timer.delivered(t.Thread, &q.Info)
		if q.timer.cpu {
			g.armCPU()
		}
	case sig == abi.SIGALRM:
		g.realTaken()
	}
	return q, true
}

// DequeueSignal takes a pending signal of the set: sigtimedwait(2), signalfd(2). False if there is none. Only the
// task itself may call it.
func (t *Task) DequeueSignal(m abi.SigSet) (abi.SigInfo, bool) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	q, ok := t.dequeue(m &^ sigUnblockable)
	if ok {
		t.recalc()
	}
	return q.Info, ok
}

// WaitSignal is sigtimedwait(2): it waits for a signal of the set until the monotonic deadline.
func (t *Task) WaitSignal(m abi.SigSet, deadline int64) (abi.SigInfo, error) {
	m &^= sigUnblockable
	if info, ok := t.DequeueSignal(m); ok {
		return info, nil
	}
	if deadline <= t.Now() {
		return abi.SigInfo{}, errno.EAGAIN
	}
	g := t.Group
	// The signals interrupt the sleep like any others; waiting keeps them from being thrown away or from killing.
	g.mu.Lock(t.Thread)
	blocked := t.sig.Blocked
	t.sig.waiting = m & blocked
	t.sig.Blocked &^= m
	t.recalc()
	g.mu.Unlock(t.Thread)

	err := g.SignalWait.WaitUntil(t.Thread, "sigtimedwait", deadline, func() bool { return false })

	g.mu.Lock(t.Thread)
	t.sig.waiting = 0
	t.sig.Blocked = blocked
	q, ok := t.dequeue(m)
	t.setBlocked(blocked)
	t.recalc()
	g.mu.Unlock(t.Thread)
	switch {
	case ok:
		return q.Info, nil
	case errors.Is(err, errno.ETIMEDOUT):
		return abi.SigInfo{}, errno.EAGAIN
	}
	return abi.SigInfo{}, errno.EINTR
}
