package vfs

import (
	"math/bits"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Windows of read-ahead, in pages: the first, and the most.
const (
	aheadMin = 16
	aheadMax = chunkPages
)

// fill reads a page, with its neighbours in a window around it, from the backing. Caller holds mu, which is given
// back during the transfer.
func (pc *PageCache) fill(t *sched.Thread, c *chunk, index uint64) error {
	b := index - c.first
	// The window: aligned, bigger where what lies before is here already (somebody reads in order).
	size := uint64(aheadMin)
	if b >= aheadMin && c.frames[b-1] != 0 || b == 0 && pc.hasPage(index) {
		size = aheadMax
	}
	lo := b &^ (size - 1)
	hi := min(lo+size, chunkPages, pc.eof()-c.first)
	for lo < b && (c.frames[lo] != 0 || c.busy&(1<<lo) != 0) {
		lo++
	}
	free := func(i uint64) bool { return c.frames[i] == 0 && c.busy&(1<<i) == 0 }
	for i := lo; i < b; i++ {
		if !free(i) {
			lo = i + 1
		}
	}
	for i := b; i < hi; i++ {
		if !free(i) {
			hi = i
		}
	}
	var frames [chunkPages]mm.PFN
	// All of the chunk up to the file's end is reserved at once, so that later windows continue this one.
	if c.reserved == 0 {
		pc.reserveAll(t, c)
	}
	for i := lo; i < hi; i++ {
		p, err := pc.claim(t, c, c.first+i, hi-i)
		if err != nil {
			if i > b {
				hi = i // fewer will do
				break
			}
			for k := lo; k < i; k++ {
				pc.mem.DecRef(t, frames[k])
			}
			return err
		}
		frames[i] = p
	}
	mask := (^uint64(0) >> (64 - (hi - lo))) << lo
	c.busy |= mask
	pc.mu.Unlock(t)
	var err error
	for i := lo; i < hi && err == nil; {
		n := uint64(1)
		for i+n < hi && frames[i+n] == frames[i]+mm.PFN(n) {
			n++
		}
		err = pc.backing.ReadPages(t, pc.inode, c.first+i, pc.mem.Bytes(frames[i], n))
		i += n
	}
	pc.mu.Lock(t)
	c.busy &^= mask
	for i := lo; i < hi; i++ {
		// The file may have become shorter meanwhile.
		if err != nil || c.first+i >= pc.eof() {
			pc.mem.DecRef(t, frames[i])
			continue
		}
		c.frames[i] = frames[i]
		c.used |= 1 << i
		pc.npages.Add(1)
	}
	pc.queue.WakeAll()
	return err
}

func (pc *PageCache) hasPage(index uint64) bool {
	if index == 0 {
		return false
	}
	c := pc.chunk(index - 1)
	return c != nil && c.frames[(index-1)-c.first] != 0
}

// reserveAll reserves frames for all of an empty chunk up to the file's end.
func (pc *PageCache) reserveAll(t *sched.Thread, c *chunk) {
	n := min(chunkPages, pc.eof()-c.first)
	if c.present() != 0 || c.busy != 0 || n < 2 {
		return
	}
	if p, err := pc.mem.AllocRun(t, n, true); err == nil {
		c.base = p
		c.reserved = ^uint64(0) >> (64 - n)
	}
}

// Read copies from the cache to dst, up to the file's end. Holes are read as zeros and stay holes.
func (pc *PageCache) Read(t *sched.Thread, dst *mm.IO, off int64) (int, error) {
	done := 0
	for dst.Len() > 0 {
		size := pc.inode.size.Load()
		if off >= size {
			break
		}
		want := min(int64(dst.Len()), size-off)
		n, err := pc.readRun(t, dst, off, want)
		done += n
		off += int64(n)
		if err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
		if int64(n) < want {
			t.CondResched()
		}
	}
	return done, nil
}

// readRun copies from one run of consecutive frames, or from one hole.
func (pc *PageCache) readRun(t *sched.Thread, dst *mm.IO, off, want int64) (int, error) {
	index := uint64(off) >> mm.PageShift
	in := off & (mm.PageSize - 1)
	last := uint64(off+want-1) >> mm.PageShift
	pc.mu.Lock(t)
	c := pc.chunk(index)
	if pc.backing == nil && (c == nil || c.frames[index-c.first] == 0) {
		pc.mu.Unlock(t)
		return dst.Zero(t, int(min(want, mm.PageSize-in)))
	}
	pfn, err := pc.get(t, index, 1)
	if err != nil {
		pc.mu.Unlock(t)
		if err == mm.ErrBus {
			return 0, nil // truncated meanwhile: the caller looks at the size again
		}
		return 0, err
	}
	c = pc.chunk(index)
	pc.mem.IncRef(pfn)
	n := uint64(1)
	for b := index - c.first; b+n < chunkPages && index+n <= last && c.frames[b+n] == pfn+mm.PFN(n) && c.busy&(1<<(b+n)) == 0; n++ {
		pc.mem.IncRef(pfn + mm.PFN(n))
	}
	pc.mu.Unlock(t)
	want = min(want, int64(n)*mm.PageSize-in)
	done, err := dst.CopyOut(t, pc.mem.Bytes(pfn, n)[in:in+want])
	for i := range mm.PFN(n) {
		pc.mem.DecRef(t, pfn+i)
	}
	return done, err
}

// Write copies at most size bytes from src into the cache and makes the file longer if need be. Caller holds inode.mu.
func (pc *PageCache) Write(t *sched.Thread, src *mm.IO, off, size int64) (int, error) {
	pc.inode.mu.AssertHeld(t)
	if old := pc.inode.size.Load(); off > old {
		pc.zeroTail(t, old)
	}
	done := 0
	size = min(size, int64(src.Len()))
	for size > 0 {
		n, err := pc.writeRun(t, src, off, size)
		done += n
		size -= int64(n)
		off += int64(n)
		if n > 0 && off > pc.inode.size.Load() {
			pc.inode.size.Store(off)
		}
		if err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
	}
	return done, nil
}

// writeRun copies into one run of consecutive frames.
func (pc *PageCache) writeRun(t *sched.Thread, src *mm.IO, off, want int64) (int, error) {
	index := uint64(off) >> mm.PageShift
	in := off & (mm.PageSize - 1)
	pages := (uint64(in+want) + mm.PageSize - 1) >> mm.PageShift
	pc.mu.Lock(t)
	pfn, err := pc.getForWrite(t, index, in, want, pages)
	if err != nil {
		pc.mu.Unlock(t)
		return 0, err
	}
	c := pc.chunk(index)
	pc.mem.IncRef(pfn)
	c.dirty |= 1 << (index - c.first)
	n := uint64(1)
	for b := index - c.first; b+n < chunkPages && n < pages; n++ {
		if c.busy&(1<<(b+n)) != 0 {
			break
		}
		if c.frames[b+n] == 0 && (pc.backing != nil || c.reserved&(1<<(b+n)) == 0 || c.base+mm.PFN(b) != pfn) {
			break
		}
		if c.frames[b+n] == 0 {
			if _, err := pc.add(t, c, index+n, 1); err != nil {
				break
			}
		}
		if c.frames[b+n] != pfn+mm.PFN(n) {
			break
		}
		pc.mem.IncRef(pfn + mm.PFN(n))
		c.dirty |= 1 << (b + n)
	}
	pc.mu.Unlock(t)
	want = min(want, int64(n)*mm.PageSize-in)
	done, err := src.CopyIn(t, pc.mem.Bytes(pfn, n)[in:in+want])
	for i := range mm.PFN(n) {
		pc.mem.DecRef(t, pfn+i)
	}
	return done, err
}

// getForWrite is get for a page of which want bytes from in on are about to be written. Where the backing has
// nothing to add, the page isn't read. Small files get no more pages than they need, bigger ones whole chunks.
func (pc *PageCache) getForWrite(t *sched.Thread, index uint64, in, want int64, pages uint64) (mm.PFN, error) {
	if pc.backing != nil {
		c := pc.makeChunk(t, index)
		b := index - c.first
		old := pc.inode.size.Load()
		start := int64(index) << mm.PageShift
		whole := start >= old || in == 0 && (want >= mm.PageSize || start+want >= old)
		if whole && c.frames[b] == 0 && c.busy&(1<<b) == 0 {
			p, err := pc.claim(t, c, index, 1)
			if err != nil {
				return 0, err
			}
			c.frames[b] = p
			pc.npages.Add(1)
			return p, nil
		}
		return pc.get(t, index, 1)
	}
	if index >= 4 && pages < chunkPages {
		pages = max(pages, min(index, chunkPages)) // it grows: a file of n pages will soon have 2n
	}
	return pc.get(t, index, pages)
}

// Allocate gives all pages that overlap [off, end) their frames. It works on files without backing.
func (pc *PageCache) Allocate(t *sched.Thread, off, end int64) error {
	hi := pagesOf(end)
	for i := uint64(off) >> mm.PageShift; i < hi; i++ {
		pc.mu.Lock(t)
		_, err := pc.get(t, i, hi-i)
		pc.mu.Unlock(t)
		if err != nil {
			return err
		}
		if t.SigPending.Load() && i%1024 == 0 {
			return errno.EINTR
		}
	}
	return nil
}

// SeekData is lseek(2) with SEEK_DATA or SEEK_HOLE.
func (pc *PageCache) SeekData(t *sched.Thread, off int64, hole bool) (int64, error) {
	size := pc.inode.Size()
	if off < 0 || off >= size {
		return 0, errno.ENXIO
	}
	return pc.seekData(t, off, size, hole)
}

// seekData returns the first offset from off on that has data, or that has none.
func (pc *PageCache) seekData(t *sched.Thread, off, size int64, hole bool) (int64, error) {
	if pc.backing != nil { // what isn't here may be data
		if hole {
			return size, nil
		}
		return off, nil
	}
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	i := uint64(off) >> mm.PageShift
	for at := off; at < size; at = int64(i) << mm.PageShift {
		c := pc.chunk(i)
		present := uint64(0)
		if c != nil {
			present = c.present() >> (i - c.first)
		}
		if present&1 != 0 != hole {
			return at, nil
		}
		// To where the state changes.
		n := uint64(bits.TrailingZeros64(present))
		if hole {
			n = uint64(bits.TrailingZeros64(^present))
		} else if c == nil {
			if k, _ := pc.index(i); k < len(pc.chunks) {
				i = pc.chunks[k].first
				continue
			}
			break
		}
		i = min(i+max(n, 1), (i|(chunkPages-1))+1)
	}
	if hole {
		return size, nil
	}
	return 0, errno.ENXIO
}
