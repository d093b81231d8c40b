package sound

import (
	"bytes"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// TestMappedDSP: a program that has mapped /dev/dsp writes into the ring, which goes round from SETTRIGGER on.
func TestMappedDSP(t *testing.T) {
	withStream(t, abi.SNDRV_PCM_STREAM_PLAYBACK, func(th *sched.Thread, s *Substream, h *fakeHW) {
		s.mu.Unlock(th)
		defer s.mu.Lock(th)
		d := &dspFile{
			mu: ksync.NewMutex(classDSP), play: s,
			settings: settings{format: abi.SNDRV_PCM_FORMAT_S16_LE, channels: 1, rate: 8000, fragment: 256, frags: 16},
		}
		r := mm.MapRequest{Prot: mm.Read | mm.Write, Len: 4096}
		must(t, "mmap", d.Mmap(th, nil, &r))
		if r.Pager == nil || s.Params.BufferSize != 2048 {
			t.Fatalf("a ring of %d frames, %v", s.Params.BufferSize, r.Pager)
		}
		r.Len = 8192
		if d.Mmap(th, nil, &r) == nil {
			t.Error("more than the ring can be mapped")
		}
		ring := pattern(4096)
		copy(s.ring, ring)
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if len(h.played) != 0 {
			t.Error("it plays before the trigger")
		}
		d.mu.Lock(th)
		must(t, "trigger", d.setTrigger(th, abi.PCM_ENABLE_OUTPUT))
		d.mu.Unlock(th)
		ksync.Sleep(th, "test", th.Now()+ktime.Second)
		if n := len(h.played); n < 15000 || !bytes.Equal(h.played, bytes.Repeat(ring, 5)[:n]) || s.HWPtr < 8000 || s.Xruns != 0 {
			t.Errorf("%d bytes were played, or others; position %d, %d xruns", n, s.HWPtr, s.Xruns)
		}
	})
}
