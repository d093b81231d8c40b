package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
)

// Signals are sent here and delivered in signal_deliver.go. Sending takes only
// spinlocks; t, the sending thread, is nil in a timer's function.

// SendSignal sends a signal to one thread. It reports whether the target lived.
func SendSignal(t *sched.Thread, target *Task, info *abi.SigInfo) bool {
	g := target.Group
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	if target.exiting {
		return false
	}
	g.send(t, target, &target.sig.pending, Queued{Info: *info}, false)
	return true
}

// SendSignal sends a signal to the process.
func (g *ThreadGroup) SendSignal(t *sched.Thread, info *abi.SigInfo) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	g.send(t, nil, &g.pending, Queued{Info: *info}, false)
}

// sendFailing is SendSignal for senders that want EAGAIN when a real-time signal finds no room (sigqueue(3)).
func (g *ThreadGroup) sendFailing(t *sched.Thread, target *Task, info *abi.SigInfo) error {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	p := &g.pending
	if target != nil {
		if target.exiting {
			return errno.ESRCH
		}
		p = &target.sig.pending
	}
	return g.send(t, target, p, Queued{Info: *info}, false)
}

// send queues a signal for a thread, or for the group if target is nil, and wakes who shall take it. force says that it
// can't be thrown away even if ignored by init. Caller holds g.mu.
func (g *ThreadGroup) send(t *sched.Thread, target *Task, p *Pending, q Queued, force bool) error {
	sig := q.Info.Signo
	if !g.prepare(t, target, sig, force) {
		return nil
	}
	if !sig.RealTime() && p.Set.Has(sig) && q.timer == nil {
		return nil // one is enough
	}
	if err := g.charge(&q); err != nil {
		if sig.RealTime() && q.Info.Code != abi.SI_USER && q.Info.Code != abi.SI_KERNEL {
			return err
		}
		p.Set |= abi.SetOf(sig) // known, but without its siginfo
	} else {
		p.add(q)
	}
	g.SignalWait.WakeAll()
	g.wakeFor(t, target, sig)
	return nil
}

// charge counts a queued signal against the RLIMIT_SIGPENDING of the process's user. SIGKILL and what a timer sends
// (its entry was counted when it was made) are free. Caller holds g.mu.
func (g *ThreadGroup) charge(q *Queued) error {
	if q.timer != nil || q.Info.Signo == abi.SIGKILL {
		return nil
	}
	u := g.sigUser
	if u == nil {
		return nil
	}
	if n := u.Signals.Add(1); uint64(n) > g.limits[abi.RLIMIT_SIGPENDING].Cur {
		u.Signals.Add(-1)
		return errno.EAGAIN.Because("RLIMIT_SIGPENDING")
	}
	q.user = u
	return nil
}

// prepare does what a signal does at the moment it is sent, whoever takes it: SIGCONT starts, stop
// signals cancel SIGCONT. It reports whether the signal is to be queued. Caller holds g.mu.
func (g *ThreadGroup) prepare(t *sched.Thread, target *Task, sig abi.Signal, force bool) bool {
	if g.groupExit || g.live == 0 {
		return false
	}
	switch {
	case sigStop.Has(sig):
		g.flushAll(abi.SetOf(abi.SIGCONT))
	case sig == abi.SIGCONT:
		g.flushAll(sigStop)
		g.continueStopped(t)
	}
	return force || !g.ignored(t, target, sig)
}

// flushAll forgets signals of the set, whoever they wait for. Caller holds g.mu.
func (g *ThreadGroup) flushAll(m abi.SigSet) {
	g.pending.flush(m)
	for x := g.first; x != nil; x = x.next {
		x.sig.pending.flush(m)
	}
}

// ignored reports whether a signal would be thrown away. A blocked one is kept: the action may change
// before it is unblocked. Caller holds g.mu.
func (g *ThreadGroup) ignored(t *sched.Thread, target *Task, sig abi.Signal) bool {
	x := target
	if x == nil {
		x = g.Leader
	}
	if (x.sig.Blocked | x.sig.waiting).Has(sig) {
		return false
	}
	act := g.actions.get(t, sig)
	if g.unkillable && act.Handler == abi.SIG_DFL {
		return true // init has no default actions
	}
	return ignores(act, sig)
}

// wakeFor shows a queued signal to a thread that will take it; if it is fatal the whole group begins to end. Caller
// holds g.mu.
func (g *ThreadGroup) wakeFor(t *sched.Thread, target *Task, sig abi.Signal) {
	x := target
	if x == nil {
		if x = g.taker(sig); x == nil {
			return // all block it: whoever unblocks it first takes it
		}
	} else if !x.wants(sig) {
		return
	}
	if !x.sig.waiting.Has(sig) && g.fatal(t, sig) {
		g.startExit(t, abi.SignalStatus(sig, false))
		return
	}
	g.Sys.Sched.Signal(x.Thread)
}

// wants reports whether the thread would take a signal now. Caller holds g.mu.
func (t *Task) wants(sig abi.Signal) bool {
	return !t.exiting && !t.sig.Blocked.Has(sig)
}

// taker chooses the thread that takes a signal to the group: the leader if it may. Caller holds g.mu.
func (g *ThreadGroup) taker(sig abi.Signal) *Task {
	if g.Leader.wants(sig) {
		return g.Leader
	}
	for x := g.first; x != nil; x = x.next {
		if x.wants(sig) {
			return x
		}
	}
	return nil
}

// fatal reports whether a signal ends the process with no more to do: then it happens at once, however its threads
// sleep. Signals with a core note go through delivery, which logs them. Caller holds g.mu.
func (g *ThreadGroup) fatal(t *sched.Thread, sig abi.Signal) bool {
	if sig == abi.SIGKILL {
		return true
	}
	if sigCore.Has(sig) || sigStop.Has(sig) || sigIgnored.Has(sig) {
		return false
	}
	return g.actions.get(t, sig).Handler == abi.SIG_DFL
}

// startExit makes all threads of the group end with a status word. Caller holds g.mu.
func (g *ThreadGroup) startExit(t *sched.Thread, status int) {
	g.groupExit, g.groupStatus = true, status
	g.stop.clear()
	for x := g.first; x != nil; x = x.next {
		g.kick(x)
	}
	g.execWait.WakeAll()
}

// kick brings a thread to its way out of the kernel whatever it sleeps on: sleeps that are deaf to signals look
// at Killed. Caller holds g.mu.
func (g *ThreadGroup) kick(x *Task) {
	if x.exiting {
		return
	}
	g.Sys.Sched.Signal(x.Thread)
	g.Sys.Sched.Wake(x.Thread)
}

// Killed reports whether the task is about to end: killable waits end then.
func (t *Task) Killed() bool {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	return g.groupExit || g.execing != nil && g.execing != t
}

// Kill ends a process from inside the kernel: OOM, a dead cell.
func (g *ThreadGroup) Kill(t *sched.Thread) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	if !g.groupExit && g.live > 0 {
		g.startExit(t, abi.SignalStatus(abi.SIGKILL, false))
	}
}

// forceSignal sends a signal for something that the task did itself, a fault: if it blocks or ignores the signal
// it gets the default action. Only the task itself may call it.
func (t *Task) forceSignal(info *abi.SigInfo) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	t.force(info, false)
}

// force is forceSignal; with toDefault the handler is not asked. Caller holds g.mu.
func (t *Task) force(info *abi.SigInfo, toDefault bool) {
	g, sig := t.Group, info.Signo
	act := g.actions.get(t.Thread, sig)
	if toDefault || act.Handler == abi.SIG_IGN || t.sig.Blocked.Has(sig) {
		act = abi.SigAction{}
		g.actions.set(t.Thread, sig, act)
	}
	if act.Handler == abi.SIG_DFL {
		g.unkillable = false // a fault of init without a handler is its end
	}
	t.sig.Blocked &^= abi.SetOf(sig)
	t.sig.pending.flush(abi.SetOf(sig))
	g.send(t.Thread, t, &t.sig.pending, Queued{Info: *info}, true)
	t.recalc()
}

// SignalSelf sends a signal to the calling thread as the kernel's doing: SIGPIPE, SIGXFSZ.
func (t *Task) SignalSelf(sig abi.Signal) {
	SendSignal(t.Thread, t, abi.UserSigInfo(sig, abi.SI_USER, t.PID(), uint32(t.Cred.UID)))
}

// mayKill says whether credentials c allow sending sig to a process with the leader's credentials
// (kill(2)). Caller holds System.mu.
func (s *System) mayKill(from *Task, g *ThreadGroup, sig abi.Signal) error {
	c, o := from.Cred, g.Leader.Credentials()
	switch {
	case from.Group == g, c.Has(cred.CapKill),
		c.EUID == o.UID, c.EUID == o.SUID, c.UID == o.UID, c.UID == o.SUID:
		return nil
	case sig == abi.SIGCONT && g.pgrp != nil && from.Group.pgrp != nil && g.pgrp.Session == from.Group.pgrp.Session:
		return nil
	}
	return errno.EPERM
}

// Kill is kill(2): pid > 0 a process, 0 the own group, -1 everybody, < -1 a group. Signal 0 only asks.
func (s *System) Kill(t *Task, pid int, sig abi.Signal, info *abi.SigInfo) error {
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	if pid > 0 {
		g := s.process(pid)
		if g == nil {
			return errno.ESRCH
		}
		return s.killOne(t, g, sig, info)
	}
	found, err := false, error(errno.ESRCH)
	try := func(g *ThreadGroup) {
		if e := s.killOne(t, g, sig, info); e == nil {
			found = true
		} else {
			err = e
		}
	}
	if pid == -1 {
		for g := s.first; g != nil; g = g.next {
			if g != t.Group && g != s.init {
				try(g)
			}
		}
	} else {
		pg := t.Group.pgrp
		if pid < -1 {
			pg = nil
			if p := s.ids[-pid]; p != nil {
				pg = p.Group
			}
		}
		if pg != nil {
			for g := pg.first; g != nil; g = g.pgNext {
				try(g)
			}
		}
	}
	if found {
		return nil
	}
	return err
}

func (s *System) killOne(t *Task, g *ThreadGroup, sig abi.Signal, info *abi.SigInfo) error {
	if err := s.mayKill(t, g, sig); err != nil {
		return err
	}
	if sig == 0 {
		return nil
	}
	return g.sendFailing(t.Thread, nil, info)
}

// SignalProcess is killOne for callers that hold a process: pidfd_send_signal(2), rt_sigqueueinfo(2).
func (s *System) SignalProcess(t *Task, g *ThreadGroup, sig abi.Signal, info *abi.SigInfo) error {
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	if g.Leader == nil || g.reaped {
		return errno.ESRCH
	}
	return s.killOne(t, g, sig, info)
}

// KillThread is tgkill(2); tgid <= 0 means any (tkill(2)).
func (s *System) KillThread(t *Task, tgid, tid int, sig abi.Signal, info *abi.SigInfo) error {
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	target := s.task(tid)
	if target == nil || tgid > 0 && target.Group.ID != tgid {
		return errno.ESRCH
	}
	if err := s.mayKill(t, target.Group, sig); err != nil {
		return err
	}
	if sig == 0 || target.dead {
		return nil // a zombie leader takes signals and does nothing
	}
	return target.Group.sendFailing(t.Thread, target, info)
}
