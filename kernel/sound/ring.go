package sound

import (
	"math"
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// newPages allocates the pages that programs may map.
func (s *Substream) newPages(t *sched.Thread) error {
	mem := s.Card.mem
	pfn, err := mem.AllocRun(t, 2, true)
	if err != nil {
		return err
	}
	b := mem.Bytes(pfn, 2)
	s.pages = pfn
	s.status = (*abi.SndPCMMmapStatus)(unsafe.Pointer(&b[0]))
	s.control = (*control)(unsafe.Pointer(&b[mm.PageSize]))
	return nil
}

// newRing replaces the ring by one that holds n bytes. Caller holds mu; the device has no pieces of the old one.
func (s *Substream) newRing(t *sched.Thread, n int) error {
	mem := s.Card.mem
	if pages := (n + mm.PageSize - 1) / mm.PageSize; len(s.ring) != pages*mm.PageSize {
		s.freeRing(t)
		pfn, err := mem.AllocRun(t, uint64(pages), true)
		if err != nil {
			return err
		}
		s.ring, s.ringAddr = mem.Bytes(pfn, uint64(pages)), uint64(pfn)*mm.PageSize
	}
	clear(s.ring)
	return nil
}

// freeRing gives the ring back; programs that have mapped it keep the frames.
func (s *Substream) freeRing(t *sched.Thread) {
	s.freeRun(t, s.ringAddr, len(s.ring))
	s.freeRun(t, s.shadowAddr, len(s.shadow))
	s.ring, s.ringAddr, s.shadow, s.shadowAddr = nil, 0, nil, 0
}

func (s *Substream) freeRun(t *sched.Thread, addr uint64, n int) {
	for i := range n / mm.PageSize {
		s.Card.mem.DecRef(t, mm.PFN(addr/mm.PageSize)+mm.PFN(i))
	}
}

// boundaryOf is where pointers wrap: the greatest multiple of the buffer by a power of two that is a safe long.
func boundaryOf(bufferSize int) uint64 {
	b := uint64(bufferSize)
	for b*2 <= math.MaxInt64-uint64(bufferSize) {
		b *= 2
	}
	return b
}

// applPtr reads the program's pointer. One that is no position at all does not count. Caller holds lock.
func (s *Substream) applPtr() uint64 {
	if p := s.control.applPtr.Load(); p < s.boundary {
		s.Appl = p
	}
	return s.Appl
}

// setAppl moves the program's pointer. Caller holds lock.
func (s *Substream) setAppl(p uint64) {
	s.Appl = p
	s.control.applPtr.Store(p)
}

// distance is how far it is from one position to another.
func (s *Substream) distance(from, to uint64) uint64 {
	if to >= from {
		return to - from
	}
	return to + s.boundary - from
}

func (s *Substream) add(p uint64, n int) uint64 { return (p + uint64(n)) % s.boundary }

// avail is how many frames a program may write or read. More than the buffer says that the
// device has overtaken the program. Caller holds lock.
func (s *Substream) avail() uint64 {
	if s.boundary == 0 {
		return 0
	}
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		return s.distance(s.applPtr(), s.HWPtr)
	}
	return s.distance(s.applPtr(), s.add(s.HWPtr, s.Params.BufferSize))
}

// filled is how many frames wait for the device (playback) or for the program (capture). Caller holds lock.
func (s *Substream) filled() int64 {
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		return int64(s.avail())
	}
	return int64(s.Params.BufferSize) - int64(s.avail())
}

// forDevice is how many frames from HWPtr on the device may play or fill. Caller holds lock.
func (s *Substream) forDevice() int {
	if s.sw.stop >= s.boundary && s.State != abi.SNDRV_PCM_STATE_DRAINING {
		return s.Params.BufferSize // it runs freely, whatever the program does
	}
	n := s.filled()
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		n = int64(s.Params.BufferSize) - n
	}
	return int(min(max(n, 0), int64(s.Params.BufferSize)))
}

// update draws the consequences of new pointers: an xrun, the end of a drain; and shows them. Caller holds lock.
func (s *Substream) update(t *sched.Thread) {
	avail := s.avail()
	s.availMax = max(s.availMax, avail)
	s.lastUpdate = t.Now()
	switch {
	case s.State == abi.SNDRV_PCM_STATE_DRAINING && s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK:
		if avail >= uint64(s.Params.BufferSize) && (!s.early || s.inFlight == 0) {
			s.halt(t, abi.SNDRV_PCM_STATE_SETUP)
		}
	case s.State == abi.SNDRV_PCM_STATE_RUNNING && avail >= s.sw.stop:
		s.Xruns++
		s.halt(t, abi.SNDRV_PCM_STATE_XRUN)
	}
	s.show()
}

// halt stops the device and goes to another state. Caller holds lock.
func (s *Substream) halt(t *sched.Thread, state int32) {
	s.HW.Post(t, false)
	s.State = state
	s.triggered = t.Now()
	event := abi.SNDRV_TIMER_EVENT_STOP
	if state == abi.SNDRV_PCM_STATE_PAUSED {
		event = abi.SNDRV_TIMER_EVENT_PAUSE
	}
	s.tell(t, event)
}

// tell tells the timer's readers what happened to the stream. Caller holds lock.
func (s *Substream) tell(t *sched.Thread, event int) {
	for _, q := range s.timers {
		q.event(t, event+abi.SNDRV_TIMER_EVENT_MASTER, uint32(s.periodTime()))
	}
}

// show copies state and pointer to the page that programs see. Caller holds lock.
func (s *Substream) show() {
	s.status.State = s.State
	s.status.HWPtr = s.HWPtr
	if s.sw.tstampMode == abi.SNDRV_PCM_TSTAMP_ENABLE {
		s.status.Tstamp = abi.ToTimespec(s.stamp(s.lastUpdate))
		s.status.AudioTstamp = s.audioTime()
	}
}

// audioTime is how much the device has played or recorded, as time. Caller holds lock.
func (s *Substream) audioTime() abi.Timespec {
	if s.Params.Rate == 0 {
		return abi.Timespec{}
	}
	rate := uint64(s.Params.Rate)
	return abi.Timespec{Sec: int64(s.HWPtr / rate), Nsec: int64(s.HWPtr % rate * uint64(ktime.Second) / rate)}
}

// Lost says that the device is gone.
func (s *Substream) Lost(t *sched.Thread) {
	s.lock.Lock(t)
	s.State = abi.SNDRV_PCM_STATE_DISCONNECTED
	s.show()
	s.lock.Unlock(t)
	s.wait.WakeAll()
	s.opens.WakeAll()
}
