package ipc

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// TimerFD is a timer that is a file: timerfd_create(2).
//
// Expirations are not counted as they happen but computed from the clock when somebody asks. The timer
// only wakes: at the first expiration that nobody has read, and then not before the next read. A program
// that asks for an expiration each nanosecond costs no more than its reads.
type TimerFD struct {
	Clock  int           // abi.CLOCK_…; immutable
	timers *ktime.Timers // immutable
	watch  *ktime.WallWatcher

	mu       ksync.SpinLock
	next     int64  // the first expiration not counted yet, in monotonic time; 0: disarmed; guarded by mu, as all below
	wall     int64  // an absolute time on the wall clock: next as it was asked for; 0 otherwise
	interval int64  // 0: once
	ticks    uint64 // counted and not read
	onSet    bool   // TFD_TIMER_CANCEL_ON_SET
	canceled bool   // the wall clock was set, and nobody has read ECANCELED yet
	offset   int64  // Timers.WallOffset when last looked at
	armed    *ktime.Timer

	wait ksync.WaitQueue
}

// NewTimerFD returns a timer on a clock, disarmed.
func NewTimerFD(timers *ktime.Timers, clock int) (*TimerFD, error) {
	switch clock {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME, abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM:
	default:
		return nil, errno.EINVAL.Because("timerfd has no such clock")
	}
	f := &TimerFD{Clock: clock, timers: timers, mu: ksync.NewSpinLock(classIPC), offset: timers.WallOffset()}
	if f.onWall() {
		// A change of the clock wakes readers, who then look at it.
		f.watch = &ktime.WallWatcher{Fn: f.wake}
		timers.WatchWall(f.watch)
	}
	return f, nil
}

func (f *TimerFD) onWall() bool {
	return f.Clock == abi.CLOCK_REALTIME || f.Clock == abi.CLOCK_REALTIME_ALARM
}

func (f *TimerFD) wake() { f.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM) }

// Setting is a timer's value and interval in nanoseconds.
type Setting struct{ Value, Interval int64 }

// Set arms the timer, or disarms it if Value is 0: timerfd_settime(2). It returns the setting before.
func (f *TimerFD) Set(t *sched.Thread, s Setting, flags int) Setting {
	now := t.Now()
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	f.look(now)
	old := f.setting(now)
	f.disarm()
	f.ticks, f.canceled, f.onSet = 0, false, false
	f.offset = f.timers.WallOffset()
	f.next, f.wall, f.interval = 0, 0, s.Interval
	if s.Value == 0 {
		return old
	}
	abs := flags&abi.TFD_TIMER_ABSTIME != 0
	switch {
	case abs && f.onWall():
		f.wall = s.Value
		f.next = max(s.Value-f.offset, 1)
		f.onSet = flags&abi.TFD_TIMER_CANCEL_ON_SET != 0
	case abs:
		f.next = s.Value
	default:
		f.next = after(now, s.Value)
	}
	f.arm()
	return old
}

// after returns now+d, or the end of time.
func after(now, d int64) int64 {
	if d > ktime.Forever-now {
		return ktime.Forever
	}
	return now + d
}

// Get returns the time left and the interval: timerfd_gettime(2).
func (f *TimerFD) Get(t *sched.Thread) Setting {
	now := t.Now()
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	f.look(now)
	return f.setting(now)
}

func (f *TimerFD) setting(now int64) Setting {
	s := Setting{Interval: f.interval}
	if f.next != 0 {
		s.Value = max(f.next-now, 1)
	}
	return s
}

// look brings the state up to the present: the wall clock may have been set, and time has passed. Caller holds mu.
func (f *TimerFD) look(now int64) {
	if f.onWall() {
		if off := f.timers.WallOffset(); off != f.offset {
			if f.wall != 0 && f.next != 0 {
				f.next = max(f.next+f.offset-off, 1)
				f.disarm()
				f.arm()
			}
			f.offset = off
			f.canceled = f.canceled || f.onSet
		}
	}
	if f.next == 0 || f.next > now {
		return
	}
	if f.interval == 0 {
		f.ticks++
		f.next = 0
		return
	}
	n := (now-f.next)/f.interval + 1
	f.ticks += uint64(n)
	f.next = after(f.next, n*f.interval)
}

// arm makes the timer wake at next. Caller holds mu. Each arming has a Timer of its own: the function of one that was
// disarmed may still run, and wakes for nothing.
func (f *TimerFD) arm() {
	if f.next == 0 || f.next == ktime.Forever {
		return
	}
	f.armed = &ktime.Timer{Fn: func(int64) { f.wake() }}
	f.timers.Add(f.armed, f.next)
}

func (f *TimerFD) disarm() {
	if f.armed != nil {
		f.timers.Cancel(f.armed)
		f.armed = nil
	}
}

// Read implements vfs.Reader: the number of expirations since the last read.
func (f *TimerFD) Read(t *sched.Thread, file *vfs.File, dst *mm.IO, _ int64) (int, error) {
	if dst.Len() < 8 {
		return 0, errno.EINVAL.Because("a timerfd is read by 8 bytes")
	}
	n, err := f.Take(t, file.Nonblock())
	if err != nil {
		return 0, err
	}
	return dst.CopyOut(t, binary.LittleEndian.AppendUint64(nil, n))
}

// Take waits for an expiration and returns the number of those that nobody has read.
func (f *TimerFD) Take(t *sched.Thread, nonblock bool) (n uint64, err error) {
	canceled := false
	take := func() bool {
		f.mu.Lock(t)
		defer f.mu.Unlock(t)
		f.look(t.Now())
		if canceled = f.canceled; canceled {
			f.canceled, f.ticks = false, 0
			return true
		}
		if n = f.ticks; n == 0 {
			return false
		}
		f.ticks = 0
		f.disarm()
		f.arm()
		return true
	}
	if nonblock {
		if !take() {
			return 0, errno.EAGAIN
		}
	} else if err := f.wait.Wait(t, "timerfd_read", take); err != nil {
		return 0, err
	}
	if canceled {
		return 0, errno.ECANCELED.Because("the clock was set")
	}
	return n, nil
}

// SetTicks is TFD_IOC_SET_TICKS: it pretends expirations.
func (f *TimerFD) SetTicks(t *sched.Thread, n uint64) {
	f.mu.Lock(t)
	f.ticks = n
	f.mu.Unlock(t)
	f.wake()
}

// Ioctl implements vfs.Ioctler.
func (f *TimerFD) Ioctl(t *sched.Thread, _ *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	if cmd != abi.TFD_IOC_SET_TICKS {
		return 0, errno.ENOTTY
	}
	var b [8]byte
	if err := mm.CopyIn(t, b[:], mm.UAddr(arg)); err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint64(b[:])
	if n == 0 {
		return 0, errno.EINVAL
	}
	f.SetTicks(t, n)
	return 0, nil
}

// Poll implements vfs.Poller.
func (f *TimerFD) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	p.Add(&f.wait)
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	f.look(t.Now())
	if f.ticks > 0 || f.canceled {
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}

// Release implements vfs.Releaser.
func (f *TimerFD) Release(t *sched.Thread, _ *vfs.File) {
	if f.watch != nil {
		f.timers.UnwatchWall(f.watch)
	}
	f.mu.Lock(t)
	defer f.mu.Unlock(t)
	f.disarm()
}
