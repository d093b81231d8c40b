package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
)

// Policies of sched(7). They are kept for those who ask; threads run by nice alone.
const (
	schedOther       = 0
	schedFIFO        = 1
	schedRR          = 2
	schedBatch       = 3
	schedIdle        = 5
	schedResetOnFork = 0x40000000
)

var policyNames = Enum(Flag{0, "SCHED_OTHER"}, Flag{1, "SCHED_FIFO"}, Flag{2, "SCHED_RR"}, Flag{3, "SCHED_BATCH"}, Flag{5, "SCHED_IDLE"})

func init() {
	const note = "policies are remembered, not obeyed"
	Define(24, "sched_yield", sysSchedYield)
	Define(140, "getpriority", sysGetpriority, In("which", Int), In("who", Int))
	Define(141, "setpriority", sysSetpriority, In("which", Int), In("who", Int), In("prio", Int))
	Define(142, "sched_setparam", sysSchedSetparam, In("pid", Int), In("param", Addr), Lacks(note))
	Define(143, "sched_getparam", sysSchedGetparam, In("pid", Int), Out("param", Addr))
	Define(144, "sched_setscheduler", sysSchedSetscheduler, In("pid", Int), In("policy", policyNames), In("param", Addr), Lacks(note))
	Define(145, "sched_getscheduler", sysSchedGetscheduler, In("pid", Int))
	Define(146, "sched_get_priority_max", sysSchedGetPriorityMax, In("policy", policyNames))
	Define(147, "sched_get_priority_min", sysSchedGetPriorityMin, In("policy", policyNames))
	Define(148, "sched_rr_get_interval", sysSchedRrGetInterval, In("pid", Int), Out("tp", TimespecFormat))
	Define(203, "sched_setaffinity", sysSchedSetaffinity, In("pid", Int), In("size", Size), In("mask", Addr))
	Define(204, "sched_getaffinity", sysSchedGetaffinity, In("pid", Int), In("size", Size), Out("mask", Addr))
	Define(309, "getcpu", sysGetcpu, Out("cpu", Addr), Out("node", Addr))
	Define(314, "sched_setattr", sysSchedSetattr, In("pid", Int), In("attr", Addr), In("flags", Hex), Lacks(note))
	Define(315, "sched_getattr", sysSchedGetattr, In("pid", Int), Out("attr", Addr), In("size", Uint), In("flags", Hex))
}

// sysSchedYield implements sched_yield(2).
func sysSchedYield(t *task.Task, a Args) (uint64, error) {
	t.Yield()
	return 0, nil
}

// taskArg returns the task with a thread ID, 0 meaning the caller.
func taskArg(t *task.Task, tid int) (*task.Task, error) {
	switch {
	case tid == 0:
		return t, nil
	case tid < 0:
		return nil, errno.EINVAL
	}
	if x := t.Sys.Task(t.Thread, tid); x != nil {
		return x, nil
	}
	return nil, errno.ESRCH
}

// maySchedule says whether t may change how x is scheduled.
func maySchedule(t, x *task.Task) error {
	if c := x.Credentials(); t.Cred.EUID != c.UID && t.Cred.EUID != c.EUID && !t.Cred.Has(cred.CapSysNice) {
		return errno.EPERM.Because("another user's process")
	}
	return nil
}

// whose calls f for the threads that getpriority(2) and ioprio_get(2) mean by which and who; ESRCH if there are none.
func whose(t *task.Task, which, who int, f func(x *task.Task) error) error {
	found, err := false, error(nil)
	see := func(x *task.Task) {
		found = true
		if e := f(x); e != nil {
			err = e
		}
	}
	switch which {
	case 0: // PRIO_PROCESS
		x, e := taskArg(t, who)
		if e != nil {
			return errno.ESRCH
		}
		see(x)
	case 1: // PRIO_PGRP
		if who == 0 {
			who = t.GroupID()
		}
		for _, g := range t.Sys.Processes(t.Thread) {
			if g.Info(t.Thread).PGID == who {
				for _, x := range g.Threads(t.Thread) {
					see(x)
				}
			}
		}
	case 2: // PRIO_USER
		uid := cred.ID(who)
		if who == 0 {
			uid = t.Cred.UID
		}
		for _, g := range t.Sys.Processes(t.Thread) {
			for _, x := range g.Threads(t.Thread) {
				if x.Credentials().UID == uid {
					see(x)
				}
			}
		}
	default:
		return errno.EINVAL
	}
	if !found {
		return errno.ESRCH
	}
	return err
}

// sysGetpriority implements getpriority(2). The kernel's result is 20 - nice: 1 … 40.
func sysGetpriority(t *task.Task, a Args) (uint64, error) {
	best := 20
	err := whose(t, a.Int(0), a.Int(1), func(x *task.Task) error {
		best = min(best, x.Sched(t.Thread).Nice)
		return nil
	})
	return uint64(20 - best), err
}

// sysSetpriority implements setpriority(2).
func sysSetpriority(t *task.Task, a Args) (uint64, error) {
	nice := min(max(a.Int(2), -20), 19)
	return 0, whose(t, a.Int(0), a.Int(1), func(x *task.Task) error {
		if c := x.Credentials(); t.Cred.EUID != c.UID && t.Cred.EUID != c.EUID && !t.Cred.Has(cred.CapSysNice) {
			return errno.EPERM
		}
		if err := mayNice(t, x, nice); err != nil {
			return err
		}
		x.SetSched(t.Thread, func(p *task.SchedParam) { p.Nice = nice })
		return nil
	})
}

// mayNice allows a lower nice value within RLIMIT_NICE.
func mayNice(t, x *task.Task, nice int) error {
	if nice >= x.Sched(t.Thread).Nice || t.Cred.Has(cred.CapSysNice) ||
		uint64(20-nice) <= x.Group.Rlimit(t.Thread, abi.RLIMIT_NICE).Cur {
		return nil
	}
	return errno.EACCES.Because("a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE")
}

// priorities returns the bounds of a policy's priorities.
func priorities(policy int) (least, most int, err error) {
	switch policy {
	case schedOther, schedBatch, schedIdle:
		return 0, 0, nil
	case schedFIFO, schedRR:
		return 1, 99, nil
	}
	return 0, 0, errno.EINVAL.Because("no such policy")
}

// setPolicy is the common part of the calls that set a policy.
func setPolicy(t, x *task.Task, policy, prio int, nice *int) error {
	reset := policy&schedResetOnFork != 0
	policy &^= schedResetOnFork
	least, most, err := priorities(policy)
	if err != nil {
		return err
	}
	if prio < least || prio > most {
		return errno.EINVAL.Because("not a priority of the policy")
	}
	if err := maySchedule(t, x); err != nil {
		return err
	}
	if most > 0 && !t.Cred.Has(cred.CapSysNice) && uint64(prio) > x.Group.Rlimit(t.Thread, abi.RLIMIT_RTPRIO).Cur {
		return errno.EPERM.Because("a real-time policy needs CAP_SYS_NICE or RLIMIT_RTPRIO")
	}
	if nice != nil {
		if err := mayNice(t, x, *nice); err != nil {
			return errno.EPERM.Because("a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE")
		}
	}
	x.SetSched(t.Thread, func(p *task.SchedParam) {
		p.Policy, p.Priority, p.ResetOnFork = policy, prio, reset
		if nice != nil {
			p.Nice = *nice
		}
	})
	return nil
}

// sysSchedSetscheduler implements sched_setscheduler(2).
func sysSchedSetscheduler(t *task.Task, a Args) (uint64, error) {
	if a.Int(1) < 0 {
		return 0, errno.EINVAL
	}
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	prio, err := mm.CopyInStruct[int32](t.Thread, a.Addr(2))
	if err != nil {
		return 0, err
	}
	return 0, setPolicy(t, x, a.Int(1), int(prio), nil)
}

// sysSchedGetscheduler implements sched_getscheduler(2).
func sysSchedGetscheduler(t *task.Task, a Args) (uint64, error) {
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	p := x.Sched(t.Thread)
	if p.ResetOnFork {
		return uint64(p.Policy | schedResetOnFork), nil
	}
	return uint64(p.Policy), nil
}

// sysSchedSetparam implements sched_setparam(2).
func sysSchedSetparam(t *task.Task, a Args) (uint64, error) {
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	prio, err := mm.CopyInStruct[int32](t.Thread, a.Addr(1))
	if err != nil {
		return 0, err
	}
	p := x.Sched(t.Thread)
	if p.ResetOnFork {
		p.Policy |= schedResetOnFork
	}
	return 0, setPolicy(t, x, p.Policy, int(prio), nil)
}

// sysSchedGetparam implements sched_getparam(2).
func sysSchedGetparam(t *task.Task, a Args) (uint64, error) {
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	prio := int32(x.Sched(t.Thread).Priority)
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &prio)
}

// sysSchedGetPriorityMax implements sched_get_priority_max(2).
func sysSchedGetPriorityMax(t *task.Task, a Args) (uint64, error) {
	_, most, err := priorities(a.Int(0))
	return uint64(most), err
}

// sysSchedGetPriorityMin implements sched_get_priority_min(2).
func sysSchedGetPriorityMin(t *task.Task, a Args) (uint64, error) {
	least, _, err := priorities(a.Int(0))
	return uint64(least), err
}

// sysSchedRrGetInterval implements sched_rr_get_interval(2).
func sysSchedRrGetInterval(t *task.Task, a Args) (uint64, error) {
	if _, err := taskArg(t, a.Int(0)); err != nil {
		return 0, err
	}
	ts := abi.ToTimespec(sched.Slice)
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &ts)
}

// sysSchedSetaffinity implements sched_setaffinity(2).
func sysSchedSetaffinity(t *task.Task, a Args) (uint64, error) {
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	var b [8]byte
	if err := mm.CopyIn(t.Thread, b[:min(a[1], 8)], a.Addr(2)); err != nil {
		return 0, err
	}
	mask := uint64(0)
	for i, v := range b {
		mask |= uint64(v) << (8 * i)
	}
	if err := maySchedule(t, x); err != nil {
		return 0, err
	}
	if mask &= t.Sys.AllCPUs(); mask == 0 {
		return 0, errno.EINVAL.Because("no CPU of this machine is in the mask")
	}
	x.SetSched(t.Thread, func(p *task.SchedParam) { p.Affinity = mask })
	if x == t {
		t.Yield() // off a CPU that is not in the mask
	}
	return 0, nil
}

// sysSchedGetaffinity implements sched_getaffinity(2). It returns how many bytes it stored.
func sysSchedGetaffinity(t *task.Task, a Args) (uint64, error) {
	if a.Uint(1) < 8 || a.Uint(1)%8 != 0 {
		return 0, errno.EINVAL.Because("the mask is a number of longs")
	}
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	mask := x.Sched(t.Thread).Affinity & t.Sys.AllCPUs()
	return 8, mm.CopyOutStruct(t.Thread, a.Addr(2), &mask)
}

// sysGetcpu implements getcpu(2).
func sysGetcpu(t *task.Task, a Args) (uint64, error) {
	for i, v := range []uint32{uint32(t.CPU.ID), 0} {
		if a[i] != 0 {
			if err := mm.CopyOutStruct(t.Thread, a.Addr(i), &v); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}

// schedAttr is struct sched_attr, first version.
type schedAttr struct {
	Size, Policy              uint32
	Flags                     uint64
	Nice                      int32
	Priority                  uint32
	Runtime, Deadline, Period uint64
}

const schedAttrSize = 48

// sysSchedSetattr implements sched_setattr(2).
func sysSchedSetattr(t *task.Task, a Args) (uint64, error) {
	if a[2] != 0 {
		return 0, errno.EINVAL.Because("no flags are known")
	}
	size, err := mm.CopyInStruct[uint32](t.Thread, a.Addr(1))
	if err != nil {
		return 0, err
	}
	if size != 0 && size < schedAttrSize || size > mm.PageSize {
		return 0, errno.E2BIG
	}
	at, err := mm.CopyInStruct[schedAttr](t.Thread, a.Addr(1))
	if err != nil {
		return 0, err
	}
	if at.Flags&^1 != 0 {
		return 0, errno.EINVAL.Because("unknown flags")
	}
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	policy, nice := int(at.Policy), min(max(int(at.Nice), -20), 19)
	if at.Flags&1 != 0 {
		policy |= schedResetOnFork
	}
	if least, _, _ := priorities(int(at.Policy)); least > 0 {
		return 0, setPolicy(t, x, policy, int(at.Priority), nil)
	}
	return 0, setPolicy(t, x, policy, int(at.Priority), &nice)
}

// sysSchedGetattr implements sched_getattr(2).
func sysSchedGetattr(t *task.Task, a Args) (uint64, error) {
	if a[3] != 0 || a.Uint(2) < schedAttrSize || a.Uint(2) > mm.PageSize {
		return 0, errno.EINVAL
	}
	x, err := taskArg(t, a.Int(0))
	if err != nil {
		return 0, err
	}
	p := x.Sched(t.Thread)
	at := schedAttr{Size: schedAttrSize, Policy: uint32(p.Policy), Nice: int32(p.Nice), Priority: uint32(p.Priority)}
	if p.ResetOnFork {
		at.Flags = 1
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &at)
}
