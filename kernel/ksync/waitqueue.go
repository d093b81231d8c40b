package ksync

import (
	"sync"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// WaitQueue is where threads wait for a condition, and where others leave a
// function to be called when it may hold. The zero WaitQueue is ready for use.
//
// The waker changes what the condition reads, then wakes; the waiter joins the
// queue, then reads the condition: no wake-up is lost.
type WaitQueue struct {
	mu   sync.Mutex
	head *Waiter
	tail *Waiter
}

// Waiter is an entry of a WaitQueue: a thread that sleeps, or a callback.
type Waiter struct {
	Thread *sched.Thread
	// Func is called at a wake, in the waker's context: it may wake threads, never block.
	// Key is the event set of WakeKey (poll events), ^0 for all.
	Func func(key uint32)
	Mask uint32 // which keys it wants; 0 means all

	exclusive  bool // WakeOne stops at it
	queue      *WaitQueue
	next, prev *Waiter
}

// Add appends w, which belongs to no queue.
func (q *WaitQueue) Add(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.queue = q
	if w.prev = q.tail; w.prev != nil {
		w.prev.next = w
	} else {
		q.head = w
	}
	q.tail = w
}

// Remove takes w out of the queue. It is harmless if w has left already.
func (q *WaitQueue) Remove(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.queue != q {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.next, w.prev, w.queue = nil, nil, nil
}

// Empty reports whether nobody waits.
func (q *WaitQueue) Empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.head == nil
}

// WakeAll wakes everybody.
func (q *WaitQueue) WakeAll() { q.wake(^uint32(0), -1) }

// WakeOne wakes all callbacks and plain waiters, and one exclusive waiter.
func (q *WaitQueue) WakeOne() { q.wake(^uint32(0), 1) }

// WakeKey wakes everybody who waits for one of the events in key.
func (q *WaitQueue) WakeKey(key uint32) { q.wake(key, -1) }

func (q *WaitQueue) wake(key uint32, exclusive int) {
	q.mu.Lock()
	if q.head == nil {
		q.mu.Unlock()
		return
	}
	var buf [8]*Waiter
	list := buf[:0]
	for w := q.head; w != nil; w = w.next {
		if w.Mask != 0 && w.Mask&key == 0 {
			continue
		}
		list = append(list, w)
		if w.exclusive {
			if exclusive--; exclusive == 0 {
				break
			}
		}
	}
	q.mu.Unlock()
	for _, w := range list {
		if w.Func != nil {
			w.Func(key)
		} else {
			w.Thread.Scheduler().Wake(w.Thread)
		}
	}
}

// How a wait may end besides by its condition.
type waitOpts struct {
	state     sched.State
	deadline  int64
	exclusive bool
	mu        *Mutex
}

// Wait sleeps until cond holds. A signal ends it with errno.RestartSys. The reason is
// what views show: "pipe_read". Cond must not sleep.
func (q *WaitQueue) Wait(t *sched.Thread, reason string, cond func() bool) error {
	return q.wait(t, reason, cond, waitOpts{state: sched.Sleeping, deadline: ktime.Forever})
}

// WaitUninterruptible sleeps until cond holds, deaf to signals: for waits that are sure to be short.
func (q *WaitQueue) WaitUninterruptible(t *sched.Thread, reason string, cond func() bool) {
	q.wait(t, reason, cond, waitOpts{state: sched.Blocked, deadline: ktime.Forever})
}

// WaitUntil is Wait with a deadline in monotonic time; past it the error is ETIMEDOUT.
func (q *WaitQueue) WaitUntil(t *sched.Thread, reason string, deadline int64, cond func() bool) error {
	return q.wait(t, reason, cond, waitOpts{state: sched.Sleeping, deadline: deadline})
}

// WaitLocked is Wait for a condition that mu protects: mu is held on entry,
// while cond is called and on return, and free during the sleep.
func (q *WaitQueue) WaitLocked(t *sched.Thread, reason string, mu *Mutex, cond func() bool) error {
	return q.wait(t, reason, cond, waitOpts{state: sched.Sleeping, deadline: ktime.Forever, mu: mu})
}

// WaitLockedUntil is WaitLocked with a deadline.
func (q *WaitQueue) WaitLockedUntil(t *sched.Thread, reason string, mu *Mutex, deadline int64, cond func() bool) error {
	return q.wait(t, reason, cond, waitOpts{state: sched.Sleeping, deadline: deadline, mu: mu})
}

// WaitExclusive is Wait for waiters of which one is enough: WakeOne wakes the first of them.
func (q *WaitQueue) WaitExclusive(t *sched.Thread, reason string, cond func() bool) error {
	return q.wait(t, reason, cond, waitOpts{state: sched.Sleeping, deadline: ktime.Forever, exclusive: true})
}

func (q *WaitQueue) wait(t *sched.Thread, reason string, cond func() bool, o waitOpts) error {
	if cond() {
		return nil
	}
	w := Waiter{Thread: t, exclusive: o.exclusive}
	q.Add(&w)
	defer q.Remove(&w)
	var timer ktime.Timer
	if o.deadline != ktime.Forever {
		timer.Fn = func(int64) { t.Scheduler().Wake(t) }
		timers := t.Scheduler().Timers
		timers.Add(&timer, o.deadline)
		defer timers.Cancel(&timer)
	}
	for {
		t.SetSleep(o.state, reason)
		if cond() {
			t.SetRunning()
			return nil
		}
		if o.state == sched.Sleeping && t.SigPending.Load() {
			t.SetRunning()
			return errno.RestartSys
		}
		if o.deadline != ktime.Forever && t.Now() >= o.deadline {
			t.SetRunning()
			return errno.ETIMEDOUT
		}
		if o.mu != nil {
			// Unlocking may wake, never sleep: the announced sleep stays announced.
			o.mu.Unlock(t)
		}
		t.Schedule()
		if o.mu != nil {
			o.mu.Lock(t)
		}
	}
}

// Sleep sleeps until the deadline in monotonic time. A signal ends it with errno.RestartSys.
func Sleep(t *sched.Thread, reason string, deadline int64) error {
	var q WaitQueue
	err := q.WaitUntil(t, reason, deadline, func() bool { return false })
	if err == errno.ETIMEDOUT {
		return nil
	}
	return err
}
