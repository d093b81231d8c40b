package mm

import (
	"math/bits"
	"sync/atomic"

	"vitrine/kernel/sched"
)

// Frames are handed out to address spaces from reservations, so that neighbours in user space
// are neighbours in RAM.
const (
	// chunkPages is the most that one fault fills, and what is reserved for small areas.
	chunkPages = 64
	chunkSize  = chunkPages * PageSize
	// blockPages is what is reserved for areas as large, while frames are plenty: the
	// host's mapping is made once for all of them. Reservations are found by block.
	blockPages = 512
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

	// waiting has a bit for each page that waits, left their number. A frame is taken by the address
	// space, or under pressure by reclaim, whichever clears the bit.
	waiting [blockPages / 64]atomic.Uint64
	left    atomic.Int64

	block      *reservation // another one in the same block; guarded by AddressSpace.mu
	next, prev *reservation // Memory.res; guarded by Memory.mu
	gone       bool         // no longer there; guarded by Memory.mu
}

// contains reports whether va lies in r.
func (r *reservation) contains(va uint64) bool { return va >= r.va && va < r.va+r.n*PageSize }

// claim takes the frame for va, which r contains, if it still waits.
func (r *reservation) claim(va uint64) (PFN, bool) {
	i := (va - r.va) / PageSize
	b := uint64(1) << (i % 64)
	if r.waiting[i/64].And(^b)&b == 0 {
		return 0, false
	}
	r.left.Add(-1)
	return r.frame + PFN(i), true
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
			for i := uint64(0); i < n; i += 64 {
				r.waiting[i/64].Store(^uint64(0) >> (64 - min(n-i, 64)))
			}
			r.left.Store(int64(n))
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

// cancel frees the frames of r that wait for its pages [from, to).
func (m *Memory) cancel(t *sched.Thread, r *reservation, from, to uint64) {
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	m.cancelLocked(r, from, to)
}

func (m *Memory) cancelLocked(r *reservation, from, to uint64) (freed int) {
	for i := from; i < to; {
		word, bit := i/64, i%64
		n := min(64-bit, to-i)
		mask := ^uint64(0) >> (64 - n) << bit
		got := r.waiting[word].And(^mask) & mask
		freed += bits.OnesCount64(got)
		for got != 0 {
			lo := bits.TrailingZeros64(got)
			k := bits.TrailingZeros64(^(got >> lo)) // shifted-in zeros end the run at the word's end
			m.freeRange(r.frame+PFN(word*64)+PFN(lo), uint64(k))
			if lo+k == 64 {
				break
			}
			got &= ^uint64(0) << (lo + k)
		}
		i += n
	}
	m.counts[countReserved].Add(-int64(freed))
	if r.left.Add(-int64(freed)) == 0 && !r.gone {
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
		freed += m.cancelLocked(r, 0, r.n)
		r = next
	}
	m.stats.BrokenUp.Add(int64(freed))
	return freed
}

// claimFrame takes a frame for the private page at va, which lies in v, and reserves frames for
// its neighbours if none are. want is how many pages the caller is about to fill from va on. The frame has no
// reference yet: see own. Caller holds as.mu for writing.
func (as *AddressSpace) claimFrame(t *sched.Thread, v *VMA, va uint64, want int) (PFN, error) {
	m := as.mem
	key := va / blockSize
	for r := as.blocks[key]; r != nil; {
		next := r.block
		if r.left.Load() == 0 { // used up or broken up
			as.forget(t, key, r)
		} else if r.contains(va) {
			if p, ok := r.claim(va); ok {
				m.counts[countReserved].Add(-1)
				return p, nil
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
		return 0, err
	}
	r.block = as.blocks[key]
	as.blocks[key] = r
	p, ok := r.claim(va)
	if !ok { // broken up by another CPU between here and there: hard times
		return m.take(t, 0)
	}
	m.counts[countReserved].Add(-1)
	return p, nil
}

// forget frees what waits in r and takes it out of the address space.
func (as *AddressSpace) forget(t *sched.Thread, key uint64, r *reservation) {
	as.mem.cancel(t, r, 0, r.n)
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

// reservable is the range around va for which frames may be reserved: va's block or chunk, as far as it belongs
// to v, or to the free space beside it into which v grows.
func (as *AddressSpace) reservable(v *VMA, va uint64) (lo, hi uint64) {
	size := uint64(chunkSize)
	if v.Size() >= blockSize && as.mem.plenty() {
		size = blockSize
	}
	start := va &^ (size - 1)
	end := start + size
	lo, hi = max(start, v.Start), min(end, v.End)
	if v.Flags&(Heap|GrowsDown) == 0 {
		return lo, hi
	}
	i := as.index(v.Start)
	if v.Flags&Heap != 0 && hi < end {
		hi = end
		if i+1 < len(as.vmas) {
			hi = min(hi, as.vmas[i+1].Start)
		}
	}
	if v.Flags&GrowsDown != 0 && lo > start {
		lo = start
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
			as.mem.cancel(t, r, (lo-r.va)/PageSize, (hi-r.va)/PageSize)
		}
		if r.left.Load() == 0 {
			as.forget(t, key, r)
		}
		r = next
	}
}
