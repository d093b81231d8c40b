package vfs

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// zeroTail clears what lies beyond the end in the file's last page: a mapping may have written there.
func (pc *PageCache) zeroTail(t *sched.Thread, size int64) {
	in := size & (mm.PageSize - 1)
	if in == 0 {
		return
	}
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	index := uint64(size) >> mm.PageShift
	if c := pc.chunk(index); c != nil {
		if p := c.frames[index-c.first]; p != 0 {
			clear(pc.mem.Bytes(p, 1)[in:])
		}
	}
}

// Truncate frees the pages beyond size, which is the inode's size already. Caller holds no lock of
// RankAddrSpace or above.
func (pc *PageCache) Truncate(t *sched.Thread, size int64) {
	pc.zeroTail(t, size)
	pc.drop(t, pagesOf(size), ^uint64(0)>>mm.PageShift)
}

// Punch makes a hole of the bytes [off, end). Caller holds inode.mu.
func (pc *PageCache) Punch(t *sched.Thread, off, end int64) error {
	lo, hi := pagesOf(off), uint64(end)>>mm.PageShift
	if lo > hi { // inside one page
		return pc.zero(t, off, end)
	}
	if err := pc.zero(t, off, int64(lo)<<mm.PageShift); err != nil {
		return err
	}
	if err := pc.zero(t, int64(hi)<<mm.PageShift, end); err != nil {
		return err
	}
	pc.drop(t, lo, hi)
	return nil
}

// zero clears bytes within one page, if it is there.
func (pc *PageCache) zero(t *sched.Thread, off, end int64) error {
	if off >= end {
		return nil
	}
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	index := uint64(off) >> mm.PageShift
	if c := pc.chunk(index); c != nil {
		if p := c.frames[index-c.first]; p != 0 {
			clear(pc.mem.Bytes(p, 1)[off&(mm.PageSize-1) : (end-1)&(mm.PageSize-1)+1])
			c.dirty |= 1 << (index - c.first)
		}
	}
	return nil
}

// drop frees the pages [lo, hi), also where they are mapped.
func (pc *PageCache) drop(t *sched.Thread, lo, hi uint64) {
	if lo >= hi {
		return
	}
	pc.mu.Lock(t)
	maps := append([]mapping(nil), pc.maps...)
	gone := pc.takeOut(t, lo, hi)
	pc.mu.Unlock(t)
	for _, m := range maps {
		m.v.Zap(t, lo, hi-lo)
	}
	for _, p := range gone {
		pc.mem.DecRef(t, p)
	}
}

// takeOut removes the pages [lo, hi) from the chunks and returns their frames. Busy pages stay: whoever fills
// them looks at the size afterwards. Caller holds mu.
func (pc *PageCache) takeOut(t *sched.Thread, lo, hi uint64) []mm.PFN {
	var gone []mm.PFN
	k, _ := pc.index(lo)
	keep := pc.chunks[:k] // in place: it is never longer than what has been looked at
	for _, c := range pc.chunks[k:] {
		if c.first >= hi {
			keep = append(keep, c)
			continue
		}
		from, to := max(lo, c.first)-c.first, min(hi-c.first, chunkPages)
		mask := (^uint64(0) >> (64 - (to - from))) << from
		for i := from; i < to; i++ {
			if c.frames[i] != 0 {
				gone = append(gone, c.frames[i])
				c.frames[i] = 0
			}
		}
		c.dirty &^= mask
		if c.reserved&mask != 0 {
			pc.unreserve(t, c)
		}
		if c.busy != 0 || c.present() != 0 {
			keep = append(keep, c)
		} else {
			pc.unreserve(t, c)
		}
	}
	clear(pc.chunks[len(keep):])
	pc.chunks = keep
	pc.npages.Add(-int64(len(gone)))
	if pc.quota != nil {
		pc.quota.Uncharge(int64(len(gone)))
	}
	return gone
}

// Release frees everything: the inode has gone.
func (pc *PageCache) Release(t *sched.Thread) {
	pc.drop(t, 0, ^uint64(0)>>mm.PageShift)
	pc.unlist(t)
}

// Trim gives back the frames that are kept for the growth of the file: nobody writes to it any more.
func (pc *PageCache) Trim(t *sched.Thread) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	if pc.backing == nil && len(pc.chunks) > 0 {
		pc.unreserve(t, pc.chunks[len(pc.chunks)-1])
	}
}
