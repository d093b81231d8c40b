package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(35, "nanosleep", sysNanosleep, In("req", TimespecFormat), Out("rem", Addr))
	Define(230, "clock_nanosleep", sysClockNanosleep, In("clock", ClockID), In("flags", Flags(Flag{1, "TIMER_ABSTIME"})),
		In("req", TimespecFormat), Out("rem", Addr), Covers("REALTIME, MONOTONIC, BOOTTIME, TAI, PROCESS_CPUTIME_ID; TIMER_ABSTIME"))
}

// sleepRestart is an interrupted relative sleep.
type sleepRestart struct {
	deadline int64
	rem      mm.UAddr // where what is left goes; 0: nowhere
}

// RestartCall implements task.Restarter.
func (r *sleepRestart) RestartCall(t *task.Task) (uint64, error) { return r.sleep(t) }

func (r *sleepRestart) sleep(t *task.Task) (uint64, error) {
	if ksync.Sleep(t.Thread, "nanosleep", r.deadline) == nil {
		return 0, nil
	}
	if left := r.deadline - t.Now(); r.rem != 0 {
		ts := abi.ToTimespec(max(left, 0))
		if err := mm.CopyOutStruct(t.Thread, r.rem, &ts); err != nil {
			return 0, err
		}
	}
	t.Restart = r
	return 0, errno.RestartBlock
}

// sysNanosleep implements nanosleep(2).
func sysNanosleep(t *task.Task, a Args) (uint64, error) {
	ts, err := copyInTimespec(t, a.Addr(0))
	if err != nil {
		return 0, err
	}
	r := &sleepRestart{deadline: after(t, ts.Nanoseconds()), rem: a.Addr(1)}
	return r.sleep(t)
}

// sysClockNanosleep implements clock_nanosleep(2).
func sysClockNanosleep(t *task.Task, a Args) (uint64, error) {
	id, abs := int32(a[0]), a.Int(1)&abi.TIMER_ABSTIME != 0
	switch id {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME, abi.CLOCK_TAI, abi.CLOCK_PROCESS_CPUTIME_ID:
	case abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM, abi.CLOCK_MONOTONIC_RAW, abi.CLOCK_REALTIME_COARSE, abi.CLOCK_MONOTONIC_COARSE:
		return 0, errno.EOPNOTSUPP.Because("no sleep on this clock")
	default:
		return 0, errno.EINVAL.Because("no such clock, or a thread's CPU time")
	}
	ts, err := copyInTimespec(t, a.Addr(2))
	if err != nil {
		return 0, err
	}
	ns := ts.Nanoseconds()
	switch {
	case id == abi.CLOCK_PROCESS_CPUTIME_ID:
		return sleepCPU(t, ns, abs, a.Addr(3))
	case !abs:
		return (&sleepRestart{deadline: after(t, ns), rem: a.Addr(3)}).sleep(t)
	case id == abi.CLOCK_MONOTONIC || id == abi.CLOCK_BOOTTIME:
		return sleepUntil(t, func() int64 { return ns })
	}
	// The wall clock may be set meanwhile: the deadline is looked at again.
	return sleepUntil(t, func() int64 { return max(ns-t.Sys.Timers.WallOffset(), 0) })
}

// sleepUntil sleeps until a moment; interrupted it starts again with the same moment.
func sleepUntil(t *task.Task, deadline func() int64) (uint64, error) {
	for t.Now() < deadline() {
		err := t.Sys.WallSet.WaitUntil(t.Thread, "nanosleep", deadline(), func() bool { return t.Now() >= deadline() })
		if errno.Of(err) == errno.RestartSys {
			return 0, errno.RestartNoHand
		}
	}
	return 0, nil
}

// sleepCPU sleeps until the process has used so much CPU time.
func sleepCPU(t *task.Task, ns int64, abs bool, rem mm.UAddr) (uint64, error) {
	used := func() int64 {
		t.AccountSystem()
		user, system := t.Group.CPUTime(t.Thread)
		return user + system
	}
	until := ns
	if !abs {
		until = min(ns, ktime.Forever-1-used()) + used()
	}
	for {
		left := until - used()
		if left <= 0 {
			return 0, nil
		}
		// All threads together can't use it up faster than this.
		step := max(left/int64(len(t.Group.Threads(t.Thread))), coarse)
		if ksync.Sleep(t.Thread, "nanosleep_cpu", after(t, step)) == nil {
			continue
		}
		if !abs && rem != 0 {
			ts := abi.ToTimespec(max(until-used(), 0))
			if err := mm.CopyOutStruct(t.Thread, rem, &ts); err != nil {
				return 0, err
			}
		}
		if abs {
			return 0, errno.RestartNoHand
		}
		t.Restart = &cpuSleepRestart{until}
		return 0, errno.RestartBlock
	}
}

// cpuSleepRestart is an interrupted sleep in CPU time.
type cpuSleepRestart struct{ until int64 }

// RestartCall implements task.Restarter.
func (r *cpuSleepRestart) RestartCall(t *task.Task) (uint64, error) {
	return sleepCPU(t, r.until, true, 0)
}
