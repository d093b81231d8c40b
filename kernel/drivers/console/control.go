package console

import (
	"encoding/binary"
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/virtio"
	"vitrine/machine/virtq"
)

// Control events (5.3.6.2): struct virtio_console_control { le32 id; le16 event; le16 value; }.
const (
	eventDeviceReady = 0 // VIRTIO_CONSOLE_DEVICE_READY
	eventDeviceAdd   = 1
	eventRemove      = 2
	eventPortReady   = 3
	eventConsolePort = 4
	eventResize      = 5
	eventOpen        = 6
	eventName        = 7
	controlSize      = 8

	deviceReadyID = ^uint32(0) // VIRTIO_CONSOLE_BAD_ID: the message is about no port
)

// Messages to receive at a time and their greatest size; more of a name is cut off by the device.
const (
	controlBufs    = 16
	controlBufSize = 256
	maxName        = 64
)

// startControl gives the device buffers for control messages.
func (c *Console) startControl(t *sched.Thread) error {
	bufs, err := newBufs(t, c.Device.Bus, controlBufs, controlBufSize, true)
	if err != nil {
		return err
	}
	for _, b := range bufs {
		if err := c.queue(queueControlIn).Submit(t, &b.Request); err != nil {
			return err
		}
	}
	c.ctlBuf, err = c.Device.Bus.NewBuffer(t, (2*len(c.Ports)+1)*controlSize)
	return err
}

// arrived takes a control message in an interrupt window; the worker handles it, for that may sleep.
func (c *Console) arrived(t *sched.Thread, r *virtio.Request) {
	if r.Err != nil {
		return
	}
	b := r.Owner.(*buf)
	if c.resized(t, b.bytes[:b.Written]) {
		c.queue(queueControlIn).Submit(t, &b.Request) // an error means that the device is lost
		return
	}
	c.lock.Lock(t)
	c.messages = append(c.messages, b)
	c.lock.Unlock(t)
	c.wait.WakeAll()
}

// work is the life of the console's kernel thread.
func (c *Console) work(t *sched.Thread) {
	for {
		var messages []*buf
		var poked bool
		err := c.wait.Wait(t, "console_control", func() bool {
			c.lock.Lock(t)
			defer c.lock.Unlock(t)
			return len(c.messages) > 0 || c.poked
		})
		if err != nil {
			t.SigPending.Store(false) // nobody signals a kernel thread
			continue
		}
		c.lock.Lock(t)
		messages, poked = c.messages, c.poked
		c.messages, c.poked = nil, false
		c.lock.Unlock(t)
		for _, p := range c.Ports {
			if poked {
				p.offer(t)
			}
		}
		for _, b := range messages {
			c.control(t, b.bytes[:b.Written])
			c.queue(queueControlIn).Submit(t, &b.Request) // an error means that the device is lost
		}
		c.settled.WakeAll()
	}
}

// control handles a message of the device.
func (c *Console) control(t *sched.Thread, m []byte) {
	if len(m) < controlSize {
		return
	}
	m = append([]byte(nil), m...) // the device could change it while it is looked at
	id, event, value := binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint16(m[4:]), binary.LittleEndian.Uint16(m[6:])
	if uint64(id) >= uint64(len(c.Ports)) {
		return
	}
	p := c.Ports[id]
	switch event {
	case eventDeviceAdd:
		c.say(t, id, eventPortReady, 1)
	case eventConsolePort:
		if value != 0 {
			c.warn(c.addTerminal(t, p))
		}
	case eventName:
		c.warn(c.addName(t, p, string(m[controlSize:])))
	case eventOpen:
		p.hostOpened(t, value != 0)
	case eventRemove:
		p.hostOpened(t, false)
	}
}

func (c *Console) warn(err error) {
	if err != nil {
		c.Device.Bus.Log.Warnf("console: %v", err)
	}
}

// addTerminal makes a port a terminal.
func (c *Console) addTerminal(t *sched.Thread, p *Port) error {
	if p.TTY.Load() != nil || c.ttys == nil {
		return nil
	}
	line := c.ttys.New(t, fmt.Sprintf("hvc%d", p.ID), hvcMajor, uint32(p.ID), &terminal{p})
	p.TTY.Store(line)
	if err := p.start(t); err != nil {
		return err
	}
	if c.Device.Has(featureSize) {
		c.resize(t, p, c.Device.Config16(configCols), c.Device.Config16(configRows))
	}
	p.setOpen(t, true)
	p.offer(t)
	if c.vfs == nil {
		return nil
	}
	return line.Register(t, c.vfs)
}

// addName names a port; one that is no terminal gets its node.
func (c *Console) addName(t *sched.Thread, p *Port, name string) error {
	name = strings.TrimRight(name, "\x00")
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "/\x00") || name[0] == '.' {
		name = fmt.Sprintf("vport%dp%d", c.Device.Slot, p.ID)
	}
	p.lock.Lock(t)
	again := p.Name != ""
	if !again {
		p.Name = name
	}
	p.lock.Unlock(t)
	if again || p.TTY.Load() != nil || c.vfs == nil {
		return nil
	}
	return c.vfs.RegisterChar(t, vfs.CharDev{
		Major: portMajor, Minor: uint32(c.Device.Slot<<4 | p.ID), Name: "virtio-ports/" + name, Mode: 0o666,
		Open: func(t *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) { return p.openStream(t) },
	})
}

// allNamed reports whether every port was announced and named.
func (c *Console) allNamed(t *sched.Thread) bool {
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	if len(c.messages) > 0 {
		return false
	}
	for _, p := range c.Ports {
		if !p.settled.Load() {
			return false
		}
	}
	return true
}

// resized handles a message about a terminal's new size at once: keys that were typed afterwards come after it. It reports whether
// it is one.
func (c *Console) resized(t *sched.Thread, m []byte) bool {
	var b [controlSize + 4]byte // the device could change it while it is looked at
	n := copy(b[:], m)
	id, event := binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint16(b[4:])
	if n < controlSize || event != eventResize || uint64(id) >= uint64(len(c.Ports)) {
		return false
	}
	// The fields are cols, rows in 1.2's text; a message without them means the configuration.
	if n == len(b) {
		c.resize(t, c.Ports[id], binary.LittleEndian.Uint16(b[8:]), binary.LittleEndian.Uint16(b[10:]))
	}
	return true
}

func (c *Console) resize(t *sched.Thread, p *Port, cols, rows uint16) {
	if line := p.TTY.Load(); line != nil && cols != 0 && rows != 0 {
		line.Resized(t, abi.Winsize{Row: rows, Col: cols})
	}
}

// say sends a control message. Each port has a place in RAM for PORT_READY and one for PORT_OPEN; a PORT_OPEN that is
// still under way is waited for by sending again when it is done.
func (c *Console) say(t *sched.Thread, id uint32, event, value uint16) {
	if !c.multi {
		return
	}
	at := 0
	if id != deviceReadyID {
		at = 1 + 2*int(id)
		if event == eventOpen {
			at++
		}
	}
	b := c.ctlBuf.Bytes[at*controlSize : (at+1)*controlSize]
	binary.LittleEndian.PutUint32(b, id)
	binary.LittleEndian.PutUint16(b[4:], event)
	binary.LittleEndian.PutUint16(b[6:], value)
	r := &virtio.Request{Out: []virtq.Buf{c.ctlBuf.Buf(at*controlSize, controlSize)}}
	if id != deviceReadyID && event == eventOpen {
		r.Done = c.Ports[id].saidOpen
	}
	c.queue(queueControlOut).Submit(t, r) // an error means that the device is lost
}
