package syscall

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// statAnswer answers IPC_STAT, and MSG_STAT and the like, which return the number of what they have found by its index.
func statAnswer[T any](t *task.Task, buf mm.UAddr, byID bool, ds *T, nr int, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	if byID {
		nr = 0
	}
	return uint64(nr), mm.CopyOutStruct(t.Thread, buf, ds)
}
