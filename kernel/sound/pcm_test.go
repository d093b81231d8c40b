package sound

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func ready(t *testing.T, th *sched.Thread, s *Substream) {
	t.Helper()
	must(t, "hw_params", s.setParams(th, small))
	must(t, "prepare", s.prepare(th))
}

// TestPlaying writes more than the buffer holds, by odd amounts, and drains: all comes out, once, in its time.
func TestPlaying(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		s.sw.start = 320
		want := pattern(2 * 8000)
		start := th.Now()
		for rest := want; len(rest) > 0; {
			n := min(2*(1+len(rest)%123), len(rest))
			got, err := s.write(th, mm.KernelIO(rest[:n]), false)
			if err != nil || got != n/2 {
				t.Fatalf("write of %d frames: %d, %v", n/2, got, err)
			}
			rest = rest[n:]
		}
		must(t, "drain", s.drain(th, false))
		if s.State != abi.SNDRV_PCM_STATE_SETUP || !bytes.Equal(h.played, want) || s.Xruns != 0 {
			t.Errorf("state %d, %d bytes of %d played, or others; %d xruns", s.State, len(h.played), len(want), s.Xruns)
		}
		if d := th.Now() - start; d < ktime.Second || d > ktime.Second+ktime.Millisecond {
			t.Errorf("a second of sound took %d ns", d)
		}
	})
}

func TestUnderrun(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		if _, err := s.write(th, mm.KernelIO(pattern(200)), false); err != nil {
			t.Error(err)
		}
		if s.State != abi.SNDRV_PCM_STATE_RUNNING {
			t.Errorf("state %d after a write with start_threshold 1", s.State)
		}
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if s.State != abi.SNDRV_PCM_STATE_XRUN || len(h.played) != 200 || s.Xruns != 1 {
			t.Errorf("state %d, %d bytes", s.State, len(h.played))
		}
		if _, err := s.write(th, mm.KernelIO(pattern(200)), false); errno.Of(err) != errno.EPIPE {
			t.Errorf("write after an xrun: %v", err)
		}
		if ev := s.events(th); ev&abi.POLLERR == 0 {
			t.Errorf("poll: %#x", ev)
		}
		if err := s.start(th); errno.Of(err) != errno.EPIPE {
			t.Errorf("start after an xrun: %v", err)
		}
		must(t, "prepare", s.prepare(th))
		if err := s.start(th); errno.Of(err) != errno.EPIPE {
			t.Errorf("start with nothing to play: %v", err)
		}
	})
}

// TestFreeRunning: with a stop_threshold of the boundary the device runs on over silence, as dmix wants.
func TestFreeRunning(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		sw := abi.SndPCMSWParams{AvailMin: 80, StartThreshold: 1, StopThreshold: s.boundary, SilenceSize: s.boundary}
		must(t, "sw_params", s.setSW(th, &sw))
		s.write(th, mm.KernelIO(pattern(200)), false)
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		want := append(pattern(200), make([]byte, 16000-200)...)
		if s.State != abi.SNDRV_PCM_STATE_RUNNING || len(h.played) < 15000 || !bytes.Equal(h.played, want[:len(h.played)]) {
			t.Errorf("state %d, %d bytes", s.State, len(h.played))
		}
		must(t, "drop", s.drop(th))
	})
}

func TestPause(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		if err := s.pause(th, true); errno.Of(err) != errno.EBADFD {
			t.Errorf("pause of a stream that does not run: %v", err)
		}
		want := pattern(640)
		s.write(th, mm.KernelIO(want), false)
		for range 10 {
			ksync.Sleep(th, "test", th.Now()+3*ktime.Millisecond)
			must(t, "pause", s.pause(th, true))
			n := len(h.played)
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			if len(h.played) != n || s.State != abi.SNDRV_PCM_STATE_PAUSED {
				t.Error("a stream that is paused plays")
			}
			must(t, "resume", s.pause(th, false))
		}
		must(t, "pause", s.pause(th, true))
		must(t, "drain", s.drain(th, false))
		if !bytes.Equal(h.played, want) {
			t.Errorf("%d bytes", len(h.played))
		}
	})
}

func TestRewindAndForward(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		s.sw.start = 1000
		s.write(th, mm.KernelIO(pattern(640)), false)
		if n, err := s.rewind(th, 20); n != 20 || err != nil {
			t.Errorf("rewind: %d, %v", n, err)
		}
		if n, err := s.forward(th, 1000); n != 20 || err != nil {
			t.Errorf("forward: %d, %v", n, err)
		}
		must(t, "start", s.start(th))
		// The device has two periods now: they are out of reach.
		if n, err := s.rewind(th, 1000); n != 160 || err != nil {
			t.Errorf("rewind while it plays: %d, %v", n, err)
		}
		other := bytes.Repeat([]byte{0x55}, 320)
		s.write(th, mm.KernelIO(other), false)
		must(t, "drain", s.drain(th, false))
		if want := append(pattern(320), other...); !bytes.Equal(h.played, want) {
			t.Errorf("%d bytes, or others", len(h.played))
		}
		if _, err := s.rewind(th, 1); errno.Of(err) != errno.EBADFD {
			t.Errorf("rewind of a stopped stream: %v", err)
		}
	})
}

func TestRecording(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_CAPTURE, func(th *sched.Thread, s *Substream, h *fakeHW) {
		ready(t, th, s)
		want := make([]byte, 4000)
		for i := range want {
			want[i] = byte(i)
		}
		got := make([]byte, len(want))
		for at := 0; at < len(got); {
			n, err := s.read(th, mm.KernelIO(got[at:min(at+246, len(got))]), false)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			at += 2 * n
		}
		if !bytes.Equal(got, want) {
			t.Error("other samples")
		}
		if n, err := s.read(th, mm.KernelIO(make([]byte, 640)), true); n == 0 && errno.Of(err) != errno.EAGAIN {
			t.Errorf("nonblocking read: %d, %v", n, err)
		}
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if _, err := s.read(th, mm.KernelIO(got), false); errno.Of(err) != errno.EPIPE || s.State != abi.SNDRV_PCM_STATE_XRUN {
			t.Errorf("a second without reading: %v, state %d", err, s.State)
		}
		must(t, "prepare", s.prepare(th))
		must(t, "start", s.start(th))
		ksync.Sleep(th, "test", th.Now()+15*ktime.Millisecond)
		must(t, "drain", s.drain(th, false)) // what is there can be read
		n, err := s.read(th, mm.KernelIO(got), false)
		if n != 80 || err != nil || s.State != abi.SNDRV_PCM_STATE_SETUP {
			t.Errorf("read after drain: %d frames, %v, state %d", n, err, s.State)
		}
	})
}

// TestHostileControlPage: a program writes anything into the page that it has mapped.
func TestHostileControlPage(t *testing.T) {
	for _, stream := range []int{abi.SNDRV_PCM_STREAM_PLAYBACK, abi.SNDRV_PCM_STREAM_CAPTURE} {
		withStream(t, stream, func(th *sched.Thread, s *Substream, h *fakeHW) {
			rng := rand.New(rand.NewPCG(1, uint64(stream)))
			for range 2000 {
				ready(t, th, s)
				s.control.applPtr.Store(min(uint64(rng.IntN(400)), s.boundary-1))
				s.start(th)
				for range 4 {
					v := []uint64{rng.Uint64(), rng.Uint64() % s.boundary, s.boundary, s.boundary - 1, 0, ^uint64(0), s.HWPtr, s.fed + 1, s.HWPtr + 320, s.HWPtr + 321}[rng.IntN(10)]
					s.control.applPtr.Store(v)
					s.control.availMin.Store(rng.Uint64())
					switch rng.IntN(6) {
					case 0:
						s.events(th)
					case 1:
						s.hwsync(th)
					case 2:
						s.rewind(th, rng.Uint64()%1000)
					case 3:
						s.forward(th, rng.Uint64()%1000)
					case 4:
						s.transfer(th, rng.IntN(500), true, "test", func(_, frames int) (int, error) { return frames, nil })
					}
					ksync.Sleep(th, "test", th.Now()+int64(rng.IntN(12))*ktime.Millisecond)
					if s.pieces < 0 || s.inFlight < 0 || s.inFlight > s.Params.BufferSize {
						t.Fatalf("%d pieces, %d frames", s.pieces, s.inFlight)
					}
				}
				s.drop(th)
				if s.pieces != 0 || s.inFlight != 0 {
					t.Fatalf("dropped, but %d pieces, %d frames", s.pieces, s.inFlight)
				}
			}
		})
	}
}

// TestStates: what each state allows.
func TestStates(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		for name, f := range map[string]func() error{
			"prepare": func() error { return s.prepare(th) }, "start": func() error { return s.start(th) }, "drop": func() error { return s.drop(th) },
			"drain": func() error { return s.drain(th, false) }, "pause": func() error { return s.pause(th, true) }, "hwsync": func() error { return s.hwsync(th) },
			"write":  func() error { _, err := s.write(th, mm.KernelIO(make([]byte, 10)), true); return err },
			"rewind": func() error { _, err := s.rewind(th, 1); return err }, "xrun": func() error { return s.forceXrun(th) },
			"sw_params": func() error { return s.setSW(th, &abi.SndPCMSWParams{AvailMin: 1}) },
		} {
			if err := f(); errno.Of(err) != errno.EBADFD {
				t.Errorf("%s without parameters: %v", name, err)
			}
		}
		ready(t, th, s)
		s.write(th, mm.KernelIO(pattern(640)), false)
		for name, err := range map[string]error{"hw_params": s.setParams(th, small), "hw_free": s.hwFree(th), "start": s.start(th)} {
			if errno.Of(err) != errno.EBADFD {
				t.Errorf("%s while it plays: %v", name, err)
			}
		}
		if err := s.prepare(th); errno.Of(err) != errno.EBUSY {
			t.Errorf("prepare while it plays: %v", err)
		}
		must(t, "xrun", s.forceXrun(th))
		if s.State != abi.SNDRV_PCM_STATE_XRUN {
			t.Errorf("state %d", s.State)
		}
		for name, sw := range map[string]abi.SndPCMSWParams{
			"avail_min 0": {}, "timestamps": {AvailMin: 1, TstampMode: 7}, "silence": {AvailMin: 1, SilenceSize: 10},
			"silence of the boundary": {AvailMin: 1, SilenceSize: s.boundary, SilenceThreshold: 1}, "stamp type": {AvailMin: 1, Proto: 2<<16 | 12, TstampType: 9},
		} {
			if err := s.setSW(th, &sw); errno.Of(err) != errno.EINVAL {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.Lost(th)
		if err := s.prepare(th); errno.Of(err) != errno.ENODEV {
			t.Errorf("prepare without a device: %v", err)
		}
		s.State = abi.SNDRV_PCM_STATE_SETUP
	})
}

func TestSecondOpenIsBusy(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		s.mu.Unlock(th)
		if err := s.open(th, true); errno.Of(err) != errno.EBUSY {
			t.Errorf("%v", err)
		}
		s.mu.Lock(th)
	})
}
