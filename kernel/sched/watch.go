package sched

// What a watchdog asks from outside: these may be called from any goroutine, and take no window of any CPU.

// Overdue marks a line pending on every CPU that runs kernel code, and returns those that had it still from the last time:
// their threads have passed no window since. CPUs that are idle or run user code are none of it.
func (s *Scheduler) Overdue(line int) (late []*Thread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bit := uint64(1) << line
	for _, c := range s.CPUs {
		t := c.Curr
		if t == nil || t.idle || t.inUser.Load() {
			c.pending.And(^bit)
			continue
		}
		if c.pending.Or(bit)&bit != 0 {
			late = append(late, t)
		}
	}
	return late
}

// Waiter is a thread in an uninterruptible sleep.
type Waiter struct {
	Thread *Thread
	Wait   string // for what
	Since  int64
	Lock   any // the lock that it wants, if that is what it waits for; nil otherwise
}

// Waiters returns the threads that sleep uninterruptibly.
func (s *Scheduler) Waiters() (ws []Waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := s.head; t != nil; t = t.next {
		if t.State != Blocked || t.onCPU {
			continue
		}
		w := Waiter{Thread: t, Wait: t.WaitName, Since: t.WaitFrom}
		// A lock is put on the list before it is waited for; t changed the list before it took s.mu to sleep.
		if n := len(t.locks); n > 0 && t.locks[n-1].Class == t.WaitName {
			w.Lock = t.locks[n-1].Lock
		}
		ws = append(ws, w)
	}
	return ws
}
