package mm

import "vitrine/kernel/platform"

// extent is a run of pages with consecutive frames.
type extent struct {
	lo, hi uint64
	pfn    PFN
}

// emit tells the platform about the present entries of [lo, hi), in as few runs as they allow. around
// is the run of frames of which they are a part, where the caller knows it.
func (as *AddressSpace) emit(lo, hi uint64, around extent) {
	if as.loading {
		return // Loaded tells the platform about everything at once
	}
	var run platform.Range
	var prot Prot
	end := func() {
		if run.Pages == 0 {
			return
		}
		whole := run
		if r := as.reservationOf(run); r != nil {
			whole = platform.Range{VA: r.va, Frame: uint64(r.frame), Pages: r.n}
		} else if around.hi > 0 && run.Frame-uint64(around.pfn) == (run.VA-around.lo)/PageSize &&
			run.VA >= around.lo && run.VA+run.Pages*PageSize <= around.hi {
			whole = platform.Range{VA: around.lo, Frame: uint64(around.pfn), Pages: (around.hi - around.lo) / PageSize}
		}
		as.plat.Map(run, prot, whole)
		run.Pages = 0
	}
	as.pt.each(lo, hi, func(va uint64, e *pte) {
		p := as.protAt(va, *e)
		if p == 0 {
			return
		}
		if run.Pages > 0 && va%chunkSize == 0 && as.blocks[va/blockSize] != nil {
			end() // so that each run lies in one reservation
		}
		if run.Pages > 0 && (va != run.VA+run.Pages*PageSize || e.Frame() != run.Frame+run.Pages || p != prot) {
			end()
		}
		if run.Pages == 0 {
			run, prot = platform.Range{VA: va, Frame: e.Frame()}, p
		}
		run.Pages++
	})
	end()
}

// emitExactly is emit where few pages will follow, if any: the platform is to map what is there and to prepare nothing, so
// that it takes effect in one step.
func (as *AddressSpace) emitExactly(lo, hi uint64) {
	if as.loading {
		return
	}
	var run platform.Range
	var prot Prot
	as.pt.each(lo, hi, func(va uint64, e *pte) {
		p := as.protAt(va, *e)
		if p == 0 {
			return
		}
		if run.Pages > 0 && (va != run.VA+run.Pages*PageSize || e.Frame() != run.Frame+run.Pages || p != prot) {
			as.plat.Map(run, prot, run)
			run.Pages = 0
		}
		if run.Pages == 0 {
			run, prot = platform.Range{VA: va, Frame: e.Frame()}, p
		}
		run.Pages++
	})
	if run.Pages > 0 {
		as.plat.Map(run, prot, run)
	}
}

// emitAll is emitExactly for all areas.
func (as *AddressSpace) emitAll() {
	for _, v := range as.vmas {
		as.emitExactly(v.Start, v.End)
	}
}

// reservationOf returns the reservation that contains the run of frames at its addresses, if there is one.
func (as *AddressSpace) reservationOf(run platform.Range) *reservation {
	for r := as.blocks[run.VA/blockSize]; r != nil; r = r.block {
		if run.VA >= r.va && run.VA+run.Pages*PageSize <= r.va+r.n*PageSize &&
			uint64(r.frame)+(run.VA-r.va)/PageSize == run.Frame {
			return r
		}
	}
	return nil
}
