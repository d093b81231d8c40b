package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	flags := Flags(Flag{abi.MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, Flag{abi.MREMAP_FIXED, "MREMAP_FIXED"},
		Flag{abi.MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"})
	Define(25, "mremap", sysMremap, In("old", Addr), In("oldsize", Size), In("newsize", Size), In("flags", flags),
		In("new", Addr), Returns(Hex), Covers("MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP, old size 0"))
}

// sysMremap implements mremap(2) with all flags.
func sysMremap(t *task.Task, a Args) (uint64, error) {
	addr, err := mm.Of(t.Thread).Mremap(t.Thread, a.Addr(0), a[1], a[2], a.Int(3), a.Addr(4))
	return uint64(addr), err
}
