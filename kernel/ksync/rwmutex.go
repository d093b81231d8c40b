package ksync

import (
	"sync"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/sched"
)

// RWMutex lets many readers or one writer in, in the order in which they came.
type RWMutex struct {
	Class *Class

	mu      sync.Mutex
	readers int           // that hold it
	writer  *sched.Thread // that holds it
	waiters []rwWaiter
}

type rwWaiter struct {
	t     *sched.Thread
	write bool
	got   *bool
}

// NewRWMutex returns an RWMutex of class c; it is for a struct's literal.
func NewRWMutex(c *Class) RWMutex { return RWMutex{Class: c} }

// Lock takes m for writing.
//
//go:noinline
func (m *RWMutex) Lock(t *sched.Thread) { m.lock(t, true, amd64.CallerPC()) }

// RLock takes m for reading.
//
//go:noinline
func (m *RWMutex) RLock(t *sched.Thread) { m.lock(t, false, amd64.CallerPC()) }

// TryLock takes m for writing if nobody holds it.
//
//go:noinline
func (m *RWMutex) TryLock(t *sched.Thread) bool {
	m.mu.Lock()
	free := m.writer == nil && m.readers == 0 && len(m.waiters) == 0
	if free {
		m.writer = t
	}
	m.mu.Unlock()
	if free {
		t.PushLock(sched.HeldLock{Lock: m, Class: m.Class.Name, Rank: m.Class.Rank, Site: amd64.CallerPC()})
	}
	return free
}

func (m *RWMutex) lock(t *sched.Thread, write bool, site uintptr) {
	t.PushLock(sched.HeldLock{Lock: m, Class: m.Class.Name, Rank: m.Class.Rank, Site: site})
	m.mu.Lock()
	if len(m.waiters) == 0 && m.writer == nil && (!write || m.readers == 0) {
		m.grant(t, write)
		m.mu.Unlock()
		return
	}
	if m.writer == t {
		m.mu.Unlock()
		panic("recursive lock of " + m.Class.Name)
	}
	got := false
	m.waiters = append(m.waiters, rwWaiter{t, write, &got})
	t.SetSleep(sched.Blocked, m.Class.Name)
	m.mu.Unlock()
	for {
		t.Schedule()
		m.mu.Lock()
		mine := got
		if !mine {
			t.SetSleep(sched.Blocked, m.Class.Name)
		}
		m.mu.Unlock()
		if mine {
			return
		}
	}
}

func (m *RWMutex) grant(t *sched.Thread, write bool) {
	if write {
		m.writer = t
	} else {
		m.readers++
	}
}

// Unlock gives up writing.
func (m *RWMutex) Unlock(t *sched.Thread) {
	t.PopLock(m)
	m.mu.Lock()
	m.writer = nil
	m.next(t)
}

// RUnlock gives up reading.
func (m *RWMutex) RUnlock(t *sched.Thread) {
	t.PopLock(m)
	m.mu.Lock()
	m.readers--
	m.next(t)
}

// next lets in whoever may come in now, and unlocks m.mu.
func (m *RWMutex) next(t *sched.Thread) {
	var wake []*sched.Thread
	for len(m.waiters) > 0 {
		w := m.waiters[0]
		if m.writer != nil || w.write && m.readers > 0 {
			break
		}
		m.waiters = m.waiters[1:]
		m.grant(w.t, w.write)
		*w.got = true
		wake = append(wake, w.t)
	}
	m.mu.Unlock()
	for _, w := range wake {
		t.Scheduler().Wake(w)
	}
}

// AssertHeld panics unless t holds m, for reading or writing.
func (m *RWMutex) AssertHeld(t *sched.Thread) {
	if !t.Holds(m) {
		panic(m.Class.Name + " is not held")
	}
}

// AssertWriter panics unless t holds m for writing.
func (m *RWMutex) AssertWriter(t *sched.Thread) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writer != t {
		panic(m.Class.Name + " is not held for writing")
	}
}
