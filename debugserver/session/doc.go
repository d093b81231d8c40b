// Package session is one debugging session of one kernel: the run state, the breakpoints and their owners,
// and everything that can be looked at. DAP, GDB, the command line and the console are its clients, any number at a time.
//
//	Client  Client  Client        Do(f): f runs on the session's thread while the kernel stands still
//	   └───────┼───────┘          Events: what happens to all
//	        Session  ── one goroutine, locked to its OS thread: it is the tracer's ptrace thread
//	           │
//	  engine (Delve's proc) ── tracer ── kernel process
//	  Machine: cells, clock, devices
//
// Run state:
//
//	Detached ──Connect──▶ Running ──▶ Stopping ──▶ Stopped ──▶ Running …      Exited
//
// Nothing needs ptrace before the first client connects; when the last one leaves, the kernel runs on untraced.
//
// The stop protocol (the order is the law: a device may write to RAM only while some CPU may run):
//
//	stop:   kernel threads (the tracer) and clock → cells → devices → event Stopped
//	resume: devices → cells → event Running → clock and kernel threads
//
// A client that looks at something while the kernel runs causes a short halt: the kernel's threads stand for some
// hundred microseconds, cells and clock go on.
//
// First breakpoint: (*Session).stopped.
package session
