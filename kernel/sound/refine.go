package sound

import (
	"math"
	"math/bits"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
)

// Bounds of buffers.
const (
	maxBufferBytes = 1 << 20
	minPeriodBytes = 64
	maxPeriods     = 1024
)

// pcmInfo is what every substream can do. HWPtr moves by pieces: BATCH.
const pcmInfo = abi.SNDRV_PCM_INFO_MMAP | abi.SNDRV_PCM_INFO_MMAP_VALID | abi.SNDRV_PCM_INFO_INTERLEAVED | abi.SNDRV_PCM_INFO_NONINTERLEAVED |
	abi.SNDRV_PCM_INFO_BLOCK_TRANSFER | abi.SNDRV_PCM_INFO_PAUSE | abi.SNDRV_PCM_INFO_BATCH | abi.SNDRV_PCM_INFO_SYNC_START

// planarAccess is what non-interleaved streams have one of.
const planarAccess = 1<<abi.SNDRV_PCM_ACCESS_RW_NONINTERLEAVED | 1<<abi.SNDRV_PCM_ACCESS_MMAP_NONINTERLEAVED

// space is a set of configurations: what snd_pcm_hw_params describes.
type space struct {
	access, format, subformat uint64 // masks of the numbers below 64; there are no others
	ivals                     [12]interval
}

// Places in space.ivals.
const (
	pSampleBits = iota
	pFrameBits
	pChannels
	pRate
	pPeriodTime
	pPeriodSize
	pPeriodBytes
	pPeriods
	pBufferTime
	pBufferSize
	pBufferBytes
	pTickTime
	pOne // a constant: the interval [1, 1]
)

// rules say that dst is a·b·k ÷ c.
var rules = []struct {
	dst, a, b int
	k         uint64
	c         int
}{
	{pFrameBits, pSampleBits, pChannels, 1, pOne},
	{pSampleBits, pFrameBits, pOne, 1, pChannels},
	{pChannels, pFrameBits, pOne, 1, pSampleBits},
	{pFrameBits, pPeriodBytes, pOne, 8, pPeriodSize},
	{pFrameBits, pBufferBytes, pOne, 8, pBufferSize},
	{pRate, pPeriodSize, pOne, 1_000_000, pPeriodTime},
	{pRate, pBufferSize, pOne, 1_000_000, pBufferTime},
	{pPeriods, pBufferSize, pOne, 1, pPeriodSize},
	{pPeriodSize, pBufferSize, pOne, 1, pPeriods},
	{pPeriodSize, pPeriodBytes, pOne, 8, pFrameBits},
	{pBufferSize, pPeriodSize, pPeriods, 1, pOne},
	{pBufferSize, pBufferBytes, pOne, 8, pFrameBits},
	{pPeriodTime, pPeriodSize, pOne, 1_000_000, pRate},
	{pBufferTime, pBufferSize, pOne, 1_000_000, pRate},
}

// products are rules whose divisor is a constant.
var products = []struct {
	dst, a, b int
	c         uint32
}{
	{pPeriodSize, pPeriodTime, pRate, 1_000_000},
	{pBufferSize, pBufferTime, pRate, 1_000_000},
	{pPeriodBytes, pPeriodSize, pFrameBits, 8},
	{pBufferBytes, pBufferSize, pFrameBits, 8},
}

// bitsOf is a sample's width in the ring; validBits of them carry it.
func bitsOf(format int) int {
	switch format {
	case abi.SNDRV_PCM_FORMAT_S8, abi.SNDRV_PCM_FORMAT_U8:
		return 8
	case abi.SNDRV_PCM_FORMAT_S16_LE:
		return 16
	case abi.SNDRV_PCM_FORMAT_S24_3LE:
		return 24
	}
	return 32
}

// Space returns all configurations of the hardware.
func (c *Caps) space() *space {
	sp := &space{
		access:    1<<abi.SNDRV_PCM_ACCESS_RW_INTERLEAVED | 1<<abi.SNDRV_PCM_ACCESS_MMAP_INTERLEAVED | planarAccess,
		subformat: 1 << abi.SNDRV_PCM_SUBFORMAT_STD,
	}
	for _, f := range c.Formats {
		sp.format |= 1 << f
	}
	for i := range sp.ivals {
		sp.ivals[i] = interval{max: math.MaxUint32}
	}
	sp.ivals[pSampleBits] = whole(8, 64)
	sp.ivals[pFrameBits] = whole(8, 64*c.ChannelsMax)
	sp.ivals[pChannels] = whole(c.ChannelsMin, c.ChannelsMax)
	sp.ivals[pRate] = whole(c.Rates[0], c.Rates[len(c.Rates)-1])
	sp.ivals[pPeriodSize] = whole(1, maxBufferBytes/2)
	sp.ivals[pPeriodBytes] = whole(minPeriodBytes, maxBufferBytes/2)
	sp.ivals[pPeriods] = whole(2, maxPeriods)
	sp.ivals[pBufferSize] = whole(1, maxBufferBytes)
	sp.ivals[pBufferBytes] = whole(2*minPeriodBytes, maxBufferBytes)
	return sp
}

// refine narrows sp to the hardware's configurations, until no rule narrows it further. It reports false if
// none is left.
func (c *Caps) refine(sp *space) bool {
	all := c.space()
	sp.access, sp.format, sp.subformat = sp.access&all.access, sp.format&all.format, sp.subformat&all.subformat
	for i := range sp.ivals {
		sp.ivals[i].intersect(all.ivals[i])
	}
	for changed := true; changed; {
		if sp.access == 0 || sp.format == 0 || sp.subformat == 0 {
			return false
		}
		for i := range sp.ivals {
			if sp.ivals[i].empty {
				return false
			}
		}
		changed = c.apply(sp)
	}
	return true
}

// apply applies every rule once. It reports whether one narrowed sp.
func (c *Caps) apply(sp *space) (changed bool) {
	at := func(i int) interval {
		if i == pOne {
			return whole(1, 1)
		}
		return sp.ivals[i]
	}
	for _, r := range rules {
		changed = sp.ivals[r.dst].intersect(quotient(at(r.a), at(r.b), r.k, at(r.c))) || changed
	}
	for _, r := range products {
		changed = sp.ivals[r.dst].intersect(quotient(at(r.a), at(r.b), 1, whole(int(r.c), int(r.c)))) || changed
	}
	// Formats and their width.
	lo, hi := 0, 0
	for m := sp.format; m != 0; m &= m - 1 {
		f := bits.TrailingZeros64(m)
		n := bitsOf(f)
		if w := sp.ivals[pSampleBits]; uint32(n) < w.min || uint32(n) > w.max {
			sp.format &^= 1 << f
			changed = true
			continue
		}
		if lo == 0 || n < lo {
			lo = n
		}
		hi = max(hi, n)
	}
	if sp.format != 0 {
		changed = sp.ivals[pSampleBits].intersect(whole(lo, hi)) || changed
	}
	// Rates are a list.
	first, last := -1, -1
	for _, n := range c.Rates {
		if w := sp.ivals[pRate]; uint32(n) < w.min || uint32(n) > w.max || uint32(n) == w.min && w.openMin || uint32(n) == w.max && w.openMax {
			continue
		}
		if last = n; first < 0 {
			first = n
		}
	}
	if first < 0 {
		sp.ivals[pRate].empty = true
		return true
	}
	return sp.ivals[pRate].intersect(whole(first, last)) || changed
}

// choose picks one configuration of a refined space: the first of masks, the longest buffer, of the rest the least.
func (c *Caps) choose(sp *space) (Params, error) {
	low := func(m *uint64) bool {
		*m &= -*m
		return c.refine(sp)
	}
	ok := low(&sp.access) && low(&sp.format) && low(&sp.subformat)
	for _, i := range []int{pChannels, pRate, pPeriodTime} {
		ok = ok && c.pick(sp, i, false)
	}
	ok = ok && c.pick(sp, pBufferSize, true) && c.pick(sp, pPeriodSize, false)
	if !ok {
		return Params{}, errno.EINVAL.Because("no configuration of the hardware fits")
	}
	p := Params{
		Format: bits.TrailingZeros64(sp.format), Channels: sp.ivals[pChannels].value(), Rate: sp.ivals[pRate].value(),
		PeriodSize: sp.ivals[pPeriodSize].value(), BufferSize: sp.ivals[pBufferSize].value(),
	}
	p.access = bits.TrailingZeros64(sp.access)
	p.Planar = sp.access&planarAccess != 0
	p.FrameBytes = bitsOf(p.Format) / 8 * p.Channels
	if p.PeriodSize < 1 || p.BufferSize%p.PeriodSize != 0 || p.BufferSize*p.FrameBytes > maxBufferBytes {
		return Params{}, errno.EINVAL.Because("the periods do not fill the buffer")
	}
	return p, nil
}

// pick narrows a range to one of its ends. An end of the range may have no configuration: then the
// next number has a try, a bounded number of times.
func (c *Caps) pick(sp *space, i int, most bool) bool {
	for range 64 {
		v := sp.ivals[i]
		if v.single() {
			return true
		}
		try := *sp
		n := v.min
		if v.openMin {
			n++
		}
		if most {
			if n = v.max; v.openMax {
				n--
			}
		}
		if try.ivals[i].intersect(whole(int(n), int(n))); c.refine(&try) {
			*sp = try
			return true
		}
		if most {
			sp.ivals[i].max, sp.ivals[i].openMax = n, true
		} else {
			sp.ivals[i].min, sp.ivals[i].openMin = n, true
		}
		if !c.refine(sp) {
			return false
		}
	}
	return false
}

// spaceOf reads what a program allows.
func spaceOf(p *abi.SndPCMHWParams) *space {
	mask := func(m *abi.SndMask) uint64 { return uint64(m.Bits[0]) | uint64(m.Bits[1])<<32 }
	sp := &space{access: mask(&p.Masks[0]), format: mask(&p.Masks[1]), subformat: mask(&p.Masks[2])}
	for i := range sp.ivals {
		sp.ivals[i] = intervalOf(p.Intervals[i])
	}
	return sp
}

// store writes sp back and says what has changed.
func (sp *space) store(p *abi.SndPCMHWParams) {
	p.CMask = 0
	for i, m := range []uint64{sp.access, sp.format, sp.subformat} {
		n := abi.SndMask{Bits: [8]uint32{uint32(m), uint32(m >> 32)}}
		if n != p.Masks[i] {
			p.CMask |= 1 << i
		}
		p.Masks[i] = n
	}
	for i, v := range sp.ivals {
		n := v.abi()
		if n != p.Intervals[i] {
			p.CMask |= 1 << (abi.SNDRV_PCM_HW_PARAM_FIRST_INTERVAL + i)
		}
		p.Intervals[i] = n
	}
	p.Info, p.FifoSize = pcmInfo, 0
	if v := sp.ivals[pSampleBits]; v.single() {
		p.MSBits = uint32(v.value())
	}
	if v := sp.ivals[pRate]; v.single() {
		p.RateNum, p.RateDen = uint32(v.value()), 1
	}
	p.RMask = 0
}
