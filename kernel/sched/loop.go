package sched

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
)

// A thread is a coroutine of the loop of the CPU that it holds (iter.Pull). So a context switch is two switches between
// goroutines on one host thread. By channels it would be a wake-up of the Go runtime's: that looks for another host thread
// to share the work with, which finds none and gets in the way of the guests.

// loop is a CPU: it runs the thread that the scheduler has given it until that gives the CPU away.
func (s *Scheduler) loop(c *CPU) {
	ended := false
	defer func() {
		// A thread that ends by Goexit takes the loop with it.
		s.mu.Lock()
		stopped := s.stopped
		s.mu.Unlock()
		if ended || stopped {
			s.living.Done()
			return
		}
		go s.loop(c)
	}()
	for {
		s.mu.Lock()
		t := c.Curr
		if s.stopped {
			if t != nil && t.State != Dead {
				s.finish(t) // the CPU was given to it, but it did not get it any more
			}
			s.mu.Unlock()
			ended = true
			return
		}
		c.parked = t == nil
		s.mu.Unlock()
		if t == nil {
			<-c.wake
			continue
		}
		t.awaitAway()
		t.away.Store(false)
		t.CPU, t.LastCPU = c, c
		t.resume()
		t.away.Store(true)
	}
}

// unpark lets c's loop look again. Caller holds s.mu.
func (c *CPU) unpark() {
	if c.parked {
		c.parked = false
		c.wake <- struct{}{}
	}
}

// start makes the coroutine that is t's stack. It waits to be resumed.
func (s *Scheduler) start(t *Thread) {
	s.living.Add(1)
	t.away.Store(true)
	resume, end := iter.Pull(func(yield func(struct{}) bool) {
		t.begun = true
		t.yield = yield
		defer s.living.Done()
		t.enterWorld()
		t.label()
		defer t.exit()
		defer func() {
			if v := recover(); v != nil {
				if s.OnPanic == nil {
					// The loop goes on with the panic, whose stack says nothing of the thread's.
					panic(fmt.Sprintf("thread %d %s: %v\n%s", t.ID, t.Name, v, debug.Stack()))
				}
				s.OnPanic(t, v, debug.Stack())
			}
		}()
		t.fn(t)
	})
	s.mu.Lock()
	t.resume, t.end = resume, end
	s.mu.Unlock()
}

// await gives the host thread back to the loop of the CPU that t has given away, and returns when t has a CPU again.
func (t *Thread) await() {
	t.leaveWorld()
	if !t.yield(struct{}{}) {
		runtime.Goexit() // the machine is gone
	}
	t.enterWorld()
}

// awaitAway waits until t, which has given its CPU away, has left its loop: a few instructions.
func (t *Thread) awaitAway() {
	for !t.away.Load() {
		runtime.Gosched()
	}
}

// finish ends the goroutine of a thread that waits for a CPU, when the scheduler is stopped.
func (s *Scheduler) finish(t *Thread) {
	if t.end == nil {
		return // never started
	}
	go func() {
		t.awaitAway()
		if !t.begun {
			defer s.living.Done()
		}
		t.end()
	}()
}
