// Package tracer is a ptrace engine for one multi-threaded process: the kernel process of a machine.
//
//	session's goroutine (one locked OS thread)            any goroutine
//	   │ Attach Resume Step Regs Read Insert Watch …         │ Interrupt Running
//	┌──▼─────────────────────────────────────────────────────▼──┐
//	│ Tracer   threads ── breakpoints ── watches ── scratch      │
//	└──┬──────────────▲──────────────────────────────┬──────────┘
//	   │ SEIZE, CONT, │ waitid(__WALL|__WNOTHREAD)    │ /proc/PID/mem
//	   │ INTERRUPT    │ stops and ends of threads     │
//	┌──▼──────────────┴──────────────────────────────▼──────────┐
//	│ kernel process   thread  thread  thread      (cells: not ours) │
//	└───────────────────────────────────────────────────────────┘
//
// A Tracer belongs to the OS thread that made it (ptrace's rule): every method but Interrupt and Running is called
// from that one goroutine, which stays locked to its thread and starts no child processes itself. Memory may also be
// read while the process runs, by a Live, which any goroutine may have.
//
// # Life
//
// The process is somebody else's child, as a rule: the board starts it, and Attach takes it over at any time, by
// PTRACE_SEIZE, which needs no signal and stops nothing by itself. Detach takes away all that was put into it (int3s,
// debug registers, page protection, copied instructions) and lets it run on; Attach works again. With exitKill the
// process dies with the thread that traces it.
//
// Threads are found by clone events. What the process clones that is no thread of it (a cell) is let go at once.
//
// # Stops
//
// All threads run or all are stopped. Resume ends when a thread hits something, when somebody interrupts, or when the
// process is gone; then every thread is stopped and has a Hit that says what it was about. Two threads that hit
// something at the same time both say so: whoever looks only at Stop.TID loses hits.
//
// # Breakpoints
//
// An int3 may have several owners, each with a filter of its own. A thread leaves a breakpoint through a copy of the
// instruction in text that never runs again (SetScratch), or by emulation of a call, so that the int3 stays where it
// is and no other thread can miss it. Where neither is possible all others stand still for one instruction.
//
// A breakpoint's hit is reported once, however many signals and interrupts come between the hit and the step over it;
// a thread that was stopped after its int3 and before its report is found by PTRACE_PEEKSIGINFO.
//
// # Two who wait
//
// The tracing thread and the process's parent are two threads of one program, as a rule. Then Linux shows the stops of
// ptrace also to the parent's wait4, even without WUNTRACED: a parent that sits in wait4(PID) takes the tracer's
// events and believes the process to be dead. So the rule is:
//
//   - the parent polls a pidfd, which becomes readable when the last thread is gone, and only then calls wait4(PID);
//   - the tracer never reaps the process, only its other threads: it looks at ends by WNOWAIT and leaves the zombie,
//     with its status, to the parent. If the parent was quicker, the tracer knows that the process is gone but not
//     how, and Exited says StatusUnknown: the parent knows.
//
// If the parent is another program, Linux hides the end from it until the tracer has reaped, so then the tracer does.
//
// # What it costs
//
// Every signal to a traced thread is a stop: some three switches between threads, and 50 to 70 µs of the tracing thread. Go
// sends itself SIGURG for preemption, but only to goroutines that have run for 10 ms: a kernel that waits for its guests gets
// few. What a busy program loses by it where all processors are busy too (some per cent) is not separated from the noise of the
// host yet; polling with WNOHANG before sleeping, and SA_NOCLDSTOP for the SIGCHLD that comes with every stop, made no
// difference that could be measured.
//
// Stopping all takes about 10 µs a thread, and so does continuing all: so the thread that was stopped for goes first, and if it
// stops again while the others follow, those that have not followed yet need not be stopped. They follow in turn. A filter's
// false condition takes 20 to 50 µs, and other threads run on.
package tracer
