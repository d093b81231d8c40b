package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

var itimerNames = Enum(Flag{0, "ITIMER_REAL"}, Flag{1, "ITIMER_VIRTUAL"}, Flag{2, "ITIMER_PROF"})

func init() {
	Define(36, "getitimer", sysGetitimer, In("which", itimerNames), Out("value", Addr))
	Define(37, "alarm", sysAlarm, In("seconds", Uint))
	Define(38, "setitimer", sysSetitimer, In("which", itimerNames), In("new", Addr), Out("old", Addr))
}

func itimerval(left, interval int64) *abi.Itimerval {
	return &abi.Itimerval{Interval: abi.ToTimeval(interval), Value: abi.ToTimeval(left)}
}

// sysGetitimer implements getitimer(2).
func sysGetitimer(t *task.Task, a Args) (uint64, error) {
	which := a.Int(0)
	if which < abi.ITIMER_REAL || which > abi.ITIMER_PROF {
		return 0, errno.EINVAL.Because("no such timer")
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), itimerval(t.Group.GetITimer(t.Thread, which)))
}

// sysSetitimer implements setitimer(2).
func sysSetitimer(t *task.Task, a Args) (uint64, error) {
	which := a.Int(0)
	if which < abi.ITIMER_REAL || which > abi.ITIMER_PROF {
		return 0, errno.EINVAL.Because("no such timer")
	}
	var v abi.Itimerval
	if a[1] != 0 { // as on Linux, nothing means zero
		var err error
		if v, err = mm.CopyInStruct[abi.Itimerval](t.Thread, a.Addr(1)); err != nil {
			return 0, err
		}
	}
	if !v.Value.Valid() || !v.Interval.Valid() {
		return 0, errno.EINVAL.Because("not a valid time")
	}
	old := itimerval(t.Group.SetITimer(t.Thread, which, v.Value.Nanoseconds(), v.Interval.Nanoseconds()))
	if a[2] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(2), old)
}

// sysAlarm implements alarm(2).
func sysAlarm(t *task.Task, a Args) (uint64, error) {
	left, _ := t.Group.SetITimer(t.Thread, abi.ITIMER_REAL, int64(a.Uint(0))*ktime.Second, 0)
	// Rounded, but a timer that runs is never 0.
	sec := (left + ktime.Second/2) / ktime.Second
	if left > 0 && sec == 0 {
		sec = 1
	}
	return uint64(sec), nil
}
