package sound

import (
	"bytes"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// TestMixersAddBehindHWPtr does what dmix does: it writes into the ring right at hw_ptr while the stream runs freely, again and again, and
// all of that is played, once.
func TestMixersAddBehindHWPtr(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		sw := abi.SndPCMSWParams{AvailMin: 80, StartThreshold: 1, StopThreshold: s.boundary, SilenceSize: s.boundary}
		must(t, "sw_params", s.setSW(th, &sw))
		must(t, "start", s.start(th))
		var want []byte
		for i := range 100 {
			ksync.Sleep(th, "test", th.Now()+int64(3+i%9)*ktime.Millisecond)
			s.lock.Lock(th)
			at := s.HWPtr
			sound := bytes.Repeat([]byte{byte(i + 1)}, 2*40)
			copy(s.ring[int(at%320)*2:], sound)
			s.lock.Unlock(th)
			for len(want) < 2*int(at) {
				want = append(want, 0)
			}
			want = append(want[:2*int(at)], sound...)
		}
		played := s.HWPtr
		s.shares = true
		s.mu.Unlock(th)
		must(t, "join", s.join(th))
		s.close(th) // somebody else has it still
		s.mu.Lock(th)
		if s.State != abi.SNDRV_PCM_STATE_RUNNING {
			t.Errorf("state %d after one close of two", s.State)
		}
		s.finish(th)
		if s.State != abi.SNDRV_PCM_STATE_SETUP || uint64(len(h.played)) < 2*played {
			t.Errorf("state %d, %d bytes of %d at the end", s.State, len(h.played), 2*played)
		}
		for len(want) < len(h.played) {
			want = append(want, 0)
		}
		if !bytes.Equal(h.played, want[:len(h.played)]) {
			t.Error("something else was played")
		}
	})
}

// TestEarlyStreamsOfLongPeriods give the device little at a time all the same, and end soon.
func TestEarlyStreamsOfLongPeriods(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		long := small
		long.PeriodSize, long.BufferSize = 8000*30, 8000*60
		must(t, "hw_params", s.setParams(th, long))
		sw := abi.SndPCMSWParams{AvailMin: 80, StartThreshold: 1, StopThreshold: s.boundary, SilenceSize: s.boundary}
		must(t, "sw_params", s.setSW(th, &sw))
		must(t, "prepare", s.prepare(th))
		must(t, "start", s.start(th))
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		before := th.Now()
		s.finish(th)
		if d := th.Now() - before; d > 60*ktime.Millisecond || len(h.played) < 16000 {
			t.Errorf("the end takes %d ns; %d bytes were played", d, len(h.played))
		}
	})
}

func TestJoin(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		s.mu.Unlock(th)
		s.close(th)
		if err := s.join(th); errno.Of(err) != errno.EBADFD {
			t.Errorf("join of what nobody has: %v", err)
		}
		must(t, "open", s.open(th, true))
		if err := s.join(th); errno.Of(err) != errno.EBADFD {
			t.Errorf("join of what is not shared: %v", err)
		}
		s.mu.Lock(th)
	})
}

// planes splits frames of two channels of 16 bits.
func planes(frames []byte) (planes [2][]byte) {
	for i := 0; i < len(frames); i += 2 {
		planes[i/2%2] = append(planes[i/2%2], frames[i:i+2]...)
	}
	return planes
}

var planar = Params{Format: abi.SNDRV_PCM_FORMAT_S16_LE, Channels: 2, Rate: 8000, PeriodSize: 80, BufferSize: 320, FrameBytes: 4, Planar: true}

// mapped is a mover between the ring's planes and a program's.
func mapped(s *Substream, user [2][]byte, done *int) mover {
	return func(at, frames int) (int, error) {
		for c, part := range s.parts(at, frames) {
			p := user[c][*done:][:len(part)]
			if s.Stream == abi.SNDRV_PCM_STREAM_PLAYBACK {
				copy(part, p)
			} else {
				copy(p, part)
			}
		}
		*done += 2 * frames
		return frames, nil
	}
}

func TestPlanarPlayback(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		must(t, "hw_params", s.setParams(th, planar))
		must(t, "prepare", s.prepare(th))
		want := pattern(4 * 1000)
		done := 0
		n, err := s.transfer(th, 1000, false, "test", mapped(s, planes(want), &done))
		must(t, "transfer", err)
		must(t, "drain", s.drain(th, false))
		if n != 1000 || !bytes.Equal(h.played, want) || s.Xruns != 0 {
			t.Errorf("%d frames, %d bytes played, or others; %d xruns", n, len(h.played), s.Xruns)
		}
		if _, err := s.write(th, mm.KernelIO(nil), true); err != nil {
			t.Errorf("a write of nothing: %v", err)
		}
		if err := s.check(abi.SNDRV_PCM_STREAM_PLAYBACK, 4); errno.Of(err) != errno.EINVAL {
			t.Errorf("write(2) to a planar stream: %v", err)
		}
	})
}

func TestPlanarCapture(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_CAPTURE, func(th *sched.Thread, s *Substream, h *fakeHW) {
		must(t, "hw_params", s.setParams(th, planar))
		must(t, "prepare", s.prepare(th))
		frames := make([]byte, 4*1000)
		for i := range frames {
			frames[i] = byte(i)
		}
		want := planes(frames)
		got := [2][]byte{make([]byte, 2000), make([]byte, 2000)}
		done := 0
		must(t, "start", s.start(th))
		n, err := s.transfer(th, 1000, false, "test", mapped(s, got, &done))
		if n != 1000 || err != nil || !bytes.Equal(got[0], want[0]) || !bytes.Equal(got[1], want[1]) {
			t.Errorf("%d frames, %v, or others", n, err)
		}
	})
}
