package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(26, "msync", sysMsync, In("addr", Addr), In("length", Size),
		In("flags", Flags(Flag{abi.MS_ASYNC, "MS_ASYNC"}, Flag{abi.MS_INVALIDATE, "MS_INVALIDATE"}, Flag{abi.MS_SYNC, "MS_SYNC"})))
}

// sysMsync implements msync(2). Mappings and read(2) see the same pages, so MS_INVALIDATE has nothing to
// do; MS_ASYNC leaves the writing to the cache, as on Linux.
func sysMsync(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).Msync(t.Thread, a.Addr(0), a[1], a.Int(2))
}
