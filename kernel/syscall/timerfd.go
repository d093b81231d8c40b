package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	clocks := Enum(Flag{abi.CLOCK_REALTIME, "CLOCK_REALTIME"}, Flag{abi.CLOCK_MONOTONIC, "CLOCK_MONOTONIC"}, Flag{abi.CLOCK_BOOTTIME, "CLOCK_BOOTTIME"})
	Define(283, "timerfd_create", sysTimerfdCreate, In("clock", clocks), In("flags", Flags(Flag{abi.TFD_CLOEXEC, "TFD_CLOEXEC"}, Flag{abi.TFD_NONBLOCK, "TFD_NONBLOCK"})))
	Define(286, "timerfd_settime", sysTimerfdSettime, In("fd", FD), In("flags", Flags(Flag{abi.TFD_TIMER_ABSTIME, "TFD_TIMER_ABSTIME"},
		Flag{abi.TFD_TIMER_CANCEL_ON_SET, "TFD_TIMER_CANCEL_ON_SET"})), In("new", Addr), Out("old", Addr))
	Define(287, "timerfd_gettime", sysTimerfdGettime, In("fd", FD), Out("current", Addr))
}

// capWakeAlarm is CAP_WAKE_ALARM.
const capWakeAlarm cred.Cap = 35

// sysTimerfdCreate implements timerfd_create(2): all clocks; the alarm clocks wake no sleeping machine.
func sysTimerfdCreate(t *task.Task, a Args) (uint64, error) {
	clock, flags := a.Int(0), a.Int(1)
	if flags&^(abi.TFD_CLOEXEC|abi.TFD_NONBLOCK) != 0 {
		return 0, errno.EINVAL.Because("unknown TFD_ flag")
	}
	if (clock == abi.CLOCK_REALTIME_ALARM || clock == abi.CLOCK_BOOTTIME_ALARM) && !t.Cred.Has(capWakeAlarm) {
		return 0, errno.EPERM.Because("alarm clocks need CAP_WAKE_ALARM")
	}
	f, err := ipc.NewTimerFD(t.Sys.Timers, clock)
	if err != nil {
		return 0, err
	}
	return installAnon(t, "anon_inode:[timerfd]", f, abi.O_RDWR|flags&abi.TFD_NONBLOCK, flags&abi.TFD_CLOEXEC != 0)
}

// withTimerFD calls f with the timer of a descriptor.
func withTimerFD(t *task.Task, fd int, f func(*ipc.TimerFD) error) error {
	return withFile(t, fd, func(file *vfs.File) error {
		timer, ok := file.Impl.(*ipc.TimerFD)
		if !ok {
			return errno.EINVAL.Because("not a timerfd")
		}
		return f(timer)
	})
}

// sysTimerfdSettime implements timerfd_settime(2): TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET.
func sysTimerfdSettime(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(1)
	if flags&^(abi.TFD_TIMER_ABSTIME|abi.TFD_TIMER_CANCEL_ON_SET) != 0 {
		return 0, errno.EINVAL.Because("unknown TFD_ flag")
	}
	n, err := mm.CopyInStruct[abi.Itimerspec](t.Thread, a.Addr(2))
	if err != nil {
		return 0, err
	}
	if !n.Value.Valid() || !n.Interval.Valid() {
		return 0, errno.EINVAL.Because("not a valid struct timespec")
	}
	return 0, withTimerFD(t, a.FD(0), func(f *ipc.TimerFD) error {
		old := f.Set(t.Thread, ipc.Setting{Value: n.Value.Nanoseconds(), Interval: n.Interval.Nanoseconds()}, flags)
		if a.Addr(3) == 0 {
			return nil
		}
		return storeSetting(t, a.Addr(3), old)
	})
}

// sysTimerfdGettime implements timerfd_gettime(2).
func sysTimerfdGettime(t *task.Task, a Args) (uint64, error) {
	return 0, withTimerFD(t, a.FD(0), func(f *ipc.TimerFD) error { return storeSetting(t, a.Addr(1), f.Get(t.Thread)) })
}

func storeSetting(t *task.Task, addr mm.UAddr, s ipc.Setting) error {
	v := abi.Itimerspec{Interval: abi.ToTimespec(s.Interval), Value: abi.ToTimespec(s.Value)}
	return mm.CopyOutStruct(t.Thread, addr, &v)
}
