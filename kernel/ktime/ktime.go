// Package ktime keeps the kernel's time: the virtual monotonic clock, the wall
// clock on top of it, and the timers that wait for a moment to come.
//
//	machine.Clock ──Now──▶ Timers ──SetAlarm(earliest deadline)──▶ machine.Clock
//	                         │ heap, earliest first                     │ LineTimer
//	                         ▼                                          ▼
//	                    Timer.fn(now)  ◀──────── Expire ◀──────── irq window of a CPU
//
// Times are int64 nanoseconds. Monotonic time starts at 0 when the machine is
// switched on and stands still while a debugger holds it.
//
// Timers.mu is a leaf: no lock is taken under it, and timer functions run without it.
package ktime

import (
	"container/heap"
	"math"
	"slices"
	"sync"

	"vitrine/machine"
)

// Second and friends are durations in nanoseconds.
const (
	Microsecond int64 = 1000
	Millisecond       = 1000 * Microsecond
	Second            = 1000 * Millisecond
)

// Forever is a deadline that never comes.
const Forever = math.MaxInt64

// Timer calls a function once when its moment has come. The zero Timer with Fn set is ready for Add.
type Timer struct {
	// Fn runs in an interrupt window: it may wake threads and arm timers, never block.
	// It is immutable once the timer has been added.
	Fn func(now int64)

	deadline int64
	index    int // position in the heap plus one; 0 when not armed; guarded by Timers.mu
	seq      uint64
}

// Timers is the kernel's timekeeper. Create it with New.
type Timers struct {
	clock machine.Clock
	boot  int64 // immutable: wall time at monotonic 0, as the machine said

	mu    sync.Mutex
	wall  int64 // wall time at monotonic 0; settable by clock_settime(2)
	queue timerHeap
	seq   uint64 // breaks ties, so that equal deadlines expire in order of Add
	walls []*WallWatcher
	alarm int64 // what the clock was last asked for
}

// New returns a timekeeper on a clock. Wall is the time since 1970 at monotonic 0.
func New(clock machine.Clock, wall int64) *Timers {
	return &Timers{clock: clock, boot: wall, wall: wall, alarm: Forever}
}

// Now returns the monotonic time.
func (ts *Timers) Now() int64 { return ts.clock.Now() }

// Wall returns the time since 1970.
func (ts *Timers) Wall() int64 { return ts.WallOffset() + ts.Now() }

// WallOffset returns the wall time at monotonic 0.
func (ts *Timers) WallOffset() int64 {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.wall
}

// SetWall sets the wall clock, as clock_settime(2), and tells the watchers.
func (ts *Timers) SetWall(now int64) {
	mono := ts.Now()
	ts.mu.Lock()
	ts.wall = now - mono
	walls := append([]*WallWatcher(nil), ts.walls...)
	ts.mu.Unlock()
	for _, w := range walls {
		w.Fn()
	}
}

// WallWatcher hears when the wall clock is set. Fn may wake threads and arm timers, never block.
type WallWatcher struct{ Fn func() }

// WatchWall adds a watcher.
func (ts *Timers) WatchWall(w *WallWatcher) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.walls = append(ts.walls, w)
}

// UnwatchWall removes it. Fn may still be running.
func (ts *Timers) UnwatchWall(w *WallWatcher) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.walls = slices.DeleteFunc(ts.walls, func(x *WallWatcher) bool { return x == w })
}

// Add arms t, or moves it if it is armed.
func (ts *Timers) Add(t *Timer, deadline int64) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.index != 0 {
		heap.Remove(&ts.queue, t.index-1)
	}
	ts.seq++
	t.deadline, t.seq = deadline, ts.seq
	heap.Push(&ts.queue, t)
	ts.setAlarm()
}

// Cancel disarms t. It reports whether t was armed: if not, its function ran or is about to.
func (ts *Timers) Cancel(t *Timer) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.index == 0 {
		return false
	}
	// The alarm stays as it is: an early interrupt costs less than moving it every time.
	heap.Remove(&ts.queue, t.index-1)
	return true
}

// Deadline returns when t will run and whether it is armed.
func (ts *Timers) Deadline(t *Timer) (int64, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return t.deadline, t.index != 0
}

// Expire runs the functions of all timers that are due. The handler of LineTimer calls it.
func (ts *Timers) Expire() {
	for {
		now := ts.Now()
		ts.mu.Lock()
		if len(ts.queue) == 0 || ts.queue[0].deadline > now {
			ts.alarm = Forever // this interrupt used it up
			ts.setAlarm()
			ts.mu.Unlock()
			return
		}
		t := heap.Pop(&ts.queue).(*Timer)
		ts.mu.Unlock()
		t.Fn(now)
	}
}

// Pending returns the number of armed timers.
func (ts *Timers) Pending() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.queue)
}

// setAlarm asks the clock for the earliest deadline, if it is earlier than what it was
// asked for. Caller holds ts.mu.
func (ts *Timers) setAlarm() {
	if len(ts.queue) > 0 && ts.queue[0].deadline < ts.alarm {
		ts.alarm = ts.queue[0].deadline
		ts.clock.SetAlarm(ts.alarm)
	}
}

type timerHeap []*Timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].deadline != h[j].deadline {
		return h[i].deadline < h[j].deadline
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	t := x.(*Timer)
	*h = append(*h, t)
	t.index = len(*h)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = 0
	return t
}
