package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// planarFrames is WRITEN_FRAMES and READN_FRAMES: a buffer of the program's for each channel. A channel without one plays
// silence, or is not read.
func (s *Substream) planarFrames(t *sched.Thread, addr mm.UAddr, cmd uint32, nonblock bool) error {
	x, err := mm.CopyInStruct[abi.SndXfern](t, addr)
	if err != nil {
		return err
	}
	stream, reason := abi.SNDRV_PCM_STREAM_PLAYBACK, "pcm_write"
	if cmd == abi.SNDRV_PCM_IOCTL_READN_FRAMES {
		stream, reason = abi.SNDRV_PCM_STREAM_CAPTURE, "pcm_read"
	}
	p := s.Params
	switch {
	case s.Stream != stream:
		return errno.EINVAL.Because("the stream has the other direction")
	case p.FrameBytes == 0:
		return errno.EBADFD.Because("the stream has no hardware parameters")
	case !p.Planar:
		return errno.EINVAL.Because("the stream is interleaved")
	}
	bufs, err := mm.CopyInSlice[uint64](t, mm.UAddr(x.Bufs), p.Channels)
	if err != nil {
		return err
	}
	want := int(min(x.Frames, uint64(mm.MaxIO/p.FrameBytes)))
	if err := s.startReading(t, want); err != nil {
		return err
	}
	if s.Params != p { // mu was free for a moment
		return errno.EBADFD.Because("another thread has changed the parameters")
	}
	n, err := s.transfer(t, want, nonblock, reason, s.planar(t, bufs))
	x.Result = int64(n)
	if err2 := mm.CopyOut(t, addr, le64(uint64(x.Result))); err == nil {
		err = err2
	}
	return err
}

// planar moves frames between the program's buffers and the channels of the ring.
func (s *Substream) planar(t *sched.Thread, bufs []uint64) mover {
	size := s.Params.FrameBytes / s.Params.Channels
	done := 0 // bytes of each channel
	return func(at, frames int) (int, error) {
		for c, part := range s.parts(at, frames) {
			user := mm.UAddr(bufs[c] + uint64(done))
			var err error
			switch {
			case s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE && bufs[c] != 0:
				err = mm.CopyOut(t, user, part)
			case s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE:
			case bufs[c] == 0:
				s.clear(part)
			default:
				err = mm.CopyIn(t, part, user)
			}
			if err != nil {
				return 0, err
			}
		}
		done += frames * size
		return frames, nil
	}
}

// clear makes samples silent.
func (s *Substream) clear(b []byte) {
	clear(b)
	if s.Params.Format == abi.SNDRV_PCM_FORMAT_U8 {
		for i := range b {
			b[i] = 0x80
		}
	}
}
