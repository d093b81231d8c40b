package layout

import (
	"sync/atomic"
	"unsafe"
)

// # Datasheet: a device's register page
//
// The registers are those of virtio-mmio (OASIS virtio 1.2, 4.2.2), laid out flat: a page of
// memory does not trap, so there are no selector registers, and a write to a
// register is announced by a kick of machine.ConfigQueue.
//
//	offset size access name
//	0x000   4   R      Magic            DeviceMagic
//	0x004   4   R      Version          DeviceVersion
//	0x008   4   R      DeviceID         section 5's number of the device type; 0: the slot is empty
//	0x00c   4   R      VendorID
//	0x010   8   R      DeviceFeatures   what the device offers
//	0x018   4   R      DeviceStatus     the status as the device sees it
//	0x01c   4   R      Answered         the last Command that the device has acted on
//	0x020   4   R      ConfigGeneration odd while the device writes the configuration
//	0x024   4   R      ConfigSize       bytes of configuration
//	0x028   4   R      NumQueues
//	0x040   8   W      DriverFeatures   what the driver takes
//	0x048   4   W      DriverStatus     the status as the driver sets it
//	0x04c   4   W      Command          counts announced writes
//	0x080   4   both   InterruptStatus  why the line was raised; the driver swaps it for 0
//	0x100 ≤1.75K R     configuration    of the device type; the driver may write where section 5 says so
//	0x800  64×32       queues           see QueueRegs
//
// R and W are the driver's rights. Each side treats what the other writes as hostile.
//
// Handshake (3.1.1, 4.2.3.1), with the wait that a trap would give:
//
//  1. The device fills its registers before the CPUs start. DeviceStatus is 0.
//  2. To announce writes, the driver adds one to Command and kicks ConfigQueue. The
//     device acts on all registers, stores Command in Answered, sets
//     InterruptCommand and raises its line. So a driver that must know waits until Answered is
//     its Command; one that need not goes on.
//  3. The driver writes DriverStatus 0 (reset) if DeviceStatus is not 0, and waits.
//  4. It writes DriverFeatures, a subset of DeviceFeatures, and the status
//     ACKNOWLEDGE|DRIVER|FEATURES_OK, and waits. If DeviceStatus has FEATURES_OK
//     then, they agree.
//  5. For each queue that it wants it writes Size and the addresses, then Ready=1; then the status with DRIVER_OK.
//     The device looks at the queues now. It need not be waited for: kicks of queues
//     come after kicks of ConfigQueue.
//  6. A device that cannot go on (a broken ring) sets DEVICE_NEEDS_RESET in
//     DeviceStatus and InterruptConfig, and raises its line.
//
// Configuration is read as in 2.5.1: generation, fields, generation, again if they differ or are odd.

// DeviceMagic and DeviceVersion open a register page. Versions 1 and 2 are virtio-mmio's own.
const (
	DeviceMagic   = 0x74726976 // "virt"
	DeviceVersion = 3
	DeviceVendor  = 0x72746956 // "Vitr"
)

// Device status bits (2.1).
const (
	StatusAcknowledge = 1
	StatusDriver      = 2
	StatusDriverOK    = 4
	StatusFeaturesOK  = 8
	StatusNeedsReset  = 64
	StatusFailed      = 128
)

// Bits of InterruptStatus. The first two are virtio-mmio's (4.2.2).
const (
	InterruptUsed    = 1 // buffers were used
	InterruptConfig  = 2 // the configuration or DeviceStatus changed
	InterruptCommand = 4 // Answered changed
)

// MaxQueues is the number of queues a device can have, MaxConfig its bytes of configuration.
const (
	MaxQueues = 32
	MaxConfig = 0x700
)

// Device is a register page.
type Device struct {
	Magic            atomic.Uint32
	Version          atomic.Uint32
	DeviceID         atomic.Uint32
	VendorID         atomic.Uint32
	DeviceFeatures   atomic.Uint64
	DeviceStatus     atomic.Uint32
	Answered         atomic.Uint32
	ConfigGeneration atomic.Uint32
	ConfigSize       atomic.Uint32
	NumQueues        atomic.Uint32
	_                [0x40 - 0x2c]byte

	DriverFeatures atomic.Uint64
	DriverStatus   atomic.Uint32
	Command        atomic.Uint32
	_              [0x80 - 0x50]byte

	InterruptStatus atomic.Uint32
	_               [0x100 - 0x84]byte

	config [MaxConfig / 4]atomic.Uint32

	Queues [MaxQueues]QueueRegs
}

// QueueRegs are the registers of one queue.
type QueueRegs struct {
	SizeMax atomic.Uint32 // R: 0: no such queue
	Size    atomic.Uint32 // W: descriptors, a power of two ≤ SizeMax
	Ready   atomic.Uint32 // W: 1: the device may use the queue
	_       uint32
	Desc    atomic.Uint64 // W: addresses in RAM
	Avail   atomic.Uint64
	Used    atomic.Uint64
	_       [0x40 - 0x28]byte
}

// Compile-time check: the page has the datasheet's size and the queues their place.
var (
	_ [DeviceSize - unsafe.Sizeof(Device{})]struct{}
	_ [unsafe.Sizeof(Device{}) - DeviceSize]struct{}
	_ [unsafe.Offsetof(Device{}.Queues) - 0x800]struct{}
	_ [0x800 - unsafe.Offsetof(Device{}.Queues)]struct{}
)

// DeviceAt returns the registers in a page, which is page aligned.
func DeviceAt(page []byte) *Device {
	_ = page[DeviceSize-1]
	return (*Device)(unsafe.Pointer(&page[0]))
}

// ReadConfig copies configuration from offset off into p, consistently if the
// device is sane. It reports false if p is not within the configuration.
func (d *Device) ReadConfig(off int, p []byte) bool {
	if size := int(min(d.ConfigSize.Load(), MaxConfig)); off < 0 || off > size || len(p) > size-off {
		return false
	}
	// The bound is for a device that died halfway or lies.
	for range 1 << 16 {
		gen := d.ConfigGeneration.Load()
		for i := range p {
			at := off + i
			p[i] = byte(d.config[at/4].Load() >> (at % 4 * 8))
		}
		if gen&1 == 0 && d.ConfigGeneration.Load() == gen {
			break
		}
	}
	return true
}

// WriteConfig is the device's: it changes configuration and the generation.
// The caller serialises writers, then raises an InterruptConfig if the driver should know.
func (d *Device) WriteConfig(off int, p []byte) {
	d.ConfigGeneration.Add(1)
	for i, b := range p {
		at := off + i
		w, shift := &d.config[at/4], at%4*8
		w.Store(w.Load()&^(0xff<<shift) | uint32(b)<<shift)
	}
	d.ConfigGeneration.Add(1)
}

// SetConfig is the driver's: it writes a writable field, like the console's emerg_wr.
func (d *Device) SetConfig(off int, v uint32) { d.config[off/4].Store(v) }

// Config32 is the device's view of such a field.
func (d *Device) Config32(off int) uint32 { return d.config[off/4].Load() }
