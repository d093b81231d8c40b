package mm

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// MaxOrder is the greatest order of a run of frames: 1<<MaxOrder frames, 64 MiB.
const MaxOrder = 14

// Page describes a frame.
type Page struct {
	refs atomic.Int32 // page-table entries, pagers and kernel code that hold the frame
	maps atomic.Int32 // page-table entries, for frames that belong to a pager

	// Guarded by Memory.mu: the free list of the block that begins here.
	next, prev uint32
	order      uint8
	free       bool

	// dirty says that the contents may be other than zero. Only the frame's owner touches it.
	dirty bool
	// machine says that the frame isn't the kernel's to hand out: it has no references. It changes in Donate alone.
	machine bool
}

var classFrames = &ksync.Class{Name: "frames", Rank: ksync.RankFrames}

// Memory is the machine's physical memory. Create it with NewMemory.
//
// Free frames stand in blocks of 1<<order frames, aligned to their size (the
// buddy system, Knuth vol. 1, 2.5): a block is split in two when a smaller one is asked
// for, and joined with its other half when both are free.
type Memory struct {
	ram   []byte // immutable
	pages []Page // by frame number; immutable slice

	mu     ksync.SpinLock       // RankFrames
	lists  [MaxOrder + 1]uint32 // free blocks by order; guarded by mu
	nfree  atomic.Uint64        // frames; changes under mu
	total  uint64               // frames that the allocator was given; guarded by mu
	res    *reservation         // all reservations, youngest first; guarded by mu
	spaces []*AddressSpace      // living address spaces; guarded by mu
	limbo  []limbo              // of dead ones; guarded by mu
	nlimbo atomic.Int32         // len(limbo); changes under mu

	shrinkers []shrinker // immutable after boot

	// OOM is called when a program needs a frame and there is none, with no lock of RankAddrSpace or above
	// held. It ends a process and waits until it has gone; true means try again. Immutable after boot.
	OOM func(t *sched.Thread) bool

	// Watched hears of accesses of the kernel's own, from addr on, to memory that is watched in t's address space: see Watch. No lock of
	// RankAddrSpace or above is held. Immutable after boot; may be nil.
	Watched func(t *sched.Thread, addr uint64, write bool, hits []Touched)

	counts [numCounts]atomic.Int64 // in pages
	stats  Events
}

// What counts counts.
const (
	countAnon = iota
	countFile // file pages mapped
	countShmem
	countTables
	countCommitted
	countReserved // held by reservations, not in use
	numCounts
)

// Events counts what has happened since boot (/proc/vmstat).
type Events struct {
	Faults, MajorFaults, COW, Reused, Reclaimed, BrokenUp, OOMs atomic.Int64
}

// NewMemory returns the memory of a machine. The first reserved bytes belong to the
// machine; the rest is zero, as the machine's contract says.
func NewMemory(ram []byte, reserved uint64) *Memory {
	n := uint64(len(ram)) / PageSize
	m := &Memory{
		ram: ram, pages: make([]Page, n), mu: ksync.NewSpinLock(classFrames),
	}
	// Frame 0 ends the lists, so it is never handed out.
	first := min(max(pageUp(reserved)/PageSize, 1), n)
	for i := range first {
		m.pages[i].machine = true
	}
	m.freeRange(PFN(first), n-first)
	m.total = m.nfree.Load()
	return m
}

// RAM returns the physical memory.
func (m *Memory) RAM() []byte { return m.ram }

// Donate gives a piece of the reserved memory, the unpacked initrd, to the allocator.
// Only whole pages count.
func (m *Memory) Donate(t *sched.Thread, addr, size uint64) {
	lo, hi := pageUp(addr)/PageSize, (addr+size)/PageSize
	if hi <= lo || hi > uint64(len(m.pages)) {
		return
	}
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	for i := lo; i < hi; i++ {
		if !m.pages[i].machine {
			return
		}
	}
	for i := lo; i < hi; i++ {
		m.pages[i].dirty, m.pages[i].machine = true, false
	}
	m.freeRange(PFN(lo), hi-lo)
	m.total += hi - lo
}

// Alloc returns 1<<order consecutive frames, aligned to their number, with a reference each.
func (m *Memory) Alloc(t *sched.Thread, order int, zero bool) (PFN, error) {
	p, err := m.take(t, order)
	if err != nil {
		return 0, err
	}
	for i := range PFN(1) << order {
		m.own(p+i, zero)
	}
	return p, nil
}

// AllocRun returns n consecutive frames with a reference each. When memory is in pieces it
// fails for n > 1 though there are frames: try a smaller n.
func (m *Memory) AllocRun(t *sched.Thread, n uint64, zero bool) (PFN, error) {
	if n == 0 || n > 1<<MaxOrder {
		return 0, ErrOOM
	}
	order := bits.Len64(n - 1)
	p, err := m.take(t, order)
	if err != nil {
		return 0, err
	}
	for i := range PFN(n) {
		m.own(p+i, zero)
	}
	if rest := uint64(1)<<order - n; rest > 0 {
		m.mu.Lock(t)
		m.freeRange(p+PFN(n), rest)
		m.mu.Unlock(t)
	}
	return p, nil
}

// take returns a block without references, reclaiming if there is none. Greater blocks may fail while single frames are left.
func (m *Memory) take(t *sched.Thread, order int) (PFN, error) {
	if p := m.tryTake(t, order); p != 0 {
		return p, nil
	}
	for range 4 {
		freed := 0
		if order > 0 && m.nfree.Load() >= 2<<order {
			freed = m.breakUp(t, 1<<order) // there are frames, but in pieces: caches would be lost for nothing
		} else {
			freed = m.reclaim(t, 1<<order)
		}
		if freed == 0 {
			break
		}
		if p := m.tryTake(t, order); p != 0 {
			return p, nil
		}
	}
	return 0, ErrOOM
}

func (m *Memory) tryTake(t *sched.Thread, order int) PFN {
	if order < 0 || order > MaxOrder {
		return 0
	}
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	for o := order; o <= MaxOrder; o++ {
		p := PFN(m.lists[o])
		if p == 0 {
			continue
		}
		m.unlist(p)
		for o > order { // the upper half stays free
			o--
			m.list(p+1<<o, o)
		}
		m.nfree.Add(-(uint64(1) << order))
		return p
	}
	return 0
}

// own makes a frame that was taken one with a single reference.
func (m *Memory) own(p PFN, zero bool) {
	pg := &m.pages[p]
	if zero && pg.dirty {
		clear(m.Bytes(p, 1))
	}
	pg.dirty = true // from now on the owner writes
	pg.refs.Store(1)
	pg.maps.Store(0)
}

// IncRef adds a reference.
func (m *Memory) IncRef(p PFN) {
	if !m.pages[p].machine {
		m.pages[p].refs.Add(1)
	}
}

// DecRef drops a reference. With the last one the frame is free.
func (m *Memory) DecRef(t *sched.Thread, p PFN) {
	if m.drop(p) {
		m.mu.Lock(t)
		m.freeRange(p, 1)
		m.mu.Unlock(t)
	}
}

// DecRefs drops a reference to each frame of the list.
func (m *Memory) DecRefs(t *sched.Thread, list []PFN) {
	if len(list) == 0 {
		return
	}
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	for i := 0; i < len(list); {
		if !m.drop(list[i]) {
			i++
			continue
		}
		// Neighbours that go together are freed as one.
		p, n := list[i], 1
		for i++; i < len(list) && list[i] == p+PFN(n) && m.drop(list[i]); i++ {
			n++
		}
		m.freeRange(p, uint64(n))
		if i < len(list) && list[i] == p+PFN(n) {
			i++ // its reference was dropped by the loop's condition; others hold it
		}
	}
}

func (m *Memory) drop(p PFN) bool {
	if m.pages[p].machine {
		return false
	}
	switch n := m.pages[p].refs.Add(-1); {
	case n > 0:
		return false
	case n < 0:
		panic(fmt.Sprintf("mm: frame %#x has %d references", p, n))
	}
	return true
}

// Refs returns the number of references to a frame; Mapped whether user code can
// reach a pager's frame.
func (m *Memory) Refs(p PFN) int { return int(m.pages[p].refs.Load()) }

// Mapped reports whether a pager's frame stands in a page table.
func (m *Memory) Mapped(p PFN) bool { return m.pages[p].maps.Load() > 0 }

// Bytes returns the contents of n frames.
func (m *Memory) Bytes(p PFN, n uint64) []byte {
	from := uint64(p) * PageSize
	return m.ram[from : from+n*PageSize : from+n*PageSize]
}

// table returns a frame that is a page table.
func (m *Memory) table(p PFN) *[512]pte {
	return (*[512]pte)(unsafe.Pointer(&m.ram[uint64(p)*PageSize]))
}

// freeRange gives n frames back, in the greatest blocks that fit. Caller holds mu (or is NewMemory).
func (m *Memory) freeRange(p PFN, n uint64) {
	m.nfree.Add(n)
	for n > 0 {
		o := min(bits.TrailingZeros32(uint32(p)), bits.Len64(n)-1, MaxOrder)
		m.freeBlock(p, o)
		p += 1 << o
		n -= 1 << o
	}
}

// freeBlock adds a block to its list, joined with its buddies while they are free.
func (m *Memory) freeBlock(p PFN, order int) {
	if m.pages[p].free {
		panic(fmt.Sprintf("mm: frame %#x is freed twice", p))
	}
	for ; order < MaxOrder; order++ {
		b := p ^ 1<<order
		if uint64(b) >= uint64(len(m.pages)) || !m.pages[b].free || int(m.pages[b].order) != order {
			break
		}
		m.unlist(b)
		p &^= 1 << order
	}
	m.list(p, order)
}

func (m *Memory) list(p PFN, order int) {
	pg := &m.pages[p]
	pg.free, pg.order, pg.prev, pg.next = true, uint8(order), 0, m.lists[order]
	if pg.next != 0 {
		m.pages[pg.next].prev = uint32(p)
	}
	m.lists[order] = uint32(p)
}

func (m *Memory) unlist(p PFN) {
	pg := &m.pages[p]
	pg.free = false
	if pg.prev != 0 {
		m.pages[pg.prev].next = pg.next
	} else {
		m.lists[pg.order] = pg.next
	}
	if pg.next != 0 {
		m.pages[pg.next].prev = pg.prev
	}
}
