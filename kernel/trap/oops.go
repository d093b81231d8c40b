package trap

import (
	"fmt"
	"runtime/debug"

	"vitrine/kernel/abi"
	"vitrine/kernel/task"
)

// oops catches a bug in the kernel on t's way: it says where, and kills the
// task alone. With a lock held what it protects may be broken: that is a panic.
func oops(t *task.Task) {
	v := recover()
	if v == nil {
		return
	}
	Oops(t, v, debug.Stack())
}

// Oops reports a kernel bug and ends the task. Break here to see the scene.
//
//go:noinline
func Oops(t *task.Task, value any, stack []byte) {
	text := fmt.Sprintf("BUG: %v\nin task %d (%s)", value, t.ID, t.Name)
	if t.Last.Active {
		text += fmt.Sprintf(", system call %d(%#x)", t.Last.Nr, t.Last.Args)
	}
	if locks := t.Locks(); len(locks) > 0 {
		text += "\nholding"
		for _, l := range locks {
			text += " " + l.Class
		}
		t.Sys.Panic(t.Thread, text, stack)
		return
	}
	t.Sys.Oopsed(t.Thread, text, stack)
	t.Last.Active = false
	t.ExitGroup(task.StatusSignal(abi.SIGKILL))
}
