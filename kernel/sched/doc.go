// Package sched is the scheduler: CPUs, threads and the run queue.
//
// A CPU is a baton. A thread's stack is a goroutine, and the goroutine runs
// kernel code, or user code through its platform.Context, only while it holds
// a *CPU. A context switch hands the CPU on:
//
//	thread A                         thread B
//	  Schedule()                       (in its own Schedule, waits for a baton)
//	    next := policy.Pick(cpu)
//	    next.baton <- cpu   ─────────▶ cpu = <-baton
//	    cpu = <-baton                  returns from Schedule
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
// A CPU with nothing to run is idle: no goroutine holds it, and Wake or an
// interrupt takes it from the scheduler's hands. Interrupt handlers run on whichever thread
// holds the CPU, at explicit windows: the way out to user code, Schedule, and
// CondResched; on an idle CPU its idle thread runs them.
//
// Lock order: Scheduler.mu is a leaf, taken under any other lock. The
// policies run under it.
//
// First breakpoint: (*Scheduler).Schedule.
package sched
