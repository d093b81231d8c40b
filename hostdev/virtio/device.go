// Package virtio is what all device back-ends share: the device's side of the
// register page (machine/layout, device.go) and of its queues, and the stop
// protocol's gate.
//
//	Kick ──▶ kicks (bits) ──wake──▶ worker goroutines
//	                                  │ take the gate
//	                                  ├─ ConfigQueue: act on the registers
//	                                  └─ queue n: Handler.Serve(queue n)
//	                                        Pop → work on the chain → Push → interrupt
//	Pause takes the gate, Resume gives it back
//
// A back-end embeds *Device, which makes it a hostdev.Device, and implements
// Handler. It touches RAM only in Serve and in functions that it gives to Do:
// both run inside the gate, so that Pause waits for them and holds the next ones back.
//
// Lock order: gate (for reading), the back-end's locks, Queue.mu.
package virtio

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"vitrine/hostdev"
	"vitrine/machine"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// Spec says what a device is.
type Spec struct {
	Name     string // as of hostdev.Device
	ID       uint32 // type (virtio 1.2, section 5)
	Features uint64 // offered, besides the ring's
	Queues   []int  // greatest size of each
	Config   []byte // configuration space at the start
	Workers  int    // how many requests are served at once; 0 means 1

	// Poll says that requests come one after the other, each when the last is answered: a worker then looks out
	// for the next one for some microseconds, which is cheaper than to be woken.
	Poll bool
}

// Handler is the part of a back-end that makes it a console or a disk.
type Handler interface {
	// Serve handles what is in a queue. Workers call it, inside the gate, after a kick; with
	// several workers, several at once.
	Serve(q *Queue)

	// Started says that the driver is ready; Reset that it has reset the device: queues are
	// gone, and what the driver sets up next is new. Both are called with the gate taken.
	Started()
	Reset()
}

// ConfigWriter is a Handler that has configuration fields for the driver to write.
type ConfigWriter interface{ ConfigWritten() }

// Device is the common part of a back-end.
type Device struct {
	Queues []*Queue // immutable

	spec    Spec
	handler Handler
	slot    *hostdev.Slot
	regs    *layout.Device

	gate     sync.RWMutex // written: paused, or the registers are acted on; read: RAM is in use
	status   uint32       // guarded by gate, but for StatusNeedsReset
	features uint64       // negotiated; guarded by gate
	broken   atomic.Bool  // the driver broke a rule: nothing goes on until it resets

	polling atomic.Bool  // a worker looks at the queues instead of sleeping
	poll    atomic.Int64 // for how long the next one does, ns

	kicks   atomic.Uint64 // queues that were kicked; bit 63 is ConfigQueue
	wake    chan struct{}
	workers sync.WaitGroup

	mu     sync.Mutex
	paused bool // guarded by mu
	closed atomic.Bool
	done   chan struct{} // closed by Close
}

const configBit = 63

// New returns a device that is paused and in no slot.
func New(spec Spec, h Handler) *Device {
	d := &Device{spec: spec, handler: h, paused: true, done: make(chan struct{})}
	d.spec.Workers = max(d.spec.Workers, 1)
	d.spec.Features |= virtq.Features
	d.wake = make(chan struct{}, d.spec.Workers)
	for i, size := range spec.Queues {
		d.Queues = append(d.Queues, &Queue{Index: i, size: size, dev: d})
	}
	d.gate.Lock()
	return d
}

// Name implements hostdev.Device.
func (d *Device) Name() string { return d.spec.Name }

// Attach implements hostdev.Device.
func (d *Device) Attach(s *hostdev.Slot) error {
	if len(s.Regs) < layout.DeviceSize || len(d.Queues) > layout.MaxQueues || len(d.spec.Config) > layout.MaxConfig {
		return fmt.Errorf("%s: slot %d does not hold the device", d.spec.Name, s.Number)
	}
	d.slot, d.regs = s, layout.DeviceAt(s.Regs)
	r := d.regs
	r.Version.Store(layout.DeviceVersion)
	r.VendorID.Store(layout.DeviceVendor)
	r.DeviceFeatures.Store(d.spec.Features)
	r.ConfigSize.Store(uint32(len(d.spec.Config)))
	r.WriteConfig(0, d.spec.Config)
	r.NumQueues.Store(uint32(len(d.Queues)))
	for i, q := range d.Queues {
		r.Queues[i].SizeMax.Store(uint32(q.size))
	}
	r.DeviceID.Store(d.spec.ID)
	r.Magic.Store(layout.DeviceMagic)
	for range d.spec.Workers {
		d.workers.Add(1)
		go d.work()
	}
	return nil
}

// Kick implements hostdev.Device.
func (d *Device) Kick(queue int) {
	if queue == machine.ConfigQueue {
		queue = configBit
	} else if queue < 0 || queue >= len(d.Queues) {
		return
	}
	d.kicks.Or(1 << queue)
	d.wakeWorker()
}

func (d *Device) wakeWorker() {
	select {
	case d.wake <- struct{}{}:
	default: // as many are on their way as there are workers
	}
}

// Pause implements hostdev.Device: it waits for work inside the gate.
func (d *Device) Pause() {
	d.gate.Lock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed.Load() {
		d.gate.Unlock()
		return
	}
	d.paused = true
}

// Resume implements hostdev.Device.
func (d *Device) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused && !d.closed.Load() {
		d.paused = false
		d.gate.Unlock()
	}
}

// Close implements hostdev.Device. It waits for work inside the gate; afterwards RAM is not touched.
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed.Swap(true) {
		d.mu.Unlock()
		return nil
	}
	close(d.done)
	if d.paused {
		d.paused = false
		d.gate.Unlock()
	}
	d.mu.Unlock()
	d.gate.Lock()   // whoever was inside has left; whoever comes now sees closed
	d.gate.Unlock() //lint:ignore SA2001 the passage itself is the point
	d.workers.Wait()
	return nil
}

// Done is closed when the device is.
func (d *Device) Done() <-chan struct{} { return d.done }

// Do runs f inside the gate; the caller is not inside. It reports false, without running f, if the driver is not ready, or
// the device is broken or closed.
func (d *Device) Do(f func()) bool {
	d.gate.RLock()
	defer d.gate.RUnlock()
	if d.closed.Load() || !d.Live() {
		return false
	}
	f()
	return true
}

// Live reports whether the driver is ready and sane. The caller is inside the gate.
func (d *Device) Live() bool {
	return d.status&layout.StatusDriverOK != 0 && !d.broken.Load()
}

// Has reports whether a feature was negotiated. The caller is inside the gate.
func (d *Device) Has(feature uint64) bool { return d.features&feature == feature }

// WriteConfig changes the configuration and tells the driver. The caller is inside the gate,
// or the machine does not run yet.
func (d *Device) WriteConfig(off int, p []byte) {
	d.mu.Lock()
	d.regs.WriteConfig(off, p)
	d.mu.Unlock()
	if d.Live() {
		d.interrupt(layout.InterruptConfig)
	}
}

// Config32 reads a field that the driver may write.
func (d *Device) Config32(off int) uint32 { return d.regs.Config32(off) }

// interrupt raises the line for a reason.
func (d *Device) interrupt(why uint32) {
	d.regs.InterruptStatus.Or(why)
	d.slot.Interrupt()
}

// Break gives the driver up: it broke a rule. Only its reset helps (2.1.2, DEVICE_NEEDS_RESET).
func (d *Device) Break(error) {
	if !d.broken.Swap(true) {
		d.regs.DeviceStatus.Or(layout.StatusNeedsReset)
		d.interrupt(layout.InterruptConfig)
	}
}

// work is a worker's life.
func (d *Device) work() {
	defer d.workers.Done()
	for {
		select {
		case <-d.wake:
		case <-d.done:
			return
		}
		kicks := d.kicks.Swap(0)
		if kicks>>configBit != 0 {
			d.gate.Lock()
			if !d.closed.Load() {
				d.command()
			}
			d.gate.Unlock()
			kicks &^= 1 << configBit
		}
		for kicks != 0 {
			d.gate.RLock()
			for ; kicks != 0 && !d.closed.Load() && d.Live(); kicks &= kicks - 1 {
				if q := d.Queues[bits.TrailingZeros64(kicks)]; q.Ready() {
					d.handler.Serve(q)
				}
			}
			kicks = d.look()
			d.gate.RUnlock()
		}
	}
}

// Bounds of looking out for the next request, in ns.
const (
	pollMin = 2_000
	pollMax = 60_000
)

// canPoll is false where whoever is waited for needs this very processor.
var canPoll = runtime.NumCPU() > 1

// look waits a little for the next request, without being kicked for it, and returns the queues that have some. How
// long adapts to how often it was worth while. The caller is inside the gate.
func (d *Device) look() (found uint64) {
	if !d.spec.Poll || !canPoll || d.closed.Load() || !d.Live() || d.polling.Swap(true) {
		return 0
	}
	defer d.polling.Store(false)
	for _, q := range d.Queues {
		if q.Ready() {
			q.Quiet()
		}
	}
	limit := max(d.poll.Load(), pollMin)
	for start := time.Now(); found == 0 && d.kicks.Load() == 0 && time.Since(start) < time.Duration(limit); {
		for _, q := range d.Queues {
			if q.Ready() && q.Pending() {
				found |= 1 << q.Index
			}
		}
	}
	if found != 0 {
		limit = min(2*limit, pollMax)
	} else {
		limit /= 2
	}
	d.poll.Store(limit)
	for _, q := range d.Queues {
		if q.Ready() && q.Listen() {
			found |= 1 << q.Index
		}
	}
	return found
}

// command acts on the registers: the device's half of the handshake. The gate is taken.
func (d *Device) command() {
	cmd := d.regs.Command.Load()
	switch want := d.regs.DriverStatus.Load(); {
	case want == 0:
		d.reset()
	case d.broken.Load():
		// 2.1.2: nothing but a reset
	case want&layout.StatusFailed != 0:
		d.stop()
		d.status |= layout.StatusFailed
	default:
		d.status |= want & (layout.StatusAcknowledge | layout.StatusDriver)
		if want&layout.StatusFeaturesOK != 0 && d.status&layout.StatusFeaturesOK == 0 {
			// 6.1: a subset of what was offered, and not the legacy interface.
			if f := d.regs.DriverFeatures.Load(); f&^d.spec.Features == 0 && f&virtq.FeatureVersion1 != 0 {
				d.features = f
				d.status |= layout.StatusFeaturesOK
			}
		}
		if want&layout.StatusDriverOK != 0 && d.status&layout.StatusFeaturesOK != 0 && d.status&layout.StatusDriverOK == 0 {
			d.start()
		}
		if w, ok := d.handler.(ConfigWriter); ok {
			w.ConfigWritten()
		}
	}
	status := d.status
	if d.broken.Load() {
		status |= layout.StatusNeedsReset
	}
	d.regs.DeviceStatus.Store(status)
	d.regs.Answered.Store(cmd)
	d.interrupt(layout.InterruptCommand)
}

// start takes the queues into use that the driver has made ready.
func (d *Device) start() {
	for i, q := range d.Queues {
		r := &d.regs.Queues[i]
		if r.Ready.Load() == 0 {
			continue
		}
		l := virtq.Layout{Size: int(r.Size.Load()), Desc: r.Desc.Load(), Avail: r.Avail.Load(), Used: r.Used.Load()}
		if l.Size > q.size {
			d.Break(fmt.Errorf("queue %d: size %d", i, l.Size))
			return
		}
		ring, err := virtq.NewDeviceQueue(d.slot.RAM, l, d.features)
		if err != nil {
			d.Break(err)
			return
		}
		q.ring = ring
	}
	d.status |= layout.StatusDriverOK
	d.handler.Started()
	// A worker may have taken a queue's kick already, and found the device not ready.
	for _, q := range d.Queues {
		if q.Pending() {
			q.Again()
		}
	}
}

func (d *Device) reset() {
	d.stop()
	d.status, d.features = 0, 0
	d.broken.Store(false)
}

// stop forgets the queues.
func (d *Device) stop() {
	for _, q := range d.Queues {
		q.ring = nil
	}
	if d.status&layout.StatusDriverOK != 0 {
		d.handler.Reset()
	}
	d.status &^= layout.StatusDriverOK
}

// Attached reports whether the device is in a slot.
func (d *Device) Attached() bool { return d.slot != nil }
