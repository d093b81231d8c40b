package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// StopState is a process's job-control stop. Guarded by ThreadGroup.mu.
//
//	running ──stop signal taken──▶ stopping (waiting > 0) ──last thread joins──▶ stopped
//	   ▲                               │                                            │
//	   └──────────────── SIGCONT (when it is sent) or SIGKILL ◀────────────────────┘
type StopState struct {
	Sig       abi.Signal // that stops or has stopped the group; 0: it runs
	Stopped   bool       // all threads have joined
	waiting   int        // threads that have not
	report    bool       // wait(WUNTRACED) has not told it yet
	continued bool       // wait(WCONTINUED) has not told the end of a stop yet
	notify    int32      // CLD_… that the parent has to be told by the next thread that comes by
	dequeued  bool       // a thread has taken a stop signal and no SIGCONT came since
}

// clear ends a stop: the process is about to end. Caller holds g.mu.
func (s *StopState) clear() { *s = StopState{} }

// continueStopped is SIGCONT's effect. Caller holds g.mu.
func (g *ThreadGroup) continueStopped(t *sched.Thread) {
	g.stop.dequeued = false
	if g.stop.Sig == 0 {
		return
	}
	if g.stop.Stopped {
		g.stop.notify, g.stop.continued = abi.CLD_CONTINUED, true
	} else {
		g.stop.notify = abi.CLD_STOPPED
	}
	g.stop.Sig, g.stop.Stopped, g.stop.report, g.stop.waiting = 0, false, false, 0
	for x := g.first; x != nil; x = x.next {
		if !x.exiting {
			x.sig.stopping = false
			x.SigPending.Store(true)
			g.Sys.Sched.Wake(x.Thread)
		}
	}
}

// beginStop makes the whole group stop with sig. Caller holds g.mu; t is the current thread.
func (t *Task) beginStop(sig abi.Signal) {
	g := t.Group
	if !g.stop.dequeued || g.stop.Sig != 0 {
		return // SIGCONT was faster, or another thread has begun it
	}
	g.stop = StopState{Sig: sig}
	for x := g.first; x != nil; x = x.next {
		if x.exiting {
			continue
		}
		x.sig.stopping = true
		g.stop.waiting++
		if x != t {
			g.Sys.Sched.Signal(x.Thread)
		}
	}
}

// joinStop stops the current thread with its group, until SIGCONT or the end. Caller holds g.mu, which is
// released during the stop.
func (t *Task) joinStop() {
	g := t.Group
	last := t.leaveStopping()
	if last {
		g.mu.Unlock(t.Thread)
		g.tellStop(t.Thread, abi.CLD_STOPPED)
		g.mu.Lock(t.Thread)
	}
	for g.stop.Sig != 0 && !g.groupExit && (g.execing == nil || g.execing == t) {
		t.SetSleep(sched.Stopped, "signal_stop")
		g.mu.Unlock(t.Thread)
		t.Schedule()
		g.mu.Lock(t.Thread)
	}
}

// leaveStopping takes the current thread off those that the stop waits for, and reports whether that completes the
// stop. Caller holds g.mu.
func (t *Task) leaveStopping() bool {
	g := t.Group
	if !t.sig.stopping {
		return false
	}
	t.sig.stopping = false
	if g.stop.waiting--; g.stop.waiting > 0 || g.stop.Sig == 0 {
		return false
	}
	g.stop.Stopped, g.stop.report = true, true
	return true
}

// tellStop tells the parent that the process stopped or goes on. Caller holds no lock.
func (g *ThreadGroup) tellStop(t *sched.Thread, why int32) {
	s := g.Sys
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	p := g.parent
	if p == nil {
		return
	}
	g.mu.Lock(t)
	status := g.stop.Sig
	g.mu.Unlock(t)
	if why == abi.CLD_CONTINUED {
		status = abi.SIGCONT
	}
	info := g.childInfo(t, why, int32(status))
	p.mu.Lock(t)
	if act := p.actions.get(t, abi.SIGCHLD); act.Handler != abi.SIG_IGN && act.Flags&abi.SA_NOCLDSTOP == 0 {
		p.send(t, nil, &p.pending, Queued{Info: *info}, false)
	}
	p.mu.Unlock(t)
	p.childWait.WakeAll()
}

// childInfo is the siginfo of SIGCHLD about g. Caller holds System.mu.
func (g *ThreadGroup) childInfo(t *sched.Thread, code, status int32) *abi.SigInfo {
	var uid uint32
	if g.Leader != nil {
		uid = uint32(g.Leader.Credentials().UID)
	}
	info := abi.UserSigInfo(abi.SIGCHLD, code, g.ID, uid)
	info.SetStatus(status)
	u := g.rusage()
	info.SetTimes(u.UTime/abi.ClockTick, u.STime/abi.ClockTick)
	return info
}

// StopInfo returns the stop in force; for views.
func (g *ThreadGroup) StopInfo(t *sched.Thread) StopState {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	return g.stop
}
