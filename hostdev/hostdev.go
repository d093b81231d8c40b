// Package hostdev says what a device back-end is. The back-ends themselves lie
// in folders below, one each; package board has the slots they are put into.
//
//	kernel/drivers/console ──virtqueue in RAM── hostdev/console ── terminal
//	                   Kick ─────────────────▶
//	                      ◀───────────────── Slot.Interrupt
//
// A back-end lives in the supervisor and never stops with the kernel: its
// window goes on painting while a debugger holds the machine. What it does to
// the machine's RAM and interrupt lines follows one law (it is Propolis's):
//
//  1. Between Attach and the first Resume the machine is being put together: a
//     device may set up its registers and open its host side, and completes nothing.
//  2. Resume is called before the first CPU runs, and before the CPUs go on after a stop.
//  3. Pause is called after every CPU has stopped. Once it has returned the device
//     writes nothing to RAM and raises no interrupt until Resume: work that
//     finishes on the host meanwhile is held back, none is lost.
//  4. Close ends the device, paused or not; RAM may be gone when it has returned.
//
// What the kernel writes into RAM and registers is hostile input: a device
// checks every address, length and index, and gives a broken queue up with
// virtio's DEVICE_NEEDS_RESET instead of failing.
package hostdev

// Device is a device back-end.
type Device interface {
	// Name is the kind of device: "console", "rng", "9p".
	Name() string

	// Attach puts the device into its slot. It writes the registers that the
	// driver will find there. Called once, before the kernel starts.
	Attach(s *Slot) error

	// Kick says that the kernel rang the device's doorbell: queue has new
	// buffers, or, for machine.ConfigQueue, a register was written. All
	// kicks of a machine come from one goroutine: Kick must not block. It may come
	// late, when the queue is empty again, and while the device is paused.
	Kick(queue int)

	// Pause holds the device back: rule 3 above. Resume lets it go on: rule 2.
	// The board pairs them; the first call is a Resume.
	Pause()
	Resume()

	// Close releases what the device has on the host. Nothing is called after it.
	Close() error
}

// Slot is a device's place in the machine.
type Slot struct {
	Number    int
	RAM       []byte // all of the machine's memory; shared with the kernel
	Regs      []byte // the slot's register page, within RAM; see machine/layout
	Interrupt func() // raises the slot's line, machine.LineDevice0+Number; never blocks
}
