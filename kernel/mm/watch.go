package mm

import (
	"bytes"
	"slices"

	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// A debugger's watchpoints. The page table stays what it is; only what the platform is told lacks rights, so that user code traps:
//
//	page table        platform           user code                     kernel
//	writable   ────▶  not writable       faults: one instruction is    copyUser and its like tell Memory.Watched
//	                  (reads watched:    executed with the page open,
//	                  nothing at all)    then it is compared
//
// A watch belongs to addresses, whatever is mapped there. A child of fork(2) has none.

// Watch is a range of addresses that a debugger watches.
type Watch struct {
	ID         uint64 // unique in its address space
	Start, End uint64
	Reads      bool // reads are of interest, too
}

// Touched is a watch whose memory was accessed, with what was there before and after: all of it, or as much as lies in the pages of the access.
type Touched struct {
	Watch
	At       uint64 // where Old and New begin
	Old, New []byte
}

// watches is what is watched in an address space. Immutable.
type watches struct {
	list []Watch
	deny map[uint64]Prot // by page: what user code lacks
}

// SetWatch adds a watch, DropWatch takes one away. A thread that runs user code meanwhile is stopped by a watch from the return of SetWatch on.
func (as *AddressSpace) SetWatch(t *sched.Thread, w Watch) {
	as.changeWatches(t, func(list []Watch) []Watch {
		return append(slices.DeleteFunc(list, func(o Watch) bool { return o.ID == w.ID }), w)
	})
}

// DropWatch: see SetWatch.
func (as *AddressSpace) DropWatch(t *sched.Thread, id uint64) {
	as.changeWatches(t, func(list []Watch) []Watch {
		return slices.DeleteFunc(list, func(o Watch) bool { return o.ID == id })
	})
}

func (as *AddressSpace) changeWatches(t *sched.Thread, change func([]Watch) []Watch) {
	as.lock(t)
	defer as.unlock(t)
	var list []Watch
	if w := as.watch.Load(); w != nil {
		list = slices.Clone(w.list)
	}
	if list = change(list); len(list) == 0 {
		as.watch.Store(nil) // rights that come back are given at the next fault
		return
	}
	n := &watches{list: list, deny: map[uint64]Prot{}}
	for _, w := range list {
		no := Write
		if w.Reads {
			no |= Read | Exec
		}
		for va := pageDown(w.Start); va < w.End; va += PageSize {
			n.deny[va] |= no
		}
	}
	as.watch.Store(n)
	for va := range n.deny {
		as.narrow(va)
	}
	as.flush(t)
}

// narrow takes from user code what it may not do with a page. flush must follow, unless no user code of the address space runs.
func (as *AddressSpace) narrow(va uint64) {
	e := as.pt.get(va)
	have, may := protOf(e), as.protAt(va, e)
	switch {
	case have == may:
		return
	case may == 0:
		as.plat.Unmap(va, PageSize)
	default:
		as.plat.Protect(va, PageSize, may)
	}
	as.stale = true
}

// protAt is what the platform may let user code do with the page at va, whose entry is e.
func (as *AddressSpace) protAt(va uint64, e pte) Prot {
	p := protOf(e)
	if w := as.watch.Load(); w != nil && !slices.Contains(as.opened, va) {
		p &^= w.deny[va]
	}
	return p
}

// Guards reports whether user code traps at an access to addr because the page is watched.
func (as *AddressSpace) Guards(addr uint64, access platform.Access) bool {
	w := as.watch.Load()
	if w == nil {
		return false
	}
	no := w.deny[pageDown(addr)]
	return no&Read != 0 || access == platform.AccessWrite && no != 0
}

// OpenWatched gives user code its rights to the page at addr, CloseWatched takes those to all such pages away again. No other user code of the
// address space may run from the one to the other.
func (as *AddressSpace) OpenWatched(t *sched.Thread, addr uint64) {
	as.lock(t)
	defer as.unlock(t)
	va := pageDown(addr)
	if slices.Contains(as.opened, va) { // it has no translation
		as.emitExactly(va, va+PageSize)
		return
	}
	e := as.pt.get(va)
	reads := as.protAt(va, e) != 0
	as.opened = append(as.opened, va)
	if reads {
		as.plat.Protect(va, PageSize, protOf(e)) // cheaper than a new translation
	} else {
		as.emitExactly(va, va+PageSize)
	}
}

// CloseWatched: see OpenWatched.
func (as *AddressSpace) CloseWatched(t *sched.Thread) {
	as.lock(t)
	defer as.unlock(t)
	opened, stale := as.opened, as.stale
	as.opened = nil
	for _, va := range opened {
		as.narrow(va)
	}
	as.stale = stale // it is effective before user code goes on, and no frame waits for it
}

// Look returns the watches that lie in the pages of [start, end), with what is there of them.
func (as *AddressSpace) Look(t *sched.Thread, start, end uint64) (ts []Touched) {
	w := as.watch.Load()
	if w == nil {
		return nil
	}
	lo, hi := pageDown(start), pageUp(end)
	for _, x := range w.list {
		if x.Start < hi && lo < x.End {
			at := max(x.Start, lo)
			ts = append(ts, Touched{Watch: x, At: at, Old: as.glance(t, at, min(x.End, hi)-at)})
		}
	}
	return ts
}

// Changed returns those of ts that now have something else in them, and those for which accessed is true.
func (as *AddressSpace) Changed(t *sched.Thread, ts []Touched, accessed func(Watch) bool) (hits []Touched) {
	for _, x := range ts {
		if x.New = as.glance(t, x.At, uint64(len(x.Old))); !bytes.Equal(x.Old, x.New) || accessed(x.Watch) {
			hits = append(hits, x)
		}
	}
	return hits
}

// glance reads n bytes; from what isn't mapped on they are left out.
func (as *AddressSpace) glance(t *sched.Thread, at, n uint64) []byte {
	b := make([]byte, n)
	k, _ := AccessRemote(t, as, UAddr(at), b, false, true)
	return b[:k]
}

// touching has the kernel's own access to [start, start+n) of t's memory told to Memory.Watched. The function that it returns is to be called
// after the access.
func (as *AddressSpace) touching(t *sched.Thread, start, n uint64, write bool) func() {
	before := as.Look(t, start, start+n)
	if len(before) == 0 || as.mem.Watched == nil {
		return func() {}
	}
	return func() {
		hits := as.Changed(t, before, func(w Watch) bool { return w.Reads && w.Start < start+n && start < w.End })
		if len(hits) > 0 {
			as.mem.Watched(t, start, write, hits)
		}
	}
}
