package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(9, "mmap", sysMmap, In("addr", Addr), In("length", Size), In("prot", ProtFlags), In("flags", MapFlags),
		In("fd", FD), In("offset", Hex), Returns(Hex),
		Covers("MAP_SHARED MAP_SHARED_VALIDATE MAP_PRIVATE MAP_ANONYMOUS MAP_FIXED MAP_FIXED_NOREPLACE MAP_32BIT "+
			"MAP_GROWSDOWN MAP_STACK MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_LOCKED"),
		Lacks("MAP_HUGETLB (ENOMEM: no huge pages are set aside), MAP_SYNC"))
	Define(11, "munmap", sysMunmap, In("addr", Addr), In("length", Size))
	Define(10, "mprotect", sysMprotect, In("addr", Addr), In("length", Size), In("prot", ProtFlags),
		Covers("PROT_READ PROT_WRITE PROT_EXEC PROT_GROWSDOWN"), Lacks("PROT_GROWSUP"))
}

// ProtFlags are the protections of mmap(2).
var ProtFlags = Flags(Flag{abi.PROT_NONE, "PROT_NONE"}, Flag{abi.PROT_READ, "PROT_READ"}, Flag{abi.PROT_WRITE, "PROT_WRITE"},
	Flag{abi.PROT_EXEC, "PROT_EXEC"}, Flag{abi.PROT_GROWSDOWN, "PROT_GROWSDOWN"}, Flag{abi.PROT_GROWSUP, "PROT_GROWSUP"})

// MapFlags are the flags of mmap(2).
var MapFlags = Flags(Flag{abi.MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"}, Flag{abi.MAP_SHARED, "MAP_SHARED"},
	Flag{abi.MAP_PRIVATE, "MAP_PRIVATE"}, Flag{abi.MAP_FIXED, "MAP_FIXED"}, Flag{abi.MAP_ANONYMOUS, "MAP_ANONYMOUS"},
	Flag{abi.MAP_32BIT, "MAP_32BIT"}, Flag{abi.MAP_GROWSDOWN, "MAP_GROWSDOWN"}, Flag{abi.MAP_DENYWRITE, "MAP_DENYWRITE"},
	Flag{abi.MAP_EXECUTABLE, "MAP_EXECUTABLE"}, Flag{abi.MAP_LOCKED, "MAP_LOCKED"}, Flag{abi.MAP_NORESERVE, "MAP_NORESERVE"},
	Flag{abi.MAP_POPULATE, "MAP_POPULATE"}, Flag{abi.MAP_NONBLOCK, "MAP_NONBLOCK"}, Flag{abi.MAP_STACK, "MAP_STACK"},
	Flag{abi.MAP_HUGETLB, "MAP_HUGETLB"}, Flag{abi.MAP_SYNC, "MAP_SYNC"}, Flag{abi.MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"})

// knownMapFlags are those that MAP_SHARED_VALIDATE accepts.
const knownMapFlags = abi.MAP_TYPE | abi.MAP_FIXED | abi.MAP_ANONYMOUS | abi.MAP_32BIT | abi.MAP_GROWSDOWN | abi.MAP_DENYWRITE |
	abi.MAP_EXECUTABLE | abi.MAP_LOCKED | abi.MAP_NORESERVE | abi.MAP_POPULATE | abi.MAP_NONBLOCK | abi.MAP_STACK |
	abi.MAP_HUGETLB | abi.MAP_FIXED_NOREPLACE | abi.MAP_UNINITIALIZED

// sysMmap implements mmap(2) with all of its types and flags, but MAP_SYNC and huge pages.
func sysMmap(t *task.Task, a Args) (uint64, error) {
	r := mm.MapRequest{
		Addr: a.Addr(0), Len: a[1], Prot: mm.Prot(a[2] & (abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC)),
		Flags: a.Int(3), Offset: a[5],
	}
	switch r.Flags & abi.MAP_TYPE {
	case abi.MAP_SHARED, abi.MAP_PRIVATE:
	case abi.MAP_SHARED_VALIDATE:
		if r.Flags&^knownMapFlags != 0 {
			return 0, errno.EOPNOTSUPP.Because("MAP_SHARED_VALIDATE with an unknown flag")
		}
	default:
		return 0, errno.EINVAL.Because("neither MAP_SHARED nor MAP_PRIVATE")
	}
	if r.Offset%mm.PageSize != 0 {
		return 0, errno.EINVAL.Because("the offset isn't a multiple of a page")
	}
	if r.Flags&abi.MAP_ANONYMOUS == 0 {
		f, err := t.FDs.Get(t.Thread, a.FD(4))
		if err != nil {
			return 0, err
		}
		defer f.DecRef(t.Thread)
		if r.Len == 0 {
			return 0, errno.EINVAL.Because("length 0")
		}
		if err := f.Mmap(t.Thread, &r); err != nil {
			return 0, err
		}
	} else {
		r.Offset = 0
	}
	addr, err := mm.Of(t.Thread).Mmap(t.Thread, r)
	if f, ok := r.File.(*vfs.File); ok && err == nil && r.Prot&mm.Exec != 0 && t.Sys.Mapped != nil {
		t.Sys.Mapped(t, f, uint64(addr), r.Len, r.Offset)
	}
	return uint64(addr), err
}

// sysMunmap implements munmap(2).
func sysMunmap(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).Munmap(t.Thread, a.Addr(0), a[1])
}

// sysMprotect implements mprotect(2). It lacks PROT_GROWSUP: no area grows upwards on x86.
func sysMprotect(t *task.Task, a Args) (uint64, error) {
	const rights = abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC | abi.PROT_SEM
	prot := mm.Prot(a[2] & (abi.PROT_READ | abi.PROT_WRITE | abi.PROT_EXEC))
	switch as := mm.Of(t.Thread); a[2] &^ rights {
	case 0:
		return 0, as.Mprotect(t.Thread, a.Addr(0), a[1], prot)
	case abi.PROT_GROWSDOWN:
		return 0, as.MprotectGrowsDown(t.Thread, a.Addr(0), a[1], prot)
	}
	return 0, errno.EINVAL.Because("an unknown protection")
}
