package mm

import (
	"vitrine/kernel/sched"
)

// SetBrk says where the heap begins: behind the program's data. The loader calls it.
func (as *AddressSpace) SetBrk(t *sched.Thread, start UAddr) {
	as.lock(t)
	defer as.unlock(t)
	as.brkStart, as.brk = uint64(start), uint64(start)
}

// BrkStart returns where the heap begins and ends.
func (as *AddressSpace) BrkStart(t *sched.Thread) (start, end UAddr) {
	as.mu.RLock(t)
	defer as.mu.RUnlock(t)
	return UAddr(as.brkStart), UAddr(as.brk)
}

// Brk moves the end of the heap as brk(2) does and returns where it is now.
func (as *AddressSpace) Brk(t *sched.Thread, addr UAddr) UAddr {
	as.lock(t)
	defer as.unlock(t)
	want := uint64(addr)
	if want < as.brkStart || want > UserTop-PageSize || as.brkStart == 0 {
		return UAddr(as.brk)
	}
	from, to := pageUp(as.brk), pageUp(want)
	switch {
	case to < from:
		as.remove(t, to, from)
	case to > from:
		v := &VMA{Start: from, End: to, Prot: Read | Write, Flags: Heap | MayWrite | as.lockFuture, Name: "[heap]", as: as}
		if !as.free(from, to) || as.exceedsData(want) || as.mayAdd(t, v, false) != nil {
			return UAddr(as.brk)
		}
		v = as.insert(t, v)
		if v.Flags&Locked != 0 {
			as.populate(t, from, to)
		} else if v.pages() <= aroundPages && as.mem.plenty() {
			as.fillAnon(t, v, from) // a program's first: it will use it at once
		}
	}
	as.brk = want
	return addr
}

// exceedsData checks RLIMIT_DATA as brk(2) does, for the heap alone.
func (as *AddressSpace) exceedsData(brk uint64) bool {
	l := as.limits[limitData].Load()
	return l != NoLimit && brk-as.brkStart > l
}
