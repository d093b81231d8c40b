package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// ClockID shows a clock.
var ClockID = Enum(Flag{0, "CLOCK_REALTIME"}, Flag{1, "CLOCK_MONOTONIC"}, Flag{2, "CLOCK_PROCESS_CPUTIME_ID"},
	Flag{3, "CLOCK_THREAD_CPUTIME_ID"}, Flag{4, "CLOCK_MONOTONIC_RAW"}, Flag{5, "CLOCK_REALTIME_COARSE"},
	Flag{6, "CLOCK_MONOTONIC_COARSE"}, Flag{7, "CLOCK_BOOTTIME"}, Flag{11, "CLOCK_TAI"})

// TimespecFormat and TimevalFormat show times in user memory.
var (
	TimespecFormat Format = func(t *task.Task, v uint64, a Args, ret int64) string {
		ts, err := mm.CopyInStruct[abi.Timespec](t.Thread, mm.UAddr(v))
		if v == 0 || err != nil {
			return Addr(t, v, a, ret)
		}
		return "{tv_sec=" + Long(t, uint64(ts.Sec), a, ret) + ", tv_nsec=" + Long(t, uint64(ts.Nsec), a, ret) + "}"
	}
	TimevalFormat Format = func(t *task.Task, v uint64, a Args, ret int64) string {
		tv, err := mm.CopyInStruct[abi.Timeval](t.Thread, mm.UAddr(v))
		if v == 0 || err != nil {
			return Addr(t, v, a, ret)
		}
		return "{tv_sec=" + Long(t, uint64(tv.Sec), a, ret) + ", tv_usec=" + Long(t, uint64(tv.Usec), a, ret) + "}"
	}
)

func init() {
	Define(96, "gettimeofday", sysGettimeofday, Out("tv", TimevalFormat), Out("tz", Addr))
	Define(159, "adjtimex", sysAdjtimex, In("buf", Addr), Lacks("changes: EPERM"))
	Define(164, "settimeofday", sysSettimeofday, In("tv", TimevalFormat), In("tz", Addr))
	Define(201, "time", sysTime, Out("tloc", Addr))
	Define(227, "clock_settime", sysClockSettime, In("clock", ClockID), In("tp", TimespecFormat), Covers("CLOCK_REALTIME"))
	Define(228, "clock_gettime", sysClockGettime, In("clock", ClockID), Out("tp", TimespecFormat),
		Covers("all clocks of Linux but those of devices"))
	Define(229, "clock_getres", sysClockGetres, In("clock", ClockID), Out("res", TimespecFormat))
	Define(305, "clock_adjtime", sysClockAdjtime, In("clock", ClockID), In("buf", Addr), Lacks("changes: EPERM"))
}

// coarse is the resolution of the coarse clocks: Linux's tick.
const coarse = 4 * ktime.Millisecond

// readClock returns the time on a clock.
func readClock(t *task.Task, id int32) (int64, error) {
	timers := t.Sys.Timers
	t.Sys.VDSO.Update(t.Thread, timers) // whoever asks may have been sent by the vDSO
	switch id {
	case abi.CLOCK_REALTIME, abi.CLOCK_REALTIME_COARSE, abi.CLOCK_REALTIME_ALARM, abi.CLOCK_TAI:
		return timers.Wall(), nil
	case abi.CLOCK_MONOTONIC, abi.CLOCK_MONOTONIC_RAW, abi.CLOCK_MONOTONIC_COARSE, abi.CLOCK_BOOTTIME, abi.CLOCK_BOOTTIME_ALARM:
		return timers.Now(), nil
	}
	return cpuClock(t, id)
}

// cpuClock returns the CPU time that a clock of a process or thread counts. Negative IDs hold the process's or thread's
// ID, inverted, with three bits of kind below (clock_getcpuclockid(3)).
func cpuClock(t *task.Task, id int32) (int64, error) {
	t.AccountSystem()
	both := func(user, system int64) int64 { return user + system }
	switch id {
	case abi.CLOCK_PROCESS_CPUTIME_ID:
		return both(t.Group.CPUTime(t.Thread)), nil
	case abi.CLOCK_THREAD_CPUTIME_ID:
		return t.UTime.Load() + t.STime.Load(), nil
	}
	const (
		kindProf, kindVirt, kindSched = 0, 1, 2
		perThread                     = 4
	)
	if id >= 0 || id&3 > kindSched {
		return 0, errno.EINVAL.Because("no such clock")
	}
	x := t
	if nr := int(^(id >> 3)); nr != 0 {
		if x = t.Sys.Task(t.Thread, nr); x == nil || id&perThread != 0 && x.Group != t.Group {
			return 0, errno.EINVAL.Because("the clock of no task")
		}
	}
	user, system := x.UTime.Load(), x.STime.Load()
	if id&perThread == 0 {
		user, system = x.Group.CPUTime(t.Thread)
	}
	if id&3 == kindVirt {
		system = 0
	}
	return user + system, nil
}

// copyInTimespec reads a time that must be a valid one.
func copyInTimespec(t *task.Task, addr mm.UAddr) (abi.Timespec, error) {
	ts, err := mm.CopyInStruct[abi.Timespec](t.Thread, addr)
	if err == nil && !ts.Valid() {
		err = errno.EINVAL.Because("not a valid time")
	}
	return ts, err
}

// after returns the monotonic time so much later; what does not fit is never.
func after(t *task.Task, ns int64) int64 {
	now := t.Now()
	if ns > ktime.Forever-1-now {
		return ktime.Forever
	}
	return now + ns
}

// sysClockGettime implements clock_gettime(2).
func sysClockGettime(t *task.Task, a Args) (uint64, error) {
	ns, err := readClock(t, int32(a[0]))
	if err != nil {
		return 0, err
	}
	ts := abi.ToTimespec(ns)
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &ts)
}

// sysClockGetres implements clock_getres(2).
func sysClockGetres(t *task.Task, a Args) (uint64, error) {
	id := int32(a[0])
	if _, err := readClock(t, id); err != nil {
		return 0, err
	}
	ts := abi.Timespec{Nsec: 1}
	if id == abi.CLOCK_REALTIME_COARSE || id == abi.CLOCK_MONOTONIC_COARSE {
		ts.Nsec = coarse
	}
	if a[1] == 0 {
		return 0, nil
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &ts)
}

// setWall sets the wall clock.
func setWall(t *task.Task, ns int64) error {
	if !t.Cred.Has(cred.CapSysTime) {
		return errno.EPERM
	}
	if ns < t.Now() {
		return errno.EINVAL.Because("before the machine was switched on at 1970")
	}
	t.Sys.SetWall(t.Thread, ns)
	return nil
}

// sysClockSettime implements clock_settime(2) for CLOCK_REALTIME.
func sysClockSettime(t *task.Task, a Args) (uint64, error) {
	if int32(a[0]) != abi.CLOCK_REALTIME {
		return 0, errno.EINVAL.Because("the clock can't be set")
	}
	ts, err := copyInTimespec(t, a.Addr(1))
	if err != nil {
		return 0, err
	}
	return 0, setWall(t, ts.Nanoseconds())
}

// sysGettimeofday implements gettimeofday(2). The time zone is UTC.
func sysGettimeofday(t *task.Task, a Args) (uint64, error) {
	if a[0] != 0 {
		t.Sys.VDSO.Update(t.Thread, t.Sys.Timers)
		tv := abi.ToTimeval(t.Sys.Timers.Wall())
		if err := mm.CopyOutStruct(t.Thread, a.Addr(0), &tv); err != nil {
			return 0, err
		}
	}
	if a[1] != 0 {
		return 0, mm.CopyOut(t.Thread, a.Addr(1), make([]byte, 8))
	}
	return 0, nil
}

// sysSettimeofday implements settimeofday(2). The time zone is ignored.
func sysSettimeofday(t *task.Task, a Args) (uint64, error) {
	if a[0] == 0 {
		if !t.Cred.Has(cred.CapSysTime) {
			return 0, errno.EPERM
		}
		return 0, nil
	}
	tv, err := mm.CopyInStruct[abi.Timeval](t.Thread, a.Addr(0))
	if err != nil {
		return 0, err
	}
	if !tv.Valid() {
		return 0, errno.EINVAL.Because("not a valid time")
	}
	return 0, setWall(t, tv.Nanoseconds())
}

// sysTime implements time(2).
func sysTime(t *task.Task, a Args) (uint64, error) {
	t.Sys.VDSO.Update(t.Thread, t.Sys.Timers)
	sec := t.Sys.Timers.Wall() / ktime.Second
	if a[0] != 0 {
		if err := mm.CopyOutStruct(t.Thread, a.Addr(0), &sec); err != nil {
			return 0, err
		}
	}
	return uint64(sec), nil
}

// timex is struct timex of adjtimex(2).
type timex struct {
	Modes                                  uint32
	_                                      uint32
	Offset, Freq, MaxError, EstError       int64
	Status                                 int32
	_                                      int32
	Constant, Precision, Tolerance         int64
	Time                                   abi.Timeval
	Tick, PPSFreq, Jitter                  int64
	Shift                                  int32
	_                                      int32
	Stabil, Jitcnt, Calcnt, Errcnt, Stbcnt int64
	TAI                                    int32
	_                                      [44]byte
}

// sysAdjtimex implements adjtimex(2), read-only: the clock is the host's, and nobody here disciplines it.
func sysAdjtimex(t *task.Task, a Args) (uint64, error) { return adjtime(t, a.Addr(0)) }

// sysClockAdjtime implements clock_adjtime(2), read-only.
func sysClockAdjtime(t *task.Task, a Args) (uint64, error) {
	if int32(a[0]) != abi.CLOCK_REALTIME {
		return 0, errno.EINVAL.Because("the clock can't be adjusted")
	}
	return adjtime(t, a.Addr(1))
}

func adjtime(t *task.Task, addr mm.UAddr) (uint64, error) {
	const (
		staUnsync = 0x40
		timeError = 5
	)
	in, err := mm.CopyInStruct[timex](t.Thread, addr)
	if err != nil {
		return 0, err
	}
	if in.Modes != 0 {
		return 0, errno.EPERM.Because("the clock can't be adjusted")
	}
	out := timex{
		Status: staUnsync, Constant: 2, Precision: 1, Tolerance: 500 << 16, Tick: 10000, MaxError: 16_000_000, EstError: 16_000_000,
		Time: abi.ToTimeval(t.Sys.Timers.Wall()),
	}
	return timeError, mm.CopyOutStruct(t.Thread, addr, &out)
}
