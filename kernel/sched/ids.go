package sched

import "vitrine/kernel/abi/errno"

// MaxPID is the greatest thread ID plus one (/proc/sys/kernel/pid_max).
const MaxPID = 32768

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
