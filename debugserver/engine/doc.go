// Package engine is Delve's pkg/proc, unmodified, on top of our tracer: symbols, expressions, stepping, goroutines.
// Nothing else imports pkg/proc; what others need of its types has another name here.
//
//	session ── Continue Next Step Call … ── Break Watch … ── Eval Locals Stack Goroutines …
//	   │                                          │
//	┌──▼──────────────────────────────────────────▼──┐
//	│ Engine                                          │      Cache
//	│   proc.TargetGroup ─► proc.Target ─► BinaryInfo ◄────── Symbols, kept over restarts
//	│        │ ContinueOnce      │ ThreadList          │
//	│     group               process ── thread …      │
//	└────────┬──────────────────┬──────────────────────┘
//	         ▼                  ▼
//	   tracer.Resume      tracer.Regs Read Insert …
//
// Like the tracer, an Engine belongs to one goroutine; only Halt is called from others.
//
// # Run commands
//
// Continue, Next, Step, StepOut, StepInstruction, Until and Call return when the process has stopped, and say why in a
// Stop. Everything that was hit is in Stop.Hits, whichever thread Delve made the current one; a hit is counted and
// reported once.
//
// A Next (Step, StepOut, Call) may be cut short: another goroutine hits a breakpoint, somebody halts, another owner of
// the tracer's breakpoints stops the process. Then Stop.Pending is set, and Proceed goes on with the command; any other
// run command gives it up. A tracepoint's hit is such a stop, too: say what is to be said, and Proceed. Both can come
// together, a step that is done and another goroutine's hit: Stop.Done tells, and Proceed would run on beyond the step.
//
// Who changes the stopped process behind the engine's back (steps a thread, writes registers) calls Changed.
//
// # Conditions
//
// A condition that compares fields with constants is compiled, when it is first met, to reads of memory that the
// tracer does itself; Delve sees the hits for which it is true, and others that cannot be decided there.
//
// # What of Delve is relied on
//
// contract_test.go holds the behaviour of pkg/proc that this package builds on, so that a new version shows what it
// has changed. Delve panics on odd input; every entry point recovers, and returns an InternalError.
package engine
