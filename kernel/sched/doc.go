// Package sched is the scheduler: CPUs, threads and the run queue.
//
// A CPU is a goroutine, and the threads are its coroutines: a thread's stack is a goroutine, too, which runs
// kernel code, or user code through its platform.Context, only while it holds
// a *CPU. A context switch goes through the CPU's loop:
//
//	thread A                  CPU's loop              thread B
//	  Schedule()                (in A.resume)           (in its own Schedule)
//	    cpu.Curr = Pick(cpu)
//	    yield ────────────────▶ returns
//	                            cpu.Curr.resume ──────▶ returns from Schedule
//
// With one CPU exactly one goroutine runs at a time and the kernel is
// deterministic; with N there are N at a time, honest SMP.
//
//	              Spawn
//	                ▼
//	┌─────────▶ Runnable ──Pick──▶ Running ──Exit──▶ Dead
//	│ Wake                            │
//	└──────── Sleeping/Blocked ◀──────┘ SetSleep + Schedule
//
// A CPU with nothing to run is idle: its loop waits, and Wake or an
// interrupt gives it something. Interrupt handlers run on whichever thread
// holds the CPU, at explicit windows: the way out to user code, Schedule, and
// CondResched; on an idle CPU its idle thread runs them.
//
// Lock order: Scheduler.mu is a leaf, taken under any other lock. The
// policies run under it.
//
// First breakpoint: (*Scheduler).Schedule.
package sched
