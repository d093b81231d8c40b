package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// The device plays and fills the ring itself, but for two kinds of streams, which have a shadow beside it: a second ring of the
// same size, which holds what is in flight.
//
//   - Planar: the ring has one channel after the other, and devices want frames. They are put together as a piece is given to
//     the device, or taken apart when it comes back.
//   - Early: playback that runs on whatever the program does (stop_threshold is the boundary), as dmix wants it. Several programs add
//     their samples to the ring right from HWPtr on, so what lies there must not be under way already. So the ring is copied as
//     a piece is given to the device, and HWPtr moves then: what is behind it is gone, what is before it will be heard. The rest of
//     the way is part of the delay.

// newShadow allocates the shadow. Caller holds mu; the device has no pieces.
func (s *Substream) newShadow(t *sched.Thread) error {
	if len(s.shadow) == len(s.ring) {
		return nil
	}
	n := uint64(len(s.ring) / mm.PageSize)
	pfn, err := s.Card.mem.AllocRun(t, n, true)
	if err != nil {
		return err
	}
	s.shadow, s.shadowAddr = s.Card.mem.Bytes(pfn, n), uint64(pfn)*mm.PageSize
	return nil
}

// freeRunning reports whether a playback stream runs on when there is nothing to play.
func (s *Substream) freeRunning(t *sched.Thread) bool {
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	return s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK && s.boundary != 0 && s.sw.stop >= s.boundary
}

// gather returns the address of frames that the device is to play or to fill, having copied them to the shadow if need
// be. Caller holds lock.
func (s *Substream) gather(at, frames int) uint64 {
	p := &s.Params
	from, to := at*p.FrameBytes, (at+frames)*p.FrameBytes
	if !s.early && !p.Planar {
		return s.ringAddr + uint64(from)
	}
	if s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK {
		if p.Planar {
			s.interleave(at, frames, func(frame, sample []byte) { copy(frame, sample) })
		} else {
			copy(s.shadow[from:to], s.ring[from:to])
		}
	}
	return s.shadowAddr + uint64(from)
}

// scatter takes frames that the device has filled to their places in a planar ring. Caller holds lock.
func (s *Substream) scatter(at, frames int) {
	if s.Params.Planar && s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		s.interleave(at, frames, func(frame, sample []byte) { copy(sample, frame) })
	}
}

// interleave calls f with the two places of each sample: in the shadow, where frames lie, and in the planar ring.
func (s *Substream) interleave(at, frames int, f func(frame, sample []byte)) {
	p := &s.Params
	size := p.FrameBytes / p.Channels
	for c, part := range s.parts(at, frames) {
		for i := range frames {
			f(s.shadow[(at+i)*p.FrameBytes+c*size:][:size], part[i*size:][:size])
		}
	}
}

// parts are the pieces of the ring in which frames lie: one, or one of each channel. Caller holds mu or lock.
func (s *Substream) parts(at, frames int) [][]byte {
	p := &s.Params
	if !p.Planar {
		return [][]byte{s.ring[at*p.FrameBytes : (at+frames)*p.FrameBytes]}
	}
	size := p.FrameBytes / p.Channels
	parts := make([][]byte, p.Channels)
	for c := range parts {
		parts[c] = s.ring[(c*p.BufferSize+at)*size:][:frames*size]
	}
	return parts
}

// finish lets an early stream play what it has given to the device, at its last close: the program takes it for played. A signal
// ends that. Caller holds mu, which is free during the wait.
func (s *Substream) finish(t *sched.Thread) {
	s.lock.Lock(t)
	if !s.early || s.State != abi.SNDRV_PCM_STATE_RUNNING || s.inFlight == 0 {
		s.lock.Unlock(t)
		return
	}
	s.State = abi.SNDRV_PCM_STATE_DRAINING
	s.setAppl(s.HWPtr)
	s.show()
	s.lock.Unlock(t)
	s.wait.WaitLocked(t, "pcm_close", &s.mu, func() bool { return s.state(t) != abi.SNDRV_PCM_STATE_DRAINING })
}
