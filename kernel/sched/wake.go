package sched

import "math/bits"

// SetSleep announces that t will sleep at its next Schedule, in state Sleeping, Blocked or Stopped, for the
// reason name. A Wake from now on cancels it. Check the condition after, not before.
func (t *Thread) SetSleep(state State, name string) {
	s := t.sched
	s.mu.Lock()
	defer s.mu.Unlock()
	t.State, t.WaitName, t.WaitFrom = state, name, s.Timers.Now()
}

// SetRunning cancels SetSleep.
func (t *Thread) SetRunning() {
	s := t.sched
	s.mu.Lock()
	defer s.mu.Unlock()
	t.State, t.WaitName = Running, ""
}

// Wake ends t's sleep, whatever its kind. It reports whether t slept.
func (s *Scheduler) Wake(t *Thread) bool { return s.wake(t, Sleeping, Blocked, Stopped) }

// WakeInterruptible ends t's sleep if it is one that a signal may end.
func (s *Scheduler) WakeInterruptible(t *Thread) bool { return s.wake(t, Sleeping, Sleeping, Sleeping) }

func (s *Scheduler) wake(t *Thread, a, b, c State) bool {
	s.mu.Lock()
	if t.State != a && t.State != b && t.State != c {
		s.mu.Unlock()
		return false
	}
	if t.onCPU { // on its way to sleep
		t.State, t.WaitName = Running, ""
		s.mu.Unlock()
		return true
	}
	s.enqueue(t, true)
	s.unplaced.Store(true)
	u := s.preempt(t)
	s.mu.Unlock()
	if u != nil {
		u.Interrupt()
	}
	return true
}

// preempt looks for a CPU that should run t at once. Caller holds s.mu and
// calls Interrupt on what it returns.
func (s *Scheduler) preempt(t *Thread) User {
	for _, c := range s.CPUs {
		if c.Curr == nil && t.mayRunOn(c) {
			return nil
		}
	}
	if !s.ticking {
		s.ticking = true
		s.Timers.Add(&s.tick, s.Timers.Now()+tickPeriod)
	}
	for _, c := range s.CPUs {
		if t.mayRunOn(c) && !c.Curr.idle && s.policy.Preempts(t, c.Curr) {
			return s.resched(c)
		}
	}
	return nil
}

// resched asks c's thread to give way. Caller holds s.mu.
func (s *Scheduler) resched(c *CPU) User {
	c.NeedResched.Store(true)
	if c.Curr.inUser.Load() {
		return c.Curr.user
	}
	return nil
}

// Signal tells t that there is something for the way out of the kernel to look at: an interruptible sleep
// ends, user code comes back.
func (s *Scheduler) Signal(t *Thread) {
	t.SigPending.Store(true)
	if !s.WakeInterruptible(t) && t.inUser.Load() {
		t.user.Interrupt()
	}
}

// Interrupt marks a line pending on a CPU and sees that a window comes soon. It may be called
// from any goroutine; the machine does.
func (s *Scheduler) Interrupt(line int) {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return
	}
	c := s.CPUs[0]
	for _, x := range s.CPUs {
		if x.Curr == nil {
			c = x
			break
		}
	}
	c.pending.Or(1 << line)
	var u User
	if c.Curr == nil {
		s.give(c, c.idleThread)
	} else if c.Curr.inUser.Load() {
		u = c.Curr.user
	}
	s.mu.Unlock()
	if u != nil {
		u.Interrupt()
	}
}

// Window runs the handlers of interrupts that wait for this CPU. They run as
// if alone: locks that t holds do not count for them.
func (t *Thread) Window() {
	for {
		lines := t.CPU.pending.Swap(0)
		if lines == 0 {
			return
		}
		t.CPU.Interrupts.Add(int64(bits.OnesCount64(lines)))
		locks, noSpin := t.locks, t.noSpin
		t.locks, t.noSpin = nil, 0
		t.sched.HandleIRQ(t, lines)
		t.locks, t.noSpin = locks, noSpin
	}
}
