// Package console is the debugger's command language: what `vitrine debug`, DAP's REPL and gdb's monitor understand.
//
//	a line ──▶ Interp.Execute ──▶ table of commands ──▶ session.Client
//	              │ selection: thread, frame               │
//	              ▼                                        ▼ events
//	           plain text ◀──────────────────── Interp.Handle: stops, logpoints, the end
//
// A command is one entry of a table, with its help beside it; each group has a file:
//
//	breakpoints.go  break tbreak watch rwatch cond hits log delete enable disable breakpoints
//	run.go          continue next step finish until jump pause wait detach kill
//	stack.go        tasks threads task bt frame up down
//	data.go         print set call display
//	memory.go       x disas
//	source.go       list source
//	info.go         info
//	kernel.go       view dmesg trace core
//	help.go         help echo quit
//
// Commands that let the machine run wait for its next stop, unless & follows them. Whoever owns the client's events hands
// them to Handle; Follow does that for a client that has no other reader. A front end with a display of its own sets NoWait and
// calls Select instead.
//
// First breakpoint: (*Interp).Execute.
package console
