package task

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
)

// Barrier returns when every thread of the groups that ran user code at the call has been in the kernel since:
// membarrier(2).
func (t *Task) Barrier(groups []*ThreadGroup) error {
	type running struct {
		x    *Task
		used int64
	}
	var wait []running
	for _, g := range groups {
		g.mu.Lock(t.Thread)
		for x := g.first; x != nil; x = x.next {
			if x != t && !x.exiting && x.InUser() {
				wait = append(wait, running{x, x.UTime.Load()})
				x.SigPending.Store(true)
				x.Context.Interrupt()
			}
		}
		g.mu.Unlock(t.Thread)
	}
	for _, r := range wait {
		// Coming into the kernel charges the time in user code.
		for r.x.InUser() && r.x.UTime.Load() == r.used {
			if ksync.Sleep(t.Thread, "membarrier", t.Now()+20*ktime.Microsecond) != nil {
				return errno.RestartNoIntr
			}
		}
	}
	return nil
}
