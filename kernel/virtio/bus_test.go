package virtio

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktest"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/fake"
	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

const testID = 4242 // no device of the specification

// testDriver is registered once; probeTest is what it does in the test under way.
var probeTest func(t *sched.Thread, d *Device) error

func init() {
	Register(Driver{Name: "test", ID: testID, Features: 1, Probe: func(t *sched.Thread, d *Device) error { return probeTest(t, d) }})
}

// dev is a device that lives in OnKick: a test says what it does.
type dev struct {
	ram   []byte
	regs  *layout.Device
	raise func(why uint32)

	command func(d *dev) // nil: in good order
	kick    func(d *dev, queue int)
	queue   *virtq.DeviceQueue
}

func (d *dev) onKick(queue int) {
	if queue != machine.ConfigQueue {
		if d.kick != nil {
			d.kick(d, queue)
		}
		return
	}
	if d.command != nil {
		d.command(d)
		return
	}
	d.answer()
}

// answer acts on a command as a good device does.
func (d *dev) answer() {
	status := d.regs.DriverStatus.Load()
	if status&layout.StatusDriverOK != 0 && d.queue == nil {
		q := &d.regs.Queues[0]
		l := virtq.Layout{Size: int(q.Size.Load()), Desc: q.Desc.Load(), Avail: q.Avail.Load(), Used: q.Used.Load()}
		d.queue, _ = virtq.NewDeviceQueue(d.ram, l, d.regs.DriverFeatures.Load())
	}
	d.regs.DeviceStatus.Store(status)
	d.regs.Answered.Store(d.regs.Command.Load())
	d.raise(layout.InterruptCommand)
}

// rig is a bus with one device.
type rig struct {
	*ktest.Kernel
	bus *Bus
	dev *dev
	log logger
}

type logger struct {
	mu    sync.Mutex
	lines []string
}

func (l *logger) Infof(f string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(f, a...))
}
func (l *logger) Warnf(f string, a ...any) { l.Infof(f, a...) }

func newRig(t *testing.T, cpus int) *rig {
	t.Helper()
	r := &rig{dev: &dev{}}
	r.Kernel = ktest.New(t, ktest.Options{CPUs: cpus, Machine: fake.Options{
		Devices: []int{3}, OnKick: func(_, queue int) { r.dev.onKick(queue) },
	}})
	m := r.Machine
	r.dev.ram = m.RAM()
	r.dev.regs = layout.DeviceAt(layout.Bytes(m.RAM(), layout.DeviceRegs(3)))
	r.dev.raise = func(why uint32) {
		r.dev.regs.InterruptStatus.Or(why)
		m.Raise(machine.LineDevice0 + 3)
	}
	g := r.dev.regs
	g.Magic.Store(layout.DeviceMagic)
	g.Version.Store(layout.DeviceVersion)
	g.DeviceID.Store(testID)
	g.DeviceFeatures.Store(virtq.Features | 1 | 2)
	g.NumQueues.Store(1)
	g.Queues[0].SizeMax.Store(10) // not a power of two: the driver takes 8
	g.ConfigSize.Store(8)
	g.WriteConfig(0, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	var err error
	if r.bus, err = New(m, mm.NewMemory(m.RAM(), m.Boot().Reserved), r.IRQ, &r.log); err != nil {
		t.Fatal(err)
	}
	return r
}

// probe runs Probe with a driver that makes the queue and calls Ready.
func (r *rig) probe(more func(t *sched.Thread, d *Device)) {
	r.T.Helper()
	probeTest = func(t *sched.Thread, d *Device) error {
		if err := d.SetQueues(t, QueueSpec{Name: "q", Size: 64}); err != nil {
			return err
		}
		d.Ready(t)
		return nil
	}
	r.Run(func(t *sched.Thread) {
		r.bus.Probe(t)
		if more != nil {
			more(t, r.bus.Devices[0])
		}
	})
}

func (r *rig) wantLog(s string) {
	r.T.Helper()
	if all := strings.Join(r.log.lines, "\n"); !strings.Contains(all, s) {
		r.T.Errorf("the log says %q, not %q", all, s)
	}
}

func TestRequestSleepsUntilUsed(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		r := newRig(t, cpus)
		r.dev.kick = func(d *dev, _ int) {
			var c virtq.Chain
			for {
				if ok, err := d.queue.Pop(&c); !ok || err != nil {
					return
				}
				b := make([]byte, 3)
				c.Read(b)
				c.Write([]byte(strings.ToUpper(string(b))))
				d.queue.Push(c.Head, c.Written())
				d.raise(layout.InterruptUsed)
			}
		}
		r.probe(func(th *sched.Thread, d *Device) {
			if State(d.State.Load()) != Ready || d.Features != virtq.Features|1 || d.Queues[0].Ring.Layout.Size != 8 {
				t.Errorf("state %d, features %#x, size %d", d.State.Load(), d.Features, d.Queues[0].Ring.Layout.Size)
			}
			if d.Config32(2) != 0x06050403 || d.Config16(6) != 0x0807 || d.Config32(100) != 0 {
				t.Errorf("configuration %#x", d.Config32(2))
			}
			u, err := r.bus.NewBuffer(th, 100)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 100 {
				copy(u.Bytes, fmt.Sprintf("a%02d", i))
				req := &Request{Out: []virtq.Buf{u.Buf(0, 3)}, In: []virtq.Buf{u.Buf(10, 5)}}
				if err := d.Queues[0].SubmitWait(th, req); err != nil {
					t.Error(err)
					return
				}
				if err := d.Queues[0].Wait(th, "test", req); err != nil || req.Written != 3 || string(u.Bytes[10:13]) != fmt.Sprintf("A%02d", i) {
					t.Errorf("request %d: %v, %d bytes, %q", i, err, req.Written, u.Bytes[10:13])
				}
			}
			u.Free(th, r.bus)
		})
		r.wantLog("virtio3: test")
	}
}

func TestFullQueueWaits(t *testing.T) {
	r := newRig(t, 1)
	var held []virtq.Chain
	r.dev.kick = func(d *dev, _ int) {
		for {
			var c virtq.Chain
			if ok, _ := d.queue.Pop(&c); !ok {
				return
			}
			held = append(held, c)
		}
	}
	r.probe(func(th *sched.Thread, d *Device) {
		u, _ := r.bus.NewBuffer(th, 100)
		q := d.Queues[0]
		for i := range 8 {
			if err := q.Submit(th, &Request{Out: []virtq.Buf{u.Buf(i, 1)}}); err != nil {
				t.Error(err)
			}
		}
		if err := q.Submit(th, &Request{Out: []virtq.Buf{u.Buf(0, 1)}}); err != errno.EAGAIN {
			t.Errorf("a request too many: %v", err)
		}
		done := false
		th.Scheduler().Spawn("late", func(th *sched.Thread) {
			if err := q.SubmitWait(th, &Request{Out: []virtq.Buf{u.Buf(0, 1)}}); err != nil {
				t.Error(err)
			}
			done = true
		})
		th.Yield()
		if done {
			t.Error("SubmitWait did not wait")
		}
		r.dev.queue.Push(held[5].Head, 0)
		r.dev.raise(layout.InterruptUsed)
		for range 10 {
			th.Yield()
		}
		if !done {
			t.Error("SubmitWait did not go on")
		}
	})
}

// TestBadDevices breaks the rules on the device's side; the kernel must go on and end all requests.
func TestBadDevices(t *testing.T) {
	for name, c := range map[string]struct {
		set func(r *rig)
		log string
	}{
		"silent":            {func(r *rig) { r.dev.command = func(*dev) {} }, "does not answer"},
		"refuses features":  {func(r *rig) { r.dev.command = func(d *dev) { d.answer(); d.regs.DeviceStatus.Store(0) } }, "refuses"},
		"legacy":            {func(r *rig) { r.dev.regs.DeviceFeatures.Store(1) }, "legacy"},
		"no queue":          {func(r *rig) { r.dev.regs.NumQueues.Store(0) }, "only 0 queues"},
		"a queue of size 0": {func(r *rig) { r.dev.regs.Queues[0].SizeMax.Store(0) }, "no such queue"},
		"endless reset":     {func(r *rig) { r.dev.regs.DeviceStatus.Store(7); r.dev.command = func(*dev) {} }, "does not answer"},
		"unknown type":      {func(r *rig) { r.bus.Devices[0].ID = 4711 }, "no driver"},
		"absurd numbers":    {func(r *rig) { r.dev.regs.NumQueues.Store(1 << 31); r.dev.regs.ConfigSize.Store(1 << 31) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			c.set(r)
			r.probe(nil)
			r.wantLog(c.log)
		})
	}
	used := func(d *dev, idx uint16, id, n uint32) {
		l := d.queue.Layout
		put := func(off uint64, b ...byte) { copy(d.ram[off:], b) }
		put(l.Used+4, byte(id), byte(id>>8), byte(id>>16), byte(id>>24), byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		put(l.Used+2, byte(idx), byte(idx>>8))
		d.raise(layout.InterruptUsed)
	}
	for name, kick := range map[string]func(d *dev, _ int){
		"used id outside":  func(d *dev, _ int) { used(d, 1, 99, 0) },
		"used index jumps": func(d *dev, _ int) { used(d, 500, 0, 0) },
		"too much written": func(d *dev, _ int) { used(d, 1, 0, 1<<31) },
		"the same twice":   func(d *dev, _ int) { used(d, 2, 0, 0) },
		"wants a reset":    func(d *dev, _ int) { d.regs.DeviceStatus.Or(layout.StatusNeedsReset); d.raise(layout.InterruptConfig) },
		"interrupts galore": func(d *dev, _ int) {
			d.raise(^uint32(0))
			d.regs.DeviceStatus.Or(layout.StatusNeedsReset)
			d.raise(^uint32(0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			r.dev.kick = kick
			r.probe(func(th *sched.Thread, d *Device) {
				u, _ := r.bus.NewBuffer(th, 100)
				q := d.Queues[0]
				req := &Request{Out: []virtq.Buf{u.Buf(0, 1)}, In: []virtq.Buf{u.Buf(8, 1)}}
				if err := q.Submit(th, req); err != nil {
					t.Error(err)
				}
				if err := q.Wait(th, "test", req); errno.Of(err) != errno.EIO {
					t.Errorf("the request ends with %v", err)
				}
				if err := q.Submit(th, &Request{Out: []virtq.Buf{u.Buf(0, 1)}}); errno.Of(err) != errno.EIO {
					t.Errorf("a later request ends with %v", err)
				}
				if State(d.State.Load()) != Broken || d.Err == nil {
					t.Errorf("state %d, %v", d.State.Load(), d.Err)
				}
			})
			r.wantLog("given up")
		})
	}
}
