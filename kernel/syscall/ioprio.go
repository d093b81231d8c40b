package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/task"
)

func init() {
	Define(251, "ioprio_set", sysIoprioSet, In("which", Int), In("who", Int), In("ioprio", Hex), Lacks("remembered, not obeyed"))
	Define(252, "ioprio_get", sysIoprioGet, In("which", Int), In("who", Int))
}

// ioprioWhich translates IOPRIO_WHO_PROCESS, PGRP, USER.
func ioprioWhich(n int) int { return n - 1 }

// sysIoprioSet implements ioprio_set(2).
func sysIoprioSet(t *task.Task, a Args) (uint64, error) {
	prio := a.Int(2)
	if class := prio >> 13; class > 3 || class == 0 && prio&0x1fff != 0 {
		return 0, errno.EINVAL.Because("no such class")
	} else if class == 1 && !t.Cred.Has(cred.CapSysNice) && !t.Cred.Has(cred.CapSysAdmin) {
		return 0, errno.EPERM
	}
	return 0, whose(t, ioprioWhich(a.Int(0)), a.Int(1), func(x *task.Task) error {
		if err := maySchedule(t, x); err != nil {
			return err
		}
		x.SetSched(t.Thread, func(p *task.SchedParam) { p.IOPrio = prio })
		return nil
	})
}

// sysIoprioGet implements ioprio_get(2).
func sysIoprioGet(t *task.Task, a Args) (uint64, error) {
	best := -1
	err := whose(t, ioprioWhich(a.Int(0)), a.Int(1), func(x *task.Task) error {
		if p := x.Sched(t.Thread).IOPrio; best < 0 || p != 0 && p < best {
			best = p
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return uint64(best), nil
}
