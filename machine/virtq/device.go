package virtq

import (
	"errors"
	"fmt"
)

// ErrHostile says that the driver broke a rule of the ring. The device sets
// DEVICE_NEEDS_RESET (2.1.2) and touches the queue no more.
var ErrHostile = errors.New("virtq: driver broke the rules")

// DeviceQueue is the device's end of a virtqueue. Its owner serialises all calls.
type DeviceQueue struct {
	Layout   Layout
	Features uint64 // negotiated

	// Statistics for views.
	Popped, Pushed           uint64
	Interrupts, NoInterrupts uint64 // NeedInterrupt said yes, or not

	mem      memory
	avail    uint16 // next available entry to take
	used     uint16 // next used entry to fill
	signaled uint16 // used as of the last NeedInterrupt
	noKick   bool
}

// NewDeviceQueue returns the device's end of a queue that the driver has set up.
func NewDeviceQueue(ram []byte, l Layout, features uint64) (*DeviceQueue, error) {
	if err := l.Check(uint64(len(ram)) &^ 7); err != nil {
		return nil, err
	}
	return &DeviceQueue{Layout: l, Features: features, mem: ram}, nil
}

// Pending returns the number of chains that wait. A number beyond the queue's size is a driver's
// lie, which Pop reports.
func (q *DeviceQueue) Pending() int {
	return int(q.mem.load16(q.Layout.Avail+2) - q.avail)
}

// Pop takes the next chain. It reports false if there is none. The slices of
// c are used again; the chain stays valid until the next Pop into it.
func (q *DeviceQueue) Pop(c *Chain) (bool, error) {
	n := q.Pending()
	if n == 0 {
		return false, nil
	}
	if n > q.Layout.Size {
		return false, fmt.Errorf("%w: %d chains available in a queue of %d", ErrHostile, n, q.Layout.Size)
	}
	head := q.mem.load16(q.Layout.Avail + 4 + 2*uint64(int(q.avail)&(q.Layout.Size-1)))
	if int(head) >= q.Layout.Size {
		return false, fmt.Errorf("%w: head %d", ErrHostile, head)
	}
	c.reset(head)
	if err := q.walk(c, head); err != nil {
		return false, err
	}
	q.avail++
	q.Popped++
	if q.Features&FeatureEventIdx != 0 && !q.noKick {
		q.mem.store16(q.availEvent(), q.avail)
	}
	return true, nil
}

// walk follows a chain from its head.
func (q *DeviceQueue) walk(c *Chain, head uint16) error {
	table, size := q.Layout.Desc, q.Layout.Size
	indirect := false
	at := head
	// No chain has more than Size buffers (2.7.5.3.1): longer means a loop.
	for count := 0; count < q.Layout.Size; {
		addr, word := q.readDesc(table + descBytes(int(at)))
		length, flags, next := uint32(word), uint16(word>>32), uint16(word>>48)
		ram := uint64(len(q.mem))
		if length == 0 || addr > ram || uint64(length) > ram-addr {
			return fmt.Errorf("%w: %d bytes at %#x", ErrHostile, length, addr)
		}
		if flags&descIndirect != 0 {
			// 2.7.5.3.1: not without the feature, not inside a table, not together with
			// NEXT; a table's size is a multiple of a descriptor's.
			if q.Features&FeatureIndirect == 0 || indirect || flags&descNext != 0 ||
				length%descSize != 0 || length/descSize > uint32(q.Layout.Size) {
				return fmt.Errorf("%w: indirect table, %d bytes, flags %#x", ErrHostile, length, flags)
			}
			indirect = true
			table, size, at = addr, int(length/descSize), 0
			continue
		}
		seg := q.mem[addr : addr+uint64(length) : addr+uint64(length)]
		if flags&descWrite != 0 {
			c.writable = append(c.writable, seg)
			c.canWrite += uint64(length)
		} else {
			// 2.7.4.2: "The driver MUST place any device-writable descriptor elements after any
			// device-readable descriptor elements."
			if len(c.writable) > 0 {
				return fmt.Errorf("%w: readable after writable", ErrHostile)
			}
			c.readable = append(c.readable, seg)
			c.canRead += uint64(length)
		}
		if c.canRead+c.canWrite > 1<<32 { // 2.7.5: "no more than 2^32 bytes in total"
			return fmt.Errorf("%w: chain of more than 4 GiB", ErrHostile)
		}
		if flags&descNext == 0 {
			return nil
		}
		if at = next; int(at) >= size {
			return fmt.Errorf("%w: next %d of %d", ErrHostile, at, size)
		}
		count++
	}
	return fmt.Errorf("%w: chain has no end", ErrHostile)
}

// readDesc copies a descriptor once. Tables of the driver's choice need not be aligned.
func (q *DeviceQueue) readDesc(off uint64) (addr, word uint64) {
	if off%8 == 0 {
		return q.mem.load64(off), q.mem.load64(off + 8)
	}
	var raw [descSize]byte
	copy(raw[:], q.mem[off:])
	m := memory(raw[:])
	for i := range uint64(8) {
		addr |= uint64(m[i]) << (8 * i)
		word |= uint64(m[8+i]) << (8 * i)
	}
	return addr, word
}

// Push gives a chain back: its head, and how many bytes were written into it.
// The driver may see it at once.
func (q *DeviceQueue) Push(head uint16, written uint32) {
	e := q.Layout.Used + 4 + 8*uint64(int(q.used)&(q.Layout.Size-1))
	q.mem.store32(e, uint32(head))
	q.mem.store32(e+4, written)
	q.used++
	q.Pushed++
	q.mem.store16(q.Layout.Used+2, q.used)
}

// NeedInterrupt reports whether the driver wants an interrupt for what was
// pushed since the last call (2.7.7, 2.7.10).
func (q *DeviceQueue) NeedInterrupt() bool {
	old := q.signaled
	if q.used == old {
		return false
	}
	q.signaled = q.used
	var need bool
	if q.Features&FeatureEventIdx != 0 {
		need = needEvent(q.mem.load16(q.Layout.Avail+4+2*uint64(q.Layout.Size)), q.used, old)
	} else {
		need = q.mem.load16(q.Layout.Avail)&availNoInterrupt == 0
	}
	if need {
		q.Interrupts++
	} else {
		q.NoInterrupts++
	}
	return need
}

// DisableKicks says that the device will look by itself. It is a hint: kicks may still come.
func (q *DeviceQueue) DisableKicks() {
	q.noKick = true
	if q.Features&FeatureEventIdx == 0 {
		q.mem.store16(q.Layout.Used, usedNoNotify)
		return
	}
	q.mem.store16(q.availEvent(), q.avail-1)
}

// EnableKicks asks for a kick at the next available chain. It reports whether one came
// in meanwhile: then there may be no kick for it and the caller calls Pop again.
func (q *DeviceQueue) EnableKicks() bool {
	q.noKick = false
	if q.Features&FeatureEventIdx != 0 {
		q.mem.store16(q.availEvent(), q.avail)
	} else {
		q.mem.store16(q.Layout.Used, 0)
	}
	return q.Pending() != 0
}

func (q *DeviceQueue) availEvent() uint64 { return q.Layout.Used + 4 + 8*uint64(q.Layout.Size) }
