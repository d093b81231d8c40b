package vfs

import (
	"math/bits"
	"sort"
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// chunkPages is the size of the pieces in which a cache keeps its pages; a piece has consecutive frames where
// it can, so that mapping it costs one host mapping.
const chunkPages = 64

// PageCache holds the pages of a file. It implements mm.Pager.
//
//	chunks   0            64           192 …        sorted; holes have none
//	frames   ■■■■□□□□…    ■■■■■■■■     □□■■…        ■ a frame, □ none
//	reserved ....▒▒▒▒                               frames kept for neighbours, so that runs stay whole
//
// A page that a Backing is just filling is busy; others wait for it on queue.
type PageCache struct {
	inode   *Inode     // immutable
	mem     *mm.Memory // immutable
	backing Backing    // immutable; nil: the file lives in memory alone
	quota   Quota      // immutable; nil-able

	mu     ksync.Mutex
	chunks []*chunk  // guarded by mu; sorted by first
	maps   []mapping // guarded by mu: areas that map the file
	queue  ksync.WaitQueue
	npages atomic.Int64 // changes under mu

	next, prev *PageCache // guarded by VFS.dcache: all caches, for the shrinker
	listed     bool       // guarded by VFS.dcache
}

// chunk is chunkPages pages. Guarded by PageCache.mu.
type chunk struct {
	first    uint64
	frames   [chunkPages]mm.PFN // 0: none
	dirty    uint64
	busy     uint64
	used     uint64 // read or written since the shrinker last came by
	base     mm.PFN // frame of page 0 of the reservation, as if it began there
	reserved uint64 // pages whose frame base+i is kept for them
}

type mapping struct {
	v        *mm.VMA
	writable bool // shared, and may become writable
}

// Backing is where a page cache's pages come from and go to.
type Backing interface {
	// ReadPages fills buf, a whole number of pages, with the file's content from page index on. Bytes beyond the
	// file's end are zero.
	ReadPages(t *sched.Thread, inode *Inode, index uint64, buf []byte) error
	// WritePages stores the bytes at off.
	WritePages(t *sched.Thread, inode *Inode, off int64, data []byte) error
}

// Quota bounds the pages of a filesystem in memory.
type Quota interface {
	Charge(pages int64) bool // false: no space
	Uncharge(pages int64)
}

var (
	_ mm.Pager     = (*PageCache)(nil)
	_ mm.Untracked = (*PageCache)(nil)

	classPages = ksync.Class{Name: "pagecache", Rank: ksync.RankPageCache}
)

// NewPageCache makes an empty cache for inode. A nil backing means that the pages are all there is of the file.
func NewPageCache(mem *mm.Memory, inode *Inode, backing Backing, quota Quota) *PageCache {
	return &PageCache{inode: inode, mem: mem, backing: backing, quota: quota, mu: ksync.NewMutex(&classPages)}
}

// list makes the cache known to the shrinker, at its first page.
func (pc *PageCache) list(t *sched.Thread) {
	v := pc.inode.SB.VFS
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	if pc.listed {
		return
	}
	pc.listed = true
	if pc.next = v.caches; pc.next != nil {
		pc.next.prev = pc
	}
	v.caches = pc
}

func (pc *PageCache) unlist(t *sched.Thread) {
	v := pc.inode.SB.VFS
	v.dcache.Lock(t)
	defer v.dcache.Unlock(t)
	if !pc.listed {
		return
	}
	pc.listed = false
	if v.cacheHand == pc {
		v.cacheHand = pc.next
	}
	if pc.prev != nil {
		pc.prev.next = pc.next
	} else {
		v.caches = pc.next
	}
	if pc.next != nil {
		pc.next.prev = pc.prev
	}
	pc.next, pc.prev = nil, nil
}

// Blocks returns the space that the pages take, in units of 512 bytes.
func (pc *PageCache) Blocks() int64 { return pc.npages.Load() * (mm.PageSize / 512) }

// NumPages returns the number of pages in memory.
func (pc *PageCache) NumPages() int64 { return pc.npages.Load() }

// eof returns the number of pages that the file has.
func (pc *PageCache) eof() uint64 { return pagesOf(pc.inode.size.Load()) }

func pagesOf(size int64) uint64 { return (uint64(size) + mm.PageSize - 1) >> mm.PageShift }

// index returns where the chunk with page i is or would be. Caller holds mu.
func (pc *PageCache) index(i uint64) (int, bool) {
	first := i &^ (chunkPages - 1)
	if n := len(pc.chunks); n == 0 || pc.chunks[n-1].first < first {
		return n, false
	} else if pc.chunks[n-1].first == first {
		return n - 1, true
	}
	k := sort.Search(len(pc.chunks), func(k int) bool { return pc.chunks[k].first >= first })
	return k, pc.chunks[k].first == first
}

// chunk returns the chunk with page i; nil if there is none.
func (pc *PageCache) chunk(i uint64) *chunk {
	if k, ok := pc.index(i); ok {
		return pc.chunks[k]
	}
	return nil
}

// makeChunk is chunk that makes one.
func (pc *PageCache) makeChunk(t *sched.Thread, i uint64) *chunk {
	k, ok := pc.index(i)
	if ok {
		return pc.chunks[k]
	}
	if len(pc.chunks) == 0 {
		pc.list(t)
	}
	c := &chunk{first: i &^ (chunkPages - 1)}
	pc.chunks = append(pc.chunks, nil)
	copy(pc.chunks[k+1:], pc.chunks[k:])
	pc.chunks[k] = c
	return c
}

// claim returns a frame for page i of c, zero. Want is how many pages from i on will be needed soon: neighbours get
// neighbouring frames. Caller holds mu.
func (pc *PageCache) claim(t *sched.Thread, c *chunk, i, want uint64) (mm.PFN, error) {
	b := i - c.first
	if c.reserved == 0 && want > 1 {
		n := min(want, chunkPages-b)
		if k := uint64(bits.TrailingZeros64(c.present() >> b)); k < n {
			n = k
		}
		for ; n > 1; n /= 2 {
			if p, err := pc.mem.AllocRun(t, n, true); err == nil {
				c.base = p - mm.PFN(b)
				c.reserved = (1<<n - 1) << b
				break
			}
		}
	}
	if c.reserved&(1<<b) != 0 {
		c.reserved &^= 1 << b
		return c.base + mm.PFN(b), nil
	}
	return pc.mem.Alloc(t, 0, true)
}

// present is the set of pages that have a frame.
func (c *chunk) present() uint64 {
	var set uint64
	for i, p := range c.frames {
		if p != 0 {
			set |= 1 << i
		}
	}
	return set
}

// unreserve gives back the frames that are kept for neighbours. Caller holds mu.
func (pc *PageCache) unreserve(t *sched.Thread, c *chunk) (n int) {
	for set := c.reserved; set != 0; set &= set - 1 {
		pc.mem.DecRef(t, c.base+mm.PFN(bits.TrailingZeros64(set)))
		n++
	}
	c.reserved = 0
	return n
}

// Page implements mm.Pager.
func (pc *PageCache) Page(t *sched.Thread, index uint64, write bool) (mm.PFN, error) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	if index >= pc.eof() {
		return 0, mm.ErrBus
	}
	p, err := pc.get(t, index, 1)
	if err != nil {
		if errno.Of(err) == errno.ENOSPC || errno.Of(err) == errno.EIO {
			return 0, mm.ErrBus
		}
		return 0, err
	}
	pc.mem.IncRef(p)
	return p, nil
}

// get returns the frame of a page, filling or making it. Want is how many pages from it on the caller is about to ask
// for. Caller holds mu, which may be given back in between.
func (pc *PageCache) get(t *sched.Thread, index, want uint64) (mm.PFN, error) {
	for {
		c := pc.makeChunk(t, index)
		b := index - c.first
		switch {
		case c.busy&(1<<b) != 0:
			err := pc.queue.WaitLocked(t, "page", &pc.mu, func() bool { return c.busy&(1<<b) == 0 })
			if err != nil {
				return 0, err
			}
			if index >= pc.eof() {
				return 0, mm.ErrBus
			}
		case c.frames[b] != 0:
			c.used |= 1 << b
			return c.frames[b], nil
		case pc.backing != nil:
			if err := pc.fill(t, c, index); err != nil {
				return 0, err
			}
			if index >= pc.eof() {
				return 0, mm.ErrBus
			}
		default:
			return pc.add(t, c, index, want)
		}
	}
}

// add gives a page of a file without backing its frame.
func (pc *PageCache) add(t *sched.Thread, c *chunk, index, want uint64) (mm.PFN, error) {
	if pc.quota != nil && !pc.quota.Charge(1) {
		return 0, errno.ENOSPC.Because("the filesystem is full")
	}
	p, err := pc.claim(t, c, index, want)
	if err != nil {
		if pc.quota != nil {
			pc.quota.Uncharge(1)
		}
		return 0, err
	}
	c.frames[index-c.first] = p
	pc.npages.Add(1)
	return p, nil
}

// Run implements mm.Pager.
func (pc *PageCache) Run(t *sched.Thread, index, lo, hi uint64) (first uint64, pfn mm.PFN, n uint64) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	hi = min(hi, pc.eof())
	if index < lo || index >= hi {
		return 0, 0, 0
	}
	c := pc.chunk(index)
	if c == nil {
		return 0, 0, 0
	}
	at := func(i uint64) mm.PFN {
		if c.busy&(1<<(i-c.first)) != 0 {
			return 0
		}
		return c.frames[i-c.first]
	}
	lo, hi = max(lo, c.first), min(hi, c.first+chunkPages)
	if pfn = at(index); pfn == 0 {
		return 0, 0, 0
	}
	first = index
	for first > lo && pfn > 1 && at(first-1) == pfn-1 {
		first--
		pfn--
	}
	for first+n < hi && at(first+n) == pfn+mm.PFN(n) {
		pc.mem.IncRef(pfn + mm.PFN(n))
		n++
	}
	return first, pfn, n
}

// Attach implements mm.Pager.
func (pc *PageCache) Attach(t *sched.Thread, v *mm.VMA) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	shared := v.Flags&mm.Shared != 0
	pc.maps = append(pc.maps, mapping{v, shared && (v.Flags&mm.MayWrite != 0 || v.Prot&mm.Write != 0)})
}

// Detach implements mm.Pager.
func (pc *PageCache) Detach(t *sched.Thread, v *mm.VMA) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	for i := range pc.maps {
		if pc.maps[i].v == v {
			last := len(pc.maps) - 1
			pc.maps[i] = pc.maps[last]
			pc.maps[last] = mapping{}
			pc.maps = pc.maps[:last]
			return
		}
	}
}

// WritablyMapped reports whether a program can write to the file by a mapping.
func (pc *PageCache) WritablyMapped(t *sched.Thread) bool {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	for i := range pc.maps {
		if pc.maps[i].writable {
			return true
		}
	}
	return false
}

// Untracked implements mm.Untracked: a file in memory is written nowhere.
func (pc *PageCache) Untracked() bool { return pc.backing == nil }

// Dirty implements mm.Pager.
func (pc *PageCache) Dirty(t *sched.Thread, index uint64) {
	pc.mu.Lock(t)
	defer pc.mu.Unlock(t)
	if c := pc.chunk(index); c != nil {
		c.dirty |= 1 << (index - c.first)
	}
}
