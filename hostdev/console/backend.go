package console

import (
	"encoding/binary"
	"time"

	"vitrine/hostdev/virtio"
	"vitrine/machine/virtq"
)

// Control events (5.3.6.2): struct virtio_console_control { le32 id; le16 event; le16 value; }.
const (
	eventDeviceReady = 0 // VIRTIO_CONSOLE_DEVICE_READY
	eventDeviceAdd   = 1
	eventPortReady   = 3
	eventConsolePort = 4
	eventResize      = 5
	eventOpen        = 6
	eventName        = 7
	controlSize      = 8
)

// What sendControl has to say about a port, in this order. Bits, not a list: a driver that takes nothing
// costs no memory.
const (
	sendAdd = 1 << iota
	sendConsole
	sendName
	sendOpen
	sendResize
)

// Serve implements virtio.Handler.
func (d *Device) Serve(q *virtio.Queue) {
	p, transmit := d.port(q.Index)
	switch {
	case transmit:
		p.transmit()
	case p != nil:
		p.receive()
	case q.Index == queueControlIn:
		d.sendControl()
	case q.Index == queueControlOut:
		d.readControl(q)
	}
}

// Started implements virtio.Handler.
func (d *Device) Started() {
	if !d.Has(featureMultiport) {
		d.Ports[0].mu.Lock()
		d.Ports[0].ready, d.Ports[0].guestOpen = true, true
		d.Ports[0].mu.Unlock()
	}
	b := d.size() // it may have changed since Attach
	d.WriteConfig(configCols, b[:])
}

// Reset implements virtio.Handler.
func (d *Device) Reset() {
	for _, p := range d.Ports {
		p.reset()
	}
}

// readControl handles the driver's control messages.
func (d *Device) readControl(q *virtio.Queue) {
	var c virtq.Chain
	for {
		if ok, _ := q.Pop(&c); !ok {
			break
		}
		var m [controlSize]byte
		n, _ := c.Read(m[:])
		q.Push(&c)
		if n == len(m) {
			d.control(binary.LittleEndian.Uint32(m[0:]), binary.LittleEndian.Uint16(m[4:]), binary.LittleEndian.Uint16(m[6:]))
		}
	}
	d.sendControl()
}

func (d *Device) control(id uint32, event, value uint16) {
	if event == eventDeviceReady {
		for _, p := range d.Ports {
			if value != 0 {
				p.send(sendAdd)
			}
		}
		return
	}
	if id >= uint32(len(d.Ports)) {
		return
	}
	p := d.Ports[id]
	switch event {
	case eventPortReady:
		p.mu.Lock()
		p.ready = value != 0
		p.mu.Unlock()
		if value == 0 {
			return
		}
		what := uint32(sendName | sendOpen)
		if p.Console {
			what |= sendConsole | sendResize
		}
		p.send(what)
	case eventOpen:
		p.setOpen(value != 0)
	}
}

// send marks control messages as to be sent.
func (p *Port) send(what uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty |= what
}

// sendControl sends what is to be sent while the driver has buffers for it. The caller is inside the gate.
func (d *Device) sendControl() {
	if !d.Has(featureMultiport) {
		return
	}
	d.ctlMu.Lock()
	defer d.ctlMu.Unlock()
	q := d.Queues[queueControlIn]
	var c virtq.Chain
	for _, p := range d.Ports {
		for bit := uint32(sendAdd); bit <= sendResize; bit <<= 1 {
			p.mu.Lock()
			due := p.dirty&bit != 0
			if due {
				if ok, _ := q.Pop(&c); !ok {
					p.mu.Unlock()
					return
				}
				p.dirty &^= bit
				c.Write(p.message(bit))
				q.Push(&c)
			}
			p.mu.Unlock()
		}
	}
}

// message is a control message about p. Caller holds p.mu.
func (p *Port) message(what uint32) []byte {
	event, value := uint16(0), uint16(1)
	var tail []byte
	switch what {
	case sendAdd:
		event = eventDeviceAdd
	case sendConsole:
		event = eventConsolePort
	case sendName:
		event, tail = eventName, []byte(p.Name)
	case sendOpen:
		event = eventOpen
		if !p.hostOpen {
			value = 0
		}
	case sendResize:
		size := p.dev.size()
		if p.cols > 0 {
			size = encodeSize(p.cols, p.rows)
		}
		event, tail = eventResize, size[:]
	}
	m := binary.LittleEndian.AppendUint32(nil, uint32(p.ID))
	m = binary.LittleEndian.AppendUint16(m, event)
	m = binary.LittleEndian.AppendUint16(m, value)
	return append(m, tail...)
}

// patience is how long Close waits for an output that takes nothing.
const patience = 2 * time.Second

// flush writes what the kernel had sent before its end.
func (d *Device) flush() {
	if !d.Attached() {
		return
	}
	d.Resume() // the law of Pause holds for a machine that goes on; this one does not
	for _, p := range d.Ports {
		for p.flush() {
		}
	}
}

// flush waits for one step of p's output. It reports whether another is worth while.
func (p *Port) flush() bool {
	p.dev.Do(p.transmit)
	stuck := false
	timer := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		stuck = true
		p.change.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for was := p.writing; !stuck && !p.flushed() && p.writing == was; {
		p.change.Wait()
	}
	return !stuck && !p.flushed()
}
