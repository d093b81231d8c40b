package sched

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync/atomic"

	"vitrine/kernel/cred"
)

// State is what a thread is doing, in ps(1)'s letters.
type State uint8

// States of a thread.
const (
	Runnable State = iota // waits for a CPU
	Running               // holds a CPU
	Sleeping              // waits; a signal ends the wait
	Blocked               // waits; nothing but the event ends the wait
	Stopped               // job control or a tracer holds it
	Dead                  // has left for ever
)

func (s State) String() string {
	return [...]string{"R", "R", "S", "D", "T", "Z"}[s]
}

// User is the user side of a thread (platform.Context).
type User interface {
	Interrupt()           // brings user code back into the kernel
	OnStay(f func()) bool // has f called when user code stays away for more than a moment
	Park()                // the thread is about to sleep
}

// Thread is a flow of control in the kernel: the kernel side of a task, or a
// kernel thread. Its stack is a goroutine, which runs only while it holds a CPU.
type Thread struct {
	ID   int // unique in its Scheduler
	Name string

	// Guarded by Scheduler.mu; the thread itself may read them.
	State    State
	CPU      *CPU   // while Running
	LastCPU  *CPU   // where it ran last
	WaitName string // why it sleeps: "pipe_read"; "" when it doesn't
	WaitFrom int64  // since when
	NiceVal  int    // -20 … 19
	Affinity uint64 // bit n: may run on CPU n
	queued   bool
	onCPU    bool // has not given its CPU away yet, whatever State says

	// For the policy alone, under Scheduler.mu.
	VRuntime int64 // weighted run time, ns
	slice    int64 // run time since it was picked, ns
	seq      uint64

	// Run-time accounting, ns; written by the thread itself.
	UTime, STime atomic.Int64
	Switches     atomic.Int64 // voluntary
	Preempted    atomic.Int64 // involuntary
	lastAccount  int64

	// SigPending asks an interruptible wait to end and the way out of the
	// kernel to look at signals (Linux: TIF_SIGPENDING).
	SigPending atomic.Bool

	// What the layers above hang on the running thread. Written by the thread itself.
	Cred  *cred.Cred
	MM    any // *mm.AddressSpace; mm.Of(t) types it
	Owner any // *task.Task; nil in a kernel thread

	user   User // immutable after SetUser
	stays  bool // user tells when user code stays away
	once   bool // Balance was left to that
	inUser atomic.Bool

	inWorld bool // holds Scheduler.world for reading

	locks  []HeldLock // what it holds, in order of taking; only the thread itself
	noSpin int        // spinlocks among them

	sched      *Scheduler
	fn         func(*Thread)
	idle       bool
	next, prev *Thread // Scheduler.threads

	// The coroutine: see loop.go.
	resume func() (struct{}, bool) // called by a CPU's loop: returns when the thread has given the CPU away
	yield  func(struct{}) bool     // called by the thread: returns when it has a CPU
	end    func()                  // ends the wait for a CPU
	away   atomic.Bool             // it waits in yield, or has not begun
	begun  bool                    // written by the coroutine
}

// HeldLock is a lock that a thread holds.
type HeldLock struct {
	Lock  any
	Class string
	Rank  int
	Spin  bool
	Site  uintptr // where it was taken
}

// Scheduler returns the scheduler that the thread belongs to.
func (t *Thread) Scheduler() *Scheduler { return t.sched }

// Now returns the monotonic time.
func (t *Thread) Now() int64 { return t.sched.Timers.Now() }

// SetUser says how to bring t's user code back. The thread itself calls it before the first EnterUser.
func (t *Thread) SetUser(u User) {
	if t.user != u {
		t.user = u
		t.stays = u.OnStay(func() {
			t.once = false
			t.sched.Balance()
		})
	}
}

// goQuantum is how long a CPU keeps its P of the Go runtime's. Who has it for 10 ms is interrupted by a signal (runtime.forcePreemptNS), and with a
// debugger attached each signal is a stop: 60 a second made a guest slower by 7 %. Coroutines don't count as switches.
const goQuantum = 4_000_000 // ns

// EnterUser announces that t is about to run user code. It returns false if
// there is something to do in the kernel first; otherwise an interrupt from now on calls Interrupt.
func (t *Thread) EnterUser() bool {
	if c := t.CPU; t.lastAccount-c.yielded > goQuantum {
		c.yielded = t.lastAccount
		runtime.Gosched()
	}
	t.inUser.Store(true)
	if t.CPU.pending.Load() != 0 || t.CPU.NeedResched.Load() || t.SigPending.Load() {
		t.inUser.Store(false)
		return false
	}
	t.leaveWorld()
	return true
}

// LeaveUser says that t is back in the kernel.
func (t *Thread) LeaveUser() {
	t.inUser.Store(false)
	t.enterWorld()
}

// InUser reports whether user code runs.
func (t *Thread) InUser() bool { return t.inUser.Load() }

// AccountUser and AccountSystem add the time since the last call to the
// user's or the system's share.
func (t *Thread) AccountUser() { t.account(&t.UTime) }

// AccountSystem is AccountUser for time in the kernel.
func (t *Thread) AccountSystem() { t.account(&t.STime) }

func (t *Thread) account(to *atomic.Int64) {
	now := t.Now()
	to.Add(now - t.lastAccount)
	t.lastAccount = now
}

// Rename changes the thread's name and the label by which debuggers list it.
// Only the thread itself may call it.
func (t *Thread) Rename(name string) {
	t.Name = name
	t.label()
}

// label makes the goroutine show itself as a task: task="12 sh".
func (t *Thread) label() {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(),
		pprof.Labels("task", fmt.Sprintf("%d %s", t.ID, t.Name))))
}

// PushLock records that t takes a lock and checks the lock order: ranks rise,
// and nothing that sleeps is taken under a spinlock.
func (t *Thread) PushLock(h HeldLock) {
	if n := len(t.locks); n > 0 {
		top := &t.locks[n-1]
		if h.Rank < top.Rank || t.noSpin > 0 && !h.Spin {
			panic(fmt.Sprintf("lock order: %s (rank %d) at %s while holding %s (rank %d) taken at %s",
				h.Class, h.Rank, site(h.Site), top.Class, top.Rank, site(top.Site)))
		}
	}
	t.locks = append(t.locks, h)
	if h.Spin {
		t.noSpin++
	}
}

// PopLock records that t gave a lock back.
func (t *Thread) PopLock(lock any) {
	for i := len(t.locks) - 1; i >= 0; i-- {
		if t.locks[i].Lock == lock {
			if t.locks[i].Spin {
				t.noSpin--
			}
			t.locks = append(t.locks[:i], t.locks[i+1:]...)
			return
		}
	}
	if t.sched.Stopped() {
		return // its deferred calls run though its wait was cut short
	}
	panic(fmt.Sprintf("thread %d %s unlocks %T %p, which it does not hold", t.ID, t.Name, lock, lock))
}

// Holds reports whether t holds lock.
func (t *Thread) Holds(lock any) bool {
	for i := range t.locks {
		if t.locks[i].Lock == lock {
			return true
		}
	}
	return false
}

// Locks returns the locks that t holds. Only the thread itself or a debugger may call it.
func (t *Thread) Locks() []HeldLock { return t.locks }

func site(pc uintptr) string {
	if pc == 0 {
		return "?"
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}
