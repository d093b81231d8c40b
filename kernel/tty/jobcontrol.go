package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// JobControl is what a terminal asks about the task that uses it: Thread.Owner
// implements it. A thread whose Owner doesn't is a kernel thread and may do everything.
// Every method is called with no lock of this package held.
type JobControl interface {
	// SessionID, GroupID and SessionLeader describe the task's place among sessions and groups.
	SessionID() int
	GroupID() int
	SessionLeader() bool

	// ControllingTTY is the terminal of the task's session, or nil.
	ControllingTTY() *TTY

	// SetControllingTTY makes tty the terminal of the task's session. The TTY has noted the
	// session already.
	SetControllingTTY(t *sched.Thread, tty *TTY)

	// SignalIgnored reports whether the task ignores or blocks the signal.
	SignalIgnored(sig abi.Signal) bool

	// GroupOrphaned reports whether the task's process group is orphaned (POSIX 3.264).
	GroupOrphaned() bool
}

// Sessions is how a terminal reaches processes by number: the task layer
// implements it and gives it to NewTable. Every method is called with no lock of this package held.
type Sessions interface {
	// SignalGroup sends sig, from the kernel, to all processes of a group.
	SignalGroup(t *sched.Thread, pgrp int, sig abi.Signal)

	// SignalLeader sends sig, from the kernel, to the leader of a session.
	SignalLeader(t *sched.Thread, sid int, sig abi.Signal)

	// SessionOf returns the session of a process group; false if there is no such group.
	SessionOf(t *sched.Thread, pgrp int) (sid int, ok bool)

	// ClearControllingTTY takes the controlling terminal away from a session.
	ClearControllingTTY(t *sched.Thread, sid int)
}

// noSessions serves terminals of a kernel without tasks: tests, early boot.
type noSessions struct{}

func (noSessions) SignalGroup(*sched.Thread, int, abi.Signal)  {}
func (noSessions) SignalLeader(*sched.Thread, int, abi.Signal) {}
func (noSessions) SessionOf(*sched.Thread, int) (int, bool)    { return 0, false }
func (noSessions) ClearControllingTTY(*sched.Thread, int)      {}

// jobControl returns the calling task's JobControl, or nil for a kernel thread.
func jobControl(t *sched.Thread) JobControl {
	jc, _ := t.Owner.(JobControl)
	return jc
}
