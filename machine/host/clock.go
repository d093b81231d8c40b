package host

import (
	"fmt"
	"math"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vitrine/machine"
	"vitrine/machine/layout"
)

// clock is the virtual clock: the host's CLOCK_MONOTONIC less what the clock page says.
type clock struct {
	page  *layout.ClockPage
	base  time.Time // Go's monotonic clock is CLOCK_MONOTONIC, read through the host's vDSO,
	mono  int64     // and this is what CLOCK_MONOTONIC showed at base
	timer int       // timerfd
}

func (c *clock) open(page *layout.ClockPage) (err error) {
	c.page = page
	// Go does not tell its clock's absolute value: read both, and take the pair that
	// was read in the shortest time.
	best := time.Duration(math.MaxInt64)
	for range 5 {
		before := time.Now()
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			return fmt.Errorf("clock: %w", err)
		}
		if d := time.Since(before); d < best {
			best, c.base, c.mono = d, before, ts.Nano()-int64(d/2)
		}
	}
	c.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	return nil
}

// Now implements machine.Clock.
func (c *clock) Now() int64 {
	now, _ := c.page.Now(c.host())
	return now
}

func (c *clock) host() int64 { return c.mono + int64(time.Since(c.base)) }

// SetAlarm implements machine.Clock. The interrupt comes on the pin's goroutine.
//
// While the clock is frozen the alarm is not armed: the supervisor raises
// LineTimer when it lets the clock go on, and the kernel then asks again.
func (c *clock) SetAlarm(deadline int64) {
	host := c.host()
	now, frozen := c.page.Now(host)
	var spec unix.ItimerSpec
	if deadline != machine.NoAlarm && !frozen {
		at := host + max(deadline-now, 0)
		if at < host { // overflow
			at = math.MaxInt64
		}
		spec.Value = unix.NsecToTimespec(max(at, 1)) // 0 would disarm
	}
	const absolute = 1
	_, _, e := syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(c.timer), absolute, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if e != 0 {
		panic("timerfd_settime: " + e.Error())
	}
}

// Calls that never block, so Go's scheduler need not know of them.

// signal adds one to an eventfd.
func signal(fd int) {
	one := uint64(1)
	for {
		_, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
		if e != syscall.EINTR {
			return // EAGAIN: it is full, so the reader has been told
		}
	}
}
