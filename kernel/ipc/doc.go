// Package ipc holds files by which processes talk to each other and to the
// kernel, but for pipes: eventfd(2), timerfd_create(2), signalfd(2) and unix(7) sockets; and System V's shared memory,
// semaphores and message queues, which are no files (sysv.go).
//
//	EventFD ── a counter            TimerFD ── expirations        SignalFD ── pending signals
//	                                  │ ktime.Timer                  │ SignalSource: the reading task
//
//	    client Unix ◀──peer──▶ server Unix        (made at connect, waits in the
//	    │ queue ◀── message …   │ queue            listener's backlog for accept)
//	    └ what the other sent   └
//	                 listener Unix: backlog
//
// A message carries bytes, the sender's credentials and open files (SCM_RIGHTS). A Unix's queue
// holds what was sent to it; its mu guards all its state. Senders wait on their own queue for room in the receiver's.
//
// Lock order: Table.mu, then Unix.mu of one socket at a time, but for
// lockTwo, which takes two by number. User memory is copied without locks.
//
// System V's tables have a spinlock each; a segment's count of areas changes with the address space locked.
//
// First breakpoint: (*Unix).Send and (*Unix).Recv; (*EventFD).Read; (*SemTable).Op.
package ipc
