// Package virtiotest is a driver's hands on a back-end's registers and rings, for tests of back-ends: it does what
// a kernel would, or what no kernel should.
package virtiotest

import (
	"testing"
	"time"
	"unsafe"

	"vitrine/hostdev"
	"vitrine/machine"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// Places in RAM: rings and buffers, each queue has its own.
const (
	ramSize   = 4 << 20
	queueAt   = 1 << 20
	queueStep = 128 << 10
	bufAt     = 32 << 10 // of the queue's place on
)

// Driver is a device in a slot, and the other end of it.
type Driver struct {
	T    testing.TB
	Dev  hostdev.Device
	RAM  []byte
	Regs *layout.Device
	IRQs chan struct{} // interrupts
}

// New puts dev into a slot and starts it. It is closed with the test.
func New(t testing.TB, dev hostdev.Device) *Driver {
	t.Helper()
	words := make([]uint64, ramSize/8)
	d := &Driver{T: t, Dev: dev, IRQs: make(chan struct{}, 1000)}
	d.RAM = unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), ramSize)
	page := layout.Bytes(d.RAM, layout.DeviceRegs(0))
	err := dev.Attach(&hostdev.Slot{RAM: d.RAM, Regs: page, Interrupt: func() {
		select {
		case d.IRQs <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.Regs = layout.DeviceAt(page)
	t.Cleanup(func() { dev.Close() })
	dev.Resume()
	return d
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// Until waits, from interrupt to interrupt, until ok.
func (d *Driver) Until(what string, ok func() bool) {
	d.T.Helper()
	end := time.After(patience)
	for !ok() {
		select {
		case <-d.IRQs:
		case <-end:
			d.T.Fatalf("%s: it does not come", what)
		}
	}
}

// Command announces register writes and waits for the answer.
func (d *Driver) Command() {
	d.T.Helper()
	n := d.Regs.Command.Add(1)
	d.Dev.Kick(machine.ConfigQueue)
	d.Until("answer to a command", func() bool { return d.Regs.Answered.Load() == n })
}

// Negotiate offers features and reports whether the device takes them.
func (d *Driver) Negotiate(features uint64) bool {
	d.T.Helper()
	d.Regs.DriverFeatures.Store(features)
	d.Regs.DriverStatus.Store(layout.StatusAcknowledge | layout.StatusDriver | layout.StatusFeaturesOK)
	d.Command()
	return d.Regs.DeviceStatus.Load()&layout.StatusFeaturesOK != 0
}

// Ready tells the device where a queue is, and that the driver is ready.
func (d *Driver) Ready(index int, l virtq.Layout) {
	d.T.Helper()
	r := &d.Regs.Queues[index]
	r.Size.Store(uint32(l.Size))
	r.Desc.Store(l.Desc)
	r.Avail.Store(l.Avail)
	r.Used.Store(l.Used)
	r.Ready.Store(1)
	d.Regs.DriverStatus.Or(layout.StatusDriverOK)
	d.Command()
}

// SetUp does the whole handshake with the first n queues of the given size.
func (d *Driver) SetUp(features uint64, n, size int) []*Queue {
	d.T.Helper()
	features |= virtq.Features
	if !d.Negotiate(features) {
		d.T.Fatalf("the device refuses features %#x", features)
	}
	var qs []*Queue
	for i := range n {
		l := virtq.Place(uint64(queueAt+i*queueStep), size)
		ring, err := virtq.NewQueue(d.RAM, l, features)
		if err != nil {
			d.T.Fatal(err)
		}
		qs = append(qs, &Queue{Queue: ring, Index: i, d: d})
		r := &d.Regs.Queues[i]
		r.Size.Store(uint32(size))
		r.Desc.Store(l.Desc)
		r.Avail.Store(l.Avail)
		r.Used.Store(l.Used)
		r.Ready.Store(1)
	}
	d.Regs.DriverStatus.Or(layout.StatusDriverOK)
	d.Command()
	if d.Regs.DeviceStatus.Load()&layout.StatusDriverOK == 0 {
		d.T.Fatal("the device is not ready")
	}
	return qs
}

// Reset resets the device.
func (d *Driver) Reset() {
	d.T.Helper()
	d.Regs.DriverStatus.Store(0)
	d.Command()
	if d.Regs.DeviceStatus.Load() != 0 {
		d.T.Fatal("the device is not reset")
	}
	for i := range d.Regs.Queues {
		d.Regs.Queues[i].Ready.Store(0)
	}
}

// NeedsReset reports whether the device has given the driver up.
func (d *Driver) NeedsReset() bool { return d.Regs.DeviceStatus.Load()&layout.StatusNeedsReset != 0 }

// Queue is the driver's end of a queue with room for one request's bytes at a time.
type Queue struct {
	*virtq.Queue
	Index int
	d     *Driver
	in    int
}

// Send offers out to be read and in bytes to be written, and kicks.
func (q *Queue) Send(out []byte, in int) {
	q.d.T.Helper()
	at := uint64(queueAt + q.Index*queueStep + bufAt)
	var o, i []virtq.Buf
	if len(out) > 0 {
		copy(q.d.RAM[at:], out)
		o = []virtq.Buf{{Addr: at, Len: uint32(len(out))}}
	}
	if q.in = in; in > 0 {
		i = []virtq.Buf{{Addr: at + queueStep/2, Len: uint32(in)}}
	}
	if err := q.Add(o, i, virtq.Buf{}, q); err != nil {
		q.d.T.Fatal(err)
	}
	q.Publish()
	q.d.Dev.Kick(q.Index)
}

// Done reports whether the request has come back, and what was written.
func (q *Queue) Done() (in []byte, ok bool) {
	q.d.T.Helper()
	tok, n, err := q.Get()
	if err != nil {
		q.d.T.Fatal(err)
	}
	at := uint64(queueAt + q.Index*queueStep + bufAt + queueStep/2)
	return q.d.RAM[at : at+uint64(n)], tok != nil
}

// Wait waits for the request and returns what was written.
func (q *Queue) Wait() (in []byte) {
	q.d.T.Helper()
	q.d.Until("the request", func() (ok bool) {
		in, ok = q.Done()
		return ok
	})
	return in
}
