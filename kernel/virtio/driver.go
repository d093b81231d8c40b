package virtio

import (
	"fmt"

	"vitrine/kernel/sched"
)

// Device types (5, "Device Types").
const (
	IDNet     = 1
	IDBlock   = 2
	IDConsole = 3
	IDEntropy = 4
	ID9P      = 9
	IDGPU     = 16
	IDInput   = 18
	IDSound   = 25
)

// Driver is a driver for one type of device: an entry of the table that init functions fill.
type Driver struct {
	Name     string
	ID       uint32 // device type
	Features uint64 // device features that it can use, besides the ring's

	// Probe takes a device into service: it calls Device.Queues, submits buffers
	// to receive with, calls Device.Ready, and announces the device to its
	// class core. It runs in a kernel thread and may sleep. On an error the device is given up.
	Probe func(t *sched.Thread, d *Device) error

	// Changed, if set, hears that the configuration changed. It runs in an interrupt
	// window, perhaps before Probe has returned.
	Changed func(t *sched.Thread, d *Device)
}

var drivers []*Driver // filled by init functions, then constant

// Register adds a driver to the table. For init functions.
func Register(d Driver) {
	if find(d.ID) != nil {
		panic(fmt.Sprintf("virtio: two drivers for device type %d", d.ID))
	}
	drivers = append(drivers, &d)
}

func find(id uint32) *Driver {
	for _, d := range drivers {
		if d.ID == id {
			return d
		}
	}
	return nil
}
