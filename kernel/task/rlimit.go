package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// defaultLimits are init's, from which all others come.
func (s *System) defaultLimits() (l [abi.RLIM_NLIMITS]abi.Rlimit) {
	for i := range l {
		l[i] = abi.Rlimit{Cur: abi.RLIM_INFINITY, Max: abi.RLIM_INFINITY}
	}
	half := uint64(max(s.MaxThreads/2, 1))
	l[abi.RLIMIT_STACK].Cur = 8 << 20
	l[abi.RLIMIT_CORE].Cur = 0
	l[abi.RLIMIT_NPROC] = abi.Rlimit{Cur: half, Max: half}
	l[abi.RLIMIT_NOFILE] = abi.Rlimit{Cur: 1024, Max: 16384}
	l[abi.RLIMIT_MEMLOCK] = abi.Rlimit{Cur: 8 << 20, Max: 8 << 20}
	l[abi.RLIMIT_SIGPENDING] = abi.Rlimit{Cur: half, Max: half}
	l[abi.RLIMIT_MSGQUEUE] = abi.Rlimit{Cur: 819200, Max: 819200}
	l[abi.RLIMIT_NICE] = abi.Rlimit{}
	l[abi.RLIMIT_RTPRIO] = abi.Rlimit{}
	return l
}

// Rlimit returns a resource limit of the process.
func (g *ThreadGroup) Rlimit(t *sched.Thread, resource int) abi.Rlimit {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	return g.limits[resource]
}

// Limit returns the soft limit of a resource (abi.RLIMIT_…) for the calling task.
func (t *Task) Limit(resource int) uint64 { return t.Group.Rlimit(t.Thread, resource).Cur }

// SetRlimit changes a resource limit of a process on behalf of t: prlimit(2). It returns the old one.
func (g *ThreadGroup) SetRlimit(t *Task, resource int, l abi.Rlimit) (abi.Rlimit, error) {
	if l.Cur > l.Max {
		return abi.Rlimit{}, errno.EINVAL.Because("the soft limit is above the hard one")
	}
	if resource == abi.RLIMIT_NOFILE && l.Max > MaxFiles {
		return abi.Rlimit{}, errno.EPERM.Because("above /proc/sys/fs/nr_open")
	}
	th := t.Thread
	g.mu.Lock(th)
	old := g.limits[resource]
	if l.Max > old.Max && !t.Cred.Has(cred.CapSysResource) {
		g.mu.Unlock(th)
		return old, errno.EPERM.Because("raising a hard limit needs CAP_SYS_RESOURCE")
	}
	g.limits[resource] = l
	g.mu.Unlock(th)
	switch resource {
	case abi.RLIMIT_CPU:
		g.armCPULimit(th)
	case abi.RLIMIT_AS, abi.RLIMIT_DATA, abi.RLIMIT_STACK, abi.RLIMIT_MEMLOCK:
		if x := g.LeaderTask(th); x != nil {
			if as := x.AddressSpace(th); as != nil {
				as.SetLimits(g.memoryLimits(th))
				as.Release(th)
			}
		}
	}
	return old, nil
}

func (g *ThreadGroup) memoryLimits(t *sched.Thread) mm.Limits {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	return mm.Limits{
		AS: g.limits[abi.RLIMIT_AS].Cur, Data: g.limits[abi.RLIMIT_DATA].Cur,
		Stack: g.limits[abi.RLIMIT_STACK].Cur, MemLock: g.limits[abi.RLIMIT_MEMLOCK].Cur,
	}
}

func (t *Task) memoryLimits() mm.Limits { return t.Group.memoryLimits(t.Thread) }

// FileSizeLimit returns RLIMIT_FSIZE as vfs wants it. Package vfs calls it for every write; a kernel thread has no limit.
func FileSizeLimit(t *sched.Thread) int64 {
	task := Current(t)
	if task == nil {
		return 1<<63 - 1
	}
	return int64(min(task.Limit(abi.RLIMIT_FSIZE), 1<<63-1))
}
