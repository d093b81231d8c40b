package mm

import (
	"sync/atomic"
	"unsafe"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// WithWord calls f with the program's 32-bit word at addr, which is faulted in, for writing if
// write says so. The address space is locked for reading meanwhile, so that the page stays where it is:
// f may take spinlocks, not sleep nor touch user memory otherwise. Programs change the word at any
// time: f uses sync/atomic. An address that isn't a multiple of 4 is EINVAL.
func WithWord(t *sched.Thread, addr UAddr, write bool, f func(p *uint32)) error {
	as := Of(t)
	switch {
	case addr%4 != 0:
		return errno.EINVAL.Because("the word isn't aligned")
	case as == nil || uint64(addr) > UserTop-4:
		return errno.EFAULT.Because("not a user address")
	}
	access := platform.AccessRead
	if write {
		access = platform.AccessWrite
	}
	if as.watch.Load() != nil {
		defer as.touching(t, uint64(addr), 4, write)()
	}
	for {
		as.mu.RLock(t)
		if mem := as.user(uint64(addr), write); mem != nil {
			f((*uint32)(unsafe.Pointer(&mem[0])))
			as.mu.RUnlock(t)
			return nil
		}
		as.mu.RUnlock(t)
		if err := as.fault(t, addr, access); err != nil {
			return err
		}
	}
}

// LoadUint32 reads a word atomically.
func LoadUint32(t *sched.Thread, addr UAddr) (v uint32, err error) {
	err = WithWord(t, addr, false, func(p *uint32) { v = atomic.LoadUint32(p) })
	return v, err
}

// StoreUint32 writes a word atomically.
func StoreUint32(t *sched.Thread, addr UAddr, v uint32) error {
	return WithWord(t, addr, true, func(p *uint32) { atomic.StoreUint32(p, v) })
}

// CompareAndSwapUint32 writes new if the word is old. prev is what it was.
func CompareAndSwapUint32(t *sched.Thread, addr UAddr, old, new uint32) (prev uint32, err error) {
	err = WithWord(t, addr, true, func(p *uint32) {
		for {
			if prev = atomic.LoadUint32(p); prev != old || atomic.CompareAndSwapUint32(p, old, new) {
				return
			}
		}
	})
	return prev, err
}

// FutexKey names a word for all who share it: by the address space and the address, or by the memory
// object and the offset in it.
type FutexKey struct {
	Object any // *AddressSpace or Pager
	Offset uint64
}

// FutexKeyOf returns the name of the word at addr. private says that only this address space uses it. The
// area is looked at, not the page.
func FutexKeyOf(t *sched.Thread, addr UAddr, private bool) (FutexKey, error) {
	as := Of(t)
	if as == nil || uint64(addr) > UserTop-4 {
		return FutexKey{}, errno.EFAULT.Because("not a user address")
	}
	if !private {
		as.mu.RLock(t)
		defer as.mu.RUnlock(t)
		switch v := as.find(uint64(addr)); {
		case v == nil || v.Prot == 0:
			return FutexKey{}, errno.EFAULT
		case v.Flags&Shared != 0:
			return FutexKey{v.Pager, v.Offset + uint64(addr) - v.Start}, nil
		}
	}
	return FutexKey{as, uint64(addr)}, nil
}
