package snd

import (
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine/layout"
)

// Clock is the clock that pieces become due by.
type Clock interface {
	Now() int64
	NewAlarm() (Alarm, error)
}

// Alarm wakes a goroutine at a moment of its clock. It may be early or late: Clock.Now counts.
type Alarm interface {
	Set(moment int64) // instead of the one before; never is no alarm
	Wait() bool       // false: the alarm was closed
	Close()
}

// never is a moment that does not come.
const never = math.MaxInt64

// machineClock is the machine's virtual clock.
type machineClock struct{ page *layout.ClockPage }

func (c machineClock) Now() int64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	now, _ := c.page.Now(ts.Nano())
	return now
}

// NewAlarm implements Clock.
func (c machineClock) NewAlarm() (Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &machineAlarm{c, fd, os.NewFile(uintptr(fd), "timer")}, nil
}

// machineAlarm is a timer of the host: a Go timer costs two wake-ups of the runtime more. It is early when the machine is held meanwhile.
type machineAlarm struct {
	clock machineClock
	fd    int
	file  *os.File // of fd, for the runtime's poller
}

// Set implements Alarm.
func (a *machineAlarm) Set(moment int64) {
	var it unix.ItimerSpec
	if moment != never {
		it.Value = unix.NsecToTimespec(max(moment-a.clock.Now(), int64(time.Nanosecond)))
	}
	unix.TimerfdSettime(a.fd, 0, &it, nil) // nothing that can fail
}

// Wait implements Alarm.
func (a *machineAlarm) Wait() bool {
	var expirations [8]byte
	_, err := a.file.Read(expirations[:])
	return err == nil
}

// Close implements Alarm.
func (a *machineAlarm) Close() { a.file.Close() }
