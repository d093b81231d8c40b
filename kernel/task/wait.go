package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// WaitRequest is what wait4(2) and waitid(2) ask for.
type WaitRequest struct {
	Type    int // abi.P_ALL, P_PID, P_PGID
	ID      int
	Options int // abi.W…
}

// WaitResult is the child that was found.
type WaitResult struct {
	PID    int // 0: none yet (WNOHANG)
	UID    uint32
	Status int   // as wait4(2) has it
	Code   int32 // as siginfo has it: abi.CLD_…
	Value  int32
	Usage  RusageSum
}

// Wait waits for a child to end, stop or continue.
func (t *Task) Wait(r WaitRequest) (WaitResult, error) {
	var res WaitResult
	var err error
	done := func() bool {
		res, err = t.waitOnce(&r)
		return err != nil || res.PID != 0
	}
	if r.Options&abi.WNOHANG != 0 {
		done()
		return res, err
	}
	if e := t.Group.childWait.Wait(t.Thread, "wait", done); e != nil {
		return WaitResult{}, e
	}
	return res, err
}

// waitOnce looks at the children once.
func (t *Task) waitOnce(r *WaitRequest) (WaitResult, error) {
	s, th := t.Sys, t.Thread
	s.mu.Lock(th)
	defer s.mu.Unlock(th)
	some := false
	for c := t.Group.children; c != nil; c = c.sibling {
		if !t.eligible(c, r) {
			continue
		}
		some = true
		if res, ok := s.consider(th, c, r.Options); ok {
			return res, nil
		}
	}
	if !some {
		return WaitResult{}, errno.ECHILD
	}
	return WaitResult{}, nil
}

// eligible reports whether a child is one of those that the request is about. Caller holds System.mu.
func (t *Task) eligible(c *ThreadGroup, r *WaitRequest) bool {
	switch r.Type {
	case abi.P_PID:
		if c.ID != r.ID {
			return false
		}
	case abi.P_PGID:
		if c.pgrp.ID != r.ID {
			return false
		}
	}
	if r.Options&abi.WNOTHREAD != 0 && c.parentTID != t.ID {
		return false
	}
	// A "clone" child is one that tells its end by another signal than SIGCHLD.
	clone := c.exitSignal != abi.SIGCHLD
	return r.Options&abi.WALL != 0 || clone == (r.Options&abi.WCLONE != 0)
}

// consider reports whether there is something to tell of a child, and takes it unless WNOWAIT. Caller holds System.mu.
func (s *System) consider(t *sched.Thread, c *ThreadGroup, options int) (WaitResult, bool) {
	res := WaitResult{PID: c.ID, UID: uint32(c.Leader.Credentials().UID)}
	take := options&abi.WNOWAIT == 0
	if c.zombie {
		if options&abi.WEXITED == 0 {
			return res, false
		}
		res.Status = c.status
		res.Code, res.Value = exitCode(c.status)
		res.Usage = c.usage.Self
		res.Usage.add(c.usage.Children)
		if take {
			s.reap(t, c)
		}
		return res, true
	}
	res.Usage = c.rusage()
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	switch {
	case options&abi.WUNTRACED != 0 && c.stop.Stopped && c.stop.report:
		if take {
			c.stop.report = false
		}
		res.Status, res.Code, res.Value = abi.StopStatus(c.stop.Sig), abi.CLD_STOPPED, int32(c.stop.Sig)
		return res, true
	case options&abi.WCONTINUED != 0 && c.stop.continued:
		if take {
			c.stop.continued = false
		}
		res.Status, res.Code, res.Value = abi.ContinuedStatus, abi.CLD_CONTINUED, int32(abi.SIGCONT)
		return res, true
	}
	return res, false
}

// WaitPID returns the process that a pidfd names, as a request of P_PID for it.
func (t *Task) WaitPIDFD(fd int) (WaitRequest, bool, error) {
	f, err := t.File(fd)
	if err != nil {
		return WaitRequest{}, false, err
	}
	defer f.DecRef(t.Thread)
	p, ok := f.Impl.(*PIDFD)
	if !ok {
		return WaitRequest{}, false, errno.EBADF.Because("not a pidfd")
	}
	return WaitRequest{Type: abi.P_PID, ID: p.Group.ID}, f.Nonblock(), nil
}
