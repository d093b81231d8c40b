package task

import (
	"runtime"

	"vitrine/kernel/abi"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/futex"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
)

// ExitGroup begins the end of the whole process, with a status word, and ends the calling task: exit_group(2).
func (t *Task) ExitGroup(status int) {
	g := t.Group
	g.mu.Lock(t.Thread)
	if !g.groupExit && g.execing == nil {
		g.startExit(t.Thread, status)
	}
	g.mu.Unlock(t.Thread)
	t.Exit(status)
}

// Exit ends the calling task with a status word. It does not return.
//
// The parent hears of the end before the memory is given back: it can go on at once. What must be over when
// wait(2) returns (open files, locks) comes before that.
func (t *Task) Exit(status int) {
	g, s, th := t.Group, t.Sys, t.Thread
	last, stopped := t.beginExit(&status)
	if stopped {
		g.tellStop(th, abi.CLD_STOPPED)
	}
	if last {
		g.deleteTimers(th)
		if g == s.Init(th) {
			s.initDied(t, status)
		}
	}
	t.exitFutexes()
	t.vforkFinished()
	files, fs := t.FDs, t.FS
	g.mu.Lock(th)
	t.FDs, t.FS = nil, nil
	g.mu.Unlock(th)
	files.Release(th)
	fs.DecRef(th)
	if last {
		g.releaseExe(th)
		g.leaveTerminal(th)
		s.SysV.Sem.Exit(th, g.ID)
	}
	t.AccountSystem()
	s.leaving.Add(1)
	t.leave(status)
	t.exitMemory()
	s.leaving.Add(-1)
	exitThread()
}

// exitThread ends the goroutine; the scheduler gives the CPU away.
func exitThread() { runtime.Goexit() }

// beginExit makes the task deaf: from now on no signal is sent to it. It reports whether it is the last one, and whether its
// leaving completes a stop of the group.
func (t *Task) beginExit(status *int) (last, stopped bool) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	if g.groupExit {
		*status = g.groupStatus
	}
	t.exiting = true
	g.running--
	stopped = t.leaveStopping()
	// Signals to the group that this task was to take are shown to the others.
	if m := g.pending.Set &^ t.sig.Blocked; m != 0 {
		for x := g.first; x != nil; x = x.next {
			if !x.exiting && m&^x.sig.Blocked != 0 {
				t.Sys.Sched.Signal(x.Thread)
			}
		}
	}
	t.sig.pending.flush(^abi.SigSet(0))
	t.SigPending.Store(false)
	return g.running == 0, stopped
}

// initDied halts the machine: without init there is nobody to do anything.
func (s *System) initDied(t *Task, status int) {
	code := status >> 8 & 0xff
	if sig := abi.Signal(status & 0x7f); sig != 0 {
		code = 128 + int(sig)
		s.Log.Errf("init: %s killed by %v", t.Name, sig)
	}
	s.halt(t.Thread, machine.Halt{Reason: machine.PowerOff, Status: code})
}

// exitFutexes does what the C library left for the kernel to do: robust futexes are released, the thread ID is cleared and who
// joins the thread is woken. For exit and execve.
func (t *Task) exitFutexes() {
	th, ft := t.Thread, t.Sys.Futexes
	if head := t.RobustList; head != 0 {
		t.RobustList = 0
		futex.ExitRobust(th, ft, head, uint32(t.ID))
	}
	// Linux clears it only if somebody else can see it.
	if addr := t.ClearTID; addr != 0 && t.mm != nil && t.mm.Users() > 1 {
		t.ClearTID = 0
		if mm.StoreUint32(th, addr, 0) == nil {
			ft.Wake(th, addr, false, 1, ^uint32(0))
		}
	}
}

// vforkFinished lets the parent of a vfork go on: the child uses its memory no more.
func (t *Task) vforkFinished() {
	if v := t.vfork; v != nil {
		t.vfork = nil
		v.done.Store(1)
		v.queue.WakeAll()
	}
}

// exitMemory gives the address space back.
func (t *Task) exitMemory() {
	g := t.Group
	g.mu.Lock(t.Thread)
	as, ctx := t.mm, t.Context
	t.mm = nil
	g.mu.Unlock(t.Thread)
	t.Thread.MM = nil
	if as == nil {
		return
	}
	if as.Users() > 1 {
		ctx.Release()
	}
	as.Release(t.Thread)
}

// leave takes the task out of its process and, if it was the last one, the process out of the world of the living. From
// here on others may forget the task.
func (t *Task) leave(status int) {
	s, g, th := t.Sys, t.Group, t.Thread
	s.mu.Lock(th)
	defer s.mu.Unlock(th)
	s.childrenLoseThread(th, t)
	g.mu.Lock(th)
	t.dead, t.exitCode = true, status
	g.live--
	g.usage.Self.add(t.rusage())
	if t != g.Leader {
		g.removeThread(t)
	}
	if g.execing != nil {
		g.execWait.WakeAll()
	}
	g.mu.Unlock(th)
	if t != g.Leader {
		s.forget(t)
	}
	if g.live > 0 {
		return
	}
	g.status = g.Leader.exitCode
	if g.groupExit {
		g.status = g.groupStatus
	}
	s.orphanChildren(th, g)
	if g.pgrp.linked(g.parent) {
		s.checkOrphaned(th, g.pgrp, g)
	}
	if ss := g.pgrp.Session; ss.Leader == g {
		ss.Leader = nil
	}
	g.zombie = true
	if s.Exited != nil {
		s.Exited(g.ID, g.status)
	}
	s.tellParent(th, g)
	g.exitWait.WakeAll()
}

// forget gives a dead task's number back. Caller holds System.mu.
func (s *System) forget(t *Task) {
	p := s.ids[t.ID]
	p.Task = nil
	s.putID(p)
	s.nthreads--
	s.putUser(t.user)
}

// childrenLoseThread deals with processes that the dying thread made: PR_SET_PDEATHSIG. Caller holds System.mu.
func (s *System) childrenLoseThread(th *sched.Thread, t *Task) {
	g := t.Group
	for c := g.children; c != nil; c = c.sibling {
		if c.parentTID != t.ID {
			continue
		}
		c.parentTID = g.Leader.ID
		for x := c.first; x != nil; x = x.next {
			if x.pdeathSig != 0 {
				c.SendSignal(th, abi.UserSigInfo(x.pdeathSig, abi.SI_USER, g.ID, uint32(t.Cred.UID)))
				break
			}
		}
	}
}

// orphanChildren gives the children of a dead process a new parent: the nearest ancestor that asked for it
// (PR_SET_CHILD_SUBREAPER), or init. Caller holds System.mu.
func (s *System) orphanChildren(t *sched.Thread, g *ThreadGroup) {
	reaper := g.parent
	for reaper != nil && (!reaper.subreaper || reaper.live == 0) {
		reaper = reaper.parent
	}
	if reaper == nil {
		reaper = s.init
	}
	for c := g.children; c != nil; c = g.children {
		wasLinked := c.pgrp.linked(g)
		g.removeChild(c)
		if reaper == nil || reaper == g {
			continue // init itself is gone: the machine is about to halt
		}
		reaper.addChild(c)
		c.parentTID = reaper.Leader.ID
		c.exitSignal = abi.SIGCHLD
		if c.zombie {
			s.tellParent(t, c)
		} else if wasLinked {
			s.checkOrphaned(t, c.pgrp, nil)
		}
	}
}

// tellParent tells the parent that g has become a zombie; if the parent doesn't care the zombie is gone at once. Caller holds System.mu.
func (s *System) tellParent(t *sched.Thread, g *ThreadGroup) {
	p := g.parent
	if p == nil {
		return
	}
	reap := p.live == 0
	if g.exitSignal != 0 {
		code, status := exitCode(g.status)
		info := g.childInfo(t, code, status)
		info.Signo = g.exitSignal
		p.mu.Lock(t)
		act := p.actions.get(t, g.exitSignal)
		quiet := false
		if g.exitSignal == abi.SIGCHLD && (act.Handler == abi.SIG_IGN || act.Flags&abi.SA_NOCLDWAIT != 0) {
			reap, quiet = true, act.Handler == abi.SIG_IGN
		}
		if !quiet {
			p.send(t, nil, &p.pending, Queued{Info: *info}, false)
		}
		p.mu.Unlock(t)
	}
	if reap {
		s.reap(t, g)
	}
	p.childWait.WakeAll()
}

// exitCode splits a status word as siginfo has it.
func exitCode(status int) (code, value int32) {
	switch {
	case status&0x7f == 0:
		return abi.CLD_EXITED, int32(status >> 8 & 0xff)
	case status&0x80 != 0:
		return abi.CLD_DUMPED, int32(status & 0x7f)
	}
	return abi.CLD_KILLED, int32(status & 0x7f)
}

// reap removes a zombie. Its usage goes to the parent. Caller holds System.mu.
func (s *System) reap(t *sched.Thread, g *ThreadGroup) {
	g.zombie, g.reaped = false, true
	if p := g.parent; p != nil {
		sum := g.usage.Self
		sum.add(g.usage.Children)
		p.usage.Children.add(sum)
		p.removeChild(g)
	}
	g.mu.Lock(t)
	g.pending.flush(^abi.SigSet(0))
	if g.first != nil {
		g.removeThread(g.Leader)
	}
	g.mu.Unlock(t)
	s.unlink(g)
	s.leaveGroup(g)
	s.forget(g.Leader)
}

// leaveTerminal is what the end of a session's leader means to its terminal. Caller holds no lock.
func (g *ThreadGroup) leaveTerminal(t *sched.Thread) {
	s := g.Sys
	s.mu.Lock(t)
	ss := g.pgrp.Session
	terminal, leader := ss.TTY, ss.Leader == g
	s.mu.Unlock(t)
	if leader && terminal != nil {
		terminal.Disassociate(t, ss.ID, true)
	}
}

// syscallInsn is the length of the instruction that a restarted call goes back over.
const syscallInsn = amd64.SyscallInsn
