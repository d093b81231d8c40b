package mm

import (
	"errors"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// HandleFault makes the page at addr accessible to t's program, or says why it
// can't be: a *Fault is for the program to answer, ErrOOM means that there is no memory
// left even after Memory.OOM, errno.RestartSys that a signal came first.
//
// The platform may drop translations whenever it likes, so a fault may find the page table in
// order: then it maps again.
func HandleFault(t *sched.Thread, addr UAddr, access platform.Access) error {
	as := Of(t)
	if as == nil {
		return &Fault{int(abi.SIGSEGV), abi.SEGV_MAPERR, addr}
	}
	return as.fault(t, addr, access)
}

func (as *AddressSpace) fault(t *sched.Thread, addr UAddr, access platform.Access) error {
	as.mem.stats.Faults.Add(1)
	for {
		as.lock(t)
		v, err := as.lookup(t, uint64(addr), access)
		if err == nil {
			err = as.resolve(t, v, pageDown(uint64(addr)), access)
			as.hint = v
		}
		as.unlock(t)
		if err == nil || !as.mem.retry(t, err) {
			return asFault(err, addr)
		}
	}
}

// asFault makes what a pager says the program's fault.
func asFault(err error, addr UAddr) error {
	var f *Fault
	switch {
	case err == nil, errors.Is(err, ErrOOM), errors.As(err, &f):
		return err
	case errno.Of(err).Internal():
		return err
	}
	return &Fault{int(abi.SIGBUS), abi.BUS_ADRERR, addr} // beyond the end, or an I/O error
}

// lookup returns the area at addr if the program may access it so, growing a stack down to it. Caller
// holds as.mu for writing.
func (as *AddressSpace) lookup(t *sched.Thread, addr uint64, access platform.Access) (*VMA, error) {
	v := as.find(addr)
	if v == nil {
		if v = as.growStack(t, addr); v == nil {
			return nil, &Fault{int(abi.SIGSEGV), abi.SEGV_MAPERR, UAddr(addr)}
		}
	}
	if !allows(v.Prot, access) {
		return nil, &Fault{int(abi.SIGSEGV), abi.SEGV_ACCERR, UAddr(addr)}
	}
	return v, nil
}

// allows says what x86 allows: whatever is accessible can be read.
func allows(p Prot, a platform.Access) bool {
	switch a {
	case platform.AccessWrite:
		return p&Write != 0
	case platform.AccessExec:
		return p&Exec != 0
	}
	return p != 0
}

// growStack extends the stack above addr down to it, if there is one, it may grow, and the guard gap stays.
func (as *AddressSpace) growStack(t *sched.Thread, addr uint64) *VMA {
	i := as.index(addr)
	if i == len(as.vmas) || addr < minAddr {
		return nil
	}
	v := as.vmas[i]
	start := pageDown(addr)
	if v.Flags&GrowsDown == 0 || v.Prot == 0 || v.End-start > as.limits[limitStack].Load() {
		return nil
	}
	if i > 0 {
		below := as.vmas[i-1]
		gap := uint64(stackGuard)
		if below.Flags&GrowsDown != 0 || below.Prot == 0 {
			gap = 0 // another stack keeps its own gap; an inaccessible area is one
		}
		if start < below.End+gap {
			return nil
		}
	}
	grow := int64(v.Start-start) / PageSize
	if as.exceeds(limitAS, as.total+grow) || v.Flags&Locked != 0 && as.exceeds(limitMemLock, as.locked+grow) {
		return nil
	}
	v.Start = start
	as.accountPages(v, grow)
	return v
}

func (as *AddressSpace) exceeds(limit int, pages int64) bool {
	l := as.limits[limit].Load()
	return l != NoLimit && uint64(pages) > l/PageSize
}

// resolve makes the entry of va, which lies in v, allow the access, and tells the
// platform. Caller holds as.mu for writing and has checked that v allows it.
func (as *AddressSpace) resolve(t *sched.Thread, v *VMA, va uint64, access platform.Access) error {
	write := access == platform.AccessWrite
	switch e := as.pt.get(va); {
	case e == 0 && v.Pager == nil:
		return as.fillAnon(t, v, va)
	case e == 0 && write && v.Flags&Shared == 0:
		return as.fillCopy(t, v, va)
	case e == 0:
		return as.fillFromPager(t, v, va, write)
	case write && !e.Has(pteWrite) && v.Flags&Shared != 0:
		return as.dirty(t, v, va)
	case write && !e.Has(pteWrite):
		return as.breakCOW(t, v, va)
	}
	if as.Guards(va, access) {
		as.emitExactly(va, va+PageSize)
		return nil // what may be done about it is the debugger's business
	}
	// The platform has dropped the translation: again, with its neighbours.
	lo, hi := chunkOf(v, va)
	as.emit(lo, hi, extent{})
	return nil
}

// bits returns the bits of a new entry of v, apart from pteAnon and the like.
func (v *VMA) bits(write bool) pte {
	b := pteUser
	if v.Prot == 0 {
		return pteHeld | pteNX
	}
	if v.Prot&Exec == 0 {
		b |= pteNX
	}
	if write && v.Prot&Write != 0 {
		b |= pteWrite
	}
	return b
}

func chunkOf(v *VMA, va uint64) (lo, hi uint64) {
	lo = va &^ (chunkSize - 1)
	return max(lo, v.Start), min(lo+chunkSize, v.End)
}

// aroundPages is how many pages a fault that follows no other fills while frames are plenty: a trap costs several times
// what a frame does, and who uses a page uses its neighbours more often than not.
const aroundPages = 4

// window is the range of pages to fill at a fault at va: it grows while faults
// follow each other, upwards or downwards. It stays in va's chunk.
func (v *VMA) window(va uint64) (lo, hi uint64) {
	size := uint64(1)
	switch {
	case v.pages() <= 16:
		size = 16 // small areas are used whole
	case v.as.mem.plenty():
		size = aroundPages
	}
	switch {
	case v.lastSize == 0:
	case va == v.lastHi:
		size = min(v.lastSize*4, chunkPages)
	case va+PageSize == v.lastLo:
		size = min(v.lastSize*4, chunkPages)
		lo, hi = va-min((size-1)*PageSize, va), va+PageSize
	}
	if hi == 0 {
		lo = va &^ (size*PageSize - 1) // sizes are powers of two
		hi = lo + size*PageSize
	}
	a, b := chunkOf(v, va)
	lo, hi = max(lo, a), min(hi, b)
	v.lastLo, v.lastHi, v.lastSize = lo, hi, size
	return lo, hi
}

// fillAnon gives empty pages of an anonymous area frames of zeros.
func (as *AddressSpace) fillAnon(t *sched.Thread, v *VMA, va uint64) error {
	lo, hi := v.window(va)
	e, err := as.pt.entry(t, va)
	if err != nil {
		return err
	}
	fill := func(a uint64, e *pte) error {
		p, err := as.claimFrame(t, v, a, int((hi-a)/PageSize))
		if err == nil {
			as.mem.own(p, true)
			as.set(e, p, v.bits(true)|pteAnon)
		}
		return err
	}
	if err := fill(va, e); err != nil {
		return err
	}
	tb, at := as.pt.leaf(va), func(a uint64) int { return amd64.PageTableIndex(a, 0) }
	a, b := va, va+PageSize
	for ; b < hi && tb[at(b)] == 0; b += PageSize {
		if fill(b, &tb[at(b)]) != nil {
			break
		}
	}
	for ; a > lo && tb[at(a-PageSize)] == 0; a -= PageSize {
		if fill(a-PageSize, &tb[at(a-PageSize)]) != nil {
			break
		}
	}
	if v.pages() <= chunkPages {
		as.emitExactly(a, b)
	} else {
		as.emit(a, b, extent{})
	}
	return nil
}

// fillFromPager enters the pager's page, and those around it that are at hand.
func (as *AddressSpace) fillFromPager(t *sched.Thread, v *VMA, va uint64, write bool) error {
	index := v.pageIndex(va)
	bits := v.bits(v.Flags&Shared != 0 && (v.untracked || write))
	if v.untracked {
		bits |= pteShmem
	}
	span := v.runSpan(va)
	first, pfn, n := uint64(0), PFN(0), uint64(0)
	if !write || v.untracked {
		first, pfn, n = v.Pager.Run(t, index, v.pageIndex(span.lo), v.pageIndex(span.hi-PageSize)+1)
	}
	if n == 0 {
		p, err := v.Pager.Page(t, index, write)
		if err != nil {
			return err
		}
		as.mem.stats.MajorFaults.Add(1)
		if write {
			v.Pager.Dirty(t, index)
		} else if first, pfn, n = v.Pager.Run(t, index, v.pageIndex(span.lo), v.pageIndex(span.hi-PageSize)+1); n > 0 {
			as.mem.DecRef(t, p)
		}
		if n == 0 {
			first, pfn, n = index, p, 1
		}
	}
	lo := va - (index-first)*PageSize
	hi := lo + n*PageSize
	err := as.enterRun(t, v, lo, pfn, n, bits)
	if err != nil {
		if as.pt.get(va) == 0 {
			return err
		}
		err = nil
	}
	as.emit(lo, hi, extent{lo, hi, pfn})
	return err
}

// runSpan bounds the run of a pager's pages that is mapped at one fault: 2 MiB around va.
func (v *VMA) runSpan(va uint64) extent {
	const size = 512 * PageSize
	lo := va &^ (size - 1)
	return extent{lo: max(lo, v.Start), hi: min(lo+size, v.End)}
}

// fillCopy gives an empty page of a private mapping of a pager a frame of its own with the pager's contents.
func (as *AddressSpace) fillCopy(t *sched.Thread, v *VMA, va uint64) error {
	_, hi := v.window(va)
	for a := va; a < hi; a += PageSize {
		if a != va && as.pt.get(a) != 0 {
			hi = a
			break
		}
		if err := as.copyIn(t, v, a, a != va); err != nil {
			if a == va {
				return err
			}
			hi = a
			break
		}
	}
	as.emit(va, hi, extent{})
	return nil
}

// copyIn copies the pager's page at va into a new frame. atHand: only if it takes no I/O.
func (as *AddressSpace) copyIn(t *sched.Thread, v *VMA, va uint64, atHand bool) error {
	index := v.pageIndex(va)
	var from PFN
	if atHand {
		var n uint64
		if _, from, n = v.Pager.Run(t, index, index, index+1); n == 0 {
			return ErrBus
		}
	} else {
		var err error
		if from, err = v.Pager.Page(t, index, false); err != nil {
			return err
		}
	}
	defer as.mem.DecRef(t, from)
	e, err := as.pt.entry(t, va)
	if err != nil {
		return err
	}
	p, err := as.claimFrame(t, v, va, 1)
	if err != nil {
		return err
	}
	as.copyFrame(p, from)
	as.set(e, p, v.bits(true)|pteAnon)
	return nil
}

// copyFrame makes p, a fresh frame, a copy of from.
func (as *AddressSpace) copyFrame(p, from PFN) {
	as.mem.own(p, false)
	copy(as.mem.Bytes(p, 1), as.mem.Bytes(from, 1))
	as.mem.stats.COW.Add(1)
}

// dirty makes a page of a shared mapping writable, and tells the pager.
func (as *AddressSpace) dirty(t *sched.Thread, v *VMA, va uint64) error {
	index := v.pageIndex(va)
	p, err := v.Pager.Page(t, index, true)
	if err != nil {
		return err
	}
	v.Pager.Dirty(t, index)
	e, err := as.pt.entry(t, va)
	if err != nil {
		as.mem.DecRef(t, p)
		return err
	}
	if PFN(e.Frame()) == p {
		*e |= pteWrite
		as.mem.DecRef(t, p) // the entry has one
		as.emit(va, va+PageSize, extent{})
		return nil
	}
	// The pager has moved the page.
	as.clear(va, e)
	as.set(e, p, v.bits(true))
	as.emit(va, va+PageSize, extent{})
	as.flush(t)
	return nil
}

// breakCOW makes private pages that are shared since a fork, or are the pager's, the program's own: by a copy, or
// at once if nobody else has them any more.
func (as *AddressSpace) breakCOW(t *sched.Thread, v *VMA, va uint64) error {
	as.mem.drain(t, false) // the others may be dead
	_, hi := v.window(va)
	a := va
	for ; a < hi; a += PageSize {
		e, err := as.pt.entry(t, a)
		if err != nil {
			if a == va {
				return err
			}
			break
		}
		if a != va && (!e.Has(amd64.PTEPresent) || e.Has(pteWrite)) {
			break
		}
		if err := as.makeOwn(t, v, a, e); err != nil {
			if a == va {
				return err
			}
			break
		}
	}
	as.emit(va, a, extent{})
	as.flushLate(t)
	return nil
}

// makeOwn makes the frame of an entry private, and writable if v is. emit and flush must follow.
func (as *AddressSpace) makeOwn(t *sched.Thread, v *VMA, va uint64, e *pte) error {
	old := PFN(e.Frame())
	if e.Has(pteAnon) && as.mem.Refs(old) == 1 {
		*e = amd64.MakePTE(uint64(old), v.bits(true)|pteAnon)
		as.mem.stats.Reused.Add(1)
		return nil
	}
	p, err := as.claimFrame(t, v, va, 1)
	if err != nil {
		return err
	}
	as.copyFrame(p, old)
	as.clear(va, e)
	as.set(e, p, v.bits(true)|pteAnon)
	return nil
}
