package task

import (
	"vitrine/kernel/ktrace"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Hooks is where the kernel, which lies above, listens. All are immutable once the first task runs.
type Hooks struct {
	Trace *ktrace.Buffer // events; may be nil
	Calls *ktrace.Calls  // system calls that the supervisor follows; may be nil

	// StraceFilter says which system calls of tasks with Strace set are shown, as
	// syscall.Traced understands it; StraceLine takes a line.
	StraceFilter string
	StraceLine   func(line string)

	// BeforeUser runs before every return to user code, and before a signal is delivered instead: deferred debug requests. May be nil.
	BeforeUser func(t *Task, signal bool)

	// DebugTrap hears of debug exceptions of user code (int3, single step) before they become SIGTRAP; true: it
	// was a debugger's own, and the program hears nothing. May be nil.
	DebugTrap func(t *Task, i *SigInfo) bool

	// DebugFault hears of page faults of user code that were resolved: the page may be one that a debugger watches. May be nil.
	DebugFault func(t *Task, addr uint64, access platform.Access)

	// Mapped hears of files that a program maps with code in them. May be nil.
	Mapped func(t *Task, f *vfs.File, addr, size, offset uint64)

	// Exited hears of the end of every process, with its status word, under System's lock. May be nil.
	Exited func(pid, status int)

	// Oopsed reports a kernel bug that one task pays for, Panic one that nobody survives.
	Oopsed func(t *sched.Thread, text string, stack []byte)
	Panic  func(t *sched.Thread, text string, stack []byte)
}

// FirstUnknown reports whether the call with this number, which nobody implements, is asked for the first time.
func (s *System) FirstUnknown(nr uint64) bool {
	bit := uint64(1) << (nr % 64)
	return s.unknown[min(nr/64, uint64(len(s.unknown)-1))].Or(bit)&bit == 0
}
