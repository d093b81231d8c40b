package syscall

import "vitrine/kernel/task"

// Bits of task.System.CallStops.
const (
	stopEnter = 1 << iota
	stopReturn
)

// stops returns what a debugger wants to know of the call.
func stops(t *task.Task, nr uint64) uint8 {
	if nr >= uint64(len(t.Sys.CallStops)) {
		return 0
	}
	return t.Sys.CallStops[nr]
}

// Entered is called before the handlers of the system calls that a debugger watches: its breakpoint is here, and costs the others nothing.
//
//go:noinline
func Entered(t *task.Task, c *Call, a Args) {}

// Returned is called after them, before anything is stored.
//
//go:noinline
func Returned(t *task.Task, c *Call, a Args, ret uint64, err error) {}
