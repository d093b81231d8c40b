package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Sets of signals with one fate.
var (
	sigUnblockable = abi.SetOf(abi.SIGKILL, abi.SIGSTOP)
	sigStop        = abi.SetOf(abi.SIGSTOP, abi.SIGTSTP, abi.SIGTTIN, abi.SIGTTOU)
	sigIgnored     = abi.SetOf(abi.SIGCONT, abi.SIGCHLD, abi.SIGWINCH, abi.SIGURG)
	sigCore        = abi.SetOf(abi.SIGQUIT, abi.SIGILL, abi.SIGTRAP, abi.SIGABRT, abi.SIGFPE, abi.SIGSEGV,
		abi.SIGBUS, abi.SIGSYS, abi.SIGXCPU, abi.SIGXFSZ)
	// sigSync are delivered before others: their siginfo describes the instruction at RIP.
	sigSync = abi.SetOf(abi.SIGSEGV, abi.SIGBUS, abi.SIGILL, abi.SIGTRAP, abi.SIGFPE, abi.SIGSYS)
)

// Pending is a queue of signals that wait for delivery. Guarded by ThreadGroup.mu.
type Pending struct {
	Set   abi.SigSet
	Queue []Queued // in order of arrival
}

// Queued is a signal with its siginfo.
type Queued struct {
	Info  abi.SigInfo
	user  *User       // whose RLIMIT_SIGPENDING it counts against; nil: nobody's
	timer *PosixTimer // that sent it; its overruns are filled in at delivery
}

// add queues a signal.
func (p *Pending) add(q Queued) {
	p.Set |= abi.SetOf(q.Info.Signo)
	p.Queue = append(p.Queue, q)
}

// take removes the first entry of sig. A signal whose siginfo was not kept for want of room comes with SI_USER and
// no sender, as on Linux.
func (p *Pending) take(sig abi.Signal) Queued {
	at, more := -1, false
	for i := range p.Queue {
		if p.Queue[i].Info.Signo == sig {
			if at >= 0 {
				more = true
				break
			}
			at = i
		}
	}
	if !more {
		p.Set &^= abi.SetOf(sig)
	}
	if at < 0 {
		return Queued{Info: abi.SigInfo{Signo: sig, Code: abi.SI_USER}}
	}
	q := p.Queue[at]
	p.Queue = append(p.Queue[:at], p.Queue[at+1:]...)
	q.release()
	return q
}

// flush forgets all signals in the set.
func (p *Pending) flush(m abi.SigSet) {
	if p.Set&m == 0 {
		return
	}
	p.Set &^= m
	keep := p.Queue[:0]
	for _, q := range p.Queue {
		if m.Has(q.Info.Signo) {
			q.release()
			if q.timer != nil {
				q.timer.dropped()
			}
		} else {
			keep = append(keep, q)
		}
	}
	clear(p.Queue[len(keep):])
	p.Queue = keep
}

func (q *Queued) release() {
	if q.user != nil {
		q.user.Signals.Add(-1)
		q.user = nil
	}
}

// next returns the signal in the set that is delivered first; 0 if there is none.
func (p *Pending) next(m abi.SigSet) abi.Signal {
	m &= p.Set
	if s := m & sigSync; s != 0 {
		m = s
	}
	if m == 0 {
		return 0
	}
	return m.First()
}

// SigState is a thread's part of signal handling. Guarded by ThreadGroup.mu unless it says otherwise.
type SigState struct {
	Blocked  abi.SigSet // changed by the thread itself
	waiting  abi.SigSet // what sigtimedwait(2) waits for; these are not in Blocked meanwhile
	pending  Pending
	stopping bool // has to join its group's stop

	// The thread's own.
	saved    abi.SigSet // the mask to restore at the way out (sigsuspend, ppoll), if hasSaved
	hasSaved bool
	alt      abi.StackT
	fault    Fault
}

// Fault is what the processor said about the last exception: for signal frames and the log.
type Fault struct {
	TrapNo, Err, CR2 uint64
}

// SigActions says what a process does on signals. Tasks made with CLONE_SIGHAND share one.
type SigActions struct {
	mu   ksync.SpinLock // RankSigActions
	refs int
	list [abi.NSIG + 1]abi.SigAction // by signal
}

func newSigActions() *SigActions {
	return &SigActions{mu: ksync.NewSpinLock(classSigActions), refs: 1}
}

func (a *SigActions) get(t *sched.Thread, sig abi.Signal) abi.SigAction {
	a.mu.Lock(t)
	defer a.mu.Unlock(t)
	return a.list[sig]
}

func (a *SigActions) set(t *sched.Thread, sig abi.Signal, act abi.SigAction) {
	a.mu.Lock(t)
	a.list[sig] = act
	a.mu.Unlock(t)
}

func (a *SigActions) incRef(t *sched.Thread) {
	a.mu.Lock(t)
	a.refs++
	a.mu.Unlock(t)
}

// unref drops a reference and reports whether others have one.
func (a *SigActions) unref(t *sched.Thread) {
	a.mu.Lock(t)
	a.refs--
	a.mu.Unlock(t)
}

// copy returns a private copy; with clear handlers become SIG_DFL, as execve(2) and CLONE_CLEAR_SIGHAND want.
func (a *SigActions) copy(t *sched.Thread, clear bool) *SigActions {
	n := newSigActions()
	a.mu.Lock(t)
	defer a.mu.Unlock(t)
	n.list = a.list
	if clear {
		for sig := range n.list {
			if n.list[sig].Handler != abi.SIG_IGN {
				n.list[sig] = abi.SigAction{}
			} else {
				n.list[sig] = abi.SigAction{Handler: abi.SIG_IGN}
			}
		}
	}
	return n
}

// ignores reports whether the action throws sig away at once.
func ignores(act abi.SigAction, sig abi.Signal) bool {
	return act.Handler == abi.SIG_IGN || act.Handler == abi.SIG_DFL && sigIgnored.Has(sig)
}

// SignalMask returns the blocked signals; others may ask.
func (t *Task) SignalMask(by *sched.Thread) abi.SigSet {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	return t.sig.Blocked
}

// SetSignalMask changes the blocked signals of the calling task and returns the ones before.
func (t *Task) SetSignalMask(m abi.SigSet) abi.SigSet {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	old := t.sig.Blocked
	t.setBlocked(m)
	return old
}

// setBlocked changes the mask. A signal to the group that t no longer takes is shown to the other threads.
// Caller holds g.mu.
func (t *Task) setBlocked(m abi.SigSet) {
	m &^= sigUnblockable
	g := t.Group
	newly := m &^ t.sig.Blocked
	t.sig.Blocked = m
	if newly&g.pending.Set != 0 {
		for x := g.first; x != nil; x = x.next {
			if x != t && !x.exiting && g.pending.Set&newly&^x.sig.Blocked != 0 {
				t.Sys.Sched.Signal(x.Thread)
			}
		}
	}
	t.recalc()
}

// WithMask runs f with a temporary signal mask: ppoll(2), pselect(2), epoll_pwait(2), sigsuspend(2). If a signal ended f, the
// mask stays until its handler has run.
func (t *Task) WithMask(m abi.SigSet, f func() (uint64, error)) (uint64, error) {
	t.sig.saved, t.sig.hasSaved = t.SetSignalMask(m), true
	v, err := f()
	if !t.SigPending.Load() || !interrupted(err) {
		t.restoreMask()
	}
	return v, err
}

// restoreMask puts back the mask that WithMask replaced.
func (t *Task) restoreMask() {
	if t.sig.hasSaved {
		t.sig.hasSaved = false
		t.SetSignalMask(t.sig.saved)
	}
}

// recalc sets SigPending to whether there is anything for the way out to do. Caller holds g.mu.
func (t *Task) recalc() {
	g := t.Group
	t.SigPending.Store((t.sig.pending.Set|g.pending.Set)&^t.sig.Blocked != 0 ||
		g.groupExit || g.execing != nil && g.execing != t || t.sig.stopping || g.stop.notify != 0)
}

// PendingSignals returns the signals that wait for the task or its group: sigpending(2).
func (t *Task) PendingSignals(by *sched.Thread) (own, group abi.SigSet) {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	return t.sig.pending.Set, t.Group.pending.Set
}

// Action returns what the process does on sig.
func (g *ThreadGroup) Action(t *sched.Thread, sig abi.Signal) abi.SigAction {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	return g.actions.get(t, sig)
}

// SetAction is rt_sigaction(2); it returns the action before. Setting one that ignores drops what is pending.
func (g *ThreadGroup) SetAction(t *sched.Thread, sig abi.Signal, act abi.SigAction) abi.SigAction {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	old := g.actions.get(t, sig)
	act.Mask &^= sigUnblockable
	g.actions.set(t, sig, act)
	if ignores(act, sig) {
		m := abi.SetOf(sig)
		g.pending.flush(m)
		for x := g.first; x != nil; x = x.next {
			x.sig.pending.flush(m)
		}
	}
	return old
}
