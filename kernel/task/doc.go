// Package task holds processes: tasks (threads), thread groups (processes),
// process groups and sessions, and what they do to one another: clone, exec,
// exit, wait, signals, job control, timers.
//
//	System ── ids: number ─▶ {Task, ThreadGroup, ProcessGroup, Session}
//	   │
//	   └─ init ◀─parent─ ThreadGroup ──children──▶ ThreadGroup …
//	                       │ signals, limits, itimers, exit status
//	                       │                  └─ group ─▶ ProcessGroup ─▶ Session ─▶ tty.TTY
//	                       ▼ threads
//	        ┌──────── Task ────────┬──────────────┬─────────────┐
//	        ▼                      ▼              ▼             ▼
//	  *sched.Thread          *FDTable        *vfs.FS     *mm.AddressSpace + platform.Context
//	  (a goroutine)          (CLONE_FILES)   (CLONE_FS)  (CLONE_VM)
//
// One file per aspect: clone.go exec.go exit.go wait.go tell the life of a
// task; signal_send.go signal_deliver.go signal_stop.go that of a signal;
// jobcontrol.go is the terminal's side.
//
// Lock order (all of them spinlocks, so signals can be sent from interrupts
// and with any sleeping lock held):
//
//	FDTable.mu            RankFDTable    descriptors; nothing is taken under it
//	System.mu             RankTasks      IDs, parents and children, groups, sessions
//	  ThreadGroup.mu      RankSignal     signals, stops, limits, timers of a process and its threads
//	    SigActions.mu     RankSigActions
//
// A group's list of threads changes under System.mu and ThreadGroup.mu both, so
// either of them is enough to read it. Only a task's own thread changes its
// Regs, FS, FDs, Context and credentials; others read them by the methods that say so.
//
// First breakpoint: (*Task).DeliverSignals on the way out, (*Task).Clone for a
// new task, (*Task).Exit for its end.
package task
