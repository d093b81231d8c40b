package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// write takes frames from src into the ring and starts the stream once start_threshold frames are there. It returns how many
// frames it took; an error after some is kept back. Caller holds mu, which is free during waits.
func (s *Substream) write(t *sched.Thread, src *mm.IO, nonblock bool) (int, error) {
	s.mu.AssertHeld(t)
	return s.transfer(t, src.Len()/max(s.Params.FrameBytes, 1), nonblock, "pcm_write", s.interleaved(t, src.CopyIn))
}

// read is write's counterpart for a capture stream.
func (s *Substream) read(t *sched.Thread, dst *mm.IO, nonblock bool) (int, error) {
	s.mu.AssertHeld(t)
	want := dst.Len() / max(s.Params.FrameBytes, 1)
	if err := s.startReading(t, want); err != nil {
		return 0, err
	}
	return s.transfer(t, want, nonblock, "pcm_read", s.interleaved(t, dst.CopyOut))
}

// startReading starts a prepared capture stream that is asked for as much as start_threshold. Caller holds mu.
func (s *Substream) startReading(t *sched.Thread, want int) error {
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE && s.state(t) == abi.SNDRV_PCM_STATE_PREPARED && uint64(want) >= s.sw.start {
		return s.startTogether(t)
	}
	return nil
}

// mover moves frames between a program and place at in the ring. It returns how many it has moved.
type mover func(at, frames int) (int, error)

// interleaved moves whole frames by copy. Caller holds mu whenever it is called.
func (s *Substream) interleaved(t *sched.Thread, copy func(*sched.Thread, []byte) (int, error)) mover {
	return func(at, frames int) (int, error) {
		size := s.Params.FrameBytes
		k, err := copy(t, s.ring[at*size:(at+frames)*size])
		return k / size, err
	}
}

// transfer moves frames between a program and the ring.
func (s *Substream) transfer(t *sched.Thread, want int, nonblock bool, reason string, move mover) (int, error) {
	if s.Params.FrameBytes == 0 {
		return 0, errno.EBADFD.Because("the stream has no hardware parameters")
	}
	params, done := s.Params, 0
	for done < want {
		avail, appl, err := s.look(t)
		if s.Params != params { // mu was free for a while
			return done, keepBack(done, errno.EBADFD.Because("another thread has changed the parameters"))
		}
		if err == nil && avail == 0 {
			err = s.waitAvail(t, want-done, nonblock, reason)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return done, keepBack(done, err)
		}
		// The positions are read once; only this thread moves appl_ptr as long as it holds mu, or the program wants trouble.
		at := int(appl % uint64(s.Params.BufferSize))
		k, err := move(at, min(want-done, avail, s.Params.BufferSize-at))
		done += k
		if err2 := s.moved(t, appl, k); err == nil {
			err = err2
		}
		if err != nil {
			return done, keepBack(done, err)
		}
		t.CondResched()
	}
	return done, nil
}

// keepBack drops an error that came after some frames.
func keepBack(done int, err error) error {
	if done > 0 {
		return nil
	}
	return err
}

// look returns how many frames can be moved now, and from where. Caller holds mu.
func (s *Substream) look(t *sched.Thread) (avail int, appl uint64, err error) {
	s.lock.Lock(t)
	state := s.State
	avail, appl = int(min(s.avail(), uint64(s.Params.BufferSize))), s.applPtr()
	s.lock.Unlock(t)
	switch state {
	case abi.SNDRV_PCM_STATE_PREPARED, abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_PAUSED:
		return avail, appl, nil
	case abi.SNDRV_PCM_STATE_DRAINING:
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE && avail > 0 {
			return avail, appl, nil
		}
	}
	return 0, 0, s.badState(t)
}

// moved moves appl_ptr over n frames that were copied from position appl on. Caller holds mu.
func (s *Substream) moved(t *sched.Thread, appl uint64, n int) error {
	s.lock.Lock(t)
	s.setAppl(s.add(appl, n))
	start := false
	switch s.State {
	case abi.SNDRV_PCM_STATE_PREPARED:
		start = s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK && s.filled() >= 0 && uint64(s.filled()) >= s.sw.start
	case abi.SNDRV_PCM_STATE_DRAINING:
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE && s.avail() == 0 {
			s.State = abi.SNDRV_PCM_STATE_SETUP
			s.show()
		}
	}
	s.feed(t)
	s.lock.Unlock(t)
	if start {
		return s.startTogether(t)
	}
	return nil
}

// waitAvail waits until there is something to do for a transfer of want frames: avail_min frames, or all that it
// needs. Caller holds mu, which is free during the wait.
func (s *Substream) waitAvail(t *sched.Thread, want int, nonblock bool, reason string) error {
	if nonblock {
		return errno.EAGAIN
	}
	return s.wait.WaitLocked(t, reason, &s.mu, func() bool {
		s.lock.Lock(t)
		defer s.lock.Unlock(t)
		switch s.State {
		case abi.SNDRV_PCM_STATE_PREPARED, abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_PAUSED:
			return s.avail() >= min(uint64(want), s.availMin())
		}
		return true
	})
}

// availMin is the program's avail_min, a number that makes sense. Caller holds lock.
func (s *Substream) availMin() uint64 {
	return min(max(s.control.availMin.Load(), 1), uint64(max(s.Params.BufferSize, 1)))
}

// events are poll(2)'s. Caller holds no lock.
func (s *Substream) events(t *sched.Thread) uint32 {
	ready := uint32(abi.POLLOUT | abi.POLLWRNORM)
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		ready = abi.POLLIN | abi.POLLRDNORM
	}
	s.lock.Lock(t)
	defer s.lock.Unlock(t)
	s.feed(t) // a program with the control page mapped says by poll(2) that it has written
	switch s.State {
	case abi.SNDRV_PCM_STATE_PREPARED, abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_PAUSED:
		if s.avail() >= s.availMin() {
			return ready
		}
		return 0
	case abi.SNDRV_PCM_STATE_DRAINING:
		if s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK {
			return 0
		}
		if s.avail() > 0 {
			return ready
		}
	}
	return ready | abi.POLLERR
}

// mmap maps the ring or one of the pages beside it. Caller holds mu.
func (s *Substream) mmap(t *sched.Thread, req *mm.MapRequest) error {
	mem := s.Card.mem
	pages := (req.Len + mm.PageSize - 1) / mm.PageSize
	one := func(pfn mm.PFN, writable bool) error {
		if pages != 1 {
			return errno.EINVAL.Because("it is one page")
		}
		if req.Prot&mm.Write != 0 && !writable {
			return errno.EINVAL.Because("the status can only be read")
		}
		req.Pager = mm.NewFrames(mem, []mm.PFN{pfn}, writable)
		req.ReadOnlyFile = req.ReadOnlyFile || !writable
		req.Offset = 0
		return nil
	}
	switch req.Offset {
	case abi.SNDRV_PCM_MMAP_OFFSET_STATUS_OLD, abi.SNDRV_PCM_MMAP_OFFSET_STATUS_NEW:
		return one(s.pages, false)
	case abi.SNDRV_PCM_MMAP_OFFSET_CONTROL_OLD, abi.SNDRV_PCM_MMAP_OFFSET_CONTROL_NEW:
		return one(s.pages+1, true)
	}
	if s.state(t) == abi.SNDRV_PCM_STATE_OPEN {
		return errno.EBADFD.Because("the stream has no hardware parameters")
	}
	return s.mapRing(req)
}

// mapRing maps the ring, or a part of it. Caller holds mu.
func (s *Substream) mapRing(req *mm.MapRequest) error {
	pages := (req.Len + mm.PageSize - 1) / mm.PageSize
	// A capture ring may be mapped for writing, too: alsa-lib asks for both.
	first := req.Offset / mm.PageSize
	if n := uint64(len(s.ring) / mm.PageSize); first >= n || pages > n-first {
		return errno.EINVAL.Because("beyond the end of the buffer")
	}
	list := make([]mm.PFN, len(s.ring)/mm.PageSize)
	for i := range list {
		list[i] = mm.PFN(s.ringAddr/mm.PageSize) + mm.PFN(i)
	}
	req.Pager = mm.NewFrames(s.Card.mem, list, true)
	return nil
}

// rewind moves appl_ptr back by up to n frames, as far as the device has not got them, and returns how
// far. forward moves it on over frames that are free, or recorded. Caller holds mu.
func (s *Substream) rewind(t *sched.Thread, n uint64) (uint64, error) {
	return s.skip(t, n, func() uint64 {
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
			return uint64(max(int64(s.Params.BufferSize)-s.filled()-int64(s.owed()), 0))
		}
		return uint64(max(s.filled()-int64(s.owed()), 0))
	}, true)
}

func (s *Substream) forward(t *sched.Thread, n uint64) (uint64, error) {
	return s.skip(t, n, func() uint64 { return min(s.avail(), uint64(s.Params.BufferSize)) }, false)
}

func (s *Substream) skip(t *sched.Thread, n uint64, most func() uint64, back bool) (uint64, error) {
	s.lock.Lock(t)
	switch s.State {
	case abi.SNDRV_PCM_STATE_PREPARED, abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_PAUSED:
	case abi.SNDRV_PCM_STATE_DRAINING:
		if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
			break
		}
		fallthrough
	default:
		s.lock.Unlock(t)
		return 0, s.badState(t)
	}
	defer s.lock.Unlock(t)
	n = min(n, most())
	if back {
		s.setAppl(s.add(s.applPtr(), int(s.boundary-n)))
	} else {
		s.setAppl(s.add(s.applPtr(), int(n)))
		s.feed(t)
	}
	return n, nil
}
