package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// setting changes a parameter and tells what it has become. Caller holds mu.
func (d *dspFile) setting(t *sched.Thread, cmd uint32, addr mm.UAddr) error {
	v, err := getInt(t, addr)
	if err != nil {
		return err
	}
	caps, old := d.caps(), d.settings
	switch cmd {
	case abi.SNDCTL_DSP_SPEED:
		if v > 0 {
			d.rate = nearest(caps.Rates, v)
		}
		v = d.rate
	case abi.SNDCTL_DSP_STEREO:
		d.channels = 1
		if v = b2i(v != 0); v != 0 {
			d.channels = min(2, caps.ChannelsMax)
		}
	case abi.SNDCTL_DSP_CHANNELS:
		if v > 0 {
			d.channels = min(max(v, caps.ChannelsMin), caps.ChannelsMax)
		}
		v = d.channels
	case abi.SNDCTL_DSP_SETFMT:
		for _, f := range ossFormats {
			if f.oss == v && d.formats()&v != 0 {
				d.format = f.alsa
			}
		}
		v = d.ossFormat()
	case abi.SNDCTL_DSP_SETFRAGMENT:
		// The low half is a power of two, the high half how many there may be.
		d.fragment = 1 << min(max(v&0xffff, 4), 18)
		if d.frags = v >> 16 & 0x7fff; d.frags == 0x7fff {
			d.frags = 0
		}
	case abi.SNDCTL_DSP_SUBDIVIDE:
		if v != 0 && v != 1 && v != 2 && v != 4 {
			return errno.EINVAL.Because("subdivisions are 1, 2 or 4")
		}
		v = max(v, 1)
	}
	if d.settings != old {
		if err := d.sync(t, true); err != nil {
			return err
		}
		d.set = false
	}
	return putInt(t, addr, v)
}

// nearest is the number of the list that is closest to v.
func nearest(list []int, v int) int {
	best := list[0]
	for _, n := range list {
		if max(n-v, v-n) < max(best-v, v-best) {
			best = n
		}
	}
	return best
}

// formats are the formats as OSS's bits.
func (d *dspFile) formats() (mask int) {
	for _, f := range ossFormats {
		for _, a := range d.caps().Formats {
			if f.alsa == a {
				mask |= f.oss
			}
		}
	}
	return mask
}

func (d *dspFile) ossFormat() int {
	for _, f := range ossFormats {
		if f.alsa == d.format {
			return f.oss
		}
	}
	return 0
}

// sync plays what was written: SNDCTL_DSP_SYNC waits for the end. Caller holds mu.
func (d *dspFile) sync(t *sched.Thread, wait bool) error {
	s := d.play
	if s == nil || !d.set {
		return nil
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if !wait {
		if s.state(t) == abi.SNDRV_PCM_STATE_PREPARED {
			s.start(t) // an error means that nothing was written
		}
		return nil
	}
	if err := s.drain(t, false); err != nil {
		return err
	}
	return s.prepare(t)
}

// setTrigger starts and stops. Caller holds mu.
func (d *dspFile) setTrigger(t *sched.Thread, v int) error {
	if err := d.apply(t); err != nil {
		return err
	}
	d.trigger = v & (abi.PCM_ENABLE_INPUT | abi.PCM_ENABLE_OUTPUT)
	return d.each(t, func(s *Substream) error {
		bit := abi.PCM_ENABLE_OUTPUT
		if s == d.rec {
			bit = abi.PCM_ENABLE_INPUT
		}
		s.lock.Lock(t)
		if s.sw.start = s.boundary; v&bit != 0 {
			s.sw.start = 1
		}
		prepared := s.State == abi.SNDRV_PCM_STATE_PREPARED
		s.lock.Unlock(t)
		if v&bit != 0 && prepared {
			s.start(t) // a playback stream with nothing in it starts at the first write
		}
		return nil
	})
}

// position answers the questions about buffers and pointers. Caller holds mu.
func (d *dspFile) position(t *sched.Thread, cmd uint32, addr mm.UAddr) error {
	s := d.play
	switch cmd {
	case abi.SNDCTL_DSP_GETISPACE, abi.SNDCTL_DSP_GETIPTR:
		s = d.rec
	case abi.SNDCTL_DSP_GETBLKSIZE:
		if s == nil {
			s = d.rec
		}
	}
	if s == nil {
		return errno.EINVAL.Because("not open in that direction")
	}
	s.mu.Lock(t)
	p := s.Params
	s.lock.Lock(t)
	avail, filled, hw := int(min(s.avail(), uint64(p.BufferSize))), s.filled(), s.HWPtr
	s.lock.Unlock(t)
	s.mu.Unlock(t)
	fragment := p.PeriodSize * p.FrameBytes
	switch cmd {
	case abi.SNDCTL_DSP_GETBLKSIZE:
		return putInt(t, addr, fragment)
	case abi.SNDCTL_DSP_GETODELAY:
		return putInt(t, addr, int(max(filled, 0))*p.FrameBytes)
	case abi.SNDCTL_DSP_GETOSPACE, abi.SNDCTL_DSP_GETISPACE:
		n := avail * p.FrameBytes
		return mm.CopyOutStruct(t, addr, &abi.AudioBufInfo{
			Fragments: int32(n / fragment), Fragstotal: int32(p.BufferSize / p.PeriodSize), Fragsize: int32(fragment), Bytes: int32(n),
		})
	case abi.SNDCTL_DSP_GETOPTR, abi.SNDCTL_DSP_GETIPTR:
		n := d.bytes[s.Stream] - max(filled, 0)*int64(p.FrameBytes)
		switch {
		case d.mapped[s.Stream]:
			n = int64(hw * uint64(p.FrameBytes))
		case s == d.rec:
			n = d.bytes[s.Stream] + max(filled, 0)*int64(p.FrameBytes)
		}
		blocks := n / int64(fragment)
		c := abi.CountInfo{Bytes: int32(n & 0x7fffffff), Blocks: int32(blocks - d.blocks[s.Stream]), Ptr: int32(int(hw%uint64(p.BufferSize)) * p.FrameBytes)}
		d.blocks[s.Stream] = blocks
		return mm.CopyOutStruct(t, addr, &c)
	}
	return errno.EINVAL.Because("/dev/dsp does not know this ioctl")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
