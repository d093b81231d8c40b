// Package console drives the console device (OASIS virtio 1.2, 5.3): terminals /dev/hvc0 … and plain byte
// streams, /dev/virtio-ports/NAME, which carry a program's standard streams. The back-end is hostdev/console.
//
//	Console ── control queues ── (*Console).work, a kernel thread: ports come, are named, resized, closed
//	   │
//	   └─ Port 0, 1 …  ── receive: full buffers wait in Port.full
//	        │          ── transmit: buffers copied into and sent
//	        ├─ terminal{Port}: tty.Driver, for the terminal layer
//	        └─ stream{Port}:   vfs.File operations
//
// Lock order: stream.mu or the TTY's lock, then Port.lock (spin), then the queue's.
//
// First breakpoint: (*Port).received for a key, (*Port).send for output, (*Console).control.
package console

import (
	"errors"

	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine/virtq"
)

// Features (5.3.3).
const (
	featureSize      = 1 << 0 // VIRTIO_CONSOLE_F_SIZE
	featureMultiport = 1 << 1 // VIRTIO_CONSOLE_F_MULTIPORT
)

// Configuration (5.3.4).
const (
	configCols     = 0
	configRows     = 2
	configMaxPorts = 4
)

// Queues (5.3.2): 0 and 1 are port 0's, 2 and 3 for control, 4 and 5 port 1's …
const (
	queueControlIn  = 2
	queueControlOut = 3
	queueSize       = 32
)

// maxPorts bounds how many ports of a device are used; the queues of a device suffice for 15.
const maxPorts = 15

// Device numbers: Linux's for hvc; for ports Linux takes what is free.
const (
	hvcMajor  = 229
	portMajor = 242
)

func init() {
	virtio.Register(virtio.Driver{
		Name: "console", ID: virtio.IDConsole, Features: featureSize | featureMultiport,
		Probe: probe, Changed: changed,
	})
	kview.Register(kview.View{
		Name: "ports", Doc: "every port of the consoles", Root: "Bus.Devices", Each: "Private.Ports",
		Columns: kview.Cols("DEVICE ^Name", "PORT ID", "NAME Name", "OPENS Opens", "HOST HostOpen", "IN Received", "OUT Sent"),
	})
}

// Console is a console device.
type Console struct {
	Device *virtio.Device // immutable
	Ports  []*Port        // by ID; immutable; one that was not added has no Name

	multi  bool // immutable
	vfs    *vfs.VFS
	ttys   *tty.Table
	ctlBuf *virtio.Buffer

	lock     ksync.SpinLock
	messages []*buf          // control messages that arrived; guarded by lock
	poked    bool            // terminals may take what they had no room for; guarded by lock
	wait     ksync.WaitQueue // of the worker: for the above
	settled  ksync.WaitQueue // of Probe: ports were named
}

var (
	classConsole = &ksync.Class{Name: "console", Rank: ksync.RankDriver}
	classPort    = &ksync.Class{Name: "console_port", Rank: ksync.RankDriver}
	classStream  = &ksync.Class{Name: "console_stream", Rank: ksync.RankPipe}
)

// settleTime is how long Probe waits for the device to announce its ports.
const settleTime = 200 * ktime.Millisecond

func probe(t *sched.Thread, d *virtio.Device) error {
	c := &Console{Device: d, multi: d.Has(featureMultiport), lock: ksync.NewSpinLock(classConsole)}
	c.vfs, _ = virtio.Core[*vfs.VFS](d.Bus)
	c.ttys, _ = virtio.Core[*tty.Table](d.Bus)
	n := 1
	if c.multi {
		n = min(int(d.Config32(configMaxPorts)), (d.NumQueues()-2)/2, maxPorts)
	}
	if n < 1 {
		return errors.New("the device has no ports")
	}
	if err := c.makeQueues(t, n); err != nil {
		return err
	}
	d.Private = c
	if c.multi {
		if err := c.startControl(t); err != nil {
			return err
		}
	}
	t.Scheduler().Spawn("kconsole/"+d.Name, c.work)
	d.Ready(t)
	if !c.multi {
		return c.addTerminal(t, c.Ports[0])
	}
	c.say(t, deviceReadyID, eventDeviceReady, 1)
	// Whoever comes after Probe finds the ports in place: init opens them at once.
	c.settled.WaitUntil(t, "console_ports", t.Now()+settleTime, func() bool { return c.allNamed(t) })
	return nil
}

// makeQueues makes the queues of n ports, and the control queues.
func (c *Console) makeQueues(t *sched.Thread, n int) error {
	var specs []virtio.QueueSpec
	for id := range n {
		p := newPort(c, id)
		c.Ports = append(c.Ports, p)
		specs = append(specs,
			virtio.QueueSpec{Index: p.rxIndex(), Name: "rx", Size: queueSize, Done: p.received},
			virtio.QueueSpec{Index: p.rxIndex() + 1, Name: "tx", Size: queueSize, Done: p.sent})
		if id == 0 && c.multi {
			specs = append(specs,
				virtio.QueueSpec{Index: queueControlIn, Name: "control in", Size: queueSize, Done: c.arrived},
				virtio.QueueSpec{Index: queueControlOut, Name: "control out", Size: queueSize})
		}
	}
	return c.Device.SetQueues(t, specs...)
}

// queue returns the queue of an index: SetQueues kept their order.
func (c *Console) queue(index int) *virtio.Queue { return c.Device.Queues[index] }

// changed hears of a new configuration: the window's size.
func changed(t *sched.Thread, d *virtio.Device) {
	if c, ok := d.Private.(*Console); ok {
		c.resize(t, c.Ports[0], d.Config16(configCols), d.Config16(configRows))
	}
}

// poke makes the worker offer terminals what they had no room for.
func (c *Console) poke(t *sched.Thread) {
	c.lock.Lock(t)
	c.poked = true
	c.lock.Unlock(t)
	c.wait.WakeAll()
}

// buf is a piece of RAM with its bytes.
type buf struct {
	virtio.Request
	bytes []byte
	from  int // received bytes that were taken
}

// newBufs makes n buffers of size bytes each: for the device to write to, or to read from.
func newBufs(t *sched.Thread, b *virtio.Bus, n, size int, in bool) ([]*buf, error) {
	u, err := b.NewBuffer(t, n*size)
	if err != nil {
		return nil, err
	}
	var list []*buf
	for i := range n {
		x := &buf{bytes: u.Bytes[i*size : (i+1)*size]}
		x.Owner = x
		if in {
			x.In = []virtq.Buf{u.Buf(i*size, size)}
		} else {
			x.Out = []virtq.Buf{u.Buf(i*size, size)}
		}
		list = append(list, x)
	}
	return list, nil
}
