package mm

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// Madvise acts on advice as madvise(2) does. Holes are skipped and then ENOMEM.
func (as *AddressSpace) Madvise(t *sched.Thread, addr UAddr, length uint64, advice int) error {
	start, end, err := userRange(addr, length)
	if err != nil {
		return errno.EINVAL.Because("not a range of user pages")
	}
	if !knownAdvice(advice) {
		return errno.EINVAL.Because("unknown advice")
	}
	if start == end {
		return nil
	}
	if advice == abi.MADV_POPULATE_READ || advice == abi.MADV_POPULATE_WRITE {
		return as.prefault(t, start, end, advice == abi.MADV_POPULATE_WRITE)
	}
	as.lock(t)
	defer as.unlock(t)
	set, reset := adviceFlags(advice)
	if set|reset != 0 && len(as.vmas)+2 > maxAreas {
		return errno.ENOMEM.Because("more areas than vm.max_map_count")
	}
	var hole error
	at := start
	for i := as.index(start); at < end && i < len(as.vmas); i++ {
		v := as.vmas[i]
		if v.Start >= end {
			break
		}
		if v.Start > at {
			hole = errno.ENOMEM.Because("a hole in the range")
		}
		lo, hi := max(v.Start, start), min(v.End, end)
		if err := as.advise(t, v, lo, hi, advice); err != nil {
			return err
		}
		at = hi
	}
	if at < end {
		hole = errno.ENOMEM.Because("a hole in the range")
	}
	if set|reset != 0 {
		as.setFlags(t, start, end, set, reset)
	}
	as.flush(t)
	return hole
}

func knownAdvice(advice int) bool {
	return advice >= abi.MADV_NORMAL && advice <= abi.MADV_DONTNEED ||
		advice >= abi.MADV_FREE && advice <= abi.MADV_COLLAPSE
}

// adviceFlags are the flags that advice sets and resets.
func adviceFlags(advice int) (set, reset Flags) {
	switch advice {
	case abi.MADV_DONTFORK:
		return DontFork, 0
	case abi.MADV_DOFORK:
		return 0, DontFork
	case abi.MADV_WIPEONFORK:
		return WipeOnFork, 0
	case abi.MADV_KEEPONFORK:
		return 0, WipeOnFork
	case abi.MADV_DONTDUMP:
		return DontDump, 0
	case abi.MADV_DODUMP:
		return 0, DontDump
	}
	return 0, 0
}

// advise does what concerns the pages [lo, hi) of v.
func (as *AddressSpace) advise(t *sched.Thread, v *VMA, lo, hi uint64, advice int) error {
	switch advice {
	case abi.MADV_DONTNEED, abi.MADV_DONTNEED_LOCKED:
		if v.Flags&Special != 0 || v.Flags&Locked != 0 && advice == abi.MADV_DONTNEED {
			return errno.EINVAL.Because("the pages are locked")
		}
		as.zap(t, lo, hi)
		as.unreserve(t, lo, hi)
	case abi.MADV_FREE:
		if v.Pager != nil {
			return errno.EINVAL.Because("MADV_FREE is for private anonymous memory")
		}
		if v.Flags&Locked == 0 { // at once rather than under pressure
			as.zap(t, lo, hi)
			as.unreserve(t, lo, hi)
		}
	case abi.MADV_REMOVE:
		o, ok := v.Pager.(*Object)
		if v.Flags&Shared == 0 || !ok {
			return errno.EINVAL.Because("MADV_REMOVE is for shared memory objects")
		}
		if v.Prot&Write == 0 {
			return errno.EACCES
		}
		as.zap(t, lo, hi)
		as.flush(t)
		// Other address spaces still hold their frames: writing zeros takes the contents from all.
		as.wipe(t, o, v.pageIndex(lo), (hi-lo)/PageSize)
	case abi.MADV_WIPEONFORK:
		if v.Pager != nil || v.Flags&Shared != 0 {
			return errno.EINVAL.Because("MADV_WIPEONFORK is for private anonymous memory")
		}
	case abi.MADV_DOFORK:
		if v.Flags&Special != 0 {
			return errno.EINVAL
		}
	case abi.MADV_WILLNEED:
		if v.Pager != nil && v.Prot != 0 {
			// What the cache has is mapped; reading ahead is the pager's business at the fault.
			for va := lo; va < hi; va += 512 * PageSize {
				index := v.pageIndex(va)
				if as.pt.get(va) != 0 {
					continue
				}
				if _, p, n := v.Pager.Run(t, index, index, index+1); n > 0 {
					as.mem.DecRef(t, p)
					if err := as.resolve(t, v, va, platform.AccessRead); err != nil {
						return nil
					}
				}
			}
		}
	}
	return nil
}

func (as *AddressSpace) wipe(t *sched.Thread, o *Object, first, n uint64) {
	o.mu.Lock(t)
	defer o.mu.Unlock(t)
	for i := first; i < first+n; i++ {
		b := o.block(i, false)
		if b == nil {
			i |= chunkPages - 1
			continue
		}
		if p := b.frames[i%chunkPages]; p != 0 {
			if as.mem.Refs(p) > 1 {
				clear(as.mem.Bytes(p, 1))
				continue
			}
			b.frames[i%chunkPages] = 0
			as.mem.DecRef(t, p)
		}
	}
}

// setFlags changes flags of the areas in [start, end), cutting them where needed.
func (as *AddressSpace) setFlags(t *sched.Thread, start, end uint64, set, reset Flags) {
	from, to := as.isolate(t, start, end)
	for _, v := range as.vmas[from:to] {
		as.account(v, -1)
		v.Flags = v.Flags&^reset | set
		as.account(v, +1)
	}
	for i := min(to, len(as.vmas)-1); i >= max(from-1, 0); i-- {
		if i+1 < len(as.vmas) && as.vmas[i].joins(as.vmas[i+1]) {
			as.absorb(t, i)
		}
	}
}

// prefault is MADV_POPULATE_READ and MADV_POPULATE_WRITE.
func (as *AddressSpace) prefault(t *sched.Thread, start, end uint64, write bool) error {
	access := platform.AccessRead
	if write {
		access = platform.AccessWrite
	}
	for va := start; va < end; va += PageSize {
		as.mu.RLock(t)
		v, e := as.find(va), as.pt.get(va)
		as.mu.RUnlock(t)
		switch {
		case v == nil:
			return errno.ENOMEM.Because("a hole in the range")
		case !allows(v.Prot, access):
			return errno.EINVAL.Because("the protection forbids it")
		case e != 0 && (!write || e.Has(pteWrite)):
			continue
		}
		if err := as.fault(t, UAddr(va), access); err != nil {
			if errno.Of(err) == errno.EFAULT {
				return errno.EFAULT
			}
			return err
		}
		t.CondResched()
	}
	return nil
}
