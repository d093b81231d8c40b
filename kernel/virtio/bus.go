package virtio

import (
	"fmt"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/irq"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/layout"
)

// Logger is the kernel log (*klog.Log).
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Bus is all device slots of a machine. Create it with New.
type Bus struct {
	Devices []*Device // by slot; immutable after New

	// Immutable.
	Machine machine.Machine
	Memory  *mm.Memory
	Log     Logger

	cores []any // immutable once Probe runs
}

// New finds the devices that the machine says it has and requests their
// interrupt lines. Nothing is sent to them yet. Call it before the irq controller is connected.
func New(m machine.Machine, mem *mm.Memory, ic *irq.Controller, log Logger) (*Bus, error) {
	b := &Bus{Machine: m, Memory: mem, Log: log}
	for _, s := range m.Boot().Devices {
		page := layout.Bytes(m.RAM(), s.Regs)
		if len(page) < layout.DeviceSize || s.Regs.Addr%layout.DeviceSize != 0 {
			return nil, fmt.Errorf("virtio: slot %d has no register page", s.Number)
		}
		r := layout.DeviceAt(page)
		if r.Magic.Load() != layout.DeviceMagic || r.Version.Load() != layout.DeviceVersion {
			log.Warnf("virtio: slot %d: unknown kind of registers", s.Number)
			continue
		}
		if r.DeviceID.Load() == 0 {
			continue // 4.2.2: an empty slot
		}
		d := &Device{Slot: s.Number, ID: r.DeviceID.Load(), Bus: b, regs: r}
		d.Name = fmt.Sprintf("virtio%d", s.Number)
		if err := ic.Request(machine.LineDevice0+s.Number, d.Name, d.interrupt); err != nil {
			return nil, fmt.Errorf("virtio: slot %d: %w", s.Number, err)
		}
		b.Devices = append(b.Devices, d)
	}
	return b, nil
}

// Provide makes a class core known to drivers: the VFS, the terminals …
func (b *Bus) Provide(core any) { b.cores = append(b.cores, core) }

// Core returns the class core of type T that the kernel provided.
func Core[T any](b *Bus) (core T, ok bool) {
	for _, c := range b.cores {
		if core, ok = c.(T); ok {
			return core, true
		}
	}
	return core, false
}

// Probe takes all devices into service, in the order of their slots. A device that
// cannot be is logged and left alone.
func (b *Bus) Probe(t *sched.Thread) {
	for _, d := range b.Devices {
		if err := d.probe(t); err != nil {
			b.Log.Warnf("%s: %v", d.Name, err)
			continue
		}
		if d.Driver != nil {
			b.Log.Infof("%s: %s", d.Name, d.Driver.Name)
		}
	}
}

// Each calls f for every device in service whose driver made a T of it.
func Each[T any](b *Bus, f func(d *Device, private T)) {
	for _, d := range b.Devices {
		if p, ok := d.Private.(T); ok && d.State.Load() == uint32(Ready) {
			f(d, p)
		}
	}
}

// Remove resets all devices: at the end of the machine, so that none writes to RAM any more.
func (b *Bus) Remove(t *sched.Thread) {
	for _, d := range b.Devices {
		d.regs.DriverStatus.Store(0)
		d.command()
		d.State.Store(uint32(Removed))
	}
}

// errBroken ends the requests of a device that was given up.
var errBroken = errno.EIO.Because("the device broke the rules of its queue or wants a reset")
