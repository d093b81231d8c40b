// Package cell runs user code natively in host processes, without ptrace, root
// or a user namespace. It implements platform.Platform.
//
//	 the kernel's process                          a cell: one host process per address space
//	┌──────────────────────────────┐              ┌──────────────────────────────────────────┐
//	│ task goroutine               │   ctl memfd  │ 0x7ff0_1001_0000 … more thread areas     │
//	│   Switch ── mailbox ─────────┼──────────────┼─0x7ff0_1000_0000 thread area, RW         │
//	│     ▲                        │              │   {mailbox | signal stack | start frame} │
//	│     │ decode the frame       │              │                                          │
//	│                              │              │                                          │
//	│ mm  Map, Unmap → queue       │              │                                          │
//	│     flush ── order page ─────┼──────────────┼─0x7ff0_0001_0000 order page, RO          │
//	│          ◄── done word ──────┼── pwrite ────┤   mm thread: mmap, munmap, …, then done  │
//	│     uffd: continue pages ────┼──────────────┤                                          │
//	│                              │  cell memfd  │ 0x7ff0_0000_0000 the image, RX           │
//	│ warden thread: parent of all │              │ ──────────────── amd64.UserTop ───────── │
//	│   cells, spawns and reaps    │  RAM memfd   │ guest threads run the program here, in   │
//	│ RAM, mapped whole ───────────┼──────────────┤ frames of RAM                            │
//	└──────────────────────────────┘              └──────────────────────────────────────────┘
//
// # A trap
//
// User code runs until it raises a signal: SIGSYS, because its seccomp filter
// refuses every system call; SIGSEGV or SIGBUS at a page fault; SIGUSR1, the
// kick of Interrupt; and so on. The handler (cell_amd64.s) touches no
// floating-point register. It notes the frame in the mailbox and waits there;
// rt_sigreturn from a frame that the kernel made takes user code on.
//
//	          handler runs                     Switch answers
//	GUEST ─────────────────► REQ ──────────────────────────────► REPLY ──► GUEST
//	                          │ wash               first use       ▲
//	                          └───────► PING ──► PONG ─────────────┘
//
// PARK is REQ when the task sleeps: the guest thread leaves its processor to others.
//
// Two futex words, one for each direction: state, on which the guest thread
// sleeps, and kwait, on which the kernel does. Each side says that it sleeps
// (gwait, kwait) before it looks once more, so that the other need not make a
// host call when nobody sleeps. How long either spins first is decided in tune.go.
//
// The kernel always returns through the start frame, which lies outside the
// alternate stack, so that each return also sets the alternate stack and the
// signal mask again. The extended state stays where the host saved it, in the
// trap's own frame, and the start frame points there.
//
// # Mappings
//
// The mm thread of a cell executes orders: up to 511 host calls from the order
// page. It acknowledges with pwrite(2), which only its filter allows, into a
// page that the cell sees read-only: guest threads share its memory and would
// forge anything less. A right that was taken away is gone when done has the
// order's token; frames are used again only then: Commit waits for it, Settled
// looks whether it has come (wash.go).
//
// With userfaultfd the first Map in a reservation makes one host mapping of all
// of it, and pages are given one by one from the kernel's side with
// UFFDIO_CONTINUE (space.go, batch.go, uffd.go). Where the host forbids
// userfaultfd every Map is a host mapping.
//
// An order needs the mm thread awake, and a wake from one processor to another
// costs 18 µs. So a guest thread that waits for its answer with its eyes open is
// asked (state ORDER) to wake the mm thread on its own processor and to sleep;
// and at the end of the order that leads back to user code the mm thread lets
// the guest thread go itself (ride in batch.go). HOLD is the moment in which
// such an order is being written: the guest thread neither wakes nor leaves.
// thread.place keeps such requests away from threads that Switch has let go.
//
// # Why the host is safe from user code
//
//   - A guest thread has two filters. Its own allows, from the cell's text
//     only, futex WAIT and WAKE on thread areas, sched_yield and rt_sigreturn.
//     It can jump to the cell's syscall instructions with any registers, so
//     these calls are the whole of what user code can make the host do.
//   - Two calls pass every filter of Linux 6.14 and later, uretprobe and
//     uprobe; outside their trampoline they end in SIGILL and ENXIO.
//   - The mm thread never runs user code, uses registers only and reads orders
//     from read-only memory. Its filter checks arguments all the same: mmap of
//     RAM below the cell, and so on (filter.go).
//   - All in a mailbox or frame may be forged. It is copied once, checked that
//     it keeps the kernel inside the area, and then used (trap.go). Registers
//     need no check: they are only ever given back to the same program.
//   - A trap whose RIP is in the cell's text is a forgery: the cell is killed.
//   - A guest can make itself deaf by forged sigreturns. A kick that is not
//     answered while the cell runs kills it (health). Death of a cell, for
//     whatever reason, is seen by the warden and becomes KindDead.
//   - A cell goes back to the pool only if it had a single guest thread and that
//     thread answers a ping after all of its program's memory is gone.
//   - Cells have no files but the two memfds and their own userfaultfd, no
//     vdso, no stack, no core dumps, no_new_privs; they die with the kernel.
//
// What remains: processor time, the calls above, hardware side channels, CPUID.
//
// # Locks
//
//	Platform.cloneMu → cell.mu → Platform.mu
//	                   cell.mu → cell.tmu (a leaf)
//	                   cell.mu → ctlFile.mu (a leaf)
//
// cell.mu is held across orders, the others across straight-line code. Switch takes
// no lock unless changes of the mappings are pending.
//
// First breakpoint: (*context).decode.
package cell
