// Package machine is the contract between the kernel and the world: the
// hardware manual of an imaginary computer, as Go code. The kernel knows
// nothing else of its host.
//
// The computer has five doors:
//
//	RAM      one piece of memory, shared with the device back-ends
//	Kick     doorbells: the kernel tells a device that its queue has work
//	IRQ      interrupt lines: a device or the clock tells the kernel something
//	Clock    a virtual clock that stands still while the machine is stopped
//	Entropy  random bytes
//
// and a boot record that says how it was put together. Package machine/host
// is the real one (a process beside the supervisor), machine/fake one for tests.
package machine

import "math"

// PageSize is the size of a page frame in bytes.
const PageSize = 4096

// Interrupt lines. Device n interrupts on LineDevice0+n.
const (
	LineTimer   = 0 // the clock's alarm
	LineControl = 1 // the control channel has a message
	LineNMI     = 2 // the mainboard's watchdog, every WatchdogPeriod; served at once, whatever the CPUs do
	LineDevice0 = 8
	NumLines    = 64
)

// WatchdogPeriod is how often LineNMI comes while the machine runs, ns.
const WatchdogPeriod = 1_000_000_000

// Machine is the computer that a kernel runs on.
type Machine interface {
	// RAM is the physical memory. Page frame n is RAM()[n*PageSize:]. Other
	// processes (devices) read and write it as the rings in it allow.
	RAM() []byte

	// RAMFile is the host descriptor of the memory file, or -1 if there is none.
	// Only a guest platform may use it.
	RAMFile() int

	// Boot is the boot record. It never changes.
	Boot() *Boot

	// Clock is the virtual clock.
	Clock() Clock

	// Entropy fills p with random bytes.
	Entropy(p []byte)

	// Kick rings the doorbell of a device: queue has new buffers, or ConfigQueue.
	Kick(device, queue int)

	// OnInterrupt connects the CPUs' interrupt pin: raise is called from any
	// goroutine with the line, as often as it likes. Interrupts before the call are
	// delivered at the call.
	OnInterrupt(raise func(line int))

	// Halt ends the machine. It does not return on a real machine.
	Halt(h Halt)
}

// ConfigQueue is the doorbell number that says "a device register changed".
const ConfigQueue = 0xffff

// Boot says how the machine was put together.
type Boot struct {
	Name        string  // the machine's name, as in `vitrine ps NAME`
	CommandLine string  // kernel command line; what follows " -- " goes to init
	CPUs        int     // number of processors
	Initrd      Extent  // the initial root archive in RAM, or empty
	Reserved    uint64  // bytes at the bottom of RAM that the kernel must not hand out
	WallTime    int64   // nanoseconds since 1970 at virtual time 0
	Devices     []Slot  // device slots in use
	Cells       Extent  // where the guest platform registers its host processes
	Rings       []Named // shared rings: "dmesg", "events", "epitaph", "debug"
}

// Extent is a piece of RAM, in bytes.
type Extent struct{ Addr, Size uint64 }

// Named is an Extent with a name.
type Named struct {
	Name string
	Extent
}

// Slot is a device slot: its number is the doorbell's, its line LineDevice0+Number.
type Slot struct {
	Number int
	Regs   Extent // the device's register page, see machine/layout
}

// NoAlarm is a deadline that never comes.
const NoAlarm = math.MaxInt64

// Clock is the machine's virtual clock, in nanoseconds since the machine
// was switched on. It stands still while the machine is stopped.
type Clock interface {
	Now() int64

	// SetAlarm asks for an interrupt on LineTimer when Now reaches the
	// deadline; it replaces the alarm before. NoAlarm cancels. The interrupt may come early,
	// never be lost.
	SetAlarm(deadline int64)
}

// Halt says why and how the machine ends.
type Halt struct {
	Reason HaltReason
	Status int    // exit status for whoever started the machine
	Text   string // for a panic: the message
}

// HaltReason is why a machine ends.
type HaltReason int

// Reasons to halt.
const (
	PowerOff HaltReason = iota
	Reboot
	Panic
)

func (r HaltReason) String() string { return [...]string{"power off", "reboot", "panic"}[r] }
