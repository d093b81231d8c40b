package task

import (
	"vitrine/kernel/sched"
)

// SchedParam is what sched(7) calls a thread's scheduling attributes. The policy is kept for those who ask; the
// scheduler goes by nice alone. Guarded by ThreadGroup.mu.
type SchedParam struct {
	Nice        int
	Affinity    uint64 // CPUs that it may run on
	Policy      int    // SCHED_OTHER …
	Priority    int    // of real-time policies
	ResetOnFork bool
	IOPrio      int
}

// forChild is what a new task begins with.
func (p SchedParam) forChild() SchedParam {
	if p.ResetOnFork {
		p.Policy, p.Priority, p.ResetOnFork = 0, 0, false
		p.Nice = max(p.Nice, 0)
	}
	return p
}

// Sched returns a task's scheduling attributes.
func (t *Task) Sched(by *sched.Thread) SchedParam {
	t.Group.mu.Lock(by)
	defer t.Group.mu.Unlock(by)
	return t.sched
}

// SetSched changes them.
func (t *Task) SetSched(by *sched.Thread, change func(p *SchedParam)) {
	t.Group.mu.Lock(by)
	change(&t.sched)
	p := t.sched
	t.Group.mu.Unlock(by)
	t.Sys.Sched.SetNice(t.Thread, p.Nice)
	t.Sys.Sched.SetAffinity(t.Thread, p.Affinity)
}

// AllCPUs is the mask of the CPUs that there are.
func (s *System) AllCPUs() uint64 { return 1<<len(s.Sched.CPUs) - 1 }
