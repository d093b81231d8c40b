package sched

// Stop ends the scheduler: every thread's goroutine ends at its next wait, and
// Stop returns when all have. For tests, where a kernel ends before its process.
func (s *Scheduler) Stop() {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		s.living.Wait()
		return
	}
	s.stopped = true
	var users []User
	for t := s.head; t != nil; t = t.next {
		if !t.onCPU && t.State != Dead {
			s.finish(t)
		} else if t.inUser.Load() {
			users = append(users, t.user)
		}
	}
	for _, c := range s.CPUs {
		c.NeedResched.Store(true)
		if !c.idleThread.onCPU {
			s.finish(c.idleThread)
		}
		c.unpark()
	}
	s.mu.Unlock()
	for _, u := range users {
		u.Interrupt()
	}
	s.living.Wait()
}

// Stopped reports whether Stop was called: user code is not entered any more.
func (s *Scheduler) Stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}
