package kernel

import (
	"fmt"

	"vitrine/kernel/klog"
	"vitrine/kernel/sched"
	"vitrine/kernel/trap"
	"vitrine/machine"
)

// Oops reports a kernel bug that one task or kernel thread pays for: text and stack go to
// the log and into the epitaph ring. Break here to see every one of them.
//
//go:noinline
func (k *Kernel) Oops(t *sched.Thread, text string, stack []byte) {
	k.lastWords("Oops", text, stack)
}

// Panic reports a bug that nobody survives, and ends the machine.
//
//go:noinline
func (k *Kernel) Panic(t *sched.Thread, text string, stack []byte) {
	k.lastWords("Kernel panic", text, stack)
	k.Machine.Halt(machine.Halt{Reason: machine.Panic, Status: 255, Text: text})
}

func (k *Kernel) lastWords(kind, text string, stack []byte) {
	now := k.Timers.Now()
	k.epitaph.Append(now, 0, fmt.Appendf(nil, "%s: %s\n%s", kind, text, stack))
	k.Log.Printf(klog.Emerg, "%s: %s", kind, text)
	for len(stack) > 0 {
		line := stack
		for i, c := range stack {
			if c == '\n' {
				line = stack[:i]
				break
			}
		}
		k.Log.Printf(klog.Emerg, "%s", line)
		stack = stack[min(len(line)+1, len(stack)):]
	}
}

// threadPanicked hears of panics that a kernel thread did not recover.
func (k *Kernel) threadPanicked(t *sched.Thread, value any, stack []byte) {
	text := fmt.Sprintf("BUG: %v at %s\nin thread %d (%s)", value, trap.Where(stack), t.ID, t.Name)
	if len(t.Locks()) > 0 || t.ID == 1 {
		k.Panic(t, text, stack)
		return
	}
	k.Oops(t, text, stack)
}
