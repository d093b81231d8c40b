package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	advice := Enum(Flag{abi.MADV_NORMAL, "MADV_NORMAL"}, Flag{abi.MADV_RANDOM, "MADV_RANDOM"},
		Flag{abi.MADV_SEQUENTIAL, "MADV_SEQUENTIAL"}, Flag{abi.MADV_WILLNEED, "MADV_WILLNEED"},
		Flag{abi.MADV_DONTNEED, "MADV_DONTNEED"}, Flag{abi.MADV_FREE, "MADV_FREE"}, Flag{abi.MADV_REMOVE, "MADV_REMOVE"},
		Flag{abi.MADV_DONTFORK, "MADV_DONTFORK"}, Flag{abi.MADV_DOFORK, "MADV_DOFORK"},
		Flag{abi.MADV_HUGEPAGE, "MADV_HUGEPAGE"}, Flag{abi.MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE"},
		Flag{abi.MADV_DONTDUMP, "MADV_DONTDUMP"}, Flag{abi.MADV_DODUMP, "MADV_DODUMP"},
		Flag{abi.MADV_WIPEONFORK, "MADV_WIPEONFORK"}, Flag{abi.MADV_KEEPONFORK, "MADV_KEEPONFORK"},
		Flag{abi.MADV_COLD, "MADV_COLD"}, Flag{abi.MADV_PAGEOUT, "MADV_PAGEOUT"},
		Flag{abi.MADV_POPULATE_READ, "MADV_POPULATE_READ"}, Flag{abi.MADV_POPULATE_WRITE, "MADV_POPULATE_WRITE"},
		Flag{abi.MADV_COLLAPSE, "MADV_COLLAPSE"})
	Define(28, "madvise", sysMadvise, In("addr", Addr), In("length", Size), In("advice", advice),
		Covers("DONTNEED FREE REMOVE WILLNEED DONTFORK DOFORK WIPEONFORK KEEPONFORK DONTDUMP DODUMP POPULATE_READ "+
			"POPULATE_WRITE; the other hints are accepted and change nothing"))
}

// sysMadvise implements madvise(2). Hints about huge pages, merging, and the order of accesses
// are accepted and without effect, as they may be; MADV_REMOVE works on shared memory objects only.
func sysMadvise(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).Madvise(t.Thread, a.Addr(0), a[1], a.Int(2))
}
