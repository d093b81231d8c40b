package abi

// Itimerval is struct itimerval of setitimer(2).
type Itimerval struct{ Interval, Value Timeval }

// Itimerspec is struct itimerspec of timer_settime(2) and timerfd_settime(2).
type Itimerspec struct{ Interval, Value Timespec }

const (
	nsecPerSec = 1_000_000_000
	maxSec     = (1<<63 - 1) / nsecPerSec
)

// ToTimespec splits nanoseconds.
func ToTimespec(ns int64) Timespec {
	sec := ns / nsecPerSec
	if ns -= sec * nsecPerSec; ns < 0 {
		sec, ns = sec-1, ns+nsecPerSec
	}
	return Timespec{sec, ns}
}

// ToTimeval splits nanoseconds into seconds and microseconds.
func ToTimeval(ns int64) Timeval {
	ts := ToTimespec(ns)
	return Timeval{ts.Sec, ts.Nsec / 1000}
}

// Valid reports whether ts is a time as POSIX has it, not negative.
func (ts Timespec) Valid() bool { return ts.Sec >= 0 && ts.Nsec >= 0 && ts.Nsec < nsecPerSec }

// Valid reports whether tv is a time as POSIX has it, not negative.
func (tv Timeval) Valid() bool { return tv.Sec >= 0 && tv.Usec >= 0 && tv.Usec < 1_000_000 }

// Nanoseconds returns a valid ts as one number; what does not fit is the greatest one.
func (ts Timespec) Nanoseconds() int64 {
	if ts.Sec >= maxSec {
		return 1<<63 - 1
	}
	return ts.Sec*nsecPerSec + ts.Nsec
}

// Nanoseconds returns a valid tv as one number; what does not fit is the greatest one.
func (tv Timeval) Nanoseconds() int64 { return Timespec{tv.Sec, tv.Usec * 1000}.Nanoseconds() }

// Clocks (clock_gettime(2)).
const (
	CLOCK_REALTIME           = 0
	CLOCK_MONOTONIC          = 1
	CLOCK_PROCESS_CPUTIME_ID = 2
	CLOCK_THREAD_CPUTIME_ID  = 3
	CLOCK_MONOTONIC_RAW      = 4
	CLOCK_REALTIME_COARSE    = 5
	CLOCK_MONOTONIC_COARSE   = 6
	CLOCK_BOOTTIME           = 7
	CLOCK_REALTIME_ALARM     = 8
	CLOCK_BOOTTIME_ALARM     = 9
	CLOCK_TAI                = 11

	TIMER_ABSTIME = 1

	ITIMER_REAL    = 0
	ITIMER_VIRTUAL = 1
	ITIMER_PROF    = 2
)

// ClockTick is the unit of times(2) and /proc/PID/stat in nanoseconds: sysconf(_SC_CLK_TCK) is 100.
const ClockTick = nsecPerSec / 100
