package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// GroupTimers are a process's timers. Guarded by ThreadGroup.mu.
//
// Wall-clock timers are ktime.Timers: their functions run in interrupts, with no current thread. CPU-time timers
// are looked at by every thread on its way out to user code, and poll brings running threads there in time.
type GroupTimers struct {
	real         ktime.Timer // ITIMER_REAL
	realDeadline int64       // 0: not armed
	realInterval int64

	virtual, prof CPUTimer // ITIMER_VIRTUAL, ITIMER_PROF
	xcpu          int64    // CPU time of the next SIGXCPU for RLIMIT_CPU; 0: no limit

	posix  []*PosixTimer // by ID
	nextID int

	poll      ktime.Timer
	pollArmed bool
}

// CPUTimer expires when so much CPU time has been used. Times are nanoseconds; Deadline 0 means not armed.
type CPUTimer struct{ Deadline, Interval int64 }

// pollMin is how precise CPU-time timers are: Linux's jiffy.
const pollMin = 4 * ktime.Millisecond

// GetITimer returns the time left and the interval of ITIMER_REAL, VIRTUAL or PROF.
func (g *ThreadGroup) GetITimer(t *sched.Thread, which int) (left, interval int64) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	switch which {
	case abi.ITIMER_REAL:
		if d := g.timers.realDeadline; d != 0 {
			left = max(d-g.Sys.Timers.Now(), 1000)
		}
		return left, g.timers.realInterval
	default:
		c, used := g.cpuTimer(which)
		if c.Deadline != 0 {
			left = max(c.Deadline-used, 1000)
		}
		return left, c.Interval
	}
}

// SetITimer arms a timer, or disarms it if value is 0. It returns what GetITimer would have.
func (g *ThreadGroup) SetITimer(t *sched.Thread, which int, value, interval int64) (left, oldInterval int64) {
	left, oldInterval = g.GetITimer(t, which)
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	if g.running == 0 {
		return
	}
	ts := &g.timers
	if which == abi.ITIMER_REAL {
		timers := g.Sys.Timers
		timers.Cancel(&ts.real)
		ts.realDeadline, ts.realInterval = 0, interval
		if value > 0 {
			if ts.real.Fn == nil {
				ts.real.Fn = g.realExpired
			}
			ts.realDeadline = saturatingAdd(timers.Now(), value)
			timers.Add(&ts.real, ts.realDeadline)
		}
		return
	}
	c, used := g.cpuTimer(which)
	*c = CPUTimer{Interval: interval}
	if value > 0 {
		c.Deadline = saturatingAdd(used, value)
	}
	g.armCPU()
	return
}

// cpuTimer returns ITIMER_VIRTUAL or PROF with the time on its clock. Caller holds mu.
func (g *ThreadGroup) cpuTimer(which int) (*CPUTimer, int64) {
	u := g.rusage()
	if which == abi.ITIMER_VIRTUAL {
		return &g.timers.virtual, u.UTime
	}
	return &g.timers.prof, u.UTime + u.STime
}

// realExpired is ITIMER_REAL's timer function. The next period begins when the signal is taken, so an interval of
// a microsecond costs nobody else anything.
func (g *ThreadGroup) realExpired(now int64) {
	g.mu.Lock(nil)
	defer g.mu.Unlock(nil)
	if d := g.timers.realDeadline; d == 0 || now < d {
		return // disarmed or moved meanwhile
	}
	if g.timers.realInterval == 0 {
		g.timers.realDeadline = 0
	}
	g.send(nil, nil, &g.pending, Queued{Info: *abi.NewSigInfo(abi.SIGALRM, abi.SI_KERNEL)}, false)
}

// realTaken begins the next period of ITIMER_REAL. Caller holds mu.
func (g *ThreadGroup) realTaken() {
	ts, timers := &g.timers, g.Sys.Timers
	now := timers.Now()
	if ts.realInterval == 0 || ts.realDeadline == 0 || ts.realDeadline > now {
		return
	}
	n := (now-ts.realDeadline)/ts.realInterval + 1
	ts.realDeadline = saturatingAdd(ts.realDeadline, n*ts.realInterval)
	timers.Add(&ts.real, ts.realDeadline)
}

// armCPULimit notes RLIMIT_CPU.
func (g *ThreadGroup) armCPULimit(t *sched.Thread) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	g.noteCPULimit()
	g.armCPU()
}

// noteCPULimit derives xcpu from the limit. Caller holds mu.
func (g *ThreadGroup) noteCPULimit() {
	g.timers.xcpu = 0
	if l := g.limits[abi.RLIMIT_CPU]; l.Cur != abi.RLIM_INFINITY {
		g.timers.xcpu = max(seconds(l.Cur), 1)
	} else if l.Max != abi.RLIM_INFINITY {
		g.timers.xcpu = max(seconds(l.Max), 1)
	}
}

func seconds(n uint64) int64 { return int64(min(n, 1<<33)) * ktime.Second }

// armCPU decides whether the threads have to look at CPU-time timers, and when the poll is due. Caller holds mu.
func (g *ThreadGroup) armCPU() {
	ts := &g.timers
	u := g.rusage()
	left := int64(ktime.Forever)
	see := func(deadline, used int64) {
		if deadline != 0 {
			left = min(left, max(deadline-used, 0))
		}
	}
	see(ts.virtual.Deadline, u.UTime)
	see(ts.prof.Deadline, u.UTime+u.STime)
	see(ts.xcpu, u.UTime+u.STime)
	for _, p := range ts.posix {
		if p.cpu && p.deadline != 0 && !p.queued {
			see(p.deadline, p.used(u))
		}
	}
	timers := g.Sys.Timers
	on := left != ktime.Forever && g.running > 0
	g.hasCPUTimers.Store(on)
	if !on {
		if ts.pollArmed {
			timers.Cancel(&ts.poll)
			ts.pollArmed = false
		}
		return
	}
	if ts.poll.Fn == nil {
		ts.poll.Fn = g.pollCPU
	}
	ts.pollArmed = true
	timers.Add(&ts.poll, saturatingAdd(timers.Now(), max(left/int64(g.running), pollMin)))
}

// pollCPU makes the threads look at their timers on their way out, and brings those that run user code there. A thread that
// sleeps is left alone: it uses no CPU time.
func (g *ThreadGroup) pollCPU(int64) {
	g.mu.Lock(nil)
	defer g.mu.Unlock(nil)
	if !g.timers.pollArmed {
		return
	}
	for x := g.first; x != nil; x = x.next {
		if x.exiting {
			continue
		}
		x.SigPending.Store(true)
		if x.InUser() {
			x.Context.Interrupt()
		}
	}
	g.armCPU()
}

// checkCPUTimers sends the signals of CPU-time timers that have expired.
func (t *Task) checkCPUTimers() {
	t.AccountSystem()
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	ts := &g.timers
	u := g.rusage()
	total := u.UTime + u.STime
	g.expireCPU(t.Thread, &ts.virtual, u.UTime, abi.SIGVTALRM)
	g.expireCPU(t.Thread, &ts.prof, total, abi.SIGPROF)
	if ts.xcpu != 0 && total >= ts.xcpu {
		l := g.limits[abi.RLIMIT_CPU]
		if total >= seconds(l.Max) && l.Max != abi.RLIM_INFINITY {
			g.startExit(t.Thread, abi.SignalStatus(abi.SIGKILL, false))
			return
		}
		g.send(t.Thread, nil, &g.pending, Queued{Info: *abi.NewSigInfo(abi.SIGXCPU, abi.SI_KERNEL)}, false)
		ts.xcpu = total - total%ktime.Second + ktime.Second
	}
	for _, p := range ts.posix {
		if p.cpu && p.deadline != 0 && !p.queued && p.used(u) >= p.deadline {
			p.expire(t.Thread, p.used(u))
		}
	}
	g.armCPU()
}

func (g *ThreadGroup) expireCPU(t *sched.Thread, c *CPUTimer, used int64, sig abi.Signal) {
	if c.Deadline == 0 || used < c.Deadline {
		return
	}
	if c.Interval > 0 {
		c.Deadline = saturatingAdd(used, max(c.Interval-(used-c.Deadline)%c.Interval, 1))
	} else {
		c.Deadline = 0
	}
	g.send(t, nil, &g.pending, Queued{Info: *abi.NewSigInfo(sig, abi.SI_KERNEL)}, false)
}

// deleteTimers disarms everything: the process ends.
func (g *ThreadGroup) deleteTimers(t *sched.Thread) {
	g.deletePosixTimers(t)
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	ts := &g.timers
	g.Sys.Timers.Cancel(&ts.real)
	g.Sys.Timers.Cancel(&ts.poll)
	ts.realDeadline, ts.virtual, ts.prof, ts.xcpu, ts.pollArmed = 0, CPUTimer{}, CPUTimer{}, 0, false
	g.hasCPUTimers.Store(false)
}

func saturatingAdd(a, b int64) int64 {
	if b > ktime.Forever-1-a {
		return ktime.Forever - 1
	}
	return a + b
}
