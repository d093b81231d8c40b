package mm

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// Frames are never taken from private memory here, so locking is accounting, faulting in, and keeping file pages mapped.

// Mlock locks a range as mlock2(2) does; onFault leaves out faulting in.
func (as *AddressSpace) Mlock(t *sched.Thread, addr UAddr, length uint64, onFault bool) error {
	start := pageDown(uint64(addr))
	if length == 0 {
		return nil
	}
	start, end, err := userRange(UAddr(start), length+uint64(addr)-start)
	if err != nil {
		return err
	}
	as.lock(t)
	defer as.unlock(t)
	if !as.covered(start, end) {
		return errno.ENOMEM.Because("a hole in the range")
	}
	var more int64
	for i := as.index(start); i < len(as.vmas) && as.vmas[i].Start < end; i++ {
		if v := as.vmas[i]; v.Flags&Locked == 0 {
			more += int64(min(v.End, end)-max(v.Start, start)) / PageSize
		}
	}
	if err := as.mayLockMore(t, more); err != nil {
		return err
	}
	as.setFlags(t, start, end, Locked, 0)
	if !onFault {
		if err := as.populate(t, start, end); err != nil {
			return errno.ENOMEM.Because("not every page could be faulted in")
		}
	}
	return nil
}

func (as *AddressSpace) mayLockMore(t *sched.Thread, more int64) error {
	if mayLock(t) {
		return nil
	}
	if as.limits[limitMemLock].Load() == 0 {
		return errno.EPERM.Because("RLIMIT_MEMLOCK is 0")
	}
	if more > 0 && as.exceeds(limitMemLock, as.locked+more) {
		return errno.ENOMEM.Because("RLIMIT_MEMLOCK")
	}
	return nil
}

// Munlock unlocks a range as munlock(2) does.
func (as *AddressSpace) Munlock(t *sched.Thread, addr UAddr, length uint64) error {
	start := pageDown(uint64(addr))
	if length == 0 {
		return nil
	}
	start, end, err := userRange(UAddr(start), length+uint64(addr)-start)
	if err != nil {
		return err
	}
	as.lock(t)
	defer as.unlock(t)
	if !as.covered(start, end) {
		return errno.ENOMEM.Because("a hole in the range")
	}
	as.setFlags(t, start, end, 0, Locked)
	return nil
}

// MlockAll locks what is mapped and, with MCL_FUTURE, what will be.
func (as *AddressSpace) MlockAll(t *sched.Thread, flags int) error {
	if flags == 0 || flags&^(abi.MCL_CURRENT|abi.MCL_FUTURE|abi.MCL_ONFAULT) != 0 || flags == abi.MCL_ONFAULT {
		return errno.EINVAL
	}
	as.lock(t)
	defer as.unlock(t)
	more := as.total - as.locked
	if flags&abi.MCL_CURRENT == 0 {
		more = 0
	}
	if err := as.mayLockMore(t, more); err != nil {
		return err
	}
	as.lockFuture = 0
	if flags&abi.MCL_FUTURE != 0 {
		as.lockFuture = Locked
	}
	if flags&abi.MCL_CURRENT != 0 {
		for _, v := range append([]*VMA(nil), as.vmas...) {
			if v.gone || v.Flags&Special != 0 {
				continue
			}
			start, end := v.Start, v.End
			as.setFlags(t, start, end, Locked, 0)
			if flags&abi.MCL_ONFAULT == 0 {
				as.populate(t, start, end)
			}
		}
	}
	return nil
}

// MunlockAll undoes MlockAll and Mlock.
func (as *AddressSpace) MunlockAll(t *sched.Thread) {
	as.lock(t)
	defer as.unlock(t)
	as.lockFuture = 0
	as.setFlags(t, 0, UserTop, 0, Locked)
}

// covered reports whether [start, end) is mapped without a hole. Caller holds as.mu.
func (as *AddressSpace) covered(start, end uint64) bool {
	for i := as.index(start); start < end; i++ {
		if i == len(as.vmas) || as.vmas[i].Start > start {
			return false
		}
		start = as.vmas[i].End
	}
	return true
}

// Mincore says which pages of a range are in memory, as mincore(2): a byte each.
func (as *AddressSpace) Mincore(t *sched.Thread, addr UAddr, pages uint64, vec []byte) error {
	start, end, err := userRange(addr, pages*PageSize)
	if err != nil {
		return err
	}
	as.mu.RLock(t)
	defer as.mu.RUnlock(t)
	if !as.covered(start, end) {
		return errno.ENOMEM.Because("a hole in the range")
	}
	clear(vec)
	for i := as.index(start); i < len(as.vmas) && as.vmas[i].Start < end; i++ {
		v := as.vmas[i]
		for va := max(v.Start, start); va < min(v.End, end); va += PageSize {
			if as.pt.get(va) != 0 {
				vec[(va-start)/PageSize] = 1
			} else if v.Pager != nil {
				index := v.pageIndex(va)
				if _, p, n := v.Pager.Run(t, index, index, index+1); n > 0 {
					as.mem.DecRef(t, p)
					vec[(va-start)/PageSize] = 1
				}
			}
		}
	}
	return nil
}

// Msync writes shared file pages back as msync(2) does.
func (as *AddressSpace) Msync(t *sched.Thread, addr UAddr, length uint64, flags int) error {
	if flags&^(abi.MS_ASYNC|abi.MS_INVALIDATE|abi.MS_SYNC) != 0 || flags&(abi.MS_ASYNC|abi.MS_SYNC) == abi.MS_ASYNC|abi.MS_SYNC {
		return errno.EINVAL
	}
	start, end, err := userRange(addr, length)
	if err != nil {
		return err
	}
	type part struct {
		pager    Pager
		file     File
		from, to uint64
	}
	var parts []part
	as.mu.RLock(t)
	hole := !as.covered(start, end)
	locked := false
	for i := as.index(start); i < len(as.vmas) && as.vmas[i].Start < end; i++ {
		v := as.vmas[i]
		locked = locked || v.Flags&Locked != 0
		if v.Flags&Shared != 0 && v.Pager != nil && !v.untracked && flags&abi.MS_SYNC != 0 {
			if v.File != nil {
				v.File.IncRef()
			}
			parts = append(parts, part{v.Pager, v.File, v.pageIndex(max(v.Start, start)), v.pageIndex(min(v.End, end)-PageSize) + 1})
		}
	}
	as.mu.RUnlock(t)
	if flags&abi.MS_INVALIDATE != 0 && locked {
		err = errno.EBUSY.Because("MS_INVALIDATE of locked pages")
	}
	for _, p := range parts {
		if err == nil {
			err = p.pager.Sync(t, p.from, p.to)
		}
		if p.file != nil {
			p.file.DecRef(t)
		}
	}
	if err == nil && hole {
		err = errno.ENOMEM.Because("a hole in the range")
	}
	return err
}
