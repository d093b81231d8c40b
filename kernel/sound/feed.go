package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// How much the device has at a time: at least pieces, and at least as much as it plays in the time. What it has
// cannot be rewound; what it lacks when an interrupt is late is an underrun.
const (
	aheadPieces  = 2
	aheadPlay    = 20 * ktime.Millisecond
	aheadCapture = 200 * ktime.Millisecond

	// The longest piece of an early stream: what was given can't be taken back, and the last close waits for it.
	mostEarly = 25 * ktime.Millisecond
)

// feed gives the device what it may have, in pieces that end where a period does. A piece of less than that waits for
// the rest of its period while the device has others. Caller holds lock.
func (s *Substream) feed(t *sched.Thread) {
	draining := s.State == abi.SNDRV_PCM_STATE_DRAINING
	if !draining && s.State != abi.SNDRV_PCM_STATE_RUNNING {
		return
	}
	p := &s.Params
	ahead := aheadPlay
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		if ahead = aheadCapture; draining {
			return
		}
	}
	enough := int(int64(p.Rate) * ahead / ktime.Second)
	for s.pieces < aheadPieces || s.inFlight < enough {
		// A shadow holds what is in flight, whatever HWPtr says.
		room := min(s.forDevice()-s.owed(), p.BufferSize-s.inFlight)
		if room <= 0 {
			return
		}
		n := p.PeriodSize - int(s.fed%uint64(p.PeriodSize))
		if s.early {
			n = min(n, max(int(int64(p.Rate)*mostEarly/ktime.Second), 1))
		}
		if room < n {
			if n = room; s.pieces >= aheadPieces && !draining {
				return
			}
		}
		if !s.HW.Transfer(t, s.gather(int(s.fed%uint64(p.BufferSize)), n), n*p.FrameBytes) {
			return // the next Elapsed tries again
		}
		s.fed = s.add(s.fed, n)
		s.pieces++
		s.inFlight += n
		if s.early {
			s.advance(t, n)
			s.lastUpdate = t.Now()
			s.show()
		}
	}
}

// owed is how many frames from HWPtr on the device has. Caller holds lock.
func (s *Substream) owed() int {
	if s.early {
		return 0
	}
	return s.inFlight
}

// Elapsed says that the device has played or filled a piece of n bytes. It is called in an interrupt window.
func (s *Substream) Elapsed(t *sched.Thread, n int) {
	s.lock.Lock(t)
	frames := n / max(s.Params.FrameBytes, 1)
	s.pieces--
	s.inFlight -= frames
	var linked []*Substream
	switch s.State {
	case abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_DRAINING, abi.SNDRV_PCM_STATE_PAUSED:
		s.Elapses++
		if !s.early {
			s.scatter(int(s.HWPtr%uint64(s.Params.BufferSize)), frames)
			s.advance(t, frames)
		}
		s.update(t)
		if s.State == abi.SNDRV_PCM_STATE_XRUN {
			linked = s.others()
		}
		s.feed(t)
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
	for _, o := range linked {
		o.xrunToo(t)
	}
}

// advance moves HWPtr over frames that were played or recorded, and ticks the timer if a period is over. Caller holds lock.
func (s *Substream) advance(t *sched.Thread, frames int) {
	s.silence(s.HWPtr, frames)
	period := uint64(s.Params.PeriodSize)
	ticks := (s.HWPtr%period + uint64(frames)) / period
	s.HWPtr = s.add(s.HWPtr, frames)
	if ticks > 0 {
		for _, q := range s.timers {
			q.tick(t, uint32(ticks), uint32(s.periodTime()))
		}
	}
}

// silence clears what was played, if the program wants silence wherever it has not written. Caller holds lock.
func (s *Substream) silence(from uint64, frames int) {
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE || s.sw.silenceSize < s.boundary {
		return
	}
	for _, b := range s.parts(int(from%uint64(s.Params.BufferSize)), frames) { // a piece does not wrap
		s.clear(b)
	}
}
