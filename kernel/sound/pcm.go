package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// pcmFile is an open /dev/snd/pcmC0D0p or …c.
type pcmFile struct{ s *Substream }

// openFile opens the device node.
func (s *Substream) openFile(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
	var err error
	if f.Append() {
		err = s.join(t)
	} else if err = s.open(t, f.Nonblock()); err == nil {
		s.mu.Lock(t)
		s.shares = true // as an OSS file, which knows what parameters it has set, does not
		s.mu.Unlock(t)
	}
	if err != nil {
		return nil, err
	}
	f.SetStream()
	return &pcmFile{s}, nil
}

// open takes the substream, which one file has at a time.
func (s *Substream) open(t *sched.Thread, nonblock bool) error {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	for s.users > 0 {
		if nonblock {
			return errno.EBUSY.Because("another file has the substream")
		}
		if err := s.opens.WaitLocked(t, "pcm_open", &s.mu, func() bool { return s.users == 0 }); err != nil {
			return err
		}
	}
	if s.state(t) == abi.SNDRV_PCM_STATE_DISCONNECTED {
		return errLost
	}
	s.users, s.Owner = 1, t.ID
	s.lock.Lock(t)
	s.Xruns, s.Elapses, s.sw = 0, 0, swParams{}
	s.triggered, s.wallOffset = 0, t.Scheduler().Timers.WallOffset()
	s.show()
	s.lock.Unlock(t)
	return nil
}

// join is open with O_APPEND: the file shares the substream with those that have it, as it is.
func (s *Substream) join(t *sched.Thread) error {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if s.users == 0 || !s.shares {
		return errno.EBADFD.Because("nobody has the substream to share it")
	}
	s.users++
	return nil
}

// close gives the substream back. The last file leaves it stopped and without parameters.
func (s *Substream) close(t *sched.Thread) {
	s.mu.Lock(t)
	if s.users == 1 {
		s.finish(t)
	}
	if s.users > 1 { // finish may have let somebody in
		s.users--
		s.mu.Unlock(t)
		return
	}
	s.drop(t) // an error means that there is nothing to stop, or no device
	s.hwFree(t)
	s.users, s.shares, s.Owner = 0, false, 0
	s.mu.Unlock(t)
	s.unlink(t)
	s.opens.WakeAll()
}

// PipeMeansXrun tells package syscall that EPIPE is no broken pipe, and no reason for SIGPIPE.
func (p *pcmFile) PipeMeansXrun() {}

// Release implements vfs.Releaser.
func (p *pcmFile) Release(t *sched.Thread, _ *vfs.File) { p.s.close(t) }

// Write implements vfs.Writer: whole frames.
func (p *pcmFile) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	s := p.s
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if err := s.check(abi.SNDRV_PCM_STREAM_PLAYBACK, src.Len()); err != nil {
		return 0, err
	}
	size := s.Params.FrameBytes
	n, err := s.write(t, src, f.Nonblock())
	return n * size, err
}

// Read implements vfs.Reader.
func (p *pcmFile) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	s := p.s
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if err := s.check(abi.SNDRV_PCM_STREAM_CAPTURE, dst.Len()); err != nil {
		return 0, err
	}
	size := s.Params.FrameBytes
	n, err := s.read(t, dst, f.Nonblock())
	return n * size, err
}

// check refuses a transfer of n bytes that can't be. Caller holds mu.
func (s *Substream) check(stream, n int) error {
	switch {
	case s.Stream != stream:
		return errno.EINVAL.Because("the stream has the other direction")
	case s.Params.FrameBytes == 0:
		return errno.EBADFD.Because("the stream has no hardware parameters")
	case s.Params.Planar:
		return errno.EINVAL.Because("the stream is not interleaved")
	case n%s.Params.FrameBytes != 0:
		return errno.EINVAL.Because("not a number of whole frames")
	}
	return nil
}

// Poll implements vfs.Poller.
func (p *pcmFile) Poll(t *sched.Thread, _ *vfs.File, table *vfs.PollTable) vfs.Events {
	table.Add(&p.s.wait)
	return vfs.Events(p.s.events(t))
}

// Mmap implements vfs.Mapper.
func (p *pcmFile) Mmap(t *sched.Thread, _ *vfs.File, req *mm.MapRequest) error {
	p.s.mu.Lock(t)
	defer p.s.mu.Unlock(t)
	return p.s.mmap(t, req)
}

// Ioctl implements vfs.Ioctler: what alsa-lib's pcm_hw asks for.
func (p *pcmFile) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	s, addr := p.s, mm.UAddr(arg)
	switch cmd {
	case abi.SNDRV_PCM_IOCTL_LINK:
		return 0, s.link(t, int(int32(arg)))
	case abi.SNDRV_PCM_IOCTL_UNLINK:
		if !s.unlink(t) {
			return 0, errno.EALREADY.Because("the stream is not linked")
		}
		return 0, nil
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	switch cmd {
	case abi.SNDRV_PCM_IOCTL_PVERSION:
		return 0, putInt(t, addr, abi.SNDRV_PCM_VERSION)
	case abi.SNDRV_PCM_IOCTL_USER_PVERSION, abi.SNDRV_PCM_IOCTL_TSTAMP:
		_, err := mm.CopyInStruct[uint32](t, addr)
		return 0, err
	case abi.SNDRV_PCM_IOCTL_TTSTAMP:
		return 0, s.setStampType(t, addr)
	case abi.SNDRV_PCM_IOCTL_INFO:
		info := s.info()
		return 0, mm.CopyOutStruct(t, addr, &info)
	case abi.SNDRV_PCM_IOCTL_HW_REFINE, abi.SNDRV_PCM_IOCTL_HW_PARAMS:
		return 0, s.hwParams(t, addr, cmd == abi.SNDRV_PCM_IOCTL_HW_PARAMS)
	case abi.SNDRV_PCM_IOCTL_HW_FREE:
		return 0, s.hwFree(t)
	case abi.SNDRV_PCM_IOCTL_SW_PARAMS:
		sw, err := mm.CopyInStruct[abi.SndPCMSWParams](t, addr)
		if err == nil {
			err = s.setSW(t, &sw)
		}
		if err != nil {
			return 0, err
		}
		return 0, mm.CopyOutStruct(t, addr, &sw)
	case abi.SNDRV_PCM_IOCTL_CHANNEL_INFO:
		return 0, s.channelInfo(t, addr)
	case abi.SNDRV_PCM_IOCTL_STATUS, abi.SNDRV_PCM_IOCTL_STATUS_EXT:
		return 0, s.copyStatus(t, addr)
	case abi.SNDRV_PCM_IOCTL_SYNC_PTR:
		return 0, s.syncPtr(t, addr)
	case abi.SNDRV_PCM_IOCTL_DELAY:
		return 0, s.delay(t, addr)
	case abi.SNDRV_PCM_IOCTL_HWSYNC:
		return 0, s.hwsync(t)
	case abi.SNDRV_PCM_IOCTL_WRITEI_FRAMES, abi.SNDRV_PCM_IOCTL_READI_FRAMES:
		return 0, s.frames(t, addr, cmd, f.Nonblock())
	case abi.SNDRV_PCM_IOCTL_WRITEN_FRAMES, abi.SNDRV_PCM_IOCTL_READN_FRAMES:
		return 0, s.planarFrames(t, addr, cmd, f.Nonblock())
	case abi.SNDRV_PCM_IOCTL_REWIND, abi.SNDRV_PCM_IOCTL_FORWARD:
		return 0, s.skipIoctl(t, addr, cmd == abi.SNDRV_PCM_IOCTL_REWIND)
	}
	return 0, s.triggerIoctl(t, f, cmd, arg)
}

// triggerIoctl does the commands that change the state.
func (s *Substream) triggerIoctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) error {
	switch cmd {
	case abi.SNDRV_PCM_IOCTL_PREPARE:
		return s.together(t, (*Substream).prepare)
	case abi.SNDRV_PCM_IOCTL_START:
		return s.startTogether(t)
	case abi.SNDRV_PCM_IOCTL_DROP:
		return s.together(t, (*Substream).drop)
	case abi.SNDRV_PCM_IOCTL_DRAIN:
		return s.drainTogether(t, f.Nonblock())
	case abi.SNDRV_PCM_IOCTL_PAUSE:
		on := int32(arg) != 0
		return s.together(t, func(o *Substream, t *sched.Thread) error { return o.pause(t, on) })
	case abi.SNDRV_PCM_IOCTL_XRUN:
		return s.forceXrun(t)
	case abi.SNDRV_PCM_IOCTL_RESUME:
		return errno.ENOSYS.Because("the device does not suspend")
	case abi.SNDRV_PCM_IOCTL_RESET:
		_, err := s.rewind(t, uint64(s.Params.BufferSize))
		return err
	}
	return errno.ENOTTY.Because("a PCM does not know this ioctl")
}

// hwParams refines a program's parameters, or sets them.
func (s *Substream) hwParams(t *sched.Thread, addr mm.UAddr, set bool) error {
	p, err := mm.CopyInStruct[abi.SndPCMHWParams](t, addr)
	if err != nil {
		return err
	}
	sp := spaceOf(&p)
	if !s.Caps.refine(sp) {
		sp.store(&p)
		mm.CopyOutStruct(t, addr, &p) // alsa-lib shows what was left; the error counts
		return errno.EINVAL.Because("no configuration of the hardware fits")
	}
	if set {
		params, err := s.Caps.choose(sp)
		if err != nil {
			return err
		}
		if err := s.setParams(t, params); err != nil {
			return err
		}
	}
	sp.store(&p)
	return mm.CopyOutStruct(t, addr, &p)
}

// frames is WRITEI_FRAMES and READI_FRAMES.
func (s *Substream) frames(t *sched.Thread, addr mm.UAddr, cmd uint32, nonblock bool) error {
	x, err := mm.CopyInStruct[abi.SndXferi](t, addr)
	if err != nil {
		return err
	}
	stream, f := abi.SNDRV_PCM_STREAM_PLAYBACK, s.write
	if cmd == abi.SNDRV_PCM_IOCTL_READI_FRAMES {
		stream, f = abi.SNDRV_PCM_STREAM_CAPTURE, s.read
	}
	if err := s.check(stream, 0); err != nil {
		return err
	}
	size := uint64(s.Params.FrameBytes)
	n, err := f(t, mm.UserIO(t, mm.UAddr(x.Buf), min(x.Frames, mm.MaxIO/size)*size), nonblock)
	x.Result = int64(n)
	if err2 := mm.CopyOut(t, addr, le64(uint64(x.Result))); err == nil {
		err = err2
	}
	return err
}

// skipIoctl is REWIND and FORWARD.
func (s *Substream) skipIoctl(t *sched.Thread, addr mm.UAddr, back bool) error {
	n, err := mm.CopyInStruct[uint64](t, addr)
	if err != nil {
		return err
	}
	f := s.forward
	if back {
		f = s.rewind
	}
	if n, err = f(t, n); err != nil {
		n = 0
	}
	if err2 := mm.CopyOut(t, addr, le64(n)); err == nil {
		err = err2
	}
	return err
}
