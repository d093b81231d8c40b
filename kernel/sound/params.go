package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// swParams are the parameters of struct snd_pcm_sw_params that count here.
type swParams struct {
	tstampMode, tstampType uint32
	start                  uint64 // frames written that start playback, or asked for that start capture
	stop                   uint64 // frames available that are an xrun
	silenceThreshold       uint64
	silenceSize            uint64
}

// setParams configures the substream. Caller holds mu.
func (s *Substream) setParams(t *sched.Thread, p Params) error {
	s.mu.AssertHeld(t)
	switch s.state(t) {
	case abi.SNDRV_PCM_STATE_OPEN, abi.SNDRV_PCM_STATE_SETUP, abi.SNDRV_PCM_STATE_PREPARED:
	default:
		return s.badState(t)
	}
	s.release(t)
	if err := s.newRing(t, p.BufferSize*p.FrameBytes); err != nil {
		return err
	}
	if p.Planar {
		if err := s.newShadow(t); err != nil {
			return err
		}
	}
	if err := s.HW.SetParams(t, p); err != nil {
		return err
	}
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	s.Params = p
	s.boundary = boundaryOf(p.BufferSize)
	s.sw = swParams{start: 1, stop: uint64(p.BufferSize), tstampType: s.sw.tstampType}
	s.control.availMin.Store(uint64(p.PeriodSize))
	s.reset()
	s.State = abi.SNDRV_PCM_STATE_SETUP
	s.show()
	return nil
}

// reset begins at position 0. Caller holds lock; the device has no pieces.
func (s *Substream) reset() {
	s.HWPtr, s.fed, s.availMax, s.early = 0, 0, 0, false
	s.setAppl(0)
	if s.Params.Format == abi.SNDRV_PCM_FORMAT_U8 {
		s.silence(0, s.Params.BufferSize)
	}
}

// hwFree forgets the configuration. Caller holds mu.
func (s *Substream) hwFree(t *sched.Thread) error {
	switch s.state(t) {
	case abi.SNDRV_PCM_STATE_OPEN:
		return nil
	case abi.SNDRV_PCM_STATE_SETUP, abi.SNDRV_PCM_STATE_PREPARED:
	default:
		return s.badState(t)
	}
	s.release(t)
	s.freeRing(t)
	s.lock.Lock(t)
	s.Params, s.boundary = Params{}, 0
	s.State = abi.SNDRV_PCM_STATE_OPEN
	s.show()
	s.lock.Unlock(t)
	return nil
}

// release takes back what the device has. Caller holds mu.
func (s *Substream) release(t *sched.Thread) {
	if s.prepared {
		s.prepared = false
		s.HW.Release(t)
	}
}

// setSW sets software parameters. Caller holds mu.
func (s *Substream) setSW(t *sched.Thread, p *abi.SndPCMSWParams) error {
	if s.state(t) == abi.SNDRV_PCM_STATE_OPEN {
		return errno.EBADFD.Because("the stream has no hardware parameters")
	}
	buffer := uint64(s.Params.BufferSize)
	switch {
	case p.TstampMode < 0 || p.TstampMode > abi.SNDRV_PCM_TSTAMP_ENABLE:
		return errno.EINVAL.Because("no such timestamp mode")
	case p.Proto >= 2<<16|12 && p.TstampType > abi.SNDRV_PCM_TSTAMP_TYPE_LAST:
		return errno.EINVAL.Because("no such type of timestamps")
	case p.AvailMin == 0:
		return errno.EINVAL.Because("avail_min is 0")
	case p.SilenceSize >= s.boundary && p.SilenceThreshold != 0,
		p.SilenceSize < s.boundary && (p.SilenceSize > p.SilenceThreshold || p.SilenceThreshold > buffer):
		return errno.EINVAL.Because("silence_size and silence_threshold do not fit")
	}
	s.lock.Lock(t)
	s.sw.tstampMode = uint32(p.TstampMode)
	if p.Proto >= 2<<16|12 {
		s.sw.tstampType = p.TstampType
	}
	s.sw.start, s.sw.stop = p.StartThreshold, p.StopThreshold
	s.sw.silenceThreshold, s.sw.silenceSize = p.SilenceThreshold, p.SilenceSize
	s.control.availMin.Store(p.AvailMin)
	p.Boundary = s.boundary
	switch s.State {
	case abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_DRAINING:
		s.update(t)
		s.feed(t)
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
	return nil
}

// state reads the state.
func (s *Substream) state(t *sched.Thread) int32 {
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	return s.State
}

// badState is the error of a call that the state does not allow.
func (s *Substream) badState(t *sched.Thread) error {
	switch s.state(t) {
	case abi.SNDRV_PCM_STATE_XRUN:
		return errXrun
	case abi.SNDRV_PCM_STATE_DISCONNECTED:
		return errLost
	}
	return errno.EBADFD.Because("the stream's state does not allow it")
}

var (
	errXrun = errno.EPIPE.Because("an xrun: the program was too slow")
	errLost = errno.ENODEV.Because("the sound device is gone")
)
