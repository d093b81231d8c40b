package vfs

import (
	"math/bits"

	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Sync implements mm.Pager: changed pages in [from, to) go to the backing.
func (pc *PageCache) Sync(t *sched.Thread, from, to uint64) error {
	if pc.backing == nil {
		return nil
	}
	for {
		index, pfn, n := pc.takeDirty(t, from, to)
		if n == 0 {
			return nil
		}
		// Whoever writes by a mapping from now on makes the page dirty again.
		pc.mu.Lock(t)
		maps := append([]mapping(nil), pc.maps...)
		pc.mu.Unlock(t)
		for _, m := range maps {
			if m.writable {
				m.v.WriteProtect(t, index, n)
			}
		}
		off := int64(index) << mm.PageShift
		size := min(int64(n)<<mm.PageShift, pc.inode.size.Load()-off)
		var err error
		if size > 0 {
			err = pc.backing.WritePages(t, pc.inode, off, pc.mem.Bytes(pfn, n)[:size])
		}
		for i := range mm.PFN(n) {
			pc.mem.DecRef(t, pfn+i)
		}
		if err != nil {
			for i := range n {
				pc.Dirty(t, index+i)
			}
			return err
		}
		from = index + n
	}
}

// takeDirty finds the next run of changed pages with consecutive frames, marks it clean and takes references on it.
func (pc *PageCache) takeDirty(t *sched.Thread, from, to uint64) (index uint64, pfn mm.PFN, n uint64) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	k, _ := pc.index(from)
	for _, c := range pc.chunks[k:] {
		if c.first >= to {
			break
		}
		set := c.dirty
		if from > c.first {
			set &= ^uint64(0) << (from - c.first)
		}
		if set == 0 {
			continue
		}
		b := uint64(bits.TrailingZeros64(set))
		if c.first+b >= to {
			break
		}
		pfn = c.frames[b]
		for b+n < chunkPages && set&(1<<(b+n)) != 0 && c.first+b+n < to && c.frames[b+n] == pfn+mm.PFN(n) {
			pc.mem.IncRef(c.frames[b+n])
			c.dirty &^= 1 << (b + n)
			n++
		}
		return c.first + b, pfn, n
	}
	return 0, 0, 0
}

// shrinkPages is the memory shrinker: reserved frames and clean pages that nobody uses go. It goes round all caches
// like the hand of a clock; a page that was used since the last round stays.
func (v *VFS) shrinkPages(t *sched.Thread, want int) int {
	freed := 0
	for round := 0; round < 2 && freed < want; round++ {
		v.dcache.Lock(t)
		var batch []*PageCache
		pc := v.cacheHand
		for range 256 {
			if pc == nil {
				if pc = v.caches; pc == nil || len(batch) > 0 && pc == batch[0] {
					break
				}
			}
			batch = append(batch, pc)
			pc = pc.next
		}
		v.cacheHand = pc
		v.dcache.Unlock(t)
		for _, pc := range batch {
			if freed >= want {
				break
			}
			if t.Holds(&pc.mu) { // the cache that asks for frames may be the one that has them all
				freed += pc.shrink(t, want-freed)
			} else if pc.mu.TryLock(t) {
				freed += pc.shrink(t, want-freed)
				pc.mu.Unlock(t)
			}
		}
	}
	return freed
}

// shrink frees up to want frames. Caller holds mu.
func (pc *PageCache) shrink(t *sched.Thread, want int) int {
	freed := 0
	for _, c := range pc.chunks {
		freed += pc.unreserve(t, c)
		if pc.backing == nil {
			continue
		}
		for set := c.present() &^ (c.dirty | c.busy); set != 0 && freed < want; set &= set - 1 {
			b := bits.TrailingZeros64(set)
			p := c.frames[b]
			if c.used&(1<<b) != 0 {
				c.used &^= 1 << b
				continue
			}
			if pc.mem.Refs(p) > 1 || pc.mem.Mapped(p) {
				continue
			}
			c.frames[b] = 0
			pc.npages.Add(-1)
			pc.mem.DecRef(t, p)
			freed++
		}
		if freed >= want {
			break
		}
	}
	return freed
}

// DropClean frees all clean pages that nobody uses (/proc/sys/vm/drop_caches).
func (v *VFS) DropClean(t *sched.Thread) int {
	n := 0
	for {
		freed := v.shrinkPages(t, 1<<30)
		n += freed
		if freed == 0 {
			return n
		}
	}
}
