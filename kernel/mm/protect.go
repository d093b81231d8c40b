package mm

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/sched"
)

// Mprotect changes the protection of a range as mprotect(2) does. What lies before a hole is
// changed; the error is ENOMEM.
func (as *AddressSpace) Mprotect(t *sched.Thread, addr UAddr, length uint64, prot Prot) error {
	start, end, err := userRange(addr, length)
	if err != nil {
		return err
	}
	if start == end {
		return nil
	}
	as.lock(t)
	defer as.unlock(t)
	return as.protect(t, start, end, prot)
}

// MprotectGrowsDown is Mprotect with PROT_GROWSDOWN: the range begins where its stack does.
func (as *AddressSpace) MprotectGrowsDown(t *sched.Thread, addr UAddr, length uint64, prot Prot) error {
	start, end, err := userRange(addr, length)
	if err != nil {
		return err
	}
	if start == end {
		return nil
	}
	as.lock(t)
	defer as.unlock(t)
	i := as.index(start)
	if i == len(as.vmas) || as.vmas[i].Start >= end {
		return errno.ENOMEM
	}
	if as.vmas[i].Flags&GrowsDown == 0 {
		return errno.EINVAL.Because("PROT_GROWSDOWN on an area that doesn't grow")
	}
	return as.protect(t, as.vmas[i].Start, end, prot)
}

func (as *AddressSpace) protect(t *sched.Thread, start, end uint64, prot Prot) error {
	if len(as.vmas)+2 > maxAreas {
		return errno.ENOMEM.Because("more areas than vm.max_map_count")
	}
	if v := as.find(start); v == nil {
		return errno.ENOMEM.Because("nothing is mapped at the start")
	}
	// How far is it mapped without a hole, and allowed?
	var result error
	stop := start
	for i := as.index(start); stop < end; i++ {
		if i == len(as.vmas) || as.vmas[i].Start > stop {
			result = errno.ENOMEM.Because("a hole in the range")
			break
		}
		v := as.vmas[i]
		if prot&Write != 0 && v.Flags&MayWrite == 0 {
			result = errno.EACCES.Because("a shared mapping of a file not open for writing")
			break
		}
		if isData(prot, v.Flags) && !v.accountable() {
			n := int64(min(v.End, end)-max(v.Start, start)) / PageSize
			if as.exceeds(limitData, as.data+n) {
				result = errno.ENOMEM.Because("RLIMIT_DATA")
				break
			}
			if v.Flags&NoReserve == 0 && uint64(n) > as.mem.total {
				result = errno.ENOMEM.Because("more than the machine's memory")
				break
			}
		}
		stop = min(v.End, end)
	}
	if stop > start {
		as.setProt(t, start, stop, prot)
	}
	return result
}

// setProt changes areas that cover [start, end) without a hole.
func (as *AddressSpace) setProt(t *sched.Thread, start, end uint64, prot Prot) {
	from, to := as.isolate(t, start, end)
	for _, v := range as.vmas[from:to] {
		if v.Prot == prot {
			continue
		}
		as.account(v, -1)
		v.Prot = prot
		as.account(v, +1)
		as.reprotect(v, v.Start, v.End)
	}
	as.flushLate(t)
	for i := min(to, len(as.vmas)-1); i >= max(from-1, 0); i-- {
		if i+1 < len(as.vmas) && as.vmas[i].joins(as.vmas[i+1]) {
			as.absorb(t, i)
		}
	}
}

// reprotect gives the entries of [start, end) in v the bits that v.Prot allows them, and
// tells the platform. flush must follow.
func (as *AddressSpace) reprotect(v *VMA, start, end uint64) {
	type change struct {
		lo, hi   uint64
		old, new Prot
	}
	var run change
	apply := func() {
		switch {
		case run.lo == run.hi || run.old == run.new:
		case run.new == 0:
			as.plat.Unmap(run.lo, run.hi-run.lo)
		case run.old == 0:
			// Inaccessible until now: the platform has no translation to widen.
			as.emit(run.lo, run.hi, extent{})
		default:
			as.plat.Protect(run.lo, run.hi-run.lo, run.new)
		}
		if run.old&^run.new != 0 {
			as.stale = true
		}
	}
	as.pt.each(start, end, func(va uint64, e *pte) {
		old := as.protAt(va, *e)
		*e = amd64.MakePTE(e.Frame(), *e&(pteAnon|pteShmem)|v.bits(as.writable(v, *e)))
		new := as.protAt(va, *e)
		if run.hi != va || run.old != old || run.new != new {
			apply()
			run = change{va, va, old, new}
		}
		run.hi += PageSize
	})
	apply()
}

// writable reports whether an entry of v may be written without a fault, given that v may.
func (as *AddressSpace) writable(v *VMA, e pte) bool {
	if v.Flags&Shared != 0 {
		return v.untracked || e.Has(pteWrite)
	}
	return e.Has(pteAnon) && as.mem.Refs(PFN(e.Frame())) == 1
}

// writeProtect takes the right to write from the entries of [start, end).
func (as *AddressSpace) writeProtect(v *VMA, start, end uint64) {
	var lo, hi uint64
	var prot Prot
	apply := func() {
		if lo < hi && prot != 0 { // 0: a page whose reads are watched is closed already
			as.plat.Protect(lo, hi-lo, prot)
			as.stale = true
		}
	}
	as.pt.each(start, end, func(va uint64, e *pte) {
		if !e.Has(pteWrite) {
			return
		}
		*e &^= pteWrite
		if p := as.protAt(va, *e); va != hi || p != prot {
			apply()
			lo, hi, prot = va, va, p
		}
		hi += PageSize
	})
	apply()
}
