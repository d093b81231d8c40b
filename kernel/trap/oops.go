package trap

import (
	"fmt"
	"runtime/debug"
	"strings"

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
	text := fmt.Sprintf("BUG: %v at %s\nin task %d (%s)", value, Where(stack), t.ID, t.Name)
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

// Where returns the function and line that panicked, from the text of debug.Stack.
func Where(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i := len(lines) - 1; i >= 0; i-- { // the innermost panic is the last that was recovered: the outermost caused it
		if !strings.HasPrefix(lines[i], "panic(") {
			continue
		}
		for i += 2; i+1 < len(lines); i += 2 {
			if strings.HasPrefix(lines[i], "runtime.") { // sigpanic, goPanicIndex
				continue
			}
			fn, _, _ := strings.Cut(lines[i], "(0x")
			fn, _, _ = strings.Cut(fn, "({")
			file, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
			return fn + ", " + file
		}
		break
	}
	return "an unknown place"
}
