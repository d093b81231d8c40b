package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/task"
)

func init() {
	Define(60, "exit", sysExit, In("status", Int))
	Define(231, "exit_group", sysExitGroup, In("status", Int))
}

// sysExit implements _exit(2) of Linux: it ends the calling thread.
func sysExit(t *task.Task, a Args) (uint64, error) {
	t.Exit(abi.ExitStatus(a.Int(0)))
	return 0, nil
}

// sysExitGroup implements exit_group(2): it ends the process.
func sysExitGroup(t *task.Task, a Args) (uint64, error) {
	t.ExitGroup(abi.ExitStatus(a.Int(0)))
	return 0, nil
}
