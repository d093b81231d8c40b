package vfs

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Adopt makes n frames, of which the caller has a reference each, the file's pages at its end, which must be at a
// page's boundary. The references are the cache's from then on. For files that live in memory alone.
func (pc *PageCache) Adopt(t *sched.Thread, p mm.PFN, n uint64) error {
	pc.inode.Lock(t)
	defer pc.inode.Unlock(t)
	size := pc.inode.Size()
	if pc.backing != nil || size&(mm.PageSize-1) != 0 {
		return errno.EINVAL
	}
	if pc.quota != nil && !pc.quota.Charge(int64(n)) {
		return errno.ENOSPC.Because("the filesystem is full")
	}
	pc.mu.Lock(t)
	first := uint64(size) >> mm.PageShift
	for i := range n {
		c := pc.makeChunk(t, first+i)
		b := first + i - c.first
		if c.reserved&(1<<b) != 0 {
			pc.unreserve(t, c)
		}
		c.frames[b] = p + mm.PFN(i)
		c.dirty |= 1 << b
	}
	pc.npages.Add(int64(n))
	pc.mu.Unlock(t)
	pc.inode.SetSize(size + int64(n)<<mm.PageShift)
	pc.inode.Changed()
	return nil
}
