// Package syscall implements the Linux system calls, one file per family.
//
//	trap.Run ──▶ Dispatch ──▶ table[nr].Handler = sysPipe2(t, a) ──▶ vfs, mm, task …
//	                │                                  │
//	                └── enter / exit events            └── (result, error): errno into RAX
//
// A call is one entry: Define says its number, its name, its handler and how
// its arguments look. The table, strace's output, the syscalls view, the
// breakpoint "on system call" and docs/ref/syscalls.md all come from it.
//
//	func init() {
//		Define(293, "pipe2", sysPipe2, Out("fds", Int32x2), In("flags", PipeFlags))
//	}
//
// First breakpoint: Dispatch, or the handler by its name: sysOpenat.
package syscall
