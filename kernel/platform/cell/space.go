package cell

import (
	"fmt"
	"sync/atomic"
	"time"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// space is a guest address space: the use that one program makes of a cell.
type space struct {
	cell     *cell
	contexts []*context // guarded by cell.mu
	released bool       // guarded by cell.mu

	over  atomic.Bool // Release has been called; final and since are valid
	gone  atomic.Bool // the cell is another space's
	final uint64      // token of the order after which nothing is mapped; 0: the process ends
	since time.Time   // of Release
}

var _ platform.AddressSpace = (*space)(nil)

// small is the longest run of pages that is mapped with all its page-table
// entries at once; the host's own fault-around is cheaper for more.
const small = 4

// Map implements platform.AddressSpace. It only queues.
func (s *space) Map(r platform.Range, prot platform.Prot, res platform.Range) {
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	lo, hi := r.VA, r.VA+r.Pages<<amd64.PageShift
	if r.Pages == 0 {
		return
	}
	checkRange(lo, hi)
	if (r.Frame+r.Pages)<<amd64.PageShift > uint64(len(c.p.cfg.RAM)) {
		panic(fmt.Sprintf("cell: Map of frames %#x+%#x outside RAM", r.Frame, r.Pages))
	}
	delta := r.Frame<<amd64.PageShift - lo
	t := &c.table
	if i := t.at(lo); i < len(t.s) {
		if g := &t.s[i]; g.lo <= lo && hi <= g.hi && g.delta == delta {
			lazy := g.lazy
			c.protect(lo, hi, uint8(prot))
			if lazy { // in others the host brings pages back by itself
				c.addCont(lo, hi)
			}
			return
		}
	}
	if len(t.s) >= c.p.maxSegs {
		c.forget()
	}
	if c.uffd < 0 || r == res {
		flags := uint64(mapFixed)
		// Pages that are only read the host brings by itself, many at a fault.
		if r.Pages <= small && prot&platform.Write != 0 || c.uffd < 0 {
			flags = mapPopulate
		}
		c.mapHost(segment{lo: lo, hi: hi, delta: delta, prot: uint8(prot)}, flags)
		return
	}
	// The pages of the reservation around r that nothing else uses come along, unreadable until continued.
	resHi := res.VA + res.Pages<<amd64.PageShift
	if res.Frame<<amd64.PageShift-res.VA != delta || res.VA > lo || resHi < hi {
		panic(fmt.Sprintf("cell: Map of %+v with a reservation %+v that does not contain it", r, res))
	}
	i, j := t.overlap(lo, hi)
	a, b := res.VA, min(resHi, amd64.UserTop)
	if i > 0 {
		a = max(a, t.s[i-1].hi)
	}
	if i < j {
		if t.s[i].lo < lo {
			a = lo
		}
		if t.s[j-1].hi > hi {
			b = hi
		}
	}
	if j < len(t.s) {
		b = min(b, t.s[j].lo)
	}
	a, b = min(a, lo), max(b, hi)
	c.mapHost(segment{lo: a, hi: b, delta: delta, prot: uint8(prot), lazy: true, fresh: true}, mapFixed)
	c.addCont(lo, hi)
}

// Unmap implements platform.AddressSpace.
func (s *space) Unmap(va, size uint64) {
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	if size == 0 {
		return
	}
	c.unmap(va, va+size)
}

func (c *cell) unmap(lo, hi uint64) {
	checkRange(lo, hi)
	c.conts = cut(c.conts, lo, hi)
	t := &c.table
	i, j := t.overlap(lo, hi)
	if i == j {
		return
	}
	if g := &t.s[i]; j == i+1 && g.lazy && (g.lo < lo || hi < g.hi) && g.lo <= lo && hi <= g.hi {
		// A part of a reservation: forget the pages, keep the mapping.
		c.add(op{nr: sysMadvise, lo: lo, hi: hi, arg: madvDontneed})
		return
	}
	t.carve(lo, hi)
	c.add(op{nr: sysMunmap, lo: lo, hi: hi})
}

// Protect implements platform.AddressSpace.
func (s *space) Protect(va, size uint64, prot platform.Prot) {
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	if size == 0 {
		return
	}
	checkRange(va, va+size)
	c.protect(va, va+size, uint8(prot))
}

func (c *cell) protect(lo, hi uint64, prot uint8) {
	t := &c.table
	i, j := t.overlap(lo, hi)
	for same := true; i < j; i++ {
		if same = t.s[i].prot == prot; !same {
			break
		}
	}
	if i == j {
		return
	}
	t.split(lo)
	t.split(hi)
	i, j = t.overlap(lo, hi)
	for ; i < j; i++ {
		if g := &t.s[i]; g.prot != prot {
			g.prot = prot
			c.add(op{nr: sysMprotect, lo: g.lo, hi: g.hi, arg: uint64(prot)})
		}
	}
}

// Commit implements platform.AddressSpace.
func (s *space) Commit() {
	if s.over.Load() {
		s.await()
		return
	}
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

// Reset implements platform.AddressSpace.
func (s *space) Reset(keep platform.Context) {
	k := keep.(*context)
	c := s.cell
	c.mu.Lock()
	others := append([]*context(nil), s.contexts...)
	c.mu.Unlock()
	for _, x := range others {
		if x != k {
			x.Release()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearAll()
	k.fp = 0
}

// Release implements platform.AddressSpace.
func (s *space) Release() {
	c := s.cell
	c.mu.Lock()
	if s.released {
		c.mu.Unlock()
		return
	}
	s.released = true
	for _, x := range s.contexts {
		if x.inUser.Load() {
			c.kill("released while user code runs")
		}
		x.released.Store(true)
		x.unstay()
	}
	s.contexts = nil
	c.tmu.Lock()
	threads := len(c.threads)
	c.tmu.Unlock()
	if threads != 1 {
		// Only a cell with one thread is used again: where there were more,
		// one can have meddled with the mailbox of another.
		c.kill("its program had several threads")
	}
	c.clearAll()
	washing := c.dead.Load() == nil && c.settle() && c.wash(s)
	s.over.Store(true)
	c.mu.Unlock()
	if !washing {
		c.kill("not needed")
		go c.discard("not needed")
	}
}

// dropContext reports whether x was one of s.
func (s *space) dropContext(x *context) bool {
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, y := range s.contexts {
		if y == x {
			s.contexts = append(s.contexts[:i], s.contexts[i+1:]...)
			return true
		}
	}
	return false
}

// HostPID implements platform.AddressSpace.
func (s *space) HostPID() int { return s.cell.pid }

func checkRange(lo, hi uint64) {
	if lo&amd64.PageMask != 0 || hi&amd64.PageMask != 0 || hi > amd64.UserTop || lo >= hi {
		panic(fmt.Sprintf("cell: [%#x, %#x) is not a range of user pages", lo, hi))
	}
}
