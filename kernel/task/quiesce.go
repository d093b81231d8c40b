package task

import (
	"sync/atomic"

	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Quiescence brings every task to the gate on its way to user code, where it
// can be looked at, copied or stopped, and lets it go on: interruptible waits end with errno.RestartSys and
// are made again afterwards, so programs notice nothing.
type Quiescence struct {
	on     atomic.Bool
	atGate atomic.Int64    // tasks that wait at the gate
	gate   ksync.WaitQueue // where they wait
	came   ksync.WaitQueue // where Quiesce waits for them
}

// WaitTurn is the reason of a wait behind the gate, on the way to user code: for another thread of the process to execute an instruction
// (kernel/debug_watch.go).
const WaitTurn = "watch_turn"

// Gate holds the task while the system is quiesced. The loop between user and kernel calls it.
func (s *System) Gate(t *Task) {
	q := &s.Quiescence
	if !q.on.Load() {
		return
	}
	q.atGate.Add(1)
	q.came.WakeAll()
	q.gate.WaitUninterruptible(t.Thread, "quiesced", func() bool { return !q.on.Load() })
	q.atGate.Add(-1)
}

// Quiesce waits until every living task is at the gate, or for limit nanoseconds. It returns how many are not: those
// in a wait that no signal ends, or stopped by job control. Resume undoes it in either case.
func (s *System) Quiesce(t *sched.Thread, limit int64) (missing int) {
	q := &s.Quiescence
	q.on.Store(true)
	left := func() int {
		n := 0
		for _, g := range s.Processes(t) {
			for _, x := range g.Threads(t) {
				state, why := s.Sched.Snapshot(x.Thread)
				if state != sched.Dead && state != sched.Stopped && why != "quiesced" && why != WaitTurn {
					n++
					s.Sched.Signal(x.Thread)
				}
			}
		}
		return n
	}
	q.came.WaitUntil(t, "quiesce", t.Now()+limit, func() bool { missing = left(); return missing == 0 })
	return missing
}

// Resume lets the tasks go on.
func (s *System) Resume() {
	s.Quiescence.on.Store(false)
	s.Quiescence.gate.WakeAll()
}
