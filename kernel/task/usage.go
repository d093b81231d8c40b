package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

// rusage returns what the task used itself.
func (t *Task) rusage() RusageSum {
	return RusageSum{
		UTime: t.UTime.Load(), STime: t.STime.Load(),
		MinFaults: t.usage.MinFaults.Load(), MajFaults: t.usage.MajFaults.Load(),
		Switches: t.Switches.Load(), Preempted: t.Preempted.Load(),
	}
}

// rusage returns what the process used, its dead threads too. Caller holds System.mu or g.mu.
func (g *ThreadGroup) rusage() RusageSum {
	sum := g.usage.Self
	for x := g.first; x != nil; x = x.next {
		if !x.dead {
			sum.add(x.rusage())
		}
	}
	return sum
}

// Rusage returns what the process and the children that it waited for used.
func (g *ThreadGroup) Rusage(t *sched.Thread) (self, children RusageSum) {
	g.Sys.mu.Lock(t)
	self, children = g.rusage(), g.usage.Children
	x := g.Leader
	g.Sys.mu.Unlock(t)
	if x == nil {
		return
	}
	if as := x.AddressSpace(t); as != nil {
		self.MaxRSS = max(self.MaxRSS, as.Usage(t).MaxRSS)
		as.Release(t)
	}
	return
}

// ThreadUsage is RUSAGE_THREAD: what the calling thread used.
func (t *Task) ThreadUsage() RusageSum {
	t.AccountSystem()
	u := t.rusage()
	if t.mm != nil {
		u.MaxRSS = t.mm.Usage(t.Thread).MaxRSS
	}
	return u
}

// ABI returns u in the form of struct rusage.
func (u RusageSum) ABI() abi.Rusage {
	return abi.Rusage{
		Utime: abi.ToTimeval(u.UTime), Stime: abi.ToTimeval(u.STime), Maxrss: u.MaxRSS * 4,
		Minflt: u.MinFaults, Majflt: u.MajFaults, Nvcsw: u.Switches, Nivcsw: u.Preempted,
	}
}

// CPUTime returns the CPU time of the process, ns.
func (g *ThreadGroup) CPUTime(t *sched.Thread) (user, system int64) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	u := g.rusage()
	return u.UTime, u.STime
}

// CountFault counts a page fault; major says that it had to wait for a device.
func (t *Task) CountFault(major bool) {
	if major {
		t.usage.MajFaults.Add(1)
	} else {
		t.usage.MinFaults.Add(1)
	}
}
