package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Dirs returns the task's root and working directory with a reference, for other threads; nil once it has ended.
func (t *Task) Dirs(by *sched.Thread) *vfs.FS {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	if t.FS == nil || t.exiting {
		return nil
	}
	t.FS.IncRef()
	return t.FS
}

// LastPID returns the thread ID given last.
func (s *System) LastPID(t *sched.Thread) int { return s.Sched.LastID() }

// CPUNumber returns the CPU on which the task runs or ran last.
func (t *Task) CPUNumber() int {
	if c := t.LastCPU; c != nil {
		return c.ID
	}
	return 0
}

// Abandon ends a process that Spawn made and nobody will start.
func (s *System) Abandon(by *sched.Thread, x *Task) {
	x.begin = func(t *Task) { t.ExitGroup(abi.ExitStatus(127)) }
	x.Start()
}
