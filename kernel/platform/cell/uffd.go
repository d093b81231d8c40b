package cell

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"vitrine/kernel/arch/amd64"
)

// With userfaultfd (linux/userfaultfd.h) the kernel maps pages from its own
// side. A page of a registered mapping that was not given raises SIGBUS, as
// the features below ask: minor faults are those on pages that the memory file
// has, missing faults those on holes. USER_MODE_ONLY makes it available
// without privileges: the host's kernel itself never waits for us.
const (
	uffdioAPI        = 0xc018aa3f
	uffdioRegister   = 0xc020aa00
	uffdioZeropage   = 0xc020aa04
	uffdioContinue   = 0xc020aa07
	uffdAPI          = 0xaa
	uffdSigbus       = 1 << 7
	uffdMissingShmem = 1 << 5
	uffdMinorShmem   = 1 << 10
	uffdModeMissing  = 1
	uffdModeMinor    = 4
)

// openUffd has the mm thread make a userfaultfd for the cell and takes a copy.
// The copy needs the right to trace one's own child, which some hosts refuse:
// then pages go through the mm thread.
func (c *cell) openUffd() error {
	const sysPidfdGetfd = 438
	c.setEntry(0, sysUserfaultfd, uffdFlags)
	if !c.run(1) {
		return syscall.EPERM
	}
	pfd, err := openPidfd(c.pid)
	if err != nil {
		return err
	}
	defer syscall.Close(pfd)
	// Descriptors 0 to 2 were closed, so the cell's own is number 0.
	fd, _, e := syscall.Syscall(sysPidfdGetfd, uintptr(pfd), 0, 0)
	if e != 0 {
		return e
	}
	a := [3]uint64{uffdAPI, uffdSigbus | uffdMissingShmem | uffdMinorShmem, 0}
	if e := ioctl(int(fd), uffdioAPI, unsafe.Pointer(&a)); e != 0 {
		syscall.Close(int(fd))
		return e
	}
	c.uffd = int(fd)
	return nil
}

func (c *cell) register(lo, hi uint64) syscall.Errno {
	a := [4]uint64{lo, hi - lo, uffdModeMissing | uffdModeMinor, 0}
	return ioctl(c.uffd, uffdioRegister, unsafe.Pointer(&a))
}

// flushConts maps the pages that were given in lazy mappings.
func (c *cell) flushConts() bool {
	filled := ^uint64(0) // where holes were filled last
	for _, s := range c.conts {
		c.p.stats.continues.Add((s.hi - s.lo) >> amd64.PageShift)
		for lo := s.lo; lo < s.hi; {
			// One call serves one host area. The table knows where they end,
			// unless the host did not join what could be joined.
			hi := s.hi
			if i := c.table.at(lo); i < len(c.table.s) {
				hi = min(hi, c.table.s[i].hi)
			}
		again:
			a := [4]uint64{lo, hi - lo, 0, 0}
			e := ioctl(c.uffd, uffdioContinue, unsafe.Pointer(&a))
			if done := int64(a[3]); done > 0 {
				lo += uint64(done)
				continue
			}
			switch e {
			case 0:
				lo = hi
			case syscall.EEXIST: // the page is there already
				lo += amd64.PageSize
			case syscall.EAGAIN: // the host changes the mappings at this moment
			case syscall.EFAULT: // the memory file has a hole here
				i := c.table.at(lo)
				if i == len(c.table.s) {
					return false
				}
				at := lo + c.table.s[i].delta
				if at == filled {
					c.p.cfg.Log("cell: userfaultfd continue of %#x: %v", lo, e)
					return false
				}
				if n := c.zero(lo, hi); n > 0 {
					lo += n
					continue
				}
				fill(c.p.cfg.RAM[at : at+hi-lo])
				filled = at
			default:
				// A range across two host areas: page by page, then.
				if e == syscall.ENOENT && hi-lo > amd64.PageSize {
					hi = lo + amd64.PageSize
					goto again
				}
				c.p.cfg.Log("cell: userfaultfd continue of %#x: %v", lo, e)
				return false
			}
		}
	}
	return true
}

// zero fills the hole at lo and maps it, both in one call. It returns how many bytes it has done: pages
// that the memory file has end it.
func (c *cell) zero(lo, hi uint64) uint64 {
	a := [4]uint64{lo, hi - lo, 0, 0}
	ioctl(c.uffd, uffdioZeropage, unsafe.Pointer(&a))
	return uint64(max(int64(a[3]), 0))
}

// fill gives RAM that is a hole in the memory file its pages, in one call: a touch of each costs half as much again.
func fill(ram []byte) {
	const madvPopulateWrite = 23
	_, _, e := syscall.Syscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(&ram[0])), uintptr(len(ram)), madvPopulateWrite)
	if e != 0 { // Linux before 5.14
		for i := 0; i < len(ram); i += amd64.PageSize {
			atomic.LoadUint32((*uint32)(unsafe.Pointer(&ram[i])))
		}
	}
}

func ioctl(fd int, req uintptr, arg unsafe.Pointer) syscall.Errno {
	_, _, e := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
	return e
}
