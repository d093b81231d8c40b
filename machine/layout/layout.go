// Package layout says where things lie in the machine's RAM, before any kernel
// has run. All numbers are little-endian; addresses are offsets in RAM.
//
//	address   size    name       written by          what
//	0x000000   4 KiB  header     supervisor          magic, version, size of RAM
//	                             kernel              phase, process ID
//	0x001000   4 KiB  clock      supervisor          offset of the virtual clock, frozen flag
//	0x002000   4 KiB  doorbells  both, atomically    pending interrupt lines, rung doorbells
//	0x003000   4 KiB  –                              reserved, zero
//	0x004000 224 KiB  devices    driver and device   56 slots of one register page each, see device.go
//	0x03c000  16 KiB  –                              reserved, zero
//	0x040000 128 KiB  cells      kernel              host processes that run user code
//	0x060000 128 KiB  dmesg      kernel              ring: kernel log
//	0x080000 256 KiB  events     kernel              ring: system calls that somebody follows
//	0x0c0000  64 KiB  epitaph    kernel              ring: last words after an oops or panic
//	0x0d0000  64 KiB  debug      supervisor          queue: requests that the kernel serves
//	                                                 before every return to user code
//	0x0e0000 128 KiB  –                              reserved, zero
//	0x100000    …     initrd     supervisor          initial root archive, page aligned
//	   …        …     free                           from Boot.Reserved on: the kernel's frames
//
// The low megabyte stays what it is for the machine's life. The initrd lies below
// Boot.Reserved, too; a kernel that has unpacked it may use its frames.
//
// Both sides treat what the other can write as hostile: the supervisor uses
// no value from the header page, checks every entry of the cell table against
// the host, and reads rings as machine/ring does.
package layout

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"vitrine/machine"
)

// Magic opens the header page; Version counts changes of this package.
const (
	Magic   = 0x31656e6972746956 // "Vitrine1"
	Version = 1
)

// Addresses and sizes.
const (
	HeaderAddr    = 0x0
	ClockAddr     = 0x1000
	DoorbellsAddr = 0x2000
	DevicesAddr   = 0x4000 // of slot 0's register page
	DeviceSize    = 0x1000
	MaxDevices    = machine.NumLines - machine.LineDevice0
	CellsAddr     = 0x40000
	CellsSize     = 0x20000
	DmesgAddr     = 0x60000
	DmesgSize     = 0x20000
	EventsAddr    = 0x80000
	EventsSize    = 0x40000
	EpitaphAddr   = 0xc0000
	EpitaphSize   = 0x10000
	DebugAddr     = 0xd0000
	DebugSize     = 0x10000
	LowSize       = 0x100000 // all of the above

	// MinRAM is the least RAM a machine has.
	MinRAM = 2 * LowSize
)

// Rings are the shared rings, as Boot.Rings lists them.
var rings = [...]machine.Named{
	{Name: "dmesg", Extent: machine.Extent{Addr: DmesgAddr, Size: DmesgSize}},
	{Name: "events", Extent: machine.Extent{Addr: EventsAddr, Size: EventsSize}},
	{Name: "epitaph", Extent: machine.Extent{Addr: EpitaphAddr, Size: EpitaphSize}},
	{Name: "debug", Extent: machine.Extent{Addr: DebugAddr, Size: DebugSize}},
}

// Rings returns the shared rings of every machine.
func Rings() []machine.Named { return append([]machine.Named(nil), rings[:]...) }

// Cells is where the cell table lies.
func Cells() machine.Extent { return machine.Extent{Addr: CellsAddr, Size: CellsSize} }

// DeviceRegs is the register page of a slot.
func DeviceRegs(slot int) machine.Extent {
	if slot < 0 || slot >= MaxDevices {
		panic(fmt.Sprintf("layout: no device slot %d", slot))
	}
	return machine.Extent{Addr: DevicesAddr + uint64(slot)*DeviceSize, Size: DeviceSize}
}

// Bytes returns the piece of RAM, or nil if it does not lie in RAM.
func Bytes(ram []byte, e machine.Extent) []byte {
	if e.Addr > uint64(len(ram)) || e.Size > uint64(len(ram))-e.Addr {
		return nil
	}
	return ram[e.Addr : e.Addr+e.Size : e.Addr+e.Size]
}

// Ring returns the memory of the ring of that name, or nil.
func Ring(ram []byte, b *machine.Boot, name string) []byte {
	for _, r := range b.Rings {
		if r.Name == name {
			return Bytes(ram, r.Extent)
		}
	}
	return nil
}

// Phase is how far a kernel has come.
type Phase uint32

// Phases.
const (
	PhaseOff     Phase = iota // no kernel has run
	PhaseBooting              // the kernel has opened the machine
	PhaseRunning              // init runs
	PhaseHalted               // the kernel has left in good order
)

func (p Phase) String() string {
	if int(p) < 4 {
		return [...]string{"off", "booting", "running", "halted"}[p]
	}
	return fmt.Sprintf("phase %d", uint32(p))
}

// Header is the header page.
type Header struct {
	Magic   uint64
	Version uint64
	RAMSize uint64
	_       [5]uint64

	// Written by the kernel, for people who look at a dump of RAM.
	Phase     atomic.Uint32
	KernelPID atomic.Int32
}

// HeaderOf returns RAM's header page.
func HeaderOf(ram []byte) *Header { return (*Header)(at(ram, HeaderAddr)) }

// Init writes the header of new RAM, which is zero.
func Init(ram []byte) {
	h := HeaderOf(ram)
	h.Version, h.RAMSize = Version, uint64(len(ram))
	h.Magic = Magic
}

// Check says why RAM has no header of this version, or nil.
func Check(ram []byte) error {
	if len(ram) < MinRAM || len(ram)%machine.PageSize != 0 {
		return fmt.Errorf("RAM has %d bytes, which is less than %d or not a multiple of a page", len(ram), MinRAM)
	}
	switch h := HeaderOf(ram); {
	case h.Magic != Magic:
		return fmt.Errorf("RAM has no header: magic %#x", h.Magic)
	case h.Version != Version:
		return fmt.Errorf("the supervisor's RAM layout has version %d, the kernel's %d: build both again", h.Version, Version)
	case h.RAMSize != uint64(len(ram)):
		return fmt.Errorf("RAM's header says %d bytes, its file has %d", h.RAMSize, len(ram))
	}
	return nil
}

// at returns the address of the page at addr. RAM is page aligned on both sides.
func at(ram []byte, addr int) unsafe.Pointer {
	_ = ram[addr+machine.PageSize-1]
	return unsafe.Pointer(&ram[addr])
}

// Compile-time check: the areas do not overlap.
var _ [CellsAddr - DevicesAddr - MaxDevices*DeviceSize]struct{}
