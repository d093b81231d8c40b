package sound

import (
	"math"
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

const defaultQueue = 128

// timerQueue is one program's view of a timer: it counts ticks down and keeps what happened. A PCM ticks it in its interrupts;
// the system timer's ticks are computed from the clock when somebody looks, and an alarm only wakes, as in ipc.TimerFD.
type timerQueue struct {
	mu     ksync.SpinLock
	tread  bool // records have events and times; guarded by mu, as all below
	auto   bool
	ticks  uint32 // from one TICK to the next
	left   uint32 // of them
	gone   uint32 // ticks since the last TICK
	filter uint32 // events that it wants, besides ticks; with tread only

	running, paused bool
	lastRes         uint32
	stamp           int64
	most            int // places
	overrun         uint32
	events          []abi.SndTimerTread

	// The system timer.
	clock *ktime.Timers // nil: a PCM ticks
	base  int64         // when the last tick was
	alarm *ktime.Timer

	wait ksync.WaitQueue
}

func (q *timerQueue) init() {
	q.mu = ksync.NewSpinLock(classTimerQueue)
	q.most, q.ticks = defaultQueue, 1
}

// tick counts n ticks of res nanoseconds. It is called in an interrupt window.
func (q *timerQueue) tick(t *sched.Thread, n, res uint32) {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.count(n, res, t.Now())
}

// count counts ticks. Caller holds mu.
func (q *timerQueue) count(n, res uint32, now int64) {
	if !q.running || n == 0 {
		return
	}
	if n < q.left {
		q.left -= n
		q.gone += n
		return
	}
	over := n - q.left // ticks beyond the moment that the program waits for
	val := q.gone + q.left
	q.gone, q.left = 0, q.ticks
	if !q.auto {
		q.running = false
	} else {
		val += over / q.ticks * q.ticks
		q.gone = over % q.ticks
		q.left = q.ticks - q.gone
	}
	q.stamp = now
	if q.tread && q.filter&(1<<abi.SNDRV_TIMER_EVENT_RESOLUTION) != 0 && q.lastRes != res {
		q.put(abi.SndTimerTread{Event: abi.SNDRV_TIMER_EVENT_RESOLUTION, Tstamp: abi.ToTimespec(now), Val: res})
	}
	q.lastRes = res
	if q.tread && q.filter&(1<<abi.SNDRV_TIMER_EVENT_TICK) == 0 {
		return
	}
	// Ticks that nobody has read yet are one record.
	if i := len(q.events) - 1; i >= 0 && q.events[i].Event == abi.SNDRV_TIMER_EVENT_TICK {
		q.events[i].Tstamp = abi.ToTimespec(now)
		q.events[i].Val += val
		q.wait.WakeAll()
		return
	}
	q.put(abi.SndTimerTread{Event: abi.SNDRV_TIMER_EVENT_TICK, Tstamp: abi.ToTimespec(now), Val: val})
}

// event notes that something happened to the timer or its PCM, if the program wants to know.
func (q *timerQueue) event(t *sched.Thread, event int, val uint32) {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.note(event, val, t.Now())
}

// note notes an event. Caller holds mu.
func (q *timerQueue) note(event int, val uint32, now int64) {
	q.stamp = now
	if q.tread && q.filter&(1<<event) != 0 {
		q.put(abi.SndTimerTread{Event: int32(event), Tstamp: abi.ToTimespec(now), Val: val})
	}
}

// put appends a record, if there is a place. Caller holds mu.
func (q *timerQueue) put(e abi.SndTimerTread) {
	if len(q.events) >= q.most {
		q.overrun++
		return
	}
	q.events = append(q.events, e)
	q.wait.WakeAll()
}

// setParams is PARAMS.
func (q *timerQueue) setParams(t *sched.Thread, p abi.SndTimerParams) {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.halt()
	q.events, q.overrun, q.paused = nil, 0, false
	q.auto, q.ticks, q.filter = p.Flags&abi.SNDRV_TIMER_PSFLG_AUTO != 0, max(p.Ticks, 1), p.Filter
	if p.QueueSize > 0 {
		q.most = int(p.QueueSize)
	}
	if p.Flags&abi.SNDRV_TIMER_PSFLG_EARLY_EVENT != 0 {
		q.put(abi.SndTimerTread{Event: abi.SNDRV_TIMER_EVENT_EARLY})
	}
}

// start is START, also of a timer that runs; continued goes on after a PAUSE where it was.
func (q *timerQueue) start(t *sched.Thread, continued bool, res uint32) {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.halt()
	event := abi.SNDRV_TIMER_EVENT_CONTINUE
	if !continued || !q.paused {
		event = abi.SNDRV_TIMER_EVENT_START
		q.left, q.gone, q.lastRes = q.ticks, 0, 0
	}
	q.running, q.paused = true, false
	q.base = t.Now()
	q.arm()
	q.note(event, res, t.Now())
}

// stop is STOP and PAUSE.
func (q *timerQueue) stop(t *sched.Thread, pause bool) error {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.look(t.Now())
	if !q.running {
		return errno.EBUSY.Because("the timer does not run")
	}
	q.halt()
	event := abi.SNDRV_TIMER_EVENT_STOP
	if q.paused = pause; pause {
		event = abi.SNDRV_TIMER_EVENT_PAUSE
	}
	q.note(event, 0, t.Now())
	return nil
}

// useClock makes q a view of the system timer.
func (q *timerQueue) useClock(t *sched.Thread, clock *ktime.Timers) {
	q.mu.Lock(t)
	q.clock = clock
	q.mu.Unlock(t)
}

// reset forgets timer and records.
func (q *timerQueue) reset(t *sched.Thread) {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.halt()
	q.events, q.clock, q.paused = nil, nil, false
}

func (q *timerQueue) setTread(t *sched.Thread, on bool) {
	q.mu.Lock(t)
	q.tread = on
	q.mu.Unlock(t)
}

// halt stops the counting. Caller holds mu.
func (q *timerQueue) halt() {
	q.running = false
	if q.alarm != nil {
		q.clock.Cancel(q.alarm)
		q.alarm = nil
	}
}

// arm makes the system timer wake who waits when the program's ticks are over. Each arming has an alarm of its own, as the one before
// may be on its way. Caller holds mu.
func (q *timerQueue) arm() {
	if q.clock == nil || !q.running {
		return
	}
	if q.alarm != nil {
		q.clock.Cancel(q.alarm)
	}
	q.alarm = &ktime.Timer{Fn: func(int64) { q.wait.WakeAll() }}
	q.clock.Add(q.alarm, q.base+int64(q.left)*systemTick)
}

// look counts the system timer's ticks up to now. Caller holds mu.
func (q *timerQueue) look(now int64) {
	if q.clock == nil || !q.running {
		return
	}
	n := (now - q.base) / systemTick
	q.base += n * systemTick
	q.count(uint32(min(n, math.MaxInt32)), uint32(systemTick), now)
}

// status is STATUS.
func (q *timerQueue) status(t *sched.Thread, res uint32) abi.SndTimerStatus {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.look(t.Now())
	return abi.SndTimerStatus{Tstamp: abi.ToTimespec(q.stamp), Resolution: res, Overrun: q.overrun, Queue: uint32(len(q.events))}
}

// any reports whether there is something to read.
func (q *timerQueue) any(t *sched.Thread) bool {
	q.mu.Lock(t)
	defer q.mu.Unlock(t)
	q.look(t.Now())
	return len(q.events) > 0
}

// take waits for a record and returns as many as fit into size bytes.
func (q *timerQueue) take(t *sched.Thread, size int, nonblock bool) (b []byte, err error) {
	take := func() bool {
		q.mu.Lock(t)
		defer q.mu.Unlock(t)
		q.look(t.Now())
		b = nil
		for len(q.events) > 0 {
			r := q.record(&q.events[0])
			if len(b)+len(r) > size {
				break
			}
			b = append(b, r...)
			q.events = q.events[1:]
		}
		if len(b) > 0 {
			q.arm() // the alarm may have gone for these
		}
		return len(b) > 0 || len(q.events) > 0
	}
	switch {
	case nonblock && !take():
		return nil, errno.EAGAIN
	case !nonblock:
		err = q.wait.Wait(t, "snd_timer_read", take)
	}
	return b, err
}

// record is an event as the program reads it. Caller holds mu.
func (q *timerQueue) record(e *abi.SndTimerTread) []byte {
	if q.tread {
		return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(e)), unsafe.Sizeof(*e))...)
	}
	r := abi.SndTimerRead{Resolution: q.lastRes, Ticks: e.Val}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r))...)
}
