// Package devtest runs drivers and device back-ends against each other in one
// process: a scheduler, memory, a virtio bus and a VFS on machine/fake, with real back-ends in its slots.
//
//	k := devtest.New(t, rng.New(nil))
//	k.Run(func(th *sched.Thread) { … })
//
// Unlike ktest's, time is the host's: a back-end's goroutines take as long as they take, and a driver's
// deadline must not pass because the kernel has nothing to do meanwhile.
package devtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vitrine/hostdev"
	"vitrine/kernel/cred"
	"vitrine/kernel/irq"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine"
	"vitrine/machine/fake"
	"vitrine/machine/layout"
)

// Kernel is a kernel's lower half with devices.
type Kernel struct {
	T       testing.TB
	Machine *fake.Machine
	Sched   *sched.Scheduler
	IRQ     *irq.Controller
	Memory  *mm.Memory
	VFS     *vfs.VFS
	Bus     *virtio.Bus
	Log     Log

	devices []hostdev.Device
	stop    chan struct{}
	clock   sync.WaitGroup
}

// patience is how long a Run may take.
const patience = 60 * time.Second

// Options are what differs between tests.
type Options struct {
	CPUs int
	RAM  int
	// NoResume leaves the devices paused.
	NoResume bool
}

// New puts the devices into slots 0, 1 … It ends with the test.
func New(tb testing.TB, devices ...hostdev.Device) *Kernel {
	tb.Helper()
	return NewOptions(tb, Options{}, devices...)
}

// NewOptions is New with options.
func NewOptions(tb testing.TB, o Options, devices ...hostdev.Device) *Kernel {
	tb.Helper()
	k := &Kernel{T: tb, devices: devices, stop: make(chan struct{})}
	var slots []int
	for i := range devices {
		slots = append(slots, i)
	}
	if o.RAM == 0 {
		o.RAM = 16 << 20
	}
	m := fake.New(fake.Options{CPUs: max(o.CPUs, 1), RAM: o.RAM, Devices: slots, OnKick: func(dev, queue int) {
		if dev < len(devices) {
			devices[dev].Kick(queue)
		}
	}})
	k.Machine = m
	for i, d := range devices {
		slot := &hostdev.Slot{
			Number: i, RAM: m.RAM(), Regs: layout.Bytes(m.RAM(), layout.DeviceRegs(i)),
			Interrupt: func() { m.Raise(machine.LineDevice0 + i) },
		}
		if err := d.Attach(slot); err != nil {
			tb.Fatal(err)
		}
	}
	p, err := sched.NewPolicy("fair")
	if err != nil {
		tb.Fatal(err)
	}
	timers := ktime.New(m.Clock(), time.Now().UnixNano())
	k.Sched = sched.New(m.Boot().CPUs, timers, p)
	k.Sched.OnPanic = func(t *sched.Thread, v any, stack []byte) {
		if k.Sched.Stopped() {
			return // threads that waited unlock on their way out what they no longer hold
		}
		panic(fmt.Sprintf("thread %d %s: %v\n%s", t.ID, t.Name, v, stack))
	}
	k.IRQ = irq.New(k.Sched)
	if err := k.IRQ.Request(machine.LineTimer, "timer", func(*sched.Thread) { timers.Expire() }); err != nil {
		tb.Fatal(err)
	}
	k.Memory = mm.NewMemory(m.RAM(), m.Boot().Reserved)
	k.VFS = vfs.New(vfs.Config{Timers: timers, Memory: k.Memory})
	if k.Bus, err = virtio.New(m, k.Memory, k.IRQ, &k.Log); err != nil {
		tb.Fatal(err)
	}
	k.Bus.Provide(k.VFS)
	k.IRQ.Connect(m)
	if !o.NoResume {
		for _, d := range devices {
			d.Resume()
		}
	}
	k.clock.Add(1)
	go k.runClock()
	tb.Cleanup(k.close)
	return k
}

// runClock makes virtual time the host's.
func (k *Kernel) runClock() {
	defer k.clock.Done()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-k.stop:
			return
		case now := <-tick.C:
			k.Machine.Advance(now.Sub(last))
			last = now
		}
	}
}

func (k *Kernel) close() {
	for _, d := range k.devices {
		d.Close()
	}
	close(k.stop)
	k.clock.Wait()
	k.Sched.Stop()
	k.Machine.Close()
}

// Probe lets the drivers find their devices.
func (k *Kernel) Probe() {
	k.T.Helper()
	k.Run(func(t *sched.Thread) { k.Bus.Probe(t) })
}

// Run runs f on a kernel thread as root and returns when it has returned.
func (k *Kernel) Run(f func(t *sched.Thread)) {
	k.T.Helper()
	k.Go(f).Wait()
}

// Going is a thread that Go started.
type Going struct {
	Thread *sched.Thread
	k      *Kernel
	done   chan struct{}
}

// Go starts f on a kernel thread as root.
func (k *Kernel) Go(f func(t *sched.Thread)) *Going {
	g := &Going{k: k, done: make(chan struct{})}
	g.Thread = k.Sched.Spawn("test", func(t *sched.Thread) {
		defer close(g.done)
		t.Cred = cred.Root()
		f(t)
	})
	k.Sched.Balance()
	return g
}

// Wait waits until the thread has ended.
func (g *Going) Wait() {
	g.k.T.Helper()
	select {
	case <-g.done:
	case <-time.After(patience):
		var b strings.Builder
		g.k.Sched.Threads(func(t *sched.Thread) { fmt.Fprintf(&b, "%5d %s %-20s %s\n", t.ID, t.State, t.Name, t.WaitName) })
		g.k.T.Fatalf("a thread does not come back\n%s%s", b.String(), k2s(&g.k.Log))
	}
}

// Done reports whether the thread has ended.
func (g *Going) Done() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

func k2s(l *Log) string { return strings.Join(l.Lines(), "\n") }

// Log keeps what is logged.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Infof implements virtio.Logger.
func (l *Log) Infof(format string, args ...any) { l.add(format, args) }

// Warnf implements virtio.Logger.
func (l *Log) Warnf(format string, args ...any) { l.add(format, args) }

func (l *Log) add(format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Lines returns what was logged.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// Has reports whether a line contains s.
func (l *Log) Has(s string) bool { return strings.Contains(k2s(l), s) }
