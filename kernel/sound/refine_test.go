package sound

import (
	"math"
	"math/rand/v2"
	"testing"

	"vitrine/kernel/abi"
)

// any is what snd_pcm_hw_params_any makes.
func anyParams() *abi.SndPCMHWParams {
	p := &abi.SndPCMHWParams{}
	for i := range p.Masks {
		for j := range p.Masks[i].Bits {
			p.Masks[i].Bits[j] = ^uint32(0)
		}
	}
	for i := range p.Intervals {
		p.Intervals[i].Max = math.MaxUint32
	}
	return p
}

func TestRefineAny(t *testing.T) {
	p := anyParams()
	sp := spaceOf(p)
	if !testCaps.refine(sp) {
		t.Fatal("nothing is left of everything")
	}
	sp.store(p)
	for i, want := range map[int][2]uint32{
		pSampleBits: {8, 32}, pFrameBits: {8, 64}, pChannels: {1, 2}, pRate: {8000, 96000}, pPeriods: {2, maxPeriods},
		pPeriodBytes: {minPeriodBytes, maxBufferBytes / 2}, pBufferBytes: {2 * minPeriodBytes, maxBufferBytes},
	} {
		if v := p.Intervals[i]; v.Min != want[0] || v.Max != want[1] {
			t.Errorf("interval %d: %+v, want %v", i, v, want)
		}
	}
	if p.CMask == 0 || p.Info != pcmInfo {
		t.Errorf("cmask %#x, info %#x", p.CMask, p.Info)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[int][2]uint32
		want Params
		fail bool
	}{
		{name: "aplay of a CD", set: map[int][2]uint32{pChannels: {2, 2}, pRate: {44100, 44100}, pBufferTime: {500000, 500000}, pPeriodTime: {125000, 125000}}, fail: true},
		{
			name: "48 kHz, 10 ms", set: map[int][2]uint32{pSampleBits: {16, 16}, pChannels: {2, 2}, pRate: {48000, 48000}, pPeriodTime: {10000, 10000}, pPeriods: {4, 4}},
			want: Params{Format: abi.SNDRV_PCM_FORMAT_S16_LE, Channels: 2, Rate: 48000, PeriodSize: 480, BufferSize: 1920, FrameBytes: 4},
		},
		{name: "a rate between two", set: map[int][2]uint32{pRate: {44101, 47999}}, fail: true},
		{name: "more than the buffer", set: map[int][2]uint32{pBufferBytes: {maxBufferBytes + 1, math.MaxUint32}}, fail: true},
		{name: "period as long as the buffer", set: map[int][2]uint32{pPeriodSize: {1000, 1000}, pBufferSize: {1000, 1000}}, fail: true},
		{name: "three channels", set: map[int][2]uint32{pChannels: {3, 3}}, fail: true},
		{name: "20 bits", set: map[int][2]uint32{pSampleBits: {20, 20}}, fail: true},
		{name: "all zero", set: map[int][2]uint32{pChannels: {0, 0}, pRate: {0, 0}}, fail: true},
		{name: "upside down", set: map[int][2]uint32{pRate: {48000, 8000}}, fail: true},
	} {
		p := anyParams()
		for i, v := range c.set {
			p.Intervals[i].Min, p.Intervals[i].Max = v[0], v[1]
		}
		sp := spaceOf(p)
		ok := testCaps.refine(sp)
		var got Params
		var err error
		if ok {
			got, err = testCaps.choose(sp)
		}
		if failed := !ok || err != nil; failed != c.fail || !failed && got != c.want {
			t.Errorf("%s: %v, %+v, %v", c.name, ok, got, err)
		}
	}
}

// TestRefineIsSound: whatever a program asks for, what refine leaves has all configurations that fit, and choose picks one that does.
func TestRefineIsSound(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		// A configuration of the hardware, and ranges around it.
		f := testCaps.Formats[rng.IntN(len(testCaps.Formats))]
		ch, rate := 1+rng.IntN(2), testCaps.Rates[rng.IntN(len(testCaps.Rates))]
		fb := bitsOf(f) * ch
		period := 64 + rng.IntN(4000)
		periods := 2 + rng.IntN(30)
		buffer := period * periods
		if buffer*fb/8 > maxBufferBytes {
			continue
		}
		vals := map[int]float64{
			pSampleBits: float64(bitsOf(f)), pFrameBits: float64(fb), pChannels: float64(ch), pRate: float64(rate), pPeriodSize: float64(period), pPeriods: float64(periods),
			pBufferSize: float64(buffer), pPeriodBytes: float64(period * fb / 8), pBufferBytes: float64(buffer * fb / 8),
			pPeriodTime: float64(period) * 1e6 / float64(rate), pBufferTime: float64(buffer) * 1e6 / float64(rate),
		}
		p := anyParams()
		for i, v := range vals {
			if rng.IntN(3) == 0 {
				p.Intervals[i].Min, p.Intervals[i].Max = uint32(math.Floor(v)), uint32(math.Ceil(v))+uint32(rng.IntN(5))
			}
		}
		sp := spaceOf(p)
		if !testCaps.refine(sp) {
			t.Fatalf("refused: %v of %+v", vals, p.Intervals)
		}
		for i, v := range vals {
			w := sp.ivals[i]
			if v < float64(w.min) || v > float64(w.max) || v == float64(w.min) && w.openMin || v == float64(w.max) && w.openMax {
				t.Fatalf("interval %d lost %v: %+v", i, v, w)
			}
		}
		if got, err := testCaps.choose(sp); err == nil && (got.BufferSize%got.PeriodSize != 0 || got.BufferSize*got.FrameBytes > maxBufferBytes || got.PeriodSize*got.FrameBytes < minPeriodBytes) {
			t.Fatalf("%+v", got)
		}
	}
}

// FuzzRefine: any bytes as parameters end, and choose keeps to the bounds.
func FuzzRefine(f *testing.F) {
	f.Add(uint64(1), uint32(0), uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, seed uint64, lo, hi uint32) {
		rng := rand.New(rand.NewPCG(seed, 0))
		p := anyParams()
		for i := range p.Intervals {
			switch rng.IntN(3) {
			case 0:
				p.Intervals[i] = abi.SndInterval{Min: lo, Max: hi, Flags: rng.Uint32() % 16}
			case 1:
				p.Intervals[i] = abi.SndInterval{Min: rng.Uint32(), Max: rng.Uint32(), Flags: rng.Uint32()}
			}
		}
		for i := range p.Masks {
			p.Masks[i].Bits[0] = rng.Uint32()
		}
		sp := spaceOf(p)
		if testCaps.refine(sp) {
			if got, err := testCaps.choose(sp); err == nil && (got.BufferSize > maxBufferBytes || got.PeriodSize < 1 || got.FrameBytes < 1) {
				t.Errorf("%+v", got)
			}
		}
		sp.store(p)
	})
}
