package task

import (
	"math"

	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// SetWall sets the wall clock. What waits for a moment of it is told.
func (s *System) SetWall(t *sched.Thread, now int64) {
	before := s.Timers.WallOffset()
	s.Timers.SetWall(now)
	shift := s.Timers.WallOffset() - before
	if s.VDSO != nil {
		s.VDSO.WallChanged(t, s.Timers)
	}
	for _, g := range s.Processes(t) {
		g.mu.Lock(t)
		for _, p := range g.timers.posix {
			if p.wall && p.deadline != 0 && !p.queued {
				p.deadline = max(p.deadline-shift, 1)
				s.Timers.Add(&p.timer, p.deadline)
			}
		}
		g.mu.Unlock(t)
	}
	s.WallSet.WakeAll()
}

// loadAverage is the number of threads that run or want to, smoothed over 1, 5 and 15 minutes. It is brought up
// to date when somebody asks and when tasks come and go: an idle machine needs no timer for it.
type loadAverage struct {
	avg  [3]float64
	when int64
}

// update lets the time since the last update count. Caller holds System.mu.
func (l *loadAverage) update(now int64, runnable int) {
	dt := float64(now-l.when) / float64(ktime.Second)
	l.when = now
	for i, minutes := range [3]float64{1, 5, 15} {
		keep := math.Exp(-dt / (60 * minutes))
		l.avg[i] = l.avg[i]*keep + float64(runnable)*(1-keep)
	}
}

// Loads returns the load averages.
func (s *System) Loads(t *sched.Thread) [3]float64 {
	_, runnable := s.Sched.Count()
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	s.load.update(t.Now(), runnable)
	return s.load.avg
}
