package ksync

import (
	"sync"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/sched"
)

// Mutex is a lock that sleeps. Init it with a class before use. The thread
// that unlocks hands it to the one that has waited longest.
type Mutex struct {
	Class *Class

	mu      sync.Mutex
	owner   *sched.Thread
	waiters []*sched.Thread
}

// NewMutex returns a Mutex of class c; it is for a struct's literal.
func NewMutex(c *Class) Mutex { return Mutex{Class: c} }

// Lock takes m.
//
//go:noinline
func (m *Mutex) Lock(t *sched.Thread) {
	t.PushLock(sched.HeldLock{Lock: m, Class: m.Class.Name, Rank: m.Class.Rank, Site: amd64.CallerPC()})
	m.mu.Lock()
	if m.owner == nil {
		m.owner = t
		m.mu.Unlock()
		return
	}
	if m.owner == t {
		m.mu.Unlock()
		panic("recursive lock of " + m.Class.Name)
	}
	m.waiters = append(m.waiters, t)
	t.SetSleep(sched.Blocked, m.Class.Name)
	m.mu.Unlock()
	for {
		t.Schedule()
		m.mu.Lock()
		mine := m.owner == t
		if !mine {
			t.SetSleep(sched.Blocked, m.Class.Name)
		}
		m.mu.Unlock()
		if mine {
			return
		}
	}
}

// TryLock takes m if nobody holds it.
//
//go:noinline
func (m *Mutex) TryLock(t *sched.Thread) bool {
	m.mu.Lock()
	free := m.owner == nil
	if free {
		m.owner = t
	}
	m.mu.Unlock()
	if free {
		t.PushLock(sched.HeldLock{Lock: m, Class: m.Class.Name, Rank: m.Class.Rank, Site: amd64.CallerPC()})
	}
	return free
}

// Unlock gives m back.
func (m *Mutex) Unlock(t *sched.Thread) {
	t.PopLock(m)
	m.mu.Lock()
	if len(m.waiters) == 0 {
		m.owner = nil
		m.mu.Unlock()
		return
	}
	next := m.waiters[0]
	m.waiters = m.waiters[1:]
	m.owner = next
	m.mu.Unlock()
	t.Scheduler().Wake(next)
}

// AssertHeld panics unless t holds m: the first line of a function that says "caller holds".
func (m *Mutex) AssertHeld(t *sched.Thread) {
	if !t.Holds(m) {
		panic(m.Class.Name + " is not held")
	}
}

// Owner returns who holds m; for views.
func (m *Mutex) Owner() *sched.Thread {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owner
}

// SpinLock excludes other CPUs for straight-line code: its holder never
// sleeps, never touches user memory and takes only spinlocks of higher rank.
type SpinLock struct {
	Class *Class
	mu    sync.Mutex
}

// NewSpinLock returns a SpinLock of class c; it is for a struct's literal.
func NewSpinLock(c *Class) SpinLock { return SpinLock{Class: c} }

// Lock takes l. A timer's function, which runs in an interrupt window on nobody's behalf, passes nil:
// a window never opens while its CPU holds a spinlock.
//
//go:noinline
func (l *SpinLock) Lock(t *sched.Thread) {
	if t == nil {
		l.mu.Lock()
		return
	}
	t.PushLock(sched.HeldLock{Lock: l, Class: l.Class.Name, Rank: l.Class.Rank, Spin: true, Site: amd64.CallerPC()})
	l.mu.Lock()
}

// Unlock gives l back.
func (l *SpinLock) Unlock(t *sched.Thread) {
	l.mu.Unlock()
	if t != nil {
		t.PopLock(l)
	}
}

// AssertHeld panics unless t holds l.
func (l *SpinLock) AssertHeld(t *sched.Thread) {
	if t != nil && !t.Holds(l) {
		panic(l.Class.Name + " is not held")
	}
}
