package syscall_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
)

const page = mm.PageSize

// want checks the result of a call.
func (u *user) want(what string, got int64, want errno.Errno) bool {
	u.t.Helper()
	if got < 0 && errno.Errno(-got) == want || got >= 0 && want == 0 {
		return true
	}
	u.t.Errorf("%s: %d, not %v", what, got, want)
	return false
}

// TestMemoryCallsWithAnyArguments feeds every memory call with odd numbers: errors, nothing worse.
func TestMemoryCallsWithAnyArguments(t *testing.T) {
	boot(t, 1, func(u *user) {
		odd := []uint64{
			0, 1, page - 1, page, 0x10000, u.mem, u.mem + 3, 1 << 31, 1 << 40, mm.UserTop - page, mm.UserTop, 1 << 47,
			1<<63 - 1, 1 << 63, ^uint64(0) - page, ^uint64(0),
		}
		for _, nr := range []uint64{10, 11, 25, 26, 27, 28, 149, 150, 237, 239, 310, 311, 325} {
			for _, a := range odd {
				for _, b := range odd {
					if a == u.mem && b < 1<<21 || a <= u.mem && b > u.mem-a && a >= 0x10000 {
						continue // that would be the ground we stand on
					}
					u.Syscall(nr, a, b, 1, 1, a, b)
				}
			}
		}
		for _, a := range odd {
			for _, b := range odd {
				for _, flags := range []uint64{0, 1, 2, 3, 0x22, 0x21, 0x122, 0x8022, 0x40022, 0x100022, 0x22 | 0x40, ^uint64(0) &^ 0x10} {
					if at := u.Syscall(nrMmap, a, b, 7, flags, ^uint64(0), a); at > 0 && b > 1<<30 {
						u.Syscall(11, uint64(at), b)
					}
				}
			}
		}
		u.want("brk", u.Syscall(12, ^uint64(0)), 0)
	})
}

func TestMemoryCalls(t *testing.T) {
	boot(t, 1, func(u *user) {
		at := u.Syscall(nrMmap, 0, 16*page, 3, 0x22, ^uint64(0), 0)
		if !u.want("mmap", at, 0) {
			return
		}
		a := uint64(at)
		u.Store64(a+5*page, 55)
		vec := u.buf(16)
		u.want("mincore", u.Syscall(27, a, 16*page, vec), 0)
		u.want("mincore of a hole", u.Syscall(27, 0x10_0000_0000, page, vec), errno.ENOMEM)
		u.want("mincore to nowhere", u.Syscall(27, a, page, 8), errno.EFAULT)
		u.want("mprotect", u.Syscall(10, a+4*page, page, 1), 0)
		u.want("mprotect odd", u.Syscall(10, a+1, page, 1), errno.EINVAL)
		u.want("mprotect of a hole", u.Syscall(10, 0x10_0000_0000, page, 1), errno.ENOMEM)
		u.want("mprotect with what isn't", u.Syscall(10, a, page, 0x100), errno.EINVAL)
		u.want("mlock", u.Syscall(149, a, 3*page), 0)
		u.want("munlock", u.Syscall(150, a, 3*page), 0)
		u.want("mlock2 with what isn't", u.Syscall(325, a, page, 2), errno.EINVAL)
		u.want("mlockall", u.Syscall(151, abi.MCL_CURRENT), 0)
		u.want("mlockall without", u.Syscall(151, 0), errno.EINVAL)
		u.want("munlockall", u.Syscall(152), 0)
		u.want("madvise", u.Syscall(28, a+5*page, page, abi.MADV_DONTNEED), 0)
		if v := u.Load64(a + 5*page); v != 0 {
			t.Errorf("after MADV_DONTNEED the page holds %d", v)
		}
		u.want("madvise with what isn't", u.Syscall(28, a, page, 77), errno.EINVAL)
		u.want("msync", u.Syscall(26, a, page, abi.MS_SYNC), 0)
		u.want("msync both ways", u.Syscall(26, a, page, abi.MS_SYNC|abi.MS_ASYNC), errno.EINVAL)
		u.Store64(a, 77)
		moved := u.Syscall(25, a, page, 4*page, abi.MREMAP_MAYMOVE)
		if u.want("mremap", moved, 0) && u.Load64(uint64(moved)) != 77 {
			t.Error("mremap lost the page")
		}
		u.want("mmap without a type", u.Syscall(nrMmap, 0, page, 3, 0x20, ^uint64(0), 0), errno.EINVAL)
		u.want("mmap of no file", u.Syscall(nrMmap, 0, page, 3, 2, 77, 0), errno.EBADF)
		u.want("MAP_SHARED_VALIDATE", u.Syscall(nrMmap, 0, page, 3, 0x80023, ^uint64(0), 0), errno.EOPNOTSUPP)
		heap := uint64(u.Syscall(12, 0))
		if got := uint64(u.Syscall(12, heap+3*page)); got != heap+3*page {
			t.Errorf("brk %#x", got)
		}
		u.Store64(heap+2*page, 1)
		u.Syscall(12, heap)

		// Another process's memory.
		u.Store64(a+6*page, 4711)
		pid := u.fork(func(c *user) int {
			c.Store64(a+6*page, 1174)
			c.Syscall(34) // pause
			return 0
		})
		to := u.buf(8)
		local, remote := u.words(to, 8), u.words(a+6*page, 8)
		for u.Load64(to) != 1174 {
			if !u.want("process_vm_readv", u.Syscall(310, pid, local, 1, remote, 1, 0), 0) {
				break
			}
			u.Yield()
			u.Syscall(24) // sched_yield
		}
		u.Store64(to, 9999)
		u.want("process_vm_writev", u.Syscall(311, pid, local, 1, remote, 1, 0), 0)
		u.Store64(to, 0)
		u.Syscall(310, pid, local, 1, remote, 1, 0)
		if v := u.Load64(to); v != 9999 {
			t.Errorf("the other process has %d", v)
		}
		u.want("process_vm_readv of nobody", u.Syscall(310, 30000, local, 1, remote, 1, 0), errno.ESRCH)
		u.want("process_vm_readv with flags", u.Syscall(310, pid, local, 1, remote, 1, 1), errno.EINVAL)
		bad := u.words(8, 8)
		u.want("process_vm_readv from nowhere", u.Syscall(310, pid, local, 1, bad, 1, 0), errno.EFAULT)
		u.Syscall(nrKill, pid, 9)
		u.Syscall(nrWait4, pid, 0, 0, 0)

		mode, mask := u.buf(8), u.words(1)
		u.want("get_mempolicy", u.Syscall(239, mode, mask, 64, 0, 0), 0)
		u.want("set_mempolicy", u.Syscall(238, 0, 0, 0), 0)
		u.want("set_mempolicy to a node that isn't", u.Syscall(238, 2, u.words(2), 64), errno.EINVAL)
	})
}

// TestFileMappings maps a file of tmpfs in both ways.
func TestFileMappings(t *testing.T) {
	boot(t, 1, func(u *user) {
		name := u.put([]byte("/f\x00"))
		fd := uint64(u.Syscall(nrOpen, name, abi.O_RDWR|abi.O_CREAT, 0o644))
		text := u.put([]byte("hello"))
		u.want("write", u.Syscall(nrWrite, fd, text, 5), 0)
		shared := u.Syscall(nrMmap, 0, 2*page, 3, 1, fd, 0)
		private := u.Syscall(nrMmap, 0, 2*page, 3, 2, fd, 0)
		if !u.want("shared", shared, 0) || !u.want("private", private, 0) {
			return
		}
		b := make([]byte, 5)
		u.Store(uint64(private), []byte("J"))
		u.Store(uint64(shared), []byte("Y"))
		u.Load(uint64(private), b)
		if string(b) != "Jello" {
			t.Errorf("private %q", b)
		}
		back := u.buf(5)
		u.Syscall(17, fd, back, 5, 0) // pread64
		if u.Load(back, b); string(b) != "Yello" {
			t.Errorf("read %q", b)
		}
		u.want("msync", u.Syscall(26, uint64(shared), page, abi.MS_SYNC), 0)
		ro := uint64(u.Syscall(nrOpen, name, abi.O_RDONLY, 0))
		u.want("shared, writable, of a file open for reading", u.Syscall(nrMmap, 0, page, 3, 1, ro, 0), errno.EACCES)
		r := u.Syscall(nrMmap, 0, page, 1, 1, ro, 0)
		u.want("shared, readable", r, 0)
		u.want("mprotect of it", u.Syscall(10, uint64(r), page, 3), errno.EACCES)
		wo := uint64(u.Syscall(nrOpen, name, abi.O_WRONLY, 0))
		u.want("of a file open for writing only", u.Syscall(nrMmap, 0, page, 3, 2, wo, 0), errno.EACCES)
		// Beyond the end: a system call's EFAULT; truncation takes pages away.
		u.want("beyond the end", u.Syscall(nrWrite, fd, uint64(shared)+page, 1), errno.EFAULT)
		other := u.ok(nrOpen, u.put([]byte("/g\x00")), abi.O_RDWR|abi.O_CREAT, 0o644)
		u.want("ftruncate", u.Syscall(77, fd, 0), 0)
		u.want("after truncation", u.Syscall(nrWrite, other, uint64(shared), 1), errno.EFAULT)
	})
}
