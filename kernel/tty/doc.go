// Package tty is the terminal layer: what turns a stream of bytes from a
// keyboard, a serial line or a program (a pseudoterminal's master) into lines,
// echo, signals and job control.
//
//	programs      read   write   ioctl                   ┌────────────────┐
//	                ▲      │       │          packet,     │ master (ptmx)  │
//	         ┌──────┴──────▼───────▼──┐       data        │  Master        │
//	         │ TTY  job control, waits│                   └──▲──────────┬──┘
//	         ├────────────────────────┤                      │ptyDriver │ write
//	         │ LineDiscipline (N_TTY) │                      │          │
//	         │  queue ◀─ edit ◀─ input│◀─────────────────────┼──────────┘
//	         │  output ─▶ echo, OPOST │──────────────────────┘
//	         └──────▲───────────┬─────┘          (a pty's other side)
//	 Receive (irq)  │           ▼ Driver.Write
//	         ┌──────┴───────────────────┐
//	         │ Driver: virtio console … │
//	         └──────────────────────────┘
//
// The LineDiscipline is a plain state machine without locks or waits: bytes
// in, effects out. TTY.mu guards it. A driver calls Receive, WriteWakeup, Resized and Lost from
// interrupts; the terminal's own kernel thread takes them from there.
//
// The package knows tasks only by the interfaces in jobcontrol.go.
//
// Lock order: TTY.mu, then what drivers take. Signals are sent and sessions asked with no lock
// of this package held, for the task table's lock comes before TTY.mu.
//
// First breakpoint: (*LineDiscipline).Input for a key, (*TTY).Read for a program.
package tty
