package mm

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

var classObject = &ksync.Class{Name: "memory object", Rank: ksync.RankPageCache}

// Object is memory that address spaces share: mmap(2) with MAP_SHARED|MAP_ANONYMOUS, and what System V
// and POSIX shared memory are made of. It is a Pager and the File that keeps it, with one reference for its maker.
type Object struct {
	mem  *Memory
	size uint64 // pages; immutable
	refs atomic.Int32

	mu    ksync.Mutex // RankPageCache
	roots []*objNode  // by index/objSpan; guarded by mu
}

const (
	objFan  = 512
	objSpan = objFan * chunkPages
)

type objNode [objFan]*objBlock

// objBlock is 64 pages.
type objBlock struct {
	frames [chunkPages]PFN // 0: none yet
	run    *reservation
}

// NewObject returns an object of size bytes, all zero.
func NewObject(mem *Memory, size uint64) *Object {
	n := pageUp(size) / PageSize
	o := &Object{mem: mem, size: n, mu: ksync.NewMutex(classObject)}
	o.refs.Store(1)
	return o
}

// IncRef adds a reference.
func (o *Object) IncRef() { o.refs.Add(1) }

// DecRef drops a reference; with the last one the pages are free.
func (o *Object) DecRef(t *sched.Thread) {
	if o.refs.Add(-1) > 0 {
		return
	}
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	for b := range o.blocks {
		if b.run != nil {
			o.mem.cancel(t, b.run, 0, b.run.n)
		}
		for _, p := range b.frames {
			if p != 0 {
				o.mem.DecRef(t, p)
			}
		}
	}
	o.roots = nil
}

// blocks calls f for every block there is. Caller holds o.mu.
func (o *Object) blocks(f func(*objBlock) bool) {
	for _, root := range o.roots {
		if root == nil {
			continue
		}
		for _, b := range root {
			if b != nil && !f(b) {
				return
			}
		}
	}
}

// block returns the block of page index, making it if alloc says so. Caller holds o.mu.
func (o *Object) block(index uint64, alloc bool) *objBlock {
	i := int(index / objSpan)
	if i >= len(o.roots) {
		if !alloc {
			return nil
		}
		o.roots = append(o.roots, make([]*objNode, i+1-len(o.roots))...)
	}
	if o.roots[i] == nil {
		if !alloc {
			return nil
		}
		o.roots[i] = new(objNode)
	}
	b := &o.roots[i][index/chunkPages%objFan]
	if *b == nil && alloc {
		*b = new(objBlock)
	}
	return *b
}

// Page implements Pager.
func (o *Object) Page(t *sched.Thread, index uint64, write bool) (PFN, error) {
	if index >= o.size {
		return 0, ErrBus
	}
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	b := o.block(index, true)
	if p := b.frames[index%chunkPages]; p != 0 {
		o.mem.IncRef(p)
		return p, nil
	}
	p, err := o.claim(t, b, index)
	if err != nil {
		return 0, err
	}
	o.mem.own(p, true)
	o.mem.IncRef(p) // one for the object, one for the caller
	b.frames[index%chunkPages] = p
	return p, nil
}

// claim takes a frame from the block's reservation.
func (o *Object) claim(t *sched.Thread, b *objBlock, index uint64) (PFN, error) {
	// A reservation counts bytes; here they are those of the object.
	at := index * PageSize
	if b.run != nil && b.run.contains(at) {
		if p, ok := b.run.claim(at); ok {
			o.mem.counts[countReserved].Add(-1)
			return p, nil
		}
	}
	if b.run == nil && !o.mem.scarce() {
		lo := index &^ (chunkPages - 1)
		hi := min(lo+chunkPages, o.size)
		r, err := o.mem.newReservation(t, lo*PageSize, hi*PageSize, at)
		if err != nil {
			return 0, err
		}
		b.run = r
		if p, ok := r.claim(at); ok {
			o.mem.counts[countReserved].Add(-1)
			return p, nil
		}
	}
	return o.mem.take(t, 0)
}

// Run implements Pager.
func (o *Object) Run(t *sched.Thread, index, lo, hi uint64) (first uint64, pfn PFN, n uint64) {
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	hi = min(hi, o.size)
	if index < lo || index >= hi {
		return 0, 0, 0
	}
	b := o.block(index, false)
	if b == nil {
		return 0, 0, 0
	}
	// A run never leaves its block.
	block := index &^ (chunkPages - 1)
	lo, hi = max(lo, block), min(hi, block+chunkPages)
	pfn = b.frames[index%chunkPages]
	if pfn == 0 {
		return 0, 0, 0
	}
	first = index
	for first > lo && b.frames[(first-1)%chunkPages] == pfn-1 && pfn > 1 {
		first--
		pfn--
	}
	for first+n < hi && b.frames[(first+n)%chunkPages] == pfn+PFN(n) {
		o.mem.IncRef(pfn + PFN(n))
		n++
	}
	return first, pfn, n
}

// Punch frees the pages [first, first+n): they read as zero from now on. The caller has zapped mappings.
func (o *Object) Punch(t *sched.Thread, first, n uint64) {
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	for i := first; i < min(first+n, o.size); i++ {
		b := o.block(i, false)
		if b == nil {
			i |= chunkPages - 1
			continue
		}
		if p := b.frames[i%chunkPages]; p != 0 {
			b.frames[i%chunkPages] = 0
			o.mem.DecRef(t, p)
		}
	}
}

// Pages returns the object's size.
func (o *Object) Pages() uint64 { return o.size }

// Resident returns how many of them have a frame.
func (o *Object) Resident(t *sched.Thread) (n uint64) {
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	for b := range o.blocks {
		for _, p := range b.frames {
			if p != 0 {
				n++
			}
		}
	}
	return n
}

// Attach implements Pager. Objects keep their size, so they need no list.
func (o *Object) Attach(t *sched.Thread, v *VMA) {}

// Detach implements Pager.
func (o *Object) Detach(t *sched.Thread, v *VMA) {}

// Dirty implements Pager.
func (o *Object) Dirty(t *sched.Thread, index uint64) {}

// Untracked says that pages are writable at once.
func (o *Object) Untracked() bool { return true }

// Sync implements Pager: there is nowhere to write to.
func (o *Object) Sync(t *sched.Thread, from, to uint64) error { return nil }

// Frames is a Pager of fixed frames that live as long as the machine: [vdso], the frame buffer of a device.
type Frames struct {
	mem      *Memory
	frames   []PFN // immutable
	writable bool
}

// NewFrames returns a pager of frames that somebody holds for ever.
func NewFrames(mem *Memory, frames []PFN, writable bool) *Frames {
	return &Frames{mem, frames, writable}
}

// Page implements Pager.
func (f *Frames) Page(t *sched.Thread, index uint64, write bool) (PFN, error) {
	if index >= uint64(len(f.frames)) {
		return 0, ErrBus
	}
	if write && !f.writable {
		return 0, errno.EACCES
	}
	f.mem.IncRef(f.frames[index])
	return f.frames[index], nil
}

// Run implements Pager.
func (f *Frames) Run(t *sched.Thread, index, lo, hi uint64) (first uint64, pfn PFN, n uint64) {
	hi = min(hi, uint64(len(f.frames)))
	if index < lo || index >= hi {
		return 0, 0, 0
	}
	for first = index; first > lo && f.frames[first-1]+1 == f.frames[first]; first-- {
	}
	for n = 0; first+n < hi && f.frames[first+n] == f.frames[first]+PFN(n); n++ {
		f.mem.IncRef(f.frames[first+n])
	}
	return first, f.frames[first], n
}

// Attach implements Pager.
func (f *Frames) Attach(t *sched.Thread, v *VMA) {}

// Detach implements Pager.
func (f *Frames) Detach(t *sched.Thread, v *VMA) {}

// Dirty implements Pager.
func (f *Frames) Dirty(t *sched.Thread, index uint64) {}

// Untracked says that pages are writable at once.
func (f *Frames) Untracked() bool { return f.writable }

// Sync implements Pager.
func (f *Frames) Sync(t *sched.Thread, from, to uint64) error { return nil }
