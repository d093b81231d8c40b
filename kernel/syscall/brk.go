package syscall

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(12, "brk", sysBrk, In("addr", Addr), Returns(Hex))
}

// sysBrk implements brk(2), the system call: it returns where the heap ends, whether that changed or not.
func sysBrk(t *task.Task, a Args) (uint64, error) {
	return uint64(mm.Of(t.Thread).Brk(t.Thread, a.Addr(0))), nil
}
