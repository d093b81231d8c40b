package mm

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// Mmap makes a mapping as mmap(2) does and returns its address. Types, file modes and the like were
// checked by the caller; addresses, sizes and limits are checked here.
func (as *AddressSpace) Mmap(t *sched.Thread, r MapRequest) (UAddr, error) {
	size, err := checkMap(t, &r)
	if err != nil {
		return 0, err
	}
	shared := r.Flags&abi.MAP_TYPE != abi.MAP_PRIVATE
	anonymous := r.Pager == nil && shared
	if anonymous {
		o := NewObject(as.mem, size)
		defer o.DecRef(t)
		r.Pager, r.File, r.Offset, r.Name = o, o, 0, "/dev/zero (deleted)"
	}
	v := &VMA{Prot: r.Prot, Flags: r.VMFlags, Pager: r.Pager, File: r.File, Name: r.Name, as: as}
	if r.Pager != nil {
		v.Offset = r.Offset
		u, ok := r.Pager.(Untracked)
		v.untracked = ok && u.Untracked()
	}
	if shared {
		v.Flags |= Shared
	}
	if !shared || !r.ReadOnlyFile {
		v.Flags |= MayWrite
	} else if r.Prot&Write != 0 {
		return 0, errno.EACCES.Because("a shared writable mapping of a file not open for writing")
	}
	if r.Flags&abi.MAP_GROWSDOWN != 0 && r.Pager == nil {
		v.Flags |= GrowsDown
	}
	if r.Flags&abi.MAP_NORESERVE != 0 {
		v.Flags |= NoReserve
	}

	as.lock(t)
	defer as.unlock(t)
	if as.dead {
		return 0, errno.EFAULT
	}
	v.Flags |= as.lockFuture
	if r.Flags&abi.MAP_LOCKED != 0 {
		v.Flags |= Locked
	}
	addr := uint64(r.Addr)
	fixed := r.Flags&(abi.MAP_FIXED|abi.MAP_FIXED_NOREPLACE) != 0
	switch {
	case !fixed:
		if addr, err = as.findGap(pageUp(addr), size, r.Flags); err != nil {
			return 0, err
		}
	case r.Flags&abi.MAP_FIXED_NOREPLACE != 0 && as.overlaps(addr, addr+size):
		return 0, errno.EEXIST
	}
	v.Start, v.End = addr, addr+size
	if err := as.mayAdd(t, v, fixed); err != nil {
		return 0, err
	}
	if fixed {
		as.remove(t, addr, addr+size)
	}
	if v.File != nil {
		v.File.IncRef()
	}
	v = as.insert(t, v)
	if r.Flags&abi.MAP_POPULATE != 0 && r.Flags&abi.MAP_NONBLOCK == 0 || v.Flags&Locked != 0 {
		as.populate(t, addr, addr+size)
	}
	return UAddr(addr), nil
}

// checkMap checks what doesn't depend on the address space, and returns the size in whole pages.
func checkMap(t *sched.Thread, r *MapRequest) (uint64, error) {
	size := pageUp(r.Len)
	fixed := r.Flags&(abi.MAP_FIXED|abi.MAP_FIXED_NOREPLACE) != 0
	switch {
	case r.Len == 0:
		return 0, errno.EINVAL.Because("length 0")
	case size == 0 || size > UserTop:
		return 0, errno.ENOMEM.Because("longer than user space")
	case r.Offset%PageSize != 0:
		return 0, errno.EINVAL.Because("the offset isn't a multiple of a page")
	case r.Offset+size < r.Offset:
		return 0, errno.EOVERFLOW
	case fixed && r.Addr%PageSize != 0:
		return 0, errno.EINVAL.Because("the address isn't a multiple of a page")
	case fixed && uint64(r.Addr) > UserTop-size:
		return 0, errno.ENOMEM.Because("beyond the end of user space")
	case fixed && r.Addr < minAddr:
		return 0, errno.EPERM.Because("below vm.mmap_min_addr")
	case r.Flags&abi.MAP_HUGETLB != 0:
		return 0, errno.ENOMEM.Because("no huge pages are set aside")
	}
	return size, nil
}

// mayAdd checks limits for a new area v. fixed: what lies there now will go.
func (as *AddressSpace) mayAdd(t *sched.Thread, v *VMA, fixed bool) error {
	n := int64(v.pages())
	var gone int64
	if fixed {
		for i := as.index(v.Start); i < len(as.vmas) && as.vmas[i].Start < v.End; i++ {
			o := as.vmas[i]
			gone += int64(min(o.End, v.End)-max(o.Start, v.Start)) / PageSize
		}
	}
	if len(as.vmas)+2 > maxAreas {
		return errno.ENOMEM.Because("more areas than vm.max_map_count")
	}
	if as.exceeds(limitAS, as.total+n-gone) {
		return errno.ENOMEM.Because("RLIMIT_AS")
	}
	if v.accountable() {
		if v.Flags&(GrowsDown|Stack) == 0 && as.exceeds(limitData, as.data+n) {
			return errno.ENOMEM.Because("RLIMIT_DATA")
		}
		// As Linux's heuristic: what can't possibly be had is refused, nothing else.
		if v.Flags&NoReserve == 0 && uint64(n) > as.mem.total {
			return errno.ENOMEM.Because("more than the machine's memory")
		}
	}
	if v.Flags&Locked != 0 && !mayLock(t) && as.exceeds(limitMemLock, as.locked+n) {
		return errno.EAGAIN.Because("RLIMIT_MEMLOCK")
	}
	return nil
}

func mayLock(t *sched.Thread) bool { return t.Cred != nil && t.Cred.Has(cred.CapIPCLock) }

// findGap finds room for size bytes, at hint if it is free there. Caller holds as.mu.
func (as *AddressSpace) findGap(hint, size uint64, flags int) (uint64, error) {
	low, top := uint64(minAddr), as.mmapTop
	if flags&abi.MAP_32BIT != 0 {
		low, top = low32From, low32To
	}
	if hint >= minAddr && size <= UserTop && hint <= UserTop-size && as.free(hint, hint+size) &&
		(flags&abi.MAP_32BIT == 0 || hint+size <= low32To) {
		return hint, nil
	}
	if at, ok := as.gapBelow(low, top, size); ok {
		return at, nil
	}
	if flags&abi.MAP_32BIT == 0 { // what the stack didn't take
		if at, ok := as.gapBelow(top, UserTop, size); ok {
			return at, nil
		}
	}
	return 0, errno.ENOMEM.Because("no gap is large enough")
}

// gapBelow returns the highest place for size bytes in [low, top).
func (as *AddressSpace) gapBelow(low, top, size uint64) (uint64, bool) {
	end := top
	for i := as.index(top - 1); ; i-- {
		// end is the top of the gap above area i-1.
		if i < len(as.vmas) && i >= 0 {
			end = min(end, as.vmas[i].guarded())
		}
		start := low
		if i > 0 {
			start = max(start, as.vmas[i-1].End)
		}
		if end > start && end-start >= size {
			return end - size, true
		}
		if i <= 0 || start == low {
			return 0, false
		}
	}
}

// guarded is where v begins with the gap that a stack keeps below it.
func (v *VMA) guarded() uint64 {
	if v.Flags&GrowsDown != 0 {
		return v.Start - min(v.Start, stackGuard)
	}
	return v.Start
}

// free reports whether nothing lies in [start, end) nor too close below a stack.
func (as *AddressSpace) free(start, end uint64) bool {
	i := as.index(start)
	return i == len(as.vmas) || as.vmas[i].guarded() >= end
}

// Munmap removes mappings as munmap(2) does.
func (as *AddressSpace) Munmap(t *sched.Thread, addr UAddr, length uint64) error {
	start, end, err := userRange(addr, length)
	if err != nil || start == end {
		return errno.EINVAL.Because("not a range of user pages")
	}
	as.lock(t)
	defer as.unlock(t)
	// Cutting a hole makes one area more.
	if len(as.vmas) >= maxAreas {
		if v := as.find(start); v != nil && v.Start < start && v.End > end {
			return errno.ENOMEM.Because("more areas than vm.max_map_count")
		}
	}
	as.remove(t, start, end)
	return nil
}

// userRange checks a range of whole pages.
func userRange(addr UAddr, length uint64) (start, end uint64, err error) {
	start = uint64(addr)
	size := pageUp(length)
	if start%PageSize != 0 {
		return 0, 0, errno.EINVAL.Because("the address isn't a multiple of a page")
	}
	if size < length || start > UserTop || size > UserTop-start {
		return 0, 0, errno.ENOMEM.Because("beyond the end of user space")
	}
	return start, start + size, nil
}

// remove unmaps [start, end). Caller holds as.mu for writing.
func (as *AddressSpace) remove(t *sched.Thread, start, end uint64) {
	from, to := as.isolate(t, start, end)
	if from == to {
		return
	}
	for _, v := range as.vmas[from:to] {
		as.account(v, -1)
		v.gone = true
	}
	as.zap(t, start, end)
	as.flushLate(t)
	gone := append([]*VMA(nil), as.vmas[from:to]...)
	clear(as.vmas[from:to])
	as.vmas = append(as.vmas[:from], as.vmas[to:]...)
	for _, v := range gone {
		as.letGo(t, v)
	}
	as.unreserve(t, start, end)
	// Tables that served nothing else go, too.
	lo, hi := as.around(start)
	as.pt.prune(t, start, end, lo, hi)
}

// around returns the ends of the gap between areas in which addr lies. Caller holds as.mu.
func (as *AddressSpace) around(addr uint64) (lo, hi uint64) {
	i := as.index(addr)
	hi = allOf // beyond user space: the topmost tables reach there
	if i > 0 {
		lo = as.vmas[i-1].End
	}
	if i < len(as.vmas) {
		hi = as.vmas[i].Start
	}
	return lo, hi
}

// populate faults in [start, end), as far as there is memory. Caller holds as.mu for writing.
func (as *AddressSpace) populate(t *sched.Thread, start, end uint64) error {
	for va := start; va < end; va += PageSize {
		v := as.find(va)
		if v == nil {
			return errno.ENOMEM
		}
		access := platform.AccessRead
		if v.Prot&Write != 0 && v.Flags&Shared == 0 {
			access = platform.AccessWrite
		}
		if !allows(v.Prot, access) {
			return errno.EFAULT
		}
		if e := as.pt.get(va); e != 0 && (access == platform.AccessRead || e.Has(pteWrite)) {
			continue
		}
		if err := as.resolve(t, v, va, access); err != nil {
			return err
		}
	}
	return nil
}
