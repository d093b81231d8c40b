package mm

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/sched"
)

// Mremap resizes or moves a mapping as mremap(2) does, with all of its flags.
func (as *AddressSpace) Mremap(t *sched.Thread, addr UAddr, oldLen, newLen uint64, flags int, newAddr UAddr) (UAddr, error) {
	if err := checkRemap(addr, oldLen, newLen, flags, newAddr); err != nil {
		return 0, err
	}
	start, oldSize, newSize := uint64(addr), pageUp(oldLen), pageUp(newLen)
	as.lock(t)
	defer as.unlock(t)
	v := as.find(start)
	if v == nil {
		return 0, errno.EFAULT.Because("nothing is mapped there")
	}
	fixed := flags&abi.MREMAP_FIXED != 0
	move := fixed || flags&abi.MREMAP_DONTUNMAP != 0
	switch {
	case oldSize == 0 && v.Flags&Shared == 0:
		return 0, errno.EINVAL.Because("length 0 duplicates shared mappings only")
	case oldSize == 0 && flags&abi.MREMAP_MAYMOVE == 0:
		return 0, errno.EINVAL
	case flags&abi.MREMAP_DONTUNMAP != 0 && v.Flags&Special != 0:
		return 0, errno.EINVAL
	case oldSize > v.End-start:
		return 0, errno.EFAULT.Because("the range crosses areas")
	}
	if !move && oldSize > 0 {
		if newSize <= oldSize {
			if newSize < oldSize {
				as.remove(t, start+newSize, start+oldSize)
			}
			return addr, nil
		}
	}
	if newSize > oldSize {
		if v.Flags&(DontExpand|Special) != 0 {
			return 0, errno.EFAULT.Because("the area may not grow")
		}
		if v.Pager != nil && v.Offset+(start-v.Start)+newSize < newSize {
			return 0, errno.EINVAL
		}
		if err := as.mayGrow(t, v, int64(newSize-oldSize)/PageSize); err != nil {
			return 0, err
		}
	}
	if !move && oldSize > 0 && start+oldSize == v.End && as.growInPlace(t, v, newSize-oldSize) {
		if v.Flags&Locked != 0 {
			as.populate(t, start+oldSize, start+newSize)
		}
		return addr, nil
	}
	if flags&abi.MREMAP_MAYMOVE == 0 {
		return 0, errno.ENOMEM.Because("no room to grow, and it may not move")
	}
	if len(as.vmas)+3 > maxAreas {
		return 0, errno.ENOMEM.Because("more areas than vm.max_map_count")
	}
	to := uint64(newAddr)
	if fixed {
		as.remove(t, to, to+newSize)
		if newSize < oldSize {
			as.remove(t, start+newSize, start+oldSize)
			oldSize = newSize
		}
		if v = as.find(start); v == nil {
			return 0, errno.EFAULT
		}
	} else {
		hint := uint64(0)
		if flags&abi.MREMAP_DONTUNMAP != 0 {
			hint = pageUp(to)
		}
		var err error
		if to, err = as.findGap(hint, newSize, 0); err != nil {
			return 0, err
		}
	}
	return UAddr(to), as.move(t, v, start, oldSize, to, newSize, flags&abi.MREMAP_DONTUNMAP != 0)
}

func checkRemap(addr UAddr, oldLen, newLen uint64, flags int, newAddr UAddr) error {
	if flags&^(abi.MREMAP_MAYMOVE|abi.MREMAP_FIXED|abi.MREMAP_DONTUNMAP) != 0 {
		return errno.EINVAL.Because("unknown flags")
	}
	if flags&(abi.MREMAP_FIXED|abi.MREMAP_DONTUNMAP) != 0 && flags&abi.MREMAP_MAYMOVE == 0 {
		return errno.EINVAL.Because("MREMAP_FIXED and MREMAP_DONTUNMAP need MREMAP_MAYMOVE")
	}
	if flags&abi.MREMAP_DONTUNMAP != 0 && pageUp(oldLen) != pageUp(newLen) {
		return errno.EINVAL.Because("MREMAP_DONTUNMAP changes no size")
	}
	if newLen == 0 || addr%PageSize != 0 {
		return errno.EINVAL
	}
	start, end, err := userRange(addr, oldLen)
	if err != nil || pageUp(newLen) < newLen || newLen > UserTop {
		return errno.EINVAL
	}
	if flags&abi.MREMAP_FIXED != 0 {
		to, toEnd, err := userRange(newAddr, newLen)
		switch {
		case err != nil:
			return errno.EINVAL
		case to < minAddr:
			return errno.EPERM.Because("below vm.mmap_min_addr")
		case to < end && start < toEnd:
			return errno.EINVAL.Because("the old place and the new one overlap")
		}
	}
	return nil
}

// mayGrow checks limits for n more pages of v.
func (as *AddressSpace) mayGrow(t *sched.Thread, v *VMA, n int64) error {
	switch {
	case as.exceeds(limitAS, as.total+n):
		return errno.ENOMEM.Because("RLIMIT_AS")
	case v.accountable() && v.Flags&(GrowsDown|Stack) == 0 && as.exceeds(limitData, as.data+n):
		return errno.ENOMEM.Because("RLIMIT_DATA")
	case v.accountable() && v.Flags&NoReserve == 0 && uint64(n) > as.mem.total:
		return errno.ENOMEM.Because("more than the machine's memory")
	case v.Flags&Locked != 0 && !mayLock(t) && as.exceeds(limitMemLock, as.locked+n):
		return errno.EAGAIN.Because("RLIMIT_MEMLOCK")
	}
	return nil
}

// growInPlace extends v upwards if there is room.
func (as *AddressSpace) growInPlace(t *sched.Thread, v *VMA, by uint64) bool {
	if v.End > UserTop-by || !as.free(v.End, v.End+by) {
		return false
	}
	v.End += by
	as.accountPages(v, int64(by)/PageSize)
	as.mergeAt(t, as.index(v.Start))
	return true
}

// move puts the pages [from, from+oldSize) of v into a new area of newSize bytes at to. keep leaves
// the old area, empty; oldSize 0 makes the new area one more view of the same pages.
func (as *AddressSpace) move(t *sched.Thread, v *VMA, from, oldSize, to, newSize uint64, keep bool) error {
	// The tables first: without memory nothing has changed.
	var err error
	as.pt.each(from, from+oldSize, func(va uint64, _ *pte) {
		if err == nil {
			_, err = as.pt.entry(t, to+(va-from))
		}
	})
	if err != nil {
		// Nothing is mapped there yet: tables that reach beyond it serve nobody either.
		lo, hi := as.around(to)
		as.pt.prune(t, to, to+newSize, lo, hi)
		return err
	}
	n := &VMA{
		Start: to, End: to + newSize, Prot: v.Prot, Flags: v.Flags &^ Heap, Pager: v.Pager, File: v.File, Name: v.Name,
		as: as, untracked: v.untracked,
	}
	if v.Pager != nil {
		n.Offset = v.Offset + (from - v.Start)
	}
	if n.File != nil {
		n.File.IncRef()
	}
	moved := false
	as.pt.each(from, from+oldSize, func(va uint64, e *pte) {
		d, _ := as.pt.entry(t, to+(va-from))
		*d = *e
		*e = 0
		moved = true
		if d.Has(amd64.PTEPresent) {
			as.stale = true
		}
	})
	if moved {
		as.plat.Unmap(from, oldSize)
	}
	as.flush(t)
	n = as.insert(t, n)
	if oldSize > 0 && !keep {
		as.remove(t, from, from+oldSize)
	} else if keep {
		as.unreserve(t, from, from+oldSize)
		if v := as.find(from); v != nil && v.Flags&Locked != 0 && v.Start == from && v.Size() == oldSize {
			as.account(v, -1)
			v.Flags &^= Locked
			as.account(v, +1)
		}
	}
	as.emit(to, to+oldSize, extent{})
	if n.Flags&Locked != 0 {
		as.populate(t, to, to+newSize)
	}
	return nil
}
