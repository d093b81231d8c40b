package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(222, "timer_create", sysTimerCreate, In("clock", ClockID), In("event", Addr), Out("id", Addr),
		Covers("SIGEV_SIGNAL NONE THREAD THREAD_ID; REALTIME MONOTONIC BOOTTIME TAI PROCESS_CPUTIME_ID THREAD_CPUTIME_ID"),
		Lacks("CPU-time clocks of other processes"))
	Define(223, "timer_settime", sysTimerSettime, In("id", Int), In("flags", Flags(Flag{1, "TIMER_ABSTIME"})), In("new", Addr), Out("old", Addr))
	Define(224, "timer_gettime", sysTimerGettime, In("id", Int), Out("value", Addr))
	Define(225, "timer_getoverrun", sysTimerGetoverrun, In("id", Int))
	Define(226, "timer_delete", sysTimerDelete, In("id", Int))
}

// sysTimerCreate implements timer_create(2).
func sysTimerCreate(t *task.Task, a Args) (uint64, error) {
	var ev abi.SigEvent
	if a[1] != 0 {
		var err error
		if ev, err = mm.CopyInStruct[abi.SigEvent](t.Thread, a.Addr(1)); err != nil {
			return 0, err
		}
	}
	id, err := t.CreateTimer(int32(a[0]), ev, a[1] != 0)
	if err != nil {
		return 0, err
	}
	v := int32(id)
	if err := mm.CopyOutStruct(t.Thread, a.Addr(2), &v); err != nil {
		t.DeleteTimer(id)
		return 0, err
	}
	return 0, nil
}

func itimerspec(left, interval int64) *abi.Itimerspec {
	return &abi.Itimerspec{Interval: abi.ToTimespec(interval), Value: abi.ToTimespec(left)}
}

// sysTimerSettime implements timer_settime(2).
func sysTimerSettime(t *task.Task, a Args) (uint64, error) {
	v, err := mm.CopyInStruct[abi.Itimerspec](t.Thread, a.Addr(2))
	if err != nil {
		return 0, err
	}
	if !v.Value.Valid() || !v.Interval.Valid() {
		return 0, errno.EINVAL.Because("not a valid time")
	}
	left, interval, err := t.SetTimer(a.Int(0), a.Int(1)&abi.TIMER_ABSTIME != 0, v.Value.Nanoseconds(), v.Interval.Nanoseconds())
	if err != nil || a[3] == 0 {
		return 0, err
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(3), itimerspec(left, interval))
}

// sysTimerGettime implements timer_gettime(2).
func sysTimerGettime(t *task.Task, a Args) (uint64, error) {
	left, interval, err := t.GetTimer(a.Int(0))
	if err != nil {
		return 0, err
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), itimerspec(left, interval))
}

// sysTimerGetoverrun implements timer_getoverrun(2).
func sysTimerGetoverrun(t *task.Task, a Args) (uint64, error) {
	n, err := t.TimerOverrun(a.Int(0))
	return uint64(n), err
}

// sysTimerDelete implements timer_delete(2).
func sysTimerDelete(t *task.Task, a Args) (uint64, error) { return 0, t.DeleteTimer(a.Int(0)) }
