package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// prepare makes the stream ready to start, from the beginning. Caller holds mu.
func (s *Substream) prepare(t *sched.Thread) error {
	s.mu.AssertHeld(t)
	switch s.state(t) {
	case abi.SNDRV_PCM_STATE_OPEN:
		return errno.EBADFD.Because("the stream has no hardware parameters")
	case abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_DRAINING:
		return errno.EBUSY.Because("the stream runs")
	case abi.SNDRV_PCM_STATE_DISCONNECTED:
		return errLost
	case abi.SNDRV_PCM_STATE_PAUSED:
		s.drop(t)
	}
	s.release(t)
	if err := s.HW.Prepare(t); err != nil {
		return err
	}
	s.prepared = true
	s.lock.Lock(t)
	s.reset()
	s.State = abi.SNDRV_PCM_STATE_PREPARED
	s.show()
	s.lock.Unlock(t)
	s.wait.WakeAll()
	return nil
}

// start starts a prepared stream. Caller holds mu.
func (s *Substream) start(t *sched.Thread) error {
	if err := s.startable(t); err != nil {
		return err
	}
	s.begin(t)
	return s.HW.Sync(t)
}

// startable says whether the stream can start, and makes ready what that needs. Caller holds mu.
func (s *Substream) startable(t *sched.Thread) error {
	s.mu.AssertHeld(t)
	if s.freeRunning(t) {
		if err := s.newShadow(t); err != nil {
			return err
		}
	}
	s.lock.Lock(t)
	state, filled, free := s.State, s.filled(), s.sw.stop >= s.boundary
	s.lock.Unlock(t)
	if state != abi.SNDRV_PCM_STATE_PREPARED {
		return s.badState(t)
	}
	if s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK && filled <= 0 && !free {
		return errno.EPIPE.Because("there is nothing to play")
	}
	return nil
}

// begin starts a stream that is startable; HW.Sync tells what became of it. Caller holds mu.
func (s *Substream) begin(t *sched.Thread) {
	early := s.freeRunning(t) && len(s.shadow) > 0
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	if s.State == abi.SNDRV_PCM_STATE_PREPARED { // the device may be lost meanwhile
		s.early = early
		s.run(t, abi.SNDRV_PCM_STATE_RUNNING)
	}
}

// run feeds the device and starts it. Caller holds lock.
func (s *Substream) run(t *sched.Thread, state int32) {
	event := abi.SNDRV_TIMER_EVENT_START
	if s.State == abi.SNDRV_PCM_STATE_PAUSED {
		event = abi.SNDRV_TIMER_EVENT_CONTINUE
	}
	s.tell(t, event)
	s.State = state
	s.triggered = t.Now()
	s.lastUpdate = s.triggered
	s.feed(t) // 5.14.6.6.1: the device plays what it has from the start
	s.HW.Post(t, true)
	s.show()
}

// drop stops the stream at once. Caller holds mu.
func (s *Substream) drop(t *sched.Thread) error {
	s.mu.AssertHeld(t)
	s.lock.Lock(t)
	switch s.State {
	case abi.SNDRV_PCM_STATE_OPEN:
		s.lock.Unlock(t)
		return errno.EBADFD.Because("the stream has no hardware parameters")
	case abi.SNDRV_PCM_STATE_DISCONNECTED:
		s.lock.Unlock(t)
		return errLost
	case abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_DRAINING:
		s.halt(t, abi.SNDRV_PCM_STATE_SETUP)
	}
	s.State = abi.SNDRV_PCM_STATE_SETUP
	s.show()
	s.lock.Unlock(t)
	s.release(t)
	s.wait.WakeAll()
	return s.HW.Sync(t)
}

// pause stops the stream for a while, or lets it go on. Caller holds mu.
func (s *Substream) pause(t *sched.Thread, on bool) error {
	s.mu.AssertHeld(t)
	s.lock.Lock(t)
	switch {
	case on && s.State == abi.SNDRV_PCM_STATE_RUNNING:
		s.halt(t, abi.SNDRV_PCM_STATE_PAUSED)
		s.show()
	case !on && s.State == abi.SNDRV_PCM_STATE_PAUSED:
		s.run(t, abi.SNDRV_PCM_STATE_RUNNING)
		s.update(t)
	default:
		s.lock.Unlock(t)
		return s.badState(t)
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
	return s.HW.Sync(t)
}

// drain plays all that was written, or lets a program read what was recorded, and stops. Caller holds mu, which
// is free during the wait.
func (s *Substream) drain(t *sched.Thread, nonblock bool) error {
	s.mu.AssertHeld(t)
	s.lock.Lock(t)
	switch s.State {
	case abi.SNDRV_PCM_STATE_OPEN, abi.SNDRV_PCM_STATE_DISCONNECTED, abi.SNDRV_PCM_STATE_SUSPENDED:
		s.lock.Unlock(t)
		return s.badState(t)
	case abi.SNDRV_PCM_STATE_SETUP:
		s.lock.Unlock(t)
		return nil
	case abi.SNDRV_PCM_STATE_XRUN:
		s.State = abi.SNDRV_PCM_STATE_SETUP
	}
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		s.drainCapture(t)
		s.lock.Unlock(t)
		s.wait.WakeAll()
		return s.HW.Sync(t)
	}
	switch s.State {
	case abi.SNDRV_PCM_STATE_PREPARED:
		if s.filled() <= 0 {
			s.State = abi.SNDRV_PCM_STATE_SETUP
			break
		}
		s.run(t, abi.SNDRV_PCM_STATE_DRAINING)
	case abi.SNDRV_PCM_STATE_PAUSED:
		s.run(t, abi.SNDRV_PCM_STATE_DRAINING)
	case abi.SNDRV_PCM_STATE_RUNNING:
		s.State = abi.SNDRV_PCM_STATE_DRAINING
		s.update(t)
		s.feed(t)
	}
	s.show()
	s.lock.Unlock(t)
	s.wait.WakeAll()
	if err := s.HW.Sync(t); err != nil {
		return err
	}
	done := func() bool { return s.state(t) != abi.SNDRV_PCM_STATE_DRAINING }
	if nonblock && !done() {
		return errno.EAGAIN
	}
	if err := s.wait.WaitLocked(t, "pcm_drain", &s.mu, done); err != nil {
		return err
	}
	if s.state(t) == abi.SNDRV_PCM_STATE_DISCONNECTED {
		return errLost
	}
	return nil
}

// drainCapture stops recording; what is in the ring can be read. Caller holds lock.
func (s *Substream) drainCapture(t *sched.Thread) {
	running := s.State == abi.SNDRV_PCM_STATE_RUNNING
	state := int32(abi.SNDRV_PCM_STATE_SETUP)
	if s.State != abi.SNDRV_PCM_STATE_PREPARED && s.avail() > 0 {
		state = abi.SNDRV_PCM_STATE_DRAINING
	}
	if running {
		s.halt(t, state)
	}
	s.State = state
	s.show()
}

// forceXrun is SNDRV_PCM_IOCTL_XRUN: for tests of programs. Caller holds mu.
func (s *Substream) forceXrun(t *sched.Thread) error {
	s.lock.Lock(t)
	switch s.State {
	case abi.SNDRV_PCM_STATE_XRUN:
	case abi.SNDRV_PCM_STATE_RUNNING:
		s.Xruns++
		s.halt(t, abi.SNDRV_PCM_STATE_XRUN)
		s.show()
	default:
		s.lock.Unlock(t)
		return s.badState(t)
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
	return s.HW.Sync(t)
}
