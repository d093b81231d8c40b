package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
)

// checkJob is the job-control check of POSIX 11.1.4: a process of a background
// group that uses its controlling terminal stops. SIGTTIN is for reading, SIGTTOU for the rest.
func (h *Handle) checkJob(t *sched.Thread, sig abi.Signal) error {
	jc := jobControl(t)
	if jc == nil || h.console || jc.ControllingTTY() != h.TTY {
		return nil
	}
	fg, group := h.TTY.Foreground(t), jc.GroupID()
	if fg == 0 || fg == group {
		return nil
	}
	if jc.SignalIgnored(sig) {
		if sig == abi.SIGTTIN {
			return errno.EIO.Because("a background process reads and ignores SIGTTIN")
		}
		return nil
	}
	if jc.GroupOrphaned() {
		return errno.EIO.Because("a background process of an orphaned group uses the terminal")
	}
	h.TTY.table.sessions.SignalGroup(t, group, sig)
	return errno.RestartSys
}

// Adopt makes tty the controlling terminal of a session leader that has none: at open(2), and for a process that
// was given its terminal.
func (tty *TTY) Adopt(t *sched.Thread) {
	jc := jobControl(t)
	if jc == nil || !jc.SessionLeader() || jc.ControllingTTY() != nil {
		return
	}
	tty.mu.Lock(t)
	free := tty.session == 0
	if free {
		tty.session, tty.pgrp = jc.SessionID(), jc.GroupID()
	}
	tty.mu.Unlock(t)
	if free {
		jc.SetControllingTTY(t, tty)
	}
}

// setControlling is TIOCSCTTY.
func (h *Handle) setControlling(t *sched.Thread, steal, readable bool) error {
	tty, jc := h.TTY, jobControl(t)
	if jc == nil {
		return errno.EPERM
	}
	sid := jc.SessionID()
	tty.mu.Lock(t)
	owner := tty.session
	tty.mu.Unlock(t)
	switch {
	case jc.SessionLeader() && owner == sid && jc.ControllingTTY() == tty:
		return nil
	case !jc.SessionLeader():
		return errno.EPERM.Because("not a session leader")
	case jc.ControllingTTY() != nil:
		return errno.EPERM.Because("the session has a controlling terminal")
	case !readable && !t.Cred.Has(cred.CapSysAdmin):
		return errno.EPERM.Because("the terminal isn't open for reading")
	case owner != 0 && !(steal && t.Cred.Has(cred.CapSysAdmin)):
		return errno.EPERM.Because("another session's controlling terminal")
	}
	if owner != 0 {
		tty.table.sessions.ClearControllingTTY(t, owner)
	}
	tty.mu.Lock(t)
	if tty.session != owner && tty.session != 0 {
		tty.mu.Unlock(t)
		return errno.EPERM.Because("another session was quicker")
	}
	tty.session, tty.pgrp = sid, jc.GroupID()
	tty.mu.Unlock(t)
	jc.SetControllingTTY(t, tty)
	return nil
}

// giveUp is TIOCNOTTY: the caller's session has no controlling terminal any more.
func (h *Handle) giveUp(t *sched.Thread) error {
	jc := jobControl(t)
	if jc == nil || jc.ControllingTTY() != h.TTY {
		return errno.ENOTTY.Because("not the controlling terminal")
	}
	if !jc.SessionLeader() {
		// Linux lets a single process go; here the terminal belongs to the session as a whole.
		return errno.ENOTTY.Because("only a session leader can give the terminal up")
	}
	h.TTY.Disassociate(t, jc.SessionID(), false)
	return nil
}

// Disassociate ends a session's hold on its controlling terminal: the leader exits, or gave
// the terminal up. The foreground group hears of it; at an exit a real terminal is hung up.
func (tty *TTY) Disassociate(t *sched.Thread, sid int, exit bool) {
	tty.mu.Lock(t)
	if tty.session != sid || sid == 0 {
		tty.mu.Unlock(t)
		return
	}
	pgrp := tty.pgrp
	tty.mu.Unlock(t)
	s := tty.table.sessions
	if exit && tty.pty == nil {
		tty.Hangup(t)
	} else if pgrp != 0 {
		s.SignalGroup(t, pgrp, abi.SIGHUP)
		s.SignalGroup(t, pgrp, abi.SIGCONT)
	}
	tty.mu.Lock(t)
	if tty.session == sid {
		tty.session, tty.pgrp = 0, 0
	}
	tty.mu.Unlock(t)
	s.ClearControllingTTY(t, sid)
}

// Hangup is vhangup(2), and what happens when the line is lost: open files die, the
// session's leader and the foreground group get SIGHUP, and the session loses the terminal.
func (tty *TTY) Hangup(t *sched.Thread) {
	tty.mu.Lock(t)
	tty.generation++
	sid, pgrp := tty.session, tty.pgrp
	tty.session, tty.pgrp = 0, 0
	l := &tty.ldisc
	l.FlushInput()
	l.FlushOutput()
	l.SetFlow(true)
	l.start()
	l.SetTermios(Sane())
	l.signals, l.packet, l.column = nil, 0, 0
	tty.madeRoom(t)
	tty.unlock(t)
	const all = ^uint32(0)
	tty.readers.WakeKey(all)
	tty.writers.WakeKey(all)
	tty.room.WakeKey(all)
	s := tty.table.sessions
	if sid != 0 {
		s.SignalLeader(t, sid, abi.SIGHUP)
		s.SignalLeader(t, sid, abi.SIGCONT)
		s.ClearControllingTTY(t, sid)
	}
	if pgrp != 0 {
		s.SignalGroup(t, pgrp, abi.SIGHUP)
	}
}
