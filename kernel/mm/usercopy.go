package mm

import (
	"strings"
	"unsafe"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// copyUser copies between buf and the program's memory at addr and returns how much it could. The fast
// path is a walk of the page table under the lock for reading; what is missing is faulted in.
func copyUser(t *sched.Thread, addr UAddr, buf []byte, write bool) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	as := Of(t)
	if as == nil {
		return 0, errno.EFAULT.Because("a kernel thread has no user memory")
	}
	if uint64(addr) > UserTop || uint64(len(buf)) > UserTop-uint64(addr) {
		return 0, errno.EFAULT.Because("not a user address")
	}
	n, access := 0, platform.AccessRead
	if write {
		access = platform.AccessWrite
	}
	if as.watch.Load() != nil {
		defer as.touching(t, uint64(addr), uint64(len(buf)), write)()
	}
	for n < len(buf) {
		as.mu.RLock(t)
		for n < len(buf) {
			mem := as.user(uint64(addr)+uint64(n), write)
			if mem == nil {
				break
			}
			if write {
				n += copy(mem, buf[n:])
			} else {
				n += copy(buf[n:], mem)
			}
		}
		as.mu.RUnlock(t)
		if n == len(buf) {
			break
		}
		if err := as.fault(t, addr+UAddr(n), access); err != nil {
			return n, err
		}
	}
	return n, nil
}

// user returns the memory from addr to the end of its page, nil if the entry doesn't allow the
// access. Caller holds as.mu.
func (as *AddressSpace) user(addr uint64, write bool) []byte {
	e := as.pt.get(addr)
	if !e.Has(amd64.PTEPresent) || write && !e.Has(pteWrite) {
		return nil
	}
	return as.mem.Bytes(PFN(e.Frame()), 1)[addr&pageMask:]
}

// CopyIn copies user memory at src to dst.
func CopyIn(t *sched.Thread, dst []byte, src UAddr) error {
	_, err := copyUser(t, src, dst, false)
	return err
}

// CopyOut copies src to user memory at dst.
func CopyOut(t *sched.Thread, dst UAddr, src []byte) error {
	_, err := copyUser(t, dst, src, true)
	return err
}

// CopyInPartial is CopyIn that says how far it came.
func CopyInPartial(t *sched.Thread, dst []byte, src UAddr) (int, error) {
	return copyUser(t, src, dst, false)
}

// CopyOutPartial is CopyOut that says how far it came.
func CopyOutPartial(t *sched.Thread, dst UAddr, src []byte) (int, error) {
	return copyUser(t, dst, src, true)
}

var zeros [PageSize]byte

// ZeroOut writes n zeros at dst.
func ZeroOut(t *sched.Thread, dst UAddr, n uint64) error {
	if uint64(dst) > UserTop || n > UserTop-uint64(dst) {
		return errno.EFAULT.Because("not a user address")
	}
	for n > 0 {
		part := min(n, PageSize-uint64(dst)&pageMask)
		if err := CopyOut(t, dst, zeros[:part]); err != nil {
			return err
		}
		dst += UAddr(part)
		n -= part
	}
	return nil
}

// CopyInString copies a string that ends with a zero byte. With max bytes and none of them zero it
// returns ENAMETOOLONG.
func CopyInString(t *sched.Thread, src UAddr, max int) (string, error) {
	var b strings.Builder
	var buf [256]byte
	for b.Len() < max {
		// Never beyond the page: the next one need not be there.
		part := min(len(buf), max-b.Len(), int(PageSize-uint64(src)&pageMask))
		if err := CopyIn(t, buf[:part], src); err != nil {
			return "", err
		}
		if i := indexZero(buf[:part]); i >= 0 {
			if b.Len() == 0 {
				return string(buf[:i]), nil
			}
			b.Write(buf[:i])
			return b.String(), nil
		}
		b.Write(buf[:part])
		src += UAddr(part)
	}
	return "", errno.ENAMETOOLONG
}

func indexZero(b []byte) int { return strings.IndexByte(unsafe.String(unsafe.SliceData(b), len(b)), 0) }

// CopyInStruct copies a structure without pointers.
func CopyInStruct[T any](t *sched.Thread, addr UAddr) (v T, err error) {
	err = CopyIn(t, bytesOf(&v), addr)
	return v, err
}

// CopyOutStruct copies a structure without pointers and without padding that could tell secrets.
func CopyOutStruct[T any](t *sched.Thread, addr UAddr, v *T) error {
	return CopyOut(t, addr, bytesOf(v))
}

// CopyInSlice copies n structures without pointers. The caller has bounded n.
func CopyInSlice[T any](t *sched.Thread, addr UAddr, n int) ([]T, error) {
	if n <= 0 {
		return nil, nil
	}
	s := make([]T, n)
	if err := CopyIn(t, sliceBytes(s), addr); err != nil {
		return nil, err
	}
	return s, nil
}

// CopyOutSlice copies structures without pointers.
func CopyOutSlice[T any](t *sched.Thread, addr UAddr, s []T) error {
	if len(s) == 0 {
		return nil
	}
	return CopyOut(t, addr, sliceBytes(s))
}

func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

func sliceBytes[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), uintptr(len(s))*unsafe.Sizeof(s[0]))
}
