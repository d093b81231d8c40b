package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// CloneRequest is what clone(2), clone3(2), fork(2) and vfork(2) ask for.
type CloneRequest struct {
	Flags      uint64 // abi.CLONE_…, without the exit signal
	ExitSignal abi.Signal
	Stack      uint64 // the child's stack pointer; 0: the parent's
	TLS        uint64
	ParentTID  mm.UAddr
	ChildTID   mm.UAddr
	PIDFD      mm.UAddr
	SetTID     int // the ID that the child is to have; 0: any
}

// vforkDone is where a parent waits until its vfork child has left the address space that they share.
type vforkDone struct {
	done  Counter // 1 when it has
	queue ksync.WaitQueue
}

// checkClone finds combinations that are refused.
func (r *CloneRequest) check(t *Task) error {
	f := r.Flags
	switch {
	case f&abi.CLONE_NEWANY != 0:
		if f&abi.CLONE_NEWUSER == 0 && !t.Cred.Has(cred.CapSysAdmin) {
			return errno.EPERM.Because("a new namespace needs CAP_SYS_ADMIN")
		}
		return errno.EINVAL.Because("this kernel has one namespace of each kind")
	case f&abi.CLONE_INTO_CGROUP != 0:
		return errno.EOPNOTSUPP.Because("no control groups")
	case f&abi.CLONE_THREAD != 0 && f&abi.CLONE_SIGHAND == 0:
		return errno.EINVAL.Because("CLONE_THREAD without CLONE_SIGHAND")
	case f&abi.CLONE_SIGHAND != 0 && f&abi.CLONE_VM == 0:
		return errno.EINVAL.Because("CLONE_SIGHAND without CLONE_VM")
	case f&abi.CLONE_SIGHAND != 0 && f&abi.CLONE_CLEAR_SIGHAND != 0:
		return errno.EINVAL.Because("CLONE_CLEAR_SIGHAND with CLONE_SIGHAND")
	case f&abi.CLONE_PARENT != 0 && t.Group == t.Sys.Init(t.Thread):
		return errno.EINVAL.Because("init has no siblings")
	case r.ExitSignal != 0 && !r.ExitSignal.Valid():
		return errno.EINVAL.Because("the exit signal is no signal")
	case f&abi.CLONE_PIDFD != 0 && f&abi.CLONE_PARENT_SETTID != 0 && r.PIDFD == r.ParentTID:
		return errno.EINVAL.Because("CLONE_PIDFD and CLONE_PARENT_SETTID want the same place")
	}
	return nil
}

// Clone makes a new task and starts it; it returns its thread ID.
//
// The child is built from the outside in: what can fail comes first (IDs, limits, the platform), then it is linked in
// under the locks, at which moment it exists for everybody, then it starts.
func (t *Task) Clone(r CloneRequest) (int, error) {
	if err := r.check(t); err != nil {
		return 0, err
	}
	s := t.Sys
	id, err := s.reserve(t, r.SetTID)
	if err != nil {
		return 0, err
	}
	c, err := t.newChild(id, &r)
	if err != nil {
		s.unreserve(t)
		s.Sched.FreeID(id)
		return 0, err
	}
	pidfd := -1
	if r.Flags&abi.CLONE_PIDFD != 0 {
		if pidfd, err = t.installPIDFD(c.Group, r.Flags&abi.CLONE_THREAD != 0, 0); err == nil {
			v := int32(pidfd)
			if err = mm.CopyOutStruct(t.Thread, r.PIDFD, &v); err != nil {
				t.FDs.Close(t.Thread, pidfd)
			}
		}
		if err != nil {
			c.abandon(t, id)
			return 0, err
		}
	}
	var vf *vforkDone
	if r.Flags&abi.CLONE_VFORK != 0 {
		vf = &vforkDone{}
		c.vfork = vf
	}
	if err := t.linkChild(c, id, &r); err != nil {
		if pidfd >= 0 {
			t.FDs.Close(t.Thread, pidfd)
		}
		c.abandon(t, id)
		return 0, err
	}
	if r.Flags&abi.CLONE_PARENT_SETTID != 0 {
		mm.StoreUint32(t.Thread, r.ParentTID, uint32(id)) // as on Linux, too late for an error
	}
	c.Start()
	if vf != nil {
		vf.queue.WaitUninterruptible(t.Thread, "vfork", func() bool { return vf.done.Load() != 0 || t.Killed() })
	}
	return id, nil
}

// reserve takes a thread ID and counts the new task, within the limits: a fork bomb ends here.
func (s *System) reserve(t *Task, want int) (int, error) {
	limit := t.Limit(abi.RLIMIT_NPROC)
	if want != 0 {
		return 0, errno.EINVAL.Because("set_tid is not supported")
	}
	s.mu.Lock(t.Thread)
	switch {
	case s.nthreads >= s.MaxThreads:
		s.mu.Unlock(t.Thread)
		return 0, errno.EAGAIN.Because("threads-max is reached")
	case uint64(t.user.Processes) >= limit && t.Cred.UID != 0 && !t.Cred.Has(cred.CapSysResource) && !t.Cred.Has(cred.CapSysAdmin):
		s.mu.Unlock(t.Thread)
		return 0, errno.EAGAIN.Because("RLIMIT_NPROC is reached")
	}
	s.nthreads++
	t.user.Processes++
	s.mu.Unlock(t.Thread)
	id, err := s.Sched.AllocID()
	if err != nil {
		s.unreserve(t)
	}
	return id, err
}

func (s *System) unreserve(t *Task) {
	s.mu.Lock(t.Thread)
	s.nthreads--
	s.putUser(t.user)
	s.mu.Unlock(t.Thread)
}

// run is a task's life.
func (t *Task) run() {
	t.SetUser(t.Context)
	if t.setTID != 0 {
		mm.StoreUint32(t.Thread, t.setTID, uint32(t.ID)) // a bad address is the program's own fault
	}
	if t.begin != nil {
		t.begin(t)
	}
	t.Sys.RunUser(t)
	t.Exit(0)
}

// attach gives a new task its thread. Nothing can fail any more after it.
func (t *Task) attach(id int, c *cred.Cred) {
	t.Thread = t.Sys.Sched.NewThread(id, t.comm, func(*sched.Thread) { t.run() })
	t.Thread.Owner, t.Thread.Cred, t.Thread.MM = t, c, t.mm
	t.Sys.Sched.SetNice(t.Thread, t.sched.Nice)
	t.Sys.Sched.SetAffinity(t.Thread, t.sched.Affinity)
}

// newChild makes the child with all that it shares or copies. It is not linked in yet.
func (t *Task) newChild(id int, r *CloneRequest) (*Task, error) {
	f := r.Flags
	c := &Task{Sys: t.Sys, comm: t.Name, startTime: t.Now(), TimerSlack: t.TimerSlack, Personality: t.Personality}
	if err := t.cloneMemory(c, f); err != nil {
		return nil, err
	}
	c.Regs = t.Regs
	c.Regs.RAX = 0
	c.Regs.OrigRAX = ^uint64(0)
	if r.Stack != 0 {
		c.Regs.RSP = r.Stack
	}
	if f&abi.CLONE_SETTLS != 0 {
		if r.TLS >= amd64.UserTop {
			c.releaseMemory(t.Thread)
			return nil, errno.EPERM.Because("the TLS address is not a user's")
		}
		c.Regs.FSBase = r.TLS
	}
	t.Context.Clone(c.Context)
	c.creds.Store(t.Cred)
	c.user = t.user // counted by reserve
	c.Strace.Store(t.Strace.Load())
	if f&abi.CLONE_CHILD_CLEARTID != 0 {
		c.ClearTID = r.ChildTID
	}
	if f&abi.CLONE_CHILD_SETTID != 0 {
		c.setTID = r.ChildTID
	}
	if f&abi.CLONE_FILES != 0 {
		t.FDs.IncRef(t.Thread)
		c.FDs = t.FDs
	} else {
		c.FDs = t.FDs.Fork(t.Thread, MaxFiles)
	}
	if f&abi.CLONE_FS != 0 {
		t.FS.IncRef()
		c.FS = t.FS
	} else {
		c.FS = t.FS.Clone(t.Thread)
	}
	c.sig.Blocked = t.sig.Blocked
	// A new thread begins without an alternate stack, a vfork child keeps it (sigaltstack(2)).
	if f&abi.CLONE_VM == 0 || f&abi.CLONE_VFORK != 0 {
		c.sig.alt = t.sig.alt
	} else {
		c.sig.alt = abi.StackT{Flags: abi.SS_DISABLE}
	}
	c.sched = t.Sched(t.Thread).forChild()
	if f&abi.CLONE_THREAD != 0 {
		c.Group = t.Group
	} else {
		c.Group = t.newProcess(c, id, r)
	}
	return c, nil
}

// cloneMemory gives the child its address space and its place on the platform.
func (t *Task) cloneMemory(c *Task, flags uint64) error {
	if flags&abi.CLONE_VM != 0 {
		ctx, err := t.mm.NewContext(t.Thread)
		if err != nil {
			return again(err)
		}
		t.mm.IncRef()
		c.mm, c.Context = t.mm, ctx
	} else {
		plat, ctx, err := t.Sys.Platform.NewAddressSpace()
		if err != nil {
			return again(err)
		}
		as, err := t.mm.Fork(t.Thread, plat)
		if err != nil {
			plat.Release()
			return err
		}
		c.mm, c.Context = as, ctx
	}
	return nil
}

// again makes an error of the platform one that fork(2) knows.
func again(err error) error {
	if errno.Of(err) == errno.EIO {
		return errno.EAGAIN.Because(err.Error())
	}
	return err
}

// newProcess makes the thread group of a child process.
func (t *Task) newProcess(c *Task, id int, r *CloneRequest) *ThreadGroup {
	s, old := t.Sys, t.Group
	g := s.newGroup(id)
	g.Leader = c
	g.exitSignal = r.ExitSignal
	old.mu.Lock(t.Thread)
	g.limits = old.limits
	g.sigUser = old.sigUser
	g.oomAdj, g.undumpable = old.oomAdj, old.undumpable
	if g.exe = old.exe; g.exe != nil {
		g.exe.IncRef()
		g.exe.Inode.DenyWrite() // can't fail: the parent's keeps writers off
	}
	actions := old.actions
	g.noteCPULimit()
	old.mu.Unlock(t.Thread)
	if r.Flags&abi.CLONE_SIGHAND != 0 {
		actions.incRef(t.Thread)
		g.actions = actions
	} else {
		g.actions = actions.copy(t.Thread, r.Flags&abi.CLONE_CLEAR_SIGHAND != 0)
	}
	return g
}

// linkChild makes the child exist for everybody. It fails if the parent has a signal to see to first: a process that is
// killed or stops does not fork.
func (t *Task) linkChild(c *Task, id int, r *CloneRequest) error {
	s, g := t.Sys, t.Group
	_, runnable := s.Sched.Count()
	s.mu.Lock(t.Thread)
	defer s.mu.Unlock(t.Thread)
	g.mu.Lock(t.Thread)
	t.recalc()
	if t.SigPending.Load() {
		g.mu.Unlock(t.Thread)
		return errno.RestartNoIntr
	}
	c.attach(id, t.Cred)
	if c.Group == g {
		g.addThread(c)
		g.mu.Unlock(t.Thread)
	} else {
		g.mu.Unlock(t.Thread)
		c.Group.mu.Lock(t.Thread)
		c.Group.addThread(c)
		if c.Group.timers.xcpu != 0 {
			c.Group.armCPU()
		}
		c.Group.mu.Unlock(t.Thread)
		parent := g
		if r.Flags&abi.CLONE_PARENT != 0 {
			parent = g.parent
			c.Group.exitSignal = g.exitSignal
		}
		c.Group.parentTID = t.ID
		parent.addChild(c.Group)
		g.pgrp.add(c.Group)
		s.link(c.Group)
	}
	s.idOf(id).Task = c
	s.forks++
	s.load.update(t.Now(), runnable)
	return nil
}

// abandon undoes newChild and reserve.
func (c *Task) abandon(t *Task, id int) {
	c.FDs.Release(t.Thread)
	c.FS.DecRef(t.Thread)
	c.releaseMemory(t.Thread)
	if c.Group != t.Group {
		c.Group.releaseExe(t.Thread)
	}
	t.Sys.unreserve(t)
	t.Sys.Sched.FreeID(id)
}

// releaseMemory gives back what cloneMemory got. The context goes first: the address space ends with its last one.
func (c *Task) releaseMemory(t *sched.Thread) {
	c.Context.Release()
	c.mm.Release(t)
}
