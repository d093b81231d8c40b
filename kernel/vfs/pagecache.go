package vfs

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// PageCache holds the pages of a file. It implements mm.Pager.
type PageCache struct{}

// Backing is where a page cache's pages come from and go to; nil for files that live in memory alone.
type Backing interface {
	// ReadPages fills buf, a whole number of pages, with the file's content from page index on. Bytes beyond the
	// file's end are zero. Fewer pages may be filled: it returns how many.
	ReadPages(t *sched.Thread, inode *Inode, index uint64, buf []byte) (int, error)
	// WritePages stores the bytes at off.
	WritePages(t *sched.Thread, inode *Inode, off int64, data []byte) error
}

type readAhead struct{ next uint64 }

var _ mm.Pager = (*PageCache)(nil)

func (pc *PageCache) Page(t *sched.Thread, index uint64, write bool) (mm.PFN, error) { panic("todo") }
func (pc *PageCache) Run(t *sched.Thread, index, lo, hi uint64) (first uint64, pfn mm.PFN, n uint64) {
	panic("todo")
}
func (pc *PageCache) Attach(t *sched.Thread, v *mm.VMA)           {}
func (pc *PageCache) Detach(t *sched.Thread, v *mm.VMA)           {}
func (pc *PageCache) Dirty(t *sched.Thread, index uint64)         {}
func (pc *PageCache) Sync(t *sched.Thread, from, to uint64) error { return nil }
func (pc *PageCache) Truncate(t *sched.Thread, size int64)        {}
func (pc *PageCache) Release(t *sched.Thread)                     {}
func (pc *PageCache) Blocks() int64                               { return 0 }

// Read copies from the cache to dst, up to the file's end.
func (pc *PageCache) Read(t *sched.Thread, dst *mm.IO, off int64) (int, error) { panic("todo") }

// Write copies from src into the cache. Caller holds inode.mu; it sets the size afterwards.
func (pc *PageCache) Write(t *sched.Thread, src *mm.IO, off int64) (int, error) { panic("todo") }

// NewPageCache returns an empty cache for inode.
func NewPageCache(mem *mm.Memory, inode *Inode, backing Backing) *PageCache { panic("todo") }
