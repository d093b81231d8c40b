package mm

import "vitrine/kernel/sched"

// Bounds of what Loaded enters.
const (
	// wholePages is the size up to which a private writable area gets all its pages: one fault more would cost as much.
	wholePages = 16
	// textPages is how many pages of an area that only shows a file are entered.
	textPages = 512
)

// Loading says that a program is about to be loaded into the empty address space: until Loaded the platform
// is told nothing, for no user code runs.
func (as *AddressSpace) Loading(t *sched.Thread) {
	as.lock(t)
	defer as.unlock(t)
	as.loading = true
}

// Loaded ends Loading. What a program touches first is entered at once, as far as it takes no I/O: a fault
// costs many times what a page costs.
func (as *AddressSpace) Loaded(t *sched.Thread) {
	as.lock(t)
	defer as.unlock(t)
	if as.mem.plenty() {
		for _, v := range as.vmas {
			as.enterAtHand(t, v)
		}
	}
	as.loading = false
	as.emitAll()
}

// enterAtHand enters pages of v that are at hand. What can't be had is left to a fault.
func (as *AddressSpace) enterAtHand(t *sched.Thread, v *VMA) {
	switch {
	case v.Prot == 0 || v.Flags&(Shared|GrowsDown) != 0:
	case v.Flags&Special != 0 && v.Prot&Exec == 0: // [vvar]: many never look at the time
	case v.Prot&Write == 0 && v.Pager != nil:
		end := min(v.End, v.Start+textPages*PageSize)
		for va := v.Start; va < end; {
			if as.pt.get(va) != 0 {
				va += PageSize
				continue
			}
			n := as.fillAtHand(t, v, va, end)
			if n == 0 {
				return
			}
			va += n * PageSize
		}
	case v.Prot&Write != 0 && v.pages() <= wholePages:
		for va := v.Start; va < v.End; va += PageSize {
			if as.pt.get(va) != 0 {
				continue
			}
			if v.Pager == nil {
				if as.fillAnon(t, v, va) != nil {
					return
				}
			} else if as.copyIn(t, v, va, true) != nil {
				return
			}
		}
	}
}

// fillAtHand enters the run of the pager's pages that begins at va, if it is there without I/O, and returns its length.
func (as *AddressSpace) fillAtHand(t *sched.Thread, v *VMA, va, end uint64) uint64 {
	index := v.pageIndex(va)
	_, pfn, n := v.Pager.Run(t, index, index, index+(end-va)/PageSize)
	bits := v.bits(false)
	if v.untracked {
		bits |= pteShmem
	}
	as.enterRun(t, v, va, pfn, n, bits)
	return n
}

// enterRun enters a run of frames, whose references it takes over, at the entries that are empty. It ends with the first
// table that can't be had.
func (as *AddressSpace) enterRun(t *sched.Thread, v *VMA, va uint64, pfn PFN, n uint64, bits pte) error {
	var err error
	for i := range n {
		var e *pte
		if err == nil {
			e, err = as.pt.entry(t, va+i*PageSize)
		}
		if err != nil || *e != 0 {
			as.mem.DecRef(t, pfn+PFN(i))
			continue
		}
		as.set(e, pfn+PFN(i), bits)
	}
	return err
}
