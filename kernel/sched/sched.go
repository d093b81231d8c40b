package sched

import (
	"fmt"
	"math/bits"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"vitrine/kernel/abi/errno"
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

	pending    atomic.Uint64 // interrupt lines that wait for a window
	idleThread *Thread
	since      int64 // when Curr was last charged
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

// MaxPID is the greatest thread ID plus one (/proc/sys/kernel/pid_max).
const MaxPID = 32768

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
		c := &CPU{ID: i, since: timers.Now()}
		c.idleThread = s.newThread(0, fmt.Sprintf("idle/%d", i), nil)
		c.idleThread.idle = true
		c.idleThread.fn = (*Thread).idleLoop
		s.CPUs = append(s.CPUs, c)
		s.start(c.idleThread)
	}
	return s
}

// AllocID returns an unused thread ID; EAGAIN if there is none.
func (s *Scheduler) AllocID() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range MaxPID {
		id := (s.lastID + 1 + i) % MaxPID
		if s.lastID+1+i >= MaxPID && id < 300 {
			continue // after the first round the low IDs stay free, as on Linux
		}
		if s.ids[id/64]&(1<<(id%64)) == 0 {
			s.ids[id/64] |= 1 << (id % 64)
			s.lastID = id
			return id, nil
		}
	}
	return 0, errno.EAGAIN.Because("all process IDs are in use")
}

// LastID returns the ID that AllocID gave last.
func (s *Scheduler) LastID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastID
}

// FreeID gives an ID back, when nothing names a thread, group or session by it any more.
func (s *Scheduler) FreeID(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id/64] &^= 1 << (id % 64)
}

func (s *Scheduler) newThread(id int, name string, fn func(*Thread)) *Thread {
	return &Thread{ID: id, Name: name, sched: s, fn: fn, Affinity: ^uint64(0), baton: make(chan *CPU, 1)}
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

// Spawn starts a kernel thread.
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

// start creates the goroutine that is t's stack. It waits for its first baton.
func (s *Scheduler) start(t *Thread) {
	s.living.Add(1)
	go func() {
		defer s.living.Done()
		t.take(<-t.baton)
		t.label()
		defer t.exit()
		defer func() {
			if v := recover(); v != nil {
				if s.OnPanic == nil {
					panic(v)
				}
				s.OnPanic(t, v, debug.Stack())
			}
		}()
		t.fn(t)
	}()
}

// take receives the CPU. A nil CPU means that the machine is gone.
func (t *Thread) take(c *CPU) {
	if c == nil {
		runtime.Goexit()
	}
	t.CPU, t.LastCPU = c, c
	t.enterWorld()
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
	t.leaveWorld()
	t.take(<-t.baton)
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
	next.baton <- c
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

// Balance lets idle CPUs have the threads woken since. The way out to user code calls it: until
// then a woken thread waits for the waker's own CPU, which it often gets a moment later.
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
func (s *Scheduler) preempt(t *Thread) Interrupter {
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
func (s *Scheduler) resched(c *CPU) Interrupter {
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
	var u Interrupter
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
	var users []Interrupter
	for t := s.head; t != nil; t = t.next {
		if !t.onCPU && t.State != Dead {
			select {
			case t.baton <- nil:
			default:
			}
		} else if t.inUser.Load() {
			users = append(users, t.user)
		}
	}
	for _, c := range s.CPUs {
		c.NeedResched.Store(true)
		if !c.idleThread.onCPU {
			c.idleThread.baton <- nil
		}
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
