package virtio

import (
	"errors"
	"fmt"
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// State is how far a device has come.
type State uint32

// States of a device.
const (
	Found   State = iota // in its slot
	Probing              // its driver is at work
	Ready                // in service
	Broken               // given up
	Removed              // reset for good
)

// Device is a device on the bus.
type Device struct {
	Slot     int
	Name     string        // "virtio2"
	ID       uint32        // type
	Features uint64        // negotiated
	State    atomic.Uint32 // State
	Err      error         // why it is Broken; written by whoever made it so
	Driver   *Driver
	Private  any // the driver's
	Queues   []*Queue
	Bus      *Bus

	Interrupts atomic.Int64

	regs   *layout.Device
	last   uint32          // the last Command; the probing thread's
	answer ksync.WaitQueue // for Answered
	live   atomic.Bool     // Queues is complete
}

// answerTime is how long a device may take over a command.
const answerTime = 5 * ktime.Second

// probe does the initialisation of 3.1.1, "Driver Requirements: Device Initialization".
func (d *Device) probe(t *sched.Thread) error {
	drv := find(d.ID)
	if drv == nil {
		return fmt.Errorf("no driver for device type %d", d.ID)
	}
	d.State.Store(uint32(Probing))
	if d.regs.DeviceStatus.Load() != 0 { // 1. Reset the device.
		d.regs.DriverStatus.Store(0)
		if err := d.commandWait(t); err != nil {
			return d.fail(t, err)
		}
	}
	// 2.–6. Acknowledge, driver, features, and see whether the device takes them.
	d.Features = d.regs.DeviceFeatures.Load() & (drv.Features | virtq.Features)
	if d.Features&virtq.FeatureVersion1 == 0 {
		return d.fail(t, errors.New("a legacy device"))
	}
	d.regs.DriverFeatures.Store(d.Features)
	d.regs.DriverStatus.Store(layout.StatusAcknowledge | layout.StatusDriver | layout.StatusFeaturesOK)
	if err := d.commandWait(t); err != nil {
		return d.fail(t, err)
	}
	if d.regs.DeviceStatus.Load()&layout.StatusFeaturesOK == 0 {
		return d.fail(t, fmt.Errorf("the device refuses features %#x", d.Features))
	}
	// 7.–8. The rest is the driver's, up to Ready.
	d.Driver = drv
	if err := drv.Probe(t, d); err != nil {
		return d.fail(t, fmt.Errorf("%s: %w", drv.Name, err))
	}
	if d.State.Load() == uint32(Probing) {
		return d.fail(t, fmt.Errorf("%s: the driver did not call Ready", drv.Name))
	}
	return nil
}

// fail gives a device up that never came into service.
func (d *Device) fail(t *sched.Thread, err error) error {
	d.regs.DriverStatus.Or(layout.StatusFailed)
	d.command()
	d.lose(t, err)
	return err
}

// QueueSpec says what queue a driver wants.
type QueueSpec struct {
	Index int
	Name  string // for views: "rx"
	Size  int    // descriptors; at most, a power of two

	// Done is called in an interrupt window for each used request that has no Done of its own and no sleeper.
	Done func(t *sched.Thread, r *Request)
}

// SetQueues makes the device's queues. For Probe, once.
func (d *Device) SetQueues(t *sched.Thread, specs ...QueueSpec) error {
	for _, spec := range specs {
		q, err := d.newQueue(t, spec)
		if err != nil {
			return fmt.Errorf("queue %d %s: %w", spec.Index, spec.Name, err)
		}
		d.Queues = append(d.Queues, q)
	}
	d.live.Store(true)
	return nil
}

// Ready tells the device that its driver is (DRIVER_OK). Requests that were submitted
// before go out now.
func (d *Device) Ready(t *sched.Thread) {
	d.State.CompareAndSwap(uint32(Probing), uint32(Ready))
	d.regs.DriverStatus.Or(layout.StatusDriverOK)
	d.command()
	for _, q := range d.Queues {
		q.start(t)
	}
}

// NumQueues returns how many queues the device has.
func (d *Device) NumQueues() int { return int(min(d.regs.NumQueues.Load(), layout.MaxQueues)) }

// Has reports whether a feature was negotiated.
func (d *Device) Has(feature uint64) bool { return d.Features&feature == feature }

// Config reads configuration; what the device does not have reads as zero.
func (d *Device) Config(off int, p []byte) {
	if !d.regs.ReadConfig(off, p) {
		clear(p)
	}
}

// Config16 reads a 16-bit field of the configuration.
func (d *Device) Config16(off int) uint16 {
	var b [2]byte
	d.Config(off, b[:])
	return uint16(b[0]) | uint16(b[1])<<8
}

// Config32 reads a 32-bit field of the configuration.
func (d *Device) Config32(off int) uint32 {
	return uint32(d.Config16(off)) | uint32(d.Config16(off+2))<<16
}

// SetConfig32 writes a field that the driver may write.
func (d *Device) SetConfig32(off int, v uint32) {
	d.regs.SetConfig(off, v)
	d.kick(machine.ConfigQueue)
}

// command announces register writes; commandWait also waits until the device has acted on them.
func (d *Device) command() {
	d.last = d.regs.Command.Add(1)
	d.kick(machine.ConfigQueue)
}

func (d *Device) commandWait(t *sched.Thread) error {
	d.command()
	for {
		err := d.answer.WaitUntil(t, "virtio_command", t.Now()+answerTime, func() bool {
			return d.regs.Answered.Load() == d.last
		})
		switch err {
		case errno.RestartSys: // a kernel thread has no signals; whoever sent one meant another
			t.SigPending.Store(false)
			continue
		case errno.ETIMEDOUT:
			return errors.New("the device does not answer")
		}
		return nil
	}
}

func (d *Device) kick(queue int) { d.Bus.Machine.Kick(d.Slot, queue) }

// interrupt is the handler of the device's line.
func (d *Device) interrupt(t *sched.Thread) {
	why := d.regs.InterruptStatus.Swap(0)
	d.Interrupts.Add(1)
	if why&layout.InterruptCommand != 0 {
		d.answer.WakeAll()
	}
	if !d.live.Load() {
		return
	}
	if why&layout.InterruptConfig != 0 {
		if d.regs.DeviceStatus.Load()&layout.StatusNeedsReset != 0 {
			d.lose(t, errBroken)
			return
		}
		if d.Driver.Changed != nil {
			d.Driver.Changed(t, d)
		}
	}
	// Why is a hint, as the device may be any: the rings say the truth.
	for _, q := range d.Queues {
		q.reap(t)
	}
}

// lose gives the device up: every request ends with err.
func (d *Device) lose(t *sched.Thread, err error) {
	if d.State.Swap(uint32(Broken)) == uint32(Broken) {
		return
	}
	d.Err = err
	d.Bus.Log.Warnf("%s: given up: %v", d.Name, err)
	if d.live.Load() {
		for _, q := range d.Queues {
			q.abandon(t, err)
		}
	}
}

func init() {
	kview.Register(kview.View{
		Name: "devices", Doc: "every device on the virtio bus", Root: "Bus.Devices",
		Columns: kview.Cols("SLOT Slot", "NAME Name", "TYPE ID", "DRIVER Driver.Name", "STATE State found,probing,ready,broken,removed",
			"FEATURES Features hex", "IRQS Interrupts"),
		Detail: []string{"virtqueues"},
	})
	kview.Register(kview.View{
		Name: "virtqueues", Doc: "every virtqueue", Root: "Bus.Devices", Each: "Queues",
		Columns: kview.Cols("DEVICE ^Name", "QUEUE Index", "NAME Name", "SIZE Ring.Layout.Size", "ADDED Ring.Added", "USED Ring.Used",
			"KICKS Ring.Kicks", "NOKICKS Ring.NoKicks", "BROKEN Broken"),
	})
}
