package virtio

import (
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"vitrine/hostdev"
	"vitrine/machine"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// upper is a device that answers each request with its bytes plus one.
type upper struct {
	*Device
	started, resets atomic.Int32
	serving         chan struct{} // if not nil: Serve announces itself and waits for go
	goOn            chan struct{}
}

func (u *upper) Started() { u.started.Add(1) }
func (u *upper) Reset()   { u.resets.Add(1) }

func (u *upper) Serve(q *Queue) {
	if u.serving != nil {
		u.serving <- struct{}{}
		<-u.goOn
	}
	var c virtq.Chain
	q.Quiet()
	for {
		ok, _ := q.Pop(&c)
		if !ok {
			if !q.Listen() {
				return
			}
			continue
		}
		b := make([]byte, 8)
		n, _ := c.Read(b)
		for i := range b[:n] {
			b[i]++
		}
		c.Write(b[:n])
		q.Push(&c)
	}
}

// bench is a device in a slot, with a driver's hands on its registers.
type bench struct {
	t    *testing.T
	dev  *upper
	ram  []byte
	regs *layout.Device
	irqs chan struct{}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	words := make([]uint64, 1<<20/8)
	b := &bench{t: t, dev: &upper{}, irqs: make(chan struct{}, 1000)}
	b.ram = unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 1<<20)
	page := layout.Bytes(b.ram, layout.DeviceRegs(0))
	b.dev.Device = New(Spec{Name: "upper", ID: 77, Features: 1, Queues: []int{8, 8}, Config: []byte("conf")}, b.dev)
	slot := &hostdev.Slot{RAM: b.ram, Regs: page, Interrupt: func() {
		select {
		case b.irqs <- struct{}{}:
		default:
		}
	}}
	if err := b.dev.Attach(slot); err != nil {
		t.Fatal(err)
	}
	b.regs = layout.DeviceAt(page)
	t.Cleanup(func() { b.dev.Close() })
	return b
}

// command announces register writes and waits for the answer.
func (b *bench) command() {
	b.t.Helper()
	n := b.regs.Command.Add(1)
	b.dev.Kick(machine.ConfigQueue)
	for b.regs.Answered.Load() != n {
		select {
		case <-b.irqs:
		case <-time.After(10 * time.Second):
			b.t.Fatal("the device does not answer")
		}
	}
}

const queueAt = 0x80000

// setUp does the handshake and returns the driver's end of queue 0.
func (b *bench) setUp() *virtq.Queue {
	b.t.Helper()
	b.regs.DriverFeatures.Store(virtq.Features)
	b.regs.DriverStatus.Store(layout.StatusAcknowledge | layout.StatusDriver | layout.StatusFeaturesOK)
	b.command()
	if b.regs.DeviceStatus.Load()&layout.StatusFeaturesOK == 0 {
		b.t.Fatal("the features are refused")
	}
	l := virtq.Place(queueAt, 8)
	q, err := virtq.NewQueue(b.ram, l, virtq.Features)
	if err != nil {
		b.t.Fatal(err)
	}
	b.ready(l)
	if b.regs.DeviceStatus.Load()&layout.StatusDriverOK == 0 {
		b.t.Fatal("the device is not ready")
	}
	return q
}

func (b *bench) ready(l virtq.Layout) {
	b.t.Helper()
	r := &b.regs.Queues[0]
	r.Size.Store(uint32(l.Size))
	r.Desc.Store(l.Desc)
	r.Avail.Store(l.Avail)
	r.Used.Store(l.Used)
	r.Ready.Store(1)
	b.regs.DriverStatus.Or(layout.StatusDriverOK)
	b.command()
}

// request sends a byte; done waits for the answer.
func (b *bench) request(q *virtq.Queue, v byte) {
	b.t.Helper()
	b.ram[0xc0000] = v
	if err := q.Add([]virtq.Buf{{Addr: 0xc0000, Len: 1}}, []virtq.Buf{{Addr: 0xc0010, Len: 1}}, virtq.Buf{}, b); err != nil {
		b.t.Fatal(err)
	}
	q.Publish()
	b.dev.Kick(0)
}

func (b *bench) done(q *virtq.Queue) byte {
	b.t.Helper()
	for {
		tok, _, err := q.Get()
		if err != nil {
			b.t.Fatal(err)
		}
		if tok != nil {
			return b.ram[0xc0010]
		}
		select {
		case <-b.irqs:
		case <-time.After(10 * time.Second):
			b.t.Fatal("no answer")
		}
	}
}

func TestHandshakeServeAndReset(t *testing.T) {
	b := newBench(t)
	if b.regs.DeviceID.Load() != 77 || b.regs.NumQueues.Load() != 2 || b.regs.ConfigSize.Load() != 4 {
		t.Error("the registers are not filled")
	}
	b.dev.Resume()
	for round := range int32(3) {
		q := b.setUp()
		for i := range byte(100) {
			b.request(q, i)
			if got := b.done(q); got != i+1 {
				t.Fatalf("answer %d to %d", got, i)
			}
		}
		if b.dev.started.Load() != round+1 {
			t.Error("the back-end does not know that it started")
		}
		b.regs.DriverStatus.Store(0)
		b.command()
		if b.regs.DeviceStatus.Load() != 0 || b.dev.resets.Load() != round+1 {
			t.Error("the device is not reset")
		}
		b.regs.Queues[0].Ready.Store(0)
	}
}

func TestFeaturesThatWereNotOffered(t *testing.T) {
	for _, f := range []uint64{virtq.Features | 2, virtq.Features | 1<<63, 1, 0} {
		b := newBench(t)
		b.dev.Resume()
		b.regs.DriverFeatures.Store(f)
		b.regs.DriverStatus.Store(layout.StatusAcknowledge | layout.StatusDriver | layout.StatusFeaturesOK)
		b.command()
		if b.regs.DeviceStatus.Load()&layout.StatusFeaturesOK != 0 {
			t.Errorf("features %#x are accepted", f)
		}
		b.ready(virtq.Place(queueAt, 8)) // all the same
		if b.regs.DeviceStatus.Load()&layout.StatusDriverOK != 0 {
			t.Errorf("features %#x: the device goes on without an agreement", f)
		}
	}
}

func TestHostileRegisters(t *testing.T) {
	for name, l := range map[string]virtq.Layout{
		"outside RAM": virtq.Place(1<<40, 8), "unaligned": virtq.Place(queueAt+1, 8), "size 3": virtq.Place(queueAt, 3),
		"size 0": {}, "bigger than offered": virtq.Place(queueAt, 16), "at the end": virtq.Place(1<<20-16, 8),
	} {
		b := newBench(t)
		b.dev.Resume()
		b.setUpTo(l)
		if b.regs.DeviceStatus.Load()&layout.StatusNeedsReset == 0 || b.regs.InterruptStatus.Load()&layout.InterruptConfig == 0 {
			t.Errorf("%s: the device does not ask for a reset", name)
		}
		b.dev.Kick(0)
		b.dev.Kick(1)
		b.dev.Kick(99)
		b.dev.Kick(-1)
		// A reset helps.
		b.regs.DriverStatus.Store(0)
		b.command()
		b.regs.Queues[0].Ready.Store(0)
		q := b.setUp()
		b.request(q, 1)
		b.done(q)
	}
}

func (b *bench) setUpTo(l virtq.Layout) {
	b.t.Helper()
	b.regs.DriverFeatures.Store(virtq.Features)
	b.regs.DriverStatus.Store(layout.StatusAcknowledge | layout.StatusDriver | layout.StatusFeaturesOK)
	b.command()
	b.ready(l)
}

func TestBrokenRingAsksForReset(t *testing.T) {
	b := newBench(t)
	b.dev.Resume()
	q := b.setUp()
	b.ram[q.Layout.Avail+2] = 200 // more than the ring holds
	b.dev.Kick(0)
	for b.regs.DeviceStatus.Load()&layout.StatusNeedsReset == 0 {
		select {
		case <-b.irqs:
		case <-time.After(10 * time.Second):
			t.Fatal("the device does not ask for a reset")
		}
	}
}

// TestPauseHoldsWorkBack: after Pause has returned nothing is written to RAM and no interrupt raised; nothing is lost.
func TestPauseHoldsWorkBack(t *testing.T) {
	b := newBench(t)
	b.dev.Resume()
	q := b.setUp()
	b.request(q, 1)
	b.done(q)
	b.dev.Pause()
	for len(b.irqs) > 0 {
		<-b.irqs
	}
	before := append([]byte(nil), b.ram[q.Layout.Used:q.Layout.Used+64]...)
	b.request(q, 5)
	b.dev.Kick(0)
	time.Sleep(20 * time.Millisecond) // time for a mistake; the test is right without it
	if string(before) != string(b.ram[q.Layout.Used:q.Layout.Used+64]) || len(b.irqs) != 0 {
		t.Error("the device works while it is paused")
	}
	b.dev.Resume()
	if got := b.done(q); got != 6 {
		t.Errorf("after Resume the answer is %d", got)
	}
}

// TestPauseWaitsForWork: Pause returns only when work inside the gate is done.
func TestPauseWaitsForWork(t *testing.T) {
	b := newBench(t)
	b.dev.serving, b.dev.goOn = make(chan struct{}), make(chan struct{})
	b.dev.Resume()
	q := b.setUp()
	b.request(q, 7)
	<-b.dev.serving
	paused := make(chan struct{})
	go func() {
		b.dev.Pause()
		close(paused)
	}()
	select {
	case <-paused:
		t.Fatal("Pause returned while the device was at work")
	case <-time.After(10 * time.Millisecond):
	}
	close(b.dev.goOn)
	<-paused
	if tok, _, _ := q.Get(); tok == nil {
		t.Error("the work was not finished before Pause returned")
	}
	b.dev.Close() // paused
}

func TestCloseWithoutAttach(t *testing.T) {
	u := &upper{}
	u.Device = New(Spec{Name: "upper", Queues: []int{4}}, u)
	u.Kick(0)
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	u.Close()
	if u.Do(func() { t.Error("Do runs on a closed device") }) {
		t.Error("Do says that it ran")
	}
}
