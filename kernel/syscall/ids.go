package syscall

import (
	"vitrine/kernel/task"
)

func init() {
	Define(39, "getpid", sysGetpid)
	Define(110, "getppid", sysGetppid)
	Define(186, "gettid", sysGettid)
	Define(218, "set_tid_address", sysSetTidAddress, In("addr", Addr))
}

// sysGetpid implements getpid(2).
func sysGetpid(t *task.Task, a Args) (uint64, error) { return uint64(t.PID()), nil }

// sysGettid implements gettid(2).
func sysGettid(t *task.Task, a Args) (uint64, error) { return uint64(t.TID()), nil }

// sysGetppid implements getppid(2).
func sysGetppid(t *task.Task, a Args) (uint64, error) { return uint64(t.Group.Parent(t.Thread)), nil }

// sysSetTidAddress implements set_tid_address(2).
func sysSetTidAddress(t *task.Task, a Args) (uint64, error) {
	t.ClearTID = a.Addr(0)
	return uint64(t.TID()), nil
}
