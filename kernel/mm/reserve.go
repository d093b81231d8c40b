package mm

import (
	"math/bits"
	"sync/atomic"

	"vitrine/kernel/sched"
)

// blockPages is the size of the blocks for which frames are reserved.
const (
	blockPages = 64
	blockSize  = blockPages * PageSize
)

// reservation is a run of frames for consecutive pages of an address space, of
// which some are in use and the others wait, free for whoever is in need.
//
//	pages    va … va+n      ■■■□□■□□□□□□□□□□      ■ in use: counted by Page.refs
//	frames   frame … +n     ■■■□□■□□□□□□□□□□      □ waits: a bit in waiting
type reservation struct {
	va    uint64 // immutable
	frame PFN    // immutable
	n     uint64 // immutable; at most blockPages

	// waiting has bit i for page i that waits. Taken by the address space, or
	// under pressure by reclaim, whichever clears the bit.
	waiting atomic.Uint64

	block      *reservation // another one in the same block; guarded by AddressSpace.mu
	next, prev *reservation // Memory.res; guarded by Memory.mu
	gone       bool         // no longer there; guarded by Memory.mu
}

func (r *reservation) bit(va uint64) uint64 { return 1 << ((va - r.va) / PageSize) }

func (r *reservation) has(va uint64) bool {
	return va >= r.va && va < r.va+r.n*PageSize && r.waiting.Load()&r.bit(va) != 0
}

// claim takes the frame for va, if it still waits.
func (r *reservation) claim(va uint64) (PFN, bool) {
	b := r.bit(va)
	if r.waiting.And(^b)&b == 0 {
		return 0, false
	}
	return r.frame + PFN((va-r.va)/PageSize), true
}

// newReservation reserves frames for the pages [lo, hi), or fewer around va.
func (m *Memory) newReservation(t *sched.Thread, lo, hi, va uint64) (*reservation, error) {
	for {
		n := (hi - lo) / PageSize
		order := bits.Len64(n - 1)
		p := m.tryTake(t, order)
		if p == 0 && order == 0 {
			var err error
			if p, err = m.take(t, 0); err != nil {
				return nil, err
			}
		}
		if p != 0 {
			r := &reservation{va: lo, frame: p, n: n}
			r.waiting.Store(^uint64(0) >> (64 - n))
			m.mu.Lock(t)
			if rest := uint64(1)<<order - n; rest > 0 {
				m.freeRange(p+PFN(n), rest)
			}
			if r.next = m.res; r.next != nil {
				r.next.prev = r
			}
			m.res = r
			m.mu.Unlock(t)
			m.counts[countReserved].Add(int64(n))
			return r, nil
		}
		// Half of it, the half with va.
		size := uint64(1) << (order - 1) * PageSize
		if mid := lo + size; va < mid {
			hi = min(hi, mid)
		} else {
			lo = mid
		}
	}
}

// cancel frees the frames of r that wait for the pages in mask.
func (m *Memory) cancel(t *sched.Thread, r *reservation, mask uint64) {
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	m.cancelLocked(r, mask)
}

func (m *Memory) cancelLocked(r *reservation, mask uint64) (freed int) {
	got := r.waiting.And(^mask) & mask
	freed = bits.OnesCount64(got)
	m.counts[countReserved].Add(-int64(freed))
	for got != 0 {
		from := bits.TrailingZeros64(got)
		n := bits.TrailingZeros64(^(got >> from))
		m.freeRange(r.frame+PFN(from), uint64(n))
		if from+n == 64 {
			break
		}
		got &= ^uint64(0) << (from + n)
	}
	if r.waiting.Load() == 0 && !r.gone {
		r.gone = true
		if r.prev != nil {
			r.prev.next = r.next
		} else {
			m.res = r.next
		}
		if r.next != nil {
			r.next.prev = r.prev
		}
		r.next, r.prev = nil, nil
	}
	return freed
}

// breakUp frees reserved frames that wait, of the youngest reservations first, until there are want.
func (m *Memory) breakUp(t *sched.Thread, want int) (freed int) {
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	for r := m.res; r != nil && freed < want; {
		next := r.next
		freed += m.cancelLocked(r, ^uint64(0))
		r = next
	}
	m.stats.BrokenUp.Add(int64(freed))
	return freed
}

// claimFrame takes a frame for the private page at va, which lies in v, and reserves frames for
// its neighbours if none are. want is how many pages the caller is about to fill in this block. Caller holds as.mu for writing.
func (as *AddressSpace) claimFrame(t *sched.Thread, v *VMA, va uint64, want int) (PFN, *reservation, error) {
	m := as.mem
	key := va / blockSize
	for r := as.blocks[key]; r != nil; {
		next := r.block
		if r.waiting.Load() == 0 { // broken up
			as.forget(t, key, r)
		} else if r.has(va) {
			if p, ok := r.claim(va); ok {
				as.claimed(t, key, r)
				return p, r, nil
			}
		}
		r = next
	}
	lo, hi := as.reservable(v, va)
	if m.scarce() { // no more than will be used at once
		lo, hi = max(lo, va), min(hi, va+uint64(max(want, 1))*PageSize)
	}
	r, err := m.newReservation(t, lo, hi, va)
	if err != nil {
		return 0, nil, err
	}
	r.block = as.blocks[key]
	as.blocks[key] = r
	p, ok := r.claim(va)
	if !ok { // broken up by another CPU between here and there: hard times
		if p, err = m.take(t, 0); err != nil {
			return 0, nil, err
		}
		return p, nil, nil
	}
	as.claimed(t, key, r)
	return p, r, nil
}

// claimed counts a claim and forgets a reservation that is used up.
func (as *AddressSpace) claimed(t *sched.Thread, key uint64, r *reservation) {
	as.mem.counts[countReserved].Add(-1)
	if r.waiting.Load() == 0 {
		as.forget(t, key, r)
	}
}

func (as *AddressSpace) forget(t *sched.Thread, key uint64, r *reservation) {
	as.mem.cancel(t, r, ^uint64(0))
	head := as.blocks[key]
	if head == r {
		if r.block == nil {
			delete(as.blocks, key)
		} else {
			as.blocks[key] = r.block
		}
		return
	}
	for x := head; x != nil; x = x.block {
		if x.block == r {
			x.block = r.block
			return
		}
	}
}

// reservable is the part of va's block for which frames may be reserved: v, and where v can grow without asking, the
// free space beside it.
func (as *AddressSpace) reservable(v *VMA, va uint64) (lo, hi uint64) {
	block := va &^ (blockSize - 1)
	lo, hi = max(block, v.Start), min(block+blockSize, v.End)
	i := as.index(v.Start)
	if v.Flags&Heap != 0 && hi < block+blockSize {
		hi = block + blockSize
		if i+1 < len(as.vmas) {
			hi = min(hi, as.vmas[i+1].Start)
		}
	}
	if v.Flags&GrowsDown != 0 && lo > block {
		lo = block
		if i > 0 {
			lo = max(lo, as.vmas[i-1].End)
		}
	}
	return lo, hi
}

// unreserve frees the frames that wait for pages in [start, end).
func (as *AddressSpace) unreserve(t *sched.Thread, start, end uint64) {
	if len(as.blocks) == 0 {
		return
	}
	first, last := start/blockSize, (end-1)/blockSize
	if last-first >= uint64(len(as.blocks)) {
		// Cheaper by the map; the order in which frames are freed must not be the map's.
		for _, key := range sortedKeys(as.blocks) {
			if key >= first && key <= last {
				as.unreserveBlock(t, key, start, end)
			}
		}
		return
	}
	for key := first; key <= last; key++ {
		as.unreserveBlock(t, key, start, end)
	}
}

func (as *AddressSpace) unreserveBlock(t *sched.Thread, key, start, end uint64) {
	for r := as.blocks[key]; r != nil; {
		next := r.block
		lo, hi := max(start, r.va), min(end, r.va+r.n*PageSize)
		if lo < hi {
			n := (hi - lo) / PageSize
			mask := ^uint64(0) >> (64 - n) << ((lo - r.va) / PageSize)
			as.mem.cancel(t, r, mask)
			if r.waiting.Load() == 0 {
				as.forget(t, key, r)
			}
		}
		r = next
	}
}
