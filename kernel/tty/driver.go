package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// Driver is the hardware side of a TTY. Its methods are called with TTY.mu
// held and must not sleep. Further abilities are the small interfaces below.
type Driver interface {
	// Write sends as much of p as there is room for and returns how much it took. When
	// it took less, it calls TTY.WriteWakeup once there is room again.
	Write(t *sched.Thread, p []byte) int

	// Room returns how many bytes Write would take now.
	Room() int
}

// Throttler stops its input when the terminal has nowhere to put it. Until
// Unthrottle, Receive may lose bytes.
type Throttler interface {
	Throttle(t *sched.Thread)
	Unthrottle(t *sched.Thread)
}

// Queuer has bytes under way after Write: tcdrain(3) and TIOCOUTQ count them.
type Queuer interface {
	// Queued returns how many bytes Write took that are not out yet.
	Queued() int
}

// Flusher can forget bytes under way: tcflush(3).
type Flusher interface {
	Flush(t *sched.Thread)
}

// Flow hears of ^S and ^Q, tcflow(3).
type Flow interface {
	Stop(t *sched.Thread)
	Start(t *sched.Thread)
}

// TermiosSetter hears of new settings.
type TermiosSetter interface {
	SetTermios(t *sched.Thread, now, before *abi.Termios)
}

// WinsizeSetter hears of a window size that a program set.
type WinsizeSetter interface {
	SetWinsize(t *sched.Thread, ws abi.Winsize)
}

// OpenCloser hears of the first open and the last close.
type OpenCloser interface {
	Open(t *sched.Thread)
	Close(t *sched.Thread)
}
