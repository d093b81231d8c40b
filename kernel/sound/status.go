package sound

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// info is what programs are told of the substream.
func (s *Substream) info() abi.SndPCMInfo {
	i := abi.SndPCMInfo{Stream: int32(s.Stream), Card: int32(s.Card.Number), SubdevicesCount: 1, SubdevicesAvail: 1}
	if s.users > 0 {
		i.SubdevicesAvail = 0
	}
	copy(i.ID[:], s.Card.Driver)
	copy(i.Name[:], s.Card.Name)
	copy(i.Subname[:], "subdevice #0")
	return i
}

// stamp is a monotonic time on the clock that the program chose. Caller holds lock.
func (s *Substream) stamp(mono int64) int64 {
	if s.sw.tstampType == abi.SNDRV_PCM_TSTAMP_TYPE_GETTIMEOFDAY && mono != 0 {
		return mono + s.wallOffset
	}
	return mono
}

func (s *Substream) setStampType(t *sched.Thread, addr mm.UAddr) error {
	n, err := mm.CopyInStruct[uint32](t, addr)
	if err != nil {
		return err
	}
	if n > abi.SNDRV_PCM_TSTAMP_TYPE_LAST {
		return errno.EINVAL.Because("no such type of timestamps")
	}
	s.lock.Lock(t)
	s.sw.tstampType = n
	s.lock.Unlock(t)
	return nil
}

// copyStatus is SNDRV_PCM_IOCTL_STATUS.
func (s *Substream) copyStatus(t *sched.Thread, addr mm.UAddr) error {
	s.lock.Lock(t)
	s.feed(t)
	st := s.snapshot(t.Now())
	s.availMax = 0
	s.lock.Unlock(t)
	return mm.CopyOutStruct(t, addr, &st)
}

// snapshot describes the stream. Caller holds lock.
func (s *Substream) snapshot(now int64) abi.SndPCMStatus {
	st := abi.SndPCMStatus{State: s.State, TriggerTstamp: abi.ToTimespec(s.stamp(s.triggered)), Tstamp: abi.ToTimespec(s.stamp(now))}
	if s.State != abi.SNDRV_PCM_STATE_OPEN && s.boundary != 0 {
		st.ApplPtr, st.HWPtr = s.applPtr(), s.HWPtr
		st.Delay, st.Avail = s.delayed(), s.avail()
		st.AvailMax = max(s.availMax, st.Avail)
		st.AudioTstamp, st.DriverTstamp = s.audioTime(), abi.ToTimespec(s.stamp(s.lastUpdate))
	}
	return st
}

// syncPtr is SNDRV_PCM_IOCTL_SYNC_PTR: for programs that have not mapped status and control.
func (s *Substream) syncPtr(t *sched.Thread, addr mm.UAddr) error {
	x, err := mm.CopyInStruct[abi.SndPCMSyncPtr](t, addr)
	if err != nil {
		return err
	}
	if x.Flags&abi.SNDRV_PCM_SYNC_PTR_HWSYNC != 0 {
		if err := s.hwsync(t); err != nil {
			return err
		}
	}
	s.lock.Lock(t)
	if x.Flags&abi.SNDRV_PCM_SYNC_PTR_APPL == 0 {
		if x.Control.ApplPtr >= s.boundary && s.boundary != 0 {
			s.lock.Unlock(t)
			return errno.EINVAL.Because("appl_ptr is beyond the boundary")
		}
		s.setAppl(x.Control.ApplPtr)
		s.feed(t)
	}
	if x.Flags&abi.SNDRV_PCM_SYNC_PTR_AVAIL_MIN == 0 {
		s.control.availMin.Store(x.Control.AvailMin)
	}
	x.Control = abi.SndPCMMmapControl{ApplPtr: s.applPtr(), AvailMin: s.control.availMin.Load()}
	x.Status = abi.SndPCMMmapStatus{State: s.State, HWPtr: s.HWPtr, Tstamp: abi.ToTimespec(s.stamp(s.lastUpdate)), AudioTstamp: s.audioTime()}
	s.lock.Unlock(t)
	return mm.CopyOutStruct(t, addr, &x)
}

// hwsync looks whether the stream is all right: pointers move by interrupts, so there is nothing to fetch.
func (s *Substream) hwsync(t *sched.Thread) error {
	s.lock.Lock(t)
	s.feed(t)
	state := s.State
	s.lock.Unlock(t)
	switch state {
	case abi.SNDRV_PCM_STATE_PREPARED, abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_PAUSED:
		return nil
	case abi.SNDRV_PCM_STATE_DRAINING:
		if s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK {
			return nil
		}
	}
	return s.badState(t)
}

// delay is SNDRV_PCM_IOCTL_DELAY.
func (s *Substream) delay(t *sched.Thread, addr mm.UAddr) error {
	if err := s.hwsync(t); err != nil {
		return err
	}
	s.lock.Lock(t)
	n := s.delayed()
	s.lock.Unlock(t)
	return mm.CopyOut(t, addr, le64(uint64(n)))
}

// delayed is how many frames it is until a frame that is written now is heard, or since one that is read now was
// recorded. Caller holds lock.
func (s *Substream) delayed() int64 {
	if s.early {
		return s.filled() + int64(s.inFlight)
	}
	return s.filled()
}

// channelInfo is SNDRV_PCM_IOCTL_CHANNEL_INFO: where a channel's samples lie in the ring.
func (s *Substream) channelInfo(t *sched.Thread, addr mm.UAddr) error {
	if s.Params.FrameBytes == 0 {
		return errno.EBADFD.Because("the stream has no hardware parameters")
	}
	i, err := mm.CopyInStruct[abi.SndPCMChannelInfo](t, addr)
	if err != nil {
		return err
	}
	if i.Channel >= uint32(s.Params.Channels) {
		return errno.EINVAL.Because("no such channel")
	}
	bits := uint32(bitsOf(s.Params.Format))
	i.Offset, i.First, i.Step = 0, i.Channel*bits, uint32(8*s.Params.FrameBytes)
	if s.Params.Planar {
		i.First, i.Step = i.Channel*uint32(s.Params.BufferSize)*bits, bits
	}
	return mm.CopyOutStruct(t, addr, &i)
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func putInt(t *sched.Thread, addr mm.UAddr, v int) error {
	return mm.CopyOut(t, addr, binary.LittleEndian.AppendUint32(nil, uint32(v)))
}

func getInt(t *sched.Thread, addr mm.UAddr) (int, error) {
	v, err := mm.CopyInStruct[int32](t, addr)
	return int(v), err
}
