// Package console is the console device (OASIS virtio 1.2, 5.3) with ports: the
// machine's terminal is port 0, and a program's standard streams can be others.
// The driver is kernel/drivers/console.
//
//	terminal ─▶ pump ─▶ in ─▶ receive queue ─▶ kernel
//	pipe     ─▶ pump ─┘ ▲ bounded: a pump waits while the kernel takes nothing
//	viewers  ───────────┘
//
//	kernel ─▶ transmit queue ─▶ out ─▶ writer ─▶ terminal, or pipe
//	            ▲ waits while    │ bounded
//	            │ out is full    ├─▶ scrollback
//	                             └─▶ viewers, each with a bounded queue: a slow one loses lines
//
// Bytes are never lost between the kernel and a port's own input and output; a
// host side that takes nothing holds only its own port back, and one that fails is
// forgotten: what follows is dropped and the port closes towards the kernel.
package console

import (
	"encoding/binary"
	"sync"

	"vitrine/hostdev"
	"vitrine/hostdev/virtio"
)

const deviceID = 3 // 5.3.1

// Features (5.3.3).
const (
	featureSize      = 1 << 0 // VIRTIO_CONSOLE_F_SIZE: cols and rows are valid
	featureMultiport = 1 << 1 // VIRTIO_CONSOLE_F_MULTIPORT
)

// Configuration (5.3.4): struct virtio_console_config.
const (
	configCols     = 0  // le16
	configRows     = 2  // le16
	configMaxPorts = 4  // le32
	configSize     = 12 // with emerg_wr, which is not offered: the kernel's last words have rings of their own
)

// Queues (5.3.2): port 0 has 0 and 1, then come the control queues, then the other ports' pairs.
const (
	queueControlIn  = 2 // for the device to send on: the driver's receive queue
	queueControlOut = 3
	queueSize       = 64
)

// MaxPorts is how many ports the queues suffice for.
const MaxPorts = 15

// PortSpec says what a port is.
type PortSpec struct {
	Name    string // the kernel's driver shows it: /dev/virtio-ports/NAME
	Console bool   // a terminal, to be a tty in the kernel; one of them, the first
}

// Device is the back-end.
type Device struct {
	*virtio.Device
	Ports []*Port // immutable

	mu         sync.Mutex // a leaf
	cols, rows int        // guarded by mu
	ctlMu      sync.Mutex // guards the control queues; before every Port.mu
}

// New returns a console with a terminal of the given size and ports. The first port is the terminal.
func New(cols, rows int, ports ...PortSpec) *Device {
	if len(ports) == 0 {
		ports = []PortSpec{{Name: "console", Console: true}}
	}
	if len(ports) > MaxPorts {
		panic("console: too many ports")
	}
	d := &Device{cols: cols, rows: rows}
	config := make([]byte, configSize)
	binary.LittleEndian.PutUint16(config[configCols:], clampSize(cols))
	binary.LittleEndian.PutUint16(config[configRows:], clampSize(rows))
	binary.LittleEndian.PutUint32(config[configMaxPorts:], uint32(len(ports)))
	queues := make([]int, 2*len(ports)+2)
	for i := range queues {
		queues[i] = queueSize
	}
	d.Device = virtio.New(virtio.Spec{
		Name: "console", ID: deviceID, Queues: queues, Config: config,
		Features: featureSize | featureMultiport,
	}, d)
	for i, s := range ports {
		d.Ports = append(d.Ports, newPort(d, i, s))
	}
	return d
}

// Port returns the port of that name, or nil.
func (d *Device) Port(name string) *Port {
	for _, p := range d.Ports {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Resize tells the kernel that the terminal's window has a new size.
func (d *Device) Resize(cols, rows int) {
	d.mu.Lock()
	same := cols == d.cols && rows == d.rows
	d.cols, d.rows = cols, rows
	d.mu.Unlock()
	if same {
		return
	}
	d.Do(d.writeSize) // if the driver isn't ready it will ask
}

// writeSize brings the configuration up to date and sends the control message (5.3.6.2,
// VIRTIO_CONSOLE_RESIZE). The caller is inside the gate.
func (d *Device) writeSize() {
	b := d.size()
	d.WriteConfig(configCols, b[:])
	d.Ports[0].send(sendResize)
	d.sendControl()
}

func (d *Device) size() [4]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return encodeSize(d.cols, d.rows)
}

func encodeSize(cols, rows int) (b [4]byte) {
	binary.LittleEndian.PutUint16(b[0:], clampSize(cols))
	binary.LittleEndian.PutUint16(b[2:], clampSize(rows))
	return b
}

func clampSize(n int) uint16 { return uint16(min(max(n, 0), 0xffff)) }

// Close implements hostdev.Device. What the kernel had sent is still written, as long as the outputs
// take it.
func (d *Device) Close() error {
	d.flush()
	err := d.Device.Close()
	for _, p := range d.Ports {
		p.close()
	}
	return err
}

// port returns the port that a queue belongs to, or nil for the control queues, and whether the
// queue is its transmit queue.
func (d *Device) port(queue int) (p *Port, transmit bool) {
	switch {
	case queue < 2:
		return d.Ports[0], queue == 1
	case queue < 4:
		return nil, false
	}
	return d.Ports[queue/2-1], queue%2 == 1
}

var _ hostdev.Device = (*Device)(nil)
