package sched

import (
	"fmt"
	"sync"
	"sync/atomic"

	"vitrine/kernel/ktime"
)

// CPU is a processor: the right to run.
type CPU struct {
	ID   int
	Curr *Thread // who runs on it; nil when idle; guarded by Scheduler.mu

	// NeedResched asks the running thread to call Schedule at its next window.
	NeedResched atomic.Bool

	// Interrupts and Switches count since boot.
	Interrupts, Switches atomic.Int64

	wake   chan struct{} // for its loop, when it is parked
	parked bool          // the loop waits for wake; guarded by Scheduler.mu

	pending    atomic.Uint64 // interrupt lines that wait for a window
	idleThread *Thread
	since      int64 // when Curr was last charged
	yielded    int64 // when its P was last given away; its thread's
	idleTime   int64
}

// Idle returns how long the CPU has had nothing to do, ns.
func (c *CPU) Idle() int64 {
	s := c.idleThread.sched
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Curr == nil {
		return c.idleTime + s.Timers.Now() - c.since
	}
	return c.idleTime
}

// Scheduler owns the CPUs and all threads. Create it with New.
type Scheduler struct {
	CPUs   []*CPU // immutable
	Timers *ktime.Timers

	// HandleIRQ runs the handlers of the lines in the set, on the CPU of t.
	// OnPanic hears of a panic that a thread's function didn't recover.
	// Both are immutable once the first thread runs.
	HandleIRQ func(t *Thread, lines uint64)
	OnPanic   func(t *Thread, value any, stack []byte)

	// OnIdle, if not nil, is called under the scheduler's lock whenever the last CPU becomes
	// idle: a test's clock may move on. It must not call back. Immutable once the first thread runs.
	OnIdle func()

	mu      sync.Mutex
	policy  Policy
	head    *Thread // all living threads, in order of creation
	tail    *Thread
	count   int
	ids     [MaxPID / 64]uint64 // IDs in use
	lastID  int
	tick    ktime.Timer
	ticking bool
	stopped bool

	// world is held for reading by every thread that runs kernel code; see Exclusive.
	world sync.RWMutex

	unplaced atomic.Bool // a woken thread may find an idle CPU: see Balance
	living   sync.WaitGroup
}

// New returns a scheduler with n idle CPUs.
func New(n int, timers *ktime.Timers, p Policy) *Scheduler {
	s := &Scheduler{Timers: timers, policy: p, HandleIRQ: func(*Thread, uint64) {}}
	s.ids[0] = 1 // 0 is nobody's ID
	s.tick.Fn = s.onTick
	for i := range n {
		c := &CPU{ID: i, since: timers.Now(), wake: make(chan struct{}, 1)}
		c.idleThread = s.newThread(0, fmt.Sprintf("idle/%d", i), nil)
		c.idleThread.idle = true
		c.idleThread.fn = (*Thread).idleLoop
		s.CPUs = append(s.CPUs, c)
		s.start(c.idleThread)
		s.living.Add(1)
		go s.loop(c)
	}
	return s
}

func (s *Scheduler) newThread(id int, name string, fn func(*Thread)) *Thread {
	return &Thread{ID: id, Name: name, sched: s, fn: fn, Affinity: ^uint64(0)}
}

// NewThread makes a thread that will run fn; Start lets it go. The ID comes from AllocID.
func (s *Scheduler) NewThread(id int, name string, fn func(*Thread)) *Thread {
	t := s.newThread(id, name, fn)
	t.State = Sleeping
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.prev = s.tail; t.prev != nil {
		t.prev.next = t
	} else {
		s.head = t
	}
	s.tail = t
	s.count++
	return t
}

// Start makes a new thread runnable.
func (t *Thread) Start() {
	t.sched.start(t)
	t.sched.Wake(t)
}

// Spawn starts a kernel thread. Who is no thread itself calls Balance then, or an idle CPU would not hear of it.
func (s *Scheduler) Spawn(name string, fn func(*Thread)) *Thread {
	id, err := s.AllocID()
	if err != nil {
		panic("no ID for kernel thread " + name)
	}
	t := s.NewThread(id, name, func(t *Thread) {
		defer s.FreeID(id)
		fn(t)
	})
	t.Start()
	return t
}

// exit gives the CPU away for ever.
func (t *Thread) exit() {
	s := t.sched
	t.leaveWorld()
	s.mu.Lock()
	s.unlink(t)
	t.State = Dead
	if s.stopped {
		s.mu.Unlock()
		return
	}
	s.leave(t)
	s.mu.Unlock()
}

func (s *Scheduler) unlink(t *Thread) {
	if t.State == Dead || t.idle {
		return
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		s.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		s.tail = t.prev
	}
	t.next, t.prev = nil, nil
	s.count--
}
