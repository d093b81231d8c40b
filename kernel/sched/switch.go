package sched

import "runtime"

// Schedule gives the CPU to whoever has the best claim to it and returns when
// t has a CPU again. If t's state is still Running it stays runnable; if
// SetSleep changed it, t waits for Wake.
func (t *Thread) Schedule() {
	if t.noSpin > 0 {
		panic("Schedule with a spinlock held: " + t.locks[len(t.locks)-1].Class)
	}
	s := t.sched
	t.Window()
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		runtime.Goexit()
	}
	c := t.CPU
	c.NeedResched.Store(false)
	s.charge(c)
	t.STime.Add(c.since - t.lastAccount) // what comes now is no work of t's
	t.lastAccount = c.since
	if t.State == Running && !t.idle {
		s.enqueue(t, false)
		next := s.policy.Pick(c)
		if next == t {
			t.State, t.queued, t.slice = Running, false, 0
			s.place()
			s.mu.Unlock()
			return
		}
		t.Preempted.Add(1)
		s.leaveTo(t, next)
	} else {
		t.Switches.Add(1)
		s.leave(t)
	}
	s.mu.Unlock()
	if t.user != nil {
		t.user.Park()
	}
	t.await()
}

// leave hands t's CPU to the next thread, or makes it idle. Caller holds s.mu.
func (s *Scheduler) leave(t *Thread) { s.leaveTo(t, s.policy.Pick(t.CPU)) }

func (s *Scheduler) leaveTo(t, next *Thread) {
	c := t.CPU
	t.onCPU = false
	t.CPU = nil
	s.give(c, next)
	s.place()
}

// give lets next run on c; with nil c becomes idle. Caller holds s.mu, and nobody else holds c.
func (s *Scheduler) give(c *CPU, next *Thread) {
	if s.stopped {
		return
	}
	now := s.Timers.Now()
	if c.Curr == nil {
		c.idleTime += now - c.since
	}
	c.since = now
	c.Curr = next
	if next == nil {
		// An interrupt that came too late for the window must not wait for the next one.
		if c.pending.Load() == 0 {
			if s.OnIdle != nil && s.quiet() {
				s.OnIdle()
			}
			return
		}
		next = c.idleThread
		c.Curr = next
	}
	next.State, next.queued, next.onCPU = Running, false, true
	next.WaitName = ""
	next.slice = 0
	next.lastAccount = now
	c.Switches.Add(1)
	c.unpark()
}

// quiet reports whether no CPU has anything to do. Caller holds s.mu.
func (s *Scheduler) quiet() bool {
	for _, c := range s.CPUs {
		if c.Curr != nil {
			return false
		}
	}
	return len(s.policy.Queue()) == 0
}

// Quiet reports whether every CPU is idle and no thread waits for one.
func (s *Scheduler) Quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quiet()
}

// place gives idle CPUs to threads that wait for one and starts the tick if
// some still wait. Caller holds s.mu.
func (s *Scheduler) place() {
	s.unplaced.Store(false)
	if len(s.policy.Queue()) == 0 {
		return
	}
	for _, c := range s.CPUs {
		if c.Curr == nil {
			if next := s.policy.Pick(c); next != nil {
				s.give(c, next)
			}
		}
	}
	if !s.ticking && len(s.policy.Queue()) > 0 {
		s.ticking = true
		s.Timers.Add(&s.tick, s.Timers.Now()+tickPeriod)
	}
}

// BalanceSoon is Balance for the way out to user code. A thread that wakes another often goes to sleep itself a moment
// later, as the two ends of a pipe do: the woken one then gets its CPU, and another processor need not be roused. So
// Balance is left to the moment at which user code stays away for longer, but only once: the next way out does it.
func (t *Thread) BalanceSoon() {
	if !t.sched.unplaced.Load() {
		t.once = false
		return
	}
	if t.stays && !t.once {
		t.once = true
		return
	}
	t.once = false
	t.sched.Balance()
}

// Balance lets idle CPUs have the threads woken since.
func (s *Scheduler) Balance() {
	if !s.unplaced.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place()
}

// enqueue makes t wait for a CPU. Caller holds s.mu.
func (s *Scheduler) enqueue(t *Thread, woken bool) {
	t.State, t.queued = Runnable, true
	s.policy.Enqueue(t, woken)
}

// CondResched is a window in the middle of long kernel work. The caller holds no spinlock.
func (t *Thread) CondResched() {
	t.Window()
	if t.CPU.NeedResched.Load() {
		t.Schedule()
	}
	t.sched.Balance()
}

// Yield lets others run first, as sched_yield(2).
func (t *Thread) Yield() { t.Schedule() }

func (t *Thread) idleLoop() {
	for {
		t.Window()
		t.Schedule()
	}
}
