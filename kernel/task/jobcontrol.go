package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
)

// Process groups and sessions, and what a terminal wants of them.
var (
	_ tty.JobControl = (*Task)(nil)
	_ tty.Sessions   = (*System)(nil)
)

// add puts g into the process group. Caller holds System.mu.
func (pg *ProcessGroup) add(g *ThreadGroup) {
	g.pgrp = pg
	if g.pgPrev = pg.last; g.pgPrev != nil {
		g.pgPrev.pgNext = g
	} else {
		pg.first = g
	}
	pg.last = g
}

// leaveGroup takes g out of its process group; an empty group is gone, and so is a session without groups. g.pgrp stays
// readable. Caller holds System.mu.
func (s *System) leaveGroup(g *ThreadGroup) {
	pg := g.pgrp
	if g.pgPrev != nil {
		g.pgPrev.pgNext = g.pgNext
	} else {
		pg.first = g.pgNext
	}
	if g.pgNext != nil {
		g.pgNext.pgPrev = g.pgPrev
	} else {
		pg.last = g.pgPrev
	}
	g.pgNext, g.pgPrev = nil, nil
	if pg.first != nil {
		return
	}
	p := s.ids[pg.ID]
	p.Group = nil
	s.putID(p)
	if pg.Session.groups--; pg.Session.groups == 0 {
		p := s.ids[pg.Session.ID]
		p.Session = nil
		s.putID(p)
	}
}

// newPGroup makes an empty process group in a session. Caller holds System.mu.
func (s *System) newPGroup(id int, ss *Session) *ProcessGroup {
	pg := &ProcessGroup{ID: id, Session: ss}
	ss.groups++
	s.idOf(id).Group = pg
	return pg
}

// newSession makes a session with g as its leader, in a group of its own. Caller holds System.mu.
func (s *System) newSession(g *ThreadGroup) {
	ss := &Session{ID: g.ID, Leader: g}
	s.idOf(g.ID).Session = ss
	pg := s.newPGroup(g.ID, ss)
	if g.pgrp != nil {
		s.leaveGroup(g)
	}
	pg.add(g)
}

// SetSID is setsid(2).
func (t *Task) SetSID() (int, error) {
	s, g := t.Sys, t.Group
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	if p := s.ids[g.ID]; p.Group != nil || p.Session != nil {
		return 0, errno.EPERM.Because("already a process group leader")
	}
	s.newSession(g)
	return g.ID, nil
}

// SetPGID is setpgid(2).
func (t *Task) SetPGID(pid, pgid int) error {
	if pgid < 0 {
		return errno.EINVAL
	}
	s := t.Sys
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	g := t.Group
	if pid != 0 && pid != g.ID {
		g = s.process(pid)
		switch {
		case g == nil || g.parent != t.Group || pid < 0:
			return errno.ESRCH
		case g.pgrp.Session != t.Group.pgrp.Session:
			return errno.EPERM.Because("the child is in another session")
		case g.execed:
			return errno.EACCES.Because("the child has called execve")
		}
	}
	if pgid == 0 {
		pgid = g.ID
	}
	ss := g.pgrp.Session
	if ss.Leader == g {
		return errno.EPERM.Because("a session leader stays in its group")
	}
	var pg *ProcessGroup
	if p := s.ids[pgid]; p != nil {
		pg = p.Group
	}
	switch {
	case pg == g.pgrp && pg != nil:
		return nil
	case pg != nil && pg.Session != ss, pg == nil && pgid != g.ID:
		return errno.EPERM.Because("no such group in the session")
	case pg == nil:
		pg = s.newPGroup(pgid, ss)
	}
	s.leaveGroup(g)
	pg.add(g)
	return nil
}

// GetPGID and GetSID are getpgid(2) and getsid(2): 0 means the caller.
func (t *Task) GetPGID(pid int) (int, error) {
	g, err := t.infoOf(pid)
	return g.PGID, err
}

// GetSID returns the session of a process.
func (t *Task) GetSID(pid int) (int, error) {
	g, err := t.infoOf(pid)
	return g.SID, err
}

func (t *Task) infoOf(pid int) (GroupInfo, error) {
	g := t.Group
	if pid != 0 {
		if x := t.Sys.Task(t.Thread, pid); x != nil {
			g = x.Group
		} else {
			return GroupInfo{}, errno.ESRCH
		}
	}
	return g.Info(t.Thread), nil
}

// orphaned reports whether no member of the group but except has a parent in another group of the session: nobody could
// continue it (POSIX 3.264). Caller holds System.mu.
func (pg *ProcessGroup) orphaned(s *System, except *ThreadGroup) bool {
	for g := pg.first; g != nil; g = g.pgNext {
		if g == except || g.live == 0 || g.parent == nil || g.parent == s.init {
			continue
		}
		if pg.linked(g.parent) {
			return false
		}
	}
	return true
}

// linked reports whether parent is one that could continue the group: another group of its session. Caller holds System.mu.
func (pg *ProcessGroup) linked(parent *ThreadGroup) bool {
	return parent != nil && parent.pgrp != pg && parent.pgrp.Session == pg.Session
}

// checkOrphaned sends SIGHUP and SIGCONT to a group that has just lost such a parent, or the member that had it, if it
// is an orphaned group now and has stopped members. Caller holds System.mu.
func (s *System) checkOrphaned(t *sched.Thread, pg *ProcessGroup, except *ThreadGroup) {
	if !pg.orphaned(s, except) {
		return
	}
	stopped := false
	for g := pg.first; g != nil; g = g.pgNext {
		g.mu.Lock(t)
		stopped = stopped || g.stop.Stopped
		g.mu.Unlock(t)
	}
	if stopped {
		pg.signal(t, abi.SIGHUP)
		pg.signal(t, abi.SIGCONT)
	}
}

// signal sends sig from the kernel to all members. Caller holds System.mu.
func (pg *ProcessGroup) signal(t *sched.Thread, sig abi.Signal) {
	for g := pg.first; g != nil; g = g.pgNext {
		g.SendSignal(t, abi.NewSigInfo(sig, abi.SI_KERNEL))
	}
}

// SessionID implements tty.JobControl.
func (t *Task) SessionID() int { return t.Group.Info(t.Thread).SID }

// GroupID implements tty.JobControl.
func (t *Task) GroupID() int { return t.Group.Info(t.Thread).PGID }

// SessionLeader implements tty.JobControl.
func (t *Task) SessionLeader() bool { return t.SessionID() == t.PID() }

// ControllingTTY implements tty.JobControl.
func (t *Task) ControllingTTY() *tty.TTY { return t.Group.Info(t.Thread).TTY }

// SetControllingTTY implements tty.JobControl.
func (t *Task) SetControllingTTY(by *sched.Thread, terminal *tty.TTY) {
	t.Sys.mu.Lock(by)
	defer t.Sys.mu.Unlock(by)
	t.Group.pgrp.Session.TTY = terminal
}

// SignalIgnored implements tty.JobControl.
func (t *Task) SignalIgnored(sig abi.Signal) bool {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	return t.sig.Blocked.Has(sig) || g.actions.get(t.Thread, sig).Handler == abi.SIG_IGN
}

// GroupOrphaned implements tty.JobControl.
func (t *Task) GroupOrphaned() bool {
	t.Sys.mu.Lock(t.Thread)
	defer t.Sys.mu.Unlock(t.Thread)
	return t.Group.pgrp.orphaned(t.Sys, nil)
}

// SignalGroup implements tty.Sessions.
func (s *System) SignalGroup(t *sched.Thread, pgrp int, sig abi.Signal) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if p := s.ids[pgrp]; p != nil && p.Group != nil {
		p.Group.signal(t, sig)
	}
}

// SignalLeader implements tty.Sessions.
func (s *System) SignalLeader(t *sched.Thread, sid int, sig abi.Signal) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if p := s.ids[sid]; p != nil && p.Session != nil && p.Session.Leader != nil {
		p.Session.Leader.SendSignal(t, abi.NewSigInfo(sig, abi.SI_KERNEL))
	}
}

// SessionOf implements tty.Sessions.
func (s *System) SessionOf(t *sched.Thread, pgrp int) (int, bool) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if p := s.ids[pgrp]; p != nil && p.Group != nil {
		return p.Group.Session.ID, true
	}
	return 0, false
}

// ClearControllingTTY implements tty.Sessions.
func (s *System) ClearControllingTTY(t *sched.Thread, sid int) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if p := s.ids[sid]; p != nil && p.Session != nil {
		p.Session.TTY = nil
	}
}
