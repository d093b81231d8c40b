package sched

// tickPeriod is how often running threads are charged while others wait, ns.
const tickPeriod = Slice / 2

// charge adds the time since the last charge to c's thread. It reports
// whether the thread should give way. Caller holds s.mu.
func (s *Scheduler) charge(c *CPU) bool {
	now := s.Timers.Now()
	ran := now - c.since
	c.since = now
	if c.Curr == nil || c.Curr.idle {
		c.idleTime += ran
		return false
	}
	return s.policy.Ran(c.Curr, ran)
}

// onTick preempts threads whose slice is over. The tick runs only while threads wait for a CPU.
func (s *Scheduler) onTick(now int64) {
	var users []User
	s.mu.Lock()
	s.ticking = len(s.policy.Queue()) > 0 && !s.stopped
	if s.ticking {
		for _, c := range s.CPUs {
			if c.Curr != nil && s.charge(c) {
				if u := s.resched(c); u != nil {
					users = append(users, u)
				}
			}
		}
		s.Timers.Add(&s.tick, now+tickPeriod)
	}
	s.mu.Unlock()
	for _, u := range users {
		u.Interrupt()
	}
}

// SetNice changes a thread's share of the CPU, -20 (most) to 19 (least).
func (s *Scheduler) SetNice(t *Thread, nice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requeue(t, func() { t.NiceVal = min(max(nice, -20), 19) })
}

// SetAffinity changes the CPUs that t may run on; it moves at its next switch.
func (s *Scheduler) SetAffinity(t *Thread, mask uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requeue(t, func() { t.Affinity = mask })
	if t.onCPU && t.CPU != nil && !t.mayRunOn(t.CPU) {
		t.CPU.NeedResched.Store(true)
	}
	s.place()
}

func (s *Scheduler) requeue(t *Thread, change func()) {
	if t.queued {
		s.policy.Dequeue(t)
		change()
		s.policy.Enqueue(t, false)
		return
	}
	change()
}

// Threads calls f for every living thread, oldest first, under the scheduler's lock: f must be short.
func (s *Scheduler) Threads(f func(t *Thread)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := s.head; t != nil; t = t.next {
		f(t)
	}
}

// Count returns the number of living threads and of those that run or wait for a CPU.
func (s *Scheduler) Count() (threads, runnable int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	runnable = len(s.policy.Queue())
	for _, c := range s.CPUs {
		if c.Curr != nil && !c.Curr.idle {
			runnable++
		}
	}
	return s.count, runnable
}

// Snapshot returns a thread's state and the reason of its sleep.
func (s *Scheduler) Snapshot(t *Thread) (State, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.State, t.WaitName
}
