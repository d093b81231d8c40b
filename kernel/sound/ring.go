package sound

import (
	"math"
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// How much the device has at a time: at least pieces, and at least as much as it plays in the time. What it has
// cannot be rewound; what it lacks when an interrupt is late is an underrun.
const (
	aheadPieces  = 2
	aheadPlay    = 20 * ktime.Millisecond
	aheadCapture = 200 * ktime.Millisecond
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
	for i := range len(s.ring) / mm.PageSize {
		s.Card.mem.DecRef(t, mm.PFN(s.ringAddr/mm.PageSize)+mm.PFN(i))
	}
	s.ring, s.ringAddr = nil, 0
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
	if s.sw.stop >= s.boundary {
		return s.Params.BufferSize // it runs freely, whatever the program does
	}
	n := s.filled()
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE {
		n = int64(s.Params.BufferSize) - n
	}
	return int(min(max(n, 0), int64(s.Params.BufferSize)))
}

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
		room := s.forDevice() - s.inFlight
		if room <= 0 {
			return
		}
		n := p.PeriodSize - int(s.fed%uint64(p.PeriodSize))
		if room < n {
			if n = room; s.pieces >= aheadPieces && !draining {
				return
			}
		}
		off := int(s.fed % uint64(p.BufferSize))
		if !s.HW.Transfer(t, off*p.FrameBytes, n*p.FrameBytes) {
			return // the next Elapsed tries again
		}
		s.fed = s.add(s.fed, n)
		s.pieces++
		s.inFlight += n
	}
}

// Elapsed says that the device has played or filled a piece of n bytes. It is called in an interrupt window.
func (s *Substream) Elapsed(t *sched.Thread, n int) {
	s.lock.Lock(t)
	frames := n / max(s.Params.FrameBytes, 1)
	s.pieces--
	s.inFlight -= frames
	switch s.State {
	case abi.SNDRV_PCM_STATE_RUNNING, abi.SNDRV_PCM_STATE_DRAINING, abi.SNDRV_PCM_STATE_PAUSED:
		s.Elapses++
		s.silence(s.HWPtr, frames)
		s.HWPtr = s.add(s.HWPtr, frames)
		s.update(t)
		s.feed(t)
	}
	s.lock.Unlock(t)
	s.wait.WakeAll()
}

// silence clears what was played, if the program wants silence wherever it has not written. Caller holds lock.
func (s *Substream) silence(from uint64, frames int) {
	if s.Stream == abi.SNDRV_PCM_STREAM_CAPTURE || s.sw.silenceSize < s.boundary {
		return
	}
	p := &s.Params
	at := int(from%uint64(p.BufferSize)) * p.FrameBytes // a piece does not wrap
	b := s.ring[at : at+frames*p.FrameBytes]
	clear(b)
	if p.Format == abi.SNDRV_PCM_FORMAT_U8 {
		for i := range b {
			b[i] = 0x80
		}
	}
}

// update draws the consequences of new pointers: an xrun, the end of a drain; and shows them. Caller holds lock.
func (s *Substream) update(t *sched.Thread) {
	avail := s.avail()
	s.availMax = max(s.availMax, avail)
	s.lastUpdate = t.Now()
	switch {
	case s.State == abi.SNDRV_PCM_STATE_DRAINING && s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK:
		if avail >= uint64(s.Params.BufferSize) {
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
