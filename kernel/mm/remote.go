package mm

import (
	"errors"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// AccessRemote reads or writes memory of any address space, for process_vm_readv(2), /proc/PID/mem and
// debuggers, and returns how many bytes it could. With force it also reads what the program can't, and writes to what
// the program may only read: there the page becomes a private copy, never the file's.
func AccessRemote(t *sched.Thread, as *AddressSpace, addr UAddr, buf []byte, write, force bool) (int, error) {
	if uint64(addr) > UserTop || uint64(len(buf)) > UserTop-uint64(addr) {
		return 0, errno.EFAULT.Because("not a user address")
	}
	n := 0
	for n < len(buf) {
		k, err := as.accessPage(t, uint64(addr)+uint64(n), buf[n:], write, force)
		n += k
		if err != nil && !as.mem.retry(t, err) {
			var f *Fault
			if errors.As(err, &f) {
				err = errno.EFAULT
			}
			return n, err
		}
		t.CondResched()
	}
	return n, nil
}

func (as *AddressSpace) accessPage(t *sched.Thread, addr uint64, buf []byte, write, force bool) (int, error) {
	as.lock(t)
	defer as.unlock(t)
	va := pageDown(addr)
	access := platform.AccessRead
	if write {
		access = platform.AccessWrite
	}
	v := as.find(addr)
	if v == nil || as.dead {
		return 0, errno.EFAULT
	}
	if !allows(v.Prot, access) {
		if !force || write && v.Flags&Shared != 0 || v.Flags&Special != 0 && write {
			return 0, errno.EFAULT
		}
		if err := as.forcePage(t, v, va, write); err != nil {
			return 0, err
		}
	} else if e := as.pt.get(va); e == 0 || write && !e.Has(pteWrite) {
		if err := as.resolve(t, v, va, access); err != nil {
			return 0, err
		}
	}
	mem := as.mem.Bytes(PFN(as.pt.get(va).Frame()), 1)[addr&pageMask:]
	if write {
		return copy(mem, buf), nil
	}
	return copy(buf, mem), nil
}

// forcePage gives va a page that a debugger may read, or write, though the program may not.
func (as *AddressSpace) forcePage(t *sched.Thread, v *VMA, va uint64, write bool) error {
	if as.pt.get(va) == 0 {
		access := platform.AccessRead
		if write {
			access = platform.AccessWrite
		}
		// The entry's bits are what v.Prot allows, whatever the access.
		if err := as.resolve(t, v, va, access); err != nil {
			return err
		}
	}
	if !write {
		return nil
	}
	e, err := as.pt.entry(t, va)
	if err != nil {
		return err
	}
	if e.Has(pteAnon) && as.mem.Refs(PFN(e.Frame())) == 1 {
		return nil
	}
	present := e.Has(amd64.PTEPresent)
	if err := as.makeOwn(t, v, va, e); err != nil {
		return err
	}
	if present {
		as.emit(va, va+PageSize, extent{})
	}
	as.flush(t)
	return nil
}
