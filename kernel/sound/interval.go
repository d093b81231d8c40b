package sound

import (
	"math"

	"vitrine/kernel/abi"
)

// interval is struct snd_interval: a range of numbers, with or without its ends.
type interval struct {
	min, max         uint32
	openMin, openMax bool
	integer          bool
	empty            bool
}

func intervalOf(a abi.SndInterval) interval {
	return interval{
		min: a.Min, max: a.Max, openMin: a.Flags&abi.SNDRV_INTERVAL_OPENMIN != 0, openMax: a.Flags&abi.SNDRV_INTERVAL_OPENMAX != 0,
		integer: a.Flags&abi.SNDRV_INTERVAL_INTEGER != 0, empty: a.Flags&abi.SNDRV_INTERVAL_EMPTY != 0,
	}
}

func (i interval) abi() abi.SndInterval {
	a := abi.SndInterval{Min: i.min, Max: i.max}
	for bit, set := range map[uint32]bool{
		abi.SNDRV_INTERVAL_OPENMIN: i.openMin, abi.SNDRV_INTERVAL_OPENMAX: i.openMax,
		abi.SNDRV_INTERVAL_INTEGER: i.integer, abi.SNDRV_INTERVAL_EMPTY: i.empty,
	} {
		if set {
			a.Flags |= bit
		}
	}
	return a
}

func whole(lo, hi int) interval { return interval{min: uint32(lo), max: uint32(hi), integer: true} }

// intersect narrows i to what it shares with v. It reports whether that changed it.
func (i *interval) intersect(v interval) bool {
	old := *i
	if i.min < v.min || i.min == v.min && v.openMin {
		i.min, i.openMin = v.min, v.openMin
	}
	if i.max > v.max || i.max == v.max && v.openMax {
		i.max, i.openMax = v.max, v.openMax
	}
	i.integer = i.integer || v.integer
	if i.integer {
		if i.openMin && i.min < math.MaxUint32 {
			i.min, i.openMin = i.min+1, false
		}
		if i.openMax && i.max > 0 {
			i.max, i.openMax = i.max-1, false
		}
	} else if i.min == i.max && !i.openMin && !i.openMax {
		i.integer = true
	}
	if v.empty || i.min > i.max || i.min == i.max && (i.openMin || i.openMax) {
		i.empty = true
	}
	return *i != old
}

// single reports whether i holds one number.
func (i interval) single() bool {
	return !i.empty && (i.min == i.max || i.min+1 == i.max && (i.openMin || i.openMax))
}

// value is the number of a single i.
func (i interval) value() int {
	if i.openMin && !i.openMax {
		return int(i.max)
	}
	return int(i.min)
}

// quotient is the range of a·b·k ÷ c. A bound that does not divide is rounded outwards and open.
func quotient(a, b interval, k uint64, c interval) interval {
	q := interval{openMin: a.openMin || b.openMin || c.openMax, openMax: a.openMax || b.openMax || c.openMin}
	if a.empty || b.empty || c.empty {
		return interval{empty: true}
	}
	lo, rem := divide(a.min, b.min, k, c.max, 0)
	q.min, q.openMin = lo, q.openMin || rem
	hi, rem := divide(a.max, b.max, k, c.min, math.MaxUint32)
	q.max, q.openMax = hi, q.openMax || rem
	if rem {
		if hi == math.MaxUint32 {
			q.openMax = false
		} else {
			q.max++
		}
	}
	if c.min == 0 {
		q.max, q.openMax = math.MaxUint32, false
	}
	return q
}

// divide returns ⌊a·b·k/c⌋, at most MaxUint32, and whether there is a remainder.
func divide(a, b uint32, k uint64, c, byZero uint32) (uint32, bool) {
	if c == 0 {
		return byZero, false
	}
	// a·b fits into 64 bits; with k it may not, and is more than any bound then.
	ab := uint64(a) * uint64(b)
	if ab != 0 && k > math.MaxUint64/ab {
		return math.MaxUint32, false
	}
	n := ab * k
	if n/uint64(c) > math.MaxUint32 {
		return math.MaxUint32, false
	}
	return uint32(n / uint64(c)), n%uint64(c) != 0
}
