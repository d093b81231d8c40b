package task

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// maxOverrun is what si_overrun and timer_getoverrun(2) saturate at (DELAYTIMER_MAX).
const maxOverrun = 1<<31 - 1

// PosixTimer is a timer of timer_create(2). Guarded by ThreadGroup.mu.
type PosixTimer struct {
	ID    int
	Clock int32
	Event abi.SigEvent

	group    *ThreadGroup
	target   *Task // whose CPU time it counts, if thread
	signalTo *Task // SIGEV_THREAD_ID; nil: the process
	cpu      bool  // counts CPU time
	thread   bool  // that of one thread
	wall     bool  // armed for a moment of the wall clock
	timer    ktime.Timer
	deadline int64 // monotonic time or CPU time; 0: not armed
	interval int64
	queued   bool // its signal is pending
	overrun  int64
	last     int32 // overruns of the last signal taken: timer_getoverrun(2)
	user     *User // whose RLIMIT_SIGPENDING it counts against
}

// CreateTimer is timer_create(2). For a clock of a thread's CPU time the calling thread's is meant.
func (t *Task) CreateTimer(clock int32, ev abi.SigEvent, haveEvent bool) (int, error) {
	g, s, th := t.Group, t.Sys, t.Thread
	p := &PosixTimer{Clock: clock, Event: ev, group: g}
	switch clock {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_BOOTTIME, abi.CLOCK_TAI:
	case abi.CLOCK_PROCESS_CPUTIME_ID:
		p.cpu = true
	case abi.CLOCK_THREAD_CPUTIME_ID:
		p.cpu, p.thread, p.target = true, true, t
	default:
		return 0, errno.EINVAL.Because("no timers on this clock")
	}
	switch {
	case !haveEvent:
	case ev.Notify == abi.SIGEV_NONE:
	case ev.Notify&^abi.SIGEV_THREAD_ID != abi.SIGEV_SIGNAL && ev.Notify != abi.SIGEV_THREAD, !abi.Signal(ev.Signo).Valid():
		return 0, errno.EINVAL.Because("no such notification")
	case ev.Notify == abi.SIGEV_THREAD_ID:
		p.signalTo = s.Task(th, int(ev.TID))
		if p.signalTo == nil || p.signalTo.Group != g {
			return 0, errno.EINVAL.Because("not a thread of the process")
		}
	}
	p.timer.Fn = p.expired
	g.mu.Lock(th)
	defer g.mu.Unlock(th)
	u := g.sigUser
	if u != nil {
		if n := u.Signals.Add(1); uint64(n) > g.limits[abi.RLIMIT_SIGPENDING].Cur {
			u.Signals.Add(-1)
			return 0, errno.EAGAIN.Because("RLIMIT_SIGPENDING")
		}
		p.user = u
	}
	p.ID = g.timers.nextID
	g.timers.nextID++
	if !haveEvent {
		p.Event = abi.SigEvent{Signo: int32(abi.SIGALRM), Notify: abi.SIGEV_SIGNAL, Value: uint64(p.ID)}
	}
	g.timers.posix = append(g.timers.posix, p)
	return p.ID, nil
}

// timer returns the timer with that ID. Caller holds mu.
func (g *ThreadGroup) timer(id int) (*PosixTimer, error) {
	i, ok := slices.BinarySearchFunc(g.timers.posix, id, func(p *PosixTimer, id int) int { return p.ID - id })
	if !ok {
		return nil, errno.EINVAL.Because("no such timer")
	}
	return g.timers.posix[i], nil
}

// SetTimer is timer_settime(2) in nanoseconds. Value 0 disarms. Abs is in the timer's clock.
func (t *Task) SetTimer(id int, abs bool, value, interval int64) (left, oldInterval int64, err error) {
	g, th := t.Group, t.Thread
	wall := t.Sys.Timers.WallOffset()
	g.mu.Lock(th)
	defer g.mu.Unlock(th)
	p, err := g.timer(id)
	if err != nil {
		return 0, 0, err
	}
	left, oldInterval = p.left(), p.interval
	t.Sys.Timers.Cancel(&p.timer)
	p.unqueue()
	p.deadline, p.interval, p.overrun, p.last, p.wall = 0, interval, 0, 0, false
	if value > 0 {
		switch {
		case !abs:
			p.deadline = saturatingAdd(p.now(), value)
		case p.Clock == abi.CLOCK_REALTIME, p.Clock == abi.CLOCK_TAI:
			p.deadline, p.wall = max(value-wall, 1), true
		default:
			p.deadline = value
		}
		if !p.cpu {
			t.Sys.Timers.Add(&p.timer, p.deadline)
		}
	}
	if p.cpu {
		g.armCPU()
	}
	return left, oldInterval, nil
}

// GetTimer is timer_gettime(2).
func (t *Task) GetTimer(id int) (left, interval int64, err error) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	p, err := g.timer(id)
	if err != nil {
		return 0, 0, err
	}
	return p.left(), p.interval, nil
}

// TimerOverrun is timer_getoverrun(2).
func (t *Task) TimerOverrun(id int) (int, error) {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	p, err := g.timer(id)
	if err != nil {
		return 0, err
	}
	return int(p.last), nil
}

// DeleteTimer is timer_delete(2).
func (t *Task) DeleteTimer(id int) error {
	g := t.Group
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	p, err := g.timer(id)
	if err != nil {
		return err
	}
	p.delete()
	g.timers.posix = slices.DeleteFunc(g.timers.posix, func(x *PosixTimer) bool { return x == p })
	return nil
}

func (g *ThreadGroup) deletePosixTimers(t *sched.Thread) {
	g.mu.Lock(t)
	defer g.mu.Unlock(t)
	for _, p := range g.timers.posix {
		p.delete()
	}
	g.timers.posix, g.timers.nextID = nil, 0
}

// delete disarms p for good. Caller holds mu.
func (p *PosixTimer) delete() {
	p.group.Sys.Timers.Cancel(&p.timer)
	p.deadline = 0
	p.unqueue()
	if p.user != nil {
		p.user.Signals.Add(-1)
		p.user = nil
	}
}

// unqueue takes back a signal that nobody has taken. Caller holds mu.
func (p *PosixTimer) unqueue() {
	if !p.queued {
		return
	}
	p.queued = false
	drop := func(q *Pending) {
		for i := range q.Queue {
			if q.Queue[i].timer == p {
				q.Queue[i].timer = nil
				sig := q.Queue[i].Info.Signo
				q.Queue = slices.Delete(q.Queue, i, i+1)
				if !slices.ContainsFunc(q.Queue, func(e Queued) bool { return e.Info.Signo == sig }) {
					q.Set &^= abi.SetOf(sig)
				}
				return
			}
		}
	}
	drop(&p.group.pending)
	if p.signalTo != nil {
		drop(&p.signalTo.sig.pending)
	}
}

// now is the time on the timer's clock as deadline has it. Caller holds mu.
func (p *PosixTimer) now() int64 {
	if p.cpu {
		return p.used(p.group.rusage())
	}
	return p.group.Sys.Timers.Now()
}

// used is the CPU time that the timer counts; u is the process's.
func (p *PosixTimer) used(u RusageSum) int64 {
	if p.thread {
		u = p.target.rusage()
	}
	return u.UTime + u.STime
}

func (p *PosixTimer) left() int64 {
	if p.deadline == 0 {
		return 0
	}
	left := p.deadline - p.now()
	if left <= 0 && p.interval > 0 { // its signal waits to be taken
		left = p.interval - -left%p.interval
	}
	return max(left, 1)
}

// expired is the ktime function of timers that don't count CPU time.
func (p *PosixTimer) expired(now int64) {
	g := p.group
	g.mu.Lock(nil)
	defer g.mu.Unlock(nil)
	if p.deadline != 0 && now >= p.deadline {
		p.expire(nil, now)
	}
}

// expire sends the timer's signal. A periodic timer goes on when the signal is taken, counting what it missed. Caller holds mu.
func (p *PosixTimer) expire(t *sched.Thread, now int64) {
	g := p.group
	ev := &p.Event
	if ev.Notify == abi.SIGEV_NONE {
		p.rearm(now, 0)
		return
	}
	info := abi.NewSigInfo(abi.Signal(ev.Signo), abi.SI_TIMER)
	info.SetTimerID(int32(p.ID))
	info.SetValue(ev.Value)
	queue, target := &g.pending, p.signalTo
	if target != nil {
		if target.exiting {
			p.deadline = 0
			return
		}
		queue = &target.sig.pending
	}
	before := len(queue.Queue)
	p.queued = true
	g.send(t, target, queue, Queued{Info: *info, timer: p}, false)
	if len(queue.Queue) == before { // ignored: nobody will take it
		p.queued = false
		p.rearm(now, ktime.Millisecond)
		return
	}
	if p.interval == 0 {
		p.deadline = 0
	}
}

// rearm begins the next period after now, at least so much later, and returns how many it passed over. Caller holds mu.
func (p *PosixTimer) rearm(now, least int64) (missed int64) {
	if p.interval == 0 {
		p.deadline = 0
		return 0
	}
	at := now + least
	if at >= p.deadline {
		n := (at-p.deadline)/p.interval + 1
		p.deadline = saturatingAdd(p.deadline, n*p.interval)
		missed = n - 1
	}
	if !p.cpu {
		p.group.Sys.Timers.Add(&p.timer, p.deadline)
	}
	return missed
}

// delivered is called when the timer's signal is taken: overruns go into it, the next period begins. Caller holds mu.
func (p *PosixTimer) delivered(t *sched.Thread, info *abi.SigInfo) {
	p.queued = false
	if p.interval > 0 && p.deadline != 0 {
		p.overrun += p.rearm(p.now(), 0)
	}
	p.last = int32(min(p.overrun, maxOverrun))
	p.overrun = 0
	info.SetOverrun(p.last)
}

// dropped is called when the timer's signal is thrown away: it goes on, but not fast. Caller holds mu.
func (p *PosixTimer) dropped() {
	p.queued = false
	if p.interval > 0 && p.deadline != 0 {
		p.rearm(p.now(), ktime.Millisecond)
		if p.cpu {
			p.group.armCPU()
		}
	}
}
