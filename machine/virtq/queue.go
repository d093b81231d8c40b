package virtq

import (
	"errors"
	"fmt"
)

// Buf is a piece of RAM.
type Buf struct {
	Addr uint64
	Len  uint32
}

// Errors of the driver's end.
var (
	ErrFull  = errors.New("virtq: no free descriptors")
	ErrChain = errors.New("virtq: bad buffer")          // what the caller wants to add
	ErrUsed  = errors.New("virtq: bad used ring entry") // what the device wrote
)

// Queue is the driver's end of a virtqueue. Its owner serialises all calls.
//
// What the driver decides by stands in its own memory: free list and chains in
// flight. It only ever writes the descriptor table, so that a device that scribbles there
// harms nobody's bookkeeping.
type Queue struct {
	Layout   Layout
	Features uint64 // negotiated

	// Statistics for views.
	Added, Used    uint64 // buffers since the start
	Kicks, NoKicks uint64 // Publish said kick, or not

	mem      memory
	freeHead uint16   // first free descriptor
	free     int      // how many
	chains   []flight // by head
	next     []uint16 // the driver's copy of the links
	avail    uint16   // next index to fill
	kicked   uint16   // avail as of the last Publish
	used     uint16   // next used entry to look at
	noIRQ    bool
}

// flight is a chain that the device has.
type flight struct {
	token    any    // nil: not in flight
	count    uint16 // descriptors, in a row by next
	writable uint64 // bytes
	indirect bool
}

// NewQueue returns the driver's end of a fresh queue and clears its rings.
func NewQueue(ram []byte, l Layout, features uint64) (*Queue, error) {
	if err := l.Check(uint64(len(ram)) &^ 7); err != nil {
		return nil, err
	}
	q := &Queue{Layout: l, Features: features, mem: ram}
	clear(ram[l.Desc:][:descBytes(l.Size)])
	clear(ram[l.Avail:][:availBytes(l.Size)])
	clear(ram[l.Used:][:usedBytes(l.Size)])
	q.chains = make([]flight, l.Size)
	q.next = make([]uint16, l.Size)
	for i := range q.next {
		q.next[i] = uint16(i + 1)
	}
	q.free = l.Size
	return q, nil
}

// Free returns the number of free descriptors.
func (q *Queue) Free() int { return q.free }

// InFlight returns the number of chains that the device has.
func (q *Queue) InFlight() int { return int(q.Added - q.Used) }

// Add offers a chain to the device: out for it to read, then in for it to write.
// Get returns token, which is not nil, when the device is done. The device sees the
// chain after Publish. With a table, 16 bytes a buffer in RAM that stay the caller's until then, the chain
// takes one descriptor of the queue (2.7.5.3, VIRTIO_F_INDIRECT_DESC).
func (q *Queue) Add(out, in []Buf, table Buf, token any) error {
	n := len(out) + len(in)
	if n == 0 || n > q.Layout.Size || token == nil {
		// 2.7.5.3.1: "A driver MUST NOT create a descriptor chain longer than the Queue Size."
		return fmt.Errorf("%w: %d buffers in a queue of %d", ErrChain, n, q.Layout.Size)
	}
	var writable uint64
	for i := range n {
		b := pick(out, in, i)
		if ram := uint64(len(q.mem)); b.Len == 0 || b.Addr > ram || uint64(b.Len) > ram-b.Addr {
			return fmt.Errorf("%w: %d bytes at %#x", ErrChain, b.Len, b.Addr)
		}
		if i >= len(out) {
			writable += uint64(b.Len)
		}
	}
	if q.free == 0 {
		return ErrFull
	}
	head := q.freeHead
	f := flight{token: token, count: uint16(n), writable: writable}
	if n > 1 && q.Features&FeatureIndirect != 0 && uint64(table.Len) >= descBytes(n) {
		if table.Addr%descAlign != 0 || table.Addr+descBytes(n) > uint64(len(q.mem)) {
			return fmt.Errorf("%w: table at %#x", ErrChain, table.Addr)
		}
		for i := range n {
			q.writeDesc(table.Addr+descBytes(i), pick(out, in, i), i >= len(out), i+1 < n, uint16(i+1))
		}
		q.mem.store64(q.desc(head), table.Addr)
		q.mem.store64(q.desc(head)+8, descBytes(n)|descIndirect<<32)
		f.count, f.indirect = 1, true
		q.freeHead = q.next[head]
	} else {
		if q.free < n {
			return ErrFull
		}
		at := head
		for i := range n {
			q.writeDesc(q.desc(at), pick(out, in, i), i >= len(out), i+1 < n, q.next[at])
			at = q.next[at]
		}
		q.freeHead = at
	}
	q.free -= int(f.count)
	q.chains[head] = f
	q.mem.store16(q.Layout.Avail+4+2*uint64(int(q.avail)&(q.Layout.Size-1)), head)
	q.avail++
	q.Added++
	return nil
}

func pick(out, in []Buf, i int) Buf {
	if i < len(out) {
		return out[i]
	}
	return in[i-len(out)]
}

func (q *Queue) desc(i uint16) uint64 { return q.Layout.Desc + descBytes(int(i)) }

func (q *Queue) writeDesc(at uint64, b Buf, write, more bool, next uint16) {
	w := uint64(b.Len)
	if write {
		w |= descWrite << 32
	}
	if more {
		w |= descNext<<32 | uint64(next)<<48
	}
	q.mem.store64(at, b.Addr)
	q.mem.store64(at+8, w)
}

// Publish makes the added chains visible to the device (2.7.13.3) and reports
// whether it wants a kick (2.7.13.4, 2.7.10).
func (q *Queue) Publish() bool {
	old := q.kicked
	if q.avail == old {
		return false
	}
	q.kicked = q.avail
	q.mem.store16(q.Layout.Avail+2, q.avail)
	var kick bool
	if q.Features&FeatureEventIdx != 0 {
		kick = needEvent(q.mem.load16(q.Layout.Used+4+8*uint64(q.Layout.Size)), q.avail, old)
	} else {
		kick = q.mem.load16(q.Layout.Used)&usedNoNotify == 0
	}
	if kick {
		q.Kicks++
	} else {
		q.NoKicks++
	}
	return kick
}

// Pending reports whether the device has returned a buffer that Get has not fetched.
func (q *Queue) Pending() bool { return q.mem.load16(q.Layout.Used+2) != q.used }

// Get returns the token of a chain that the device is done with and how many
// bytes it wrote. Without one it returns nil. An error means that the device broke the
// rules: the queue is not to be trusted any more and wants a reset.
func (q *Queue) Get() (token any, written uint32, err error) {
	done := q.mem.load16(q.Layout.Used+2) - q.used
	if done == 0 {
		return nil, 0, nil
	}
	if int(done) > q.InFlight() {
		return nil, 0, fmt.Errorf("%w: %d done, %d in flight", ErrUsed, done, q.InFlight())
	}
	e := q.Layout.Used + 4 + 8*uint64(int(q.used)&(q.Layout.Size-1))
	id, n := q.mem.load32(e), q.mem.load32(e+4)
	if id >= uint32(q.Layout.Size) || q.chains[id].token == nil {
		return nil, 0, fmt.Errorf("%w: id %d is not in flight", ErrUsed, id)
	}
	f := &q.chains[id]
	if uint64(n) > f.writable {
		return nil, 0, fmt.Errorf("%w: %d bytes written into %d", ErrUsed, n, f.writable)
	}
	token = f.token
	q.release(uint16(id))
	q.used++
	q.Used++
	if q.Features&FeatureEventIdx != 0 && !q.noIRQ {
		q.mem.store16(q.usedEvent(), q.used)
	}
	return token, n, nil
}

// release puts a chain's descriptors on the free list.
func (q *Queue) release(head uint16) {
	f := &q.chains[head]
	last := head
	for range f.count - 1 {
		last = q.next[last]
	}
	q.next[last] = q.freeHead
	q.freeHead = head
	q.free += int(f.count)
	*f = flight{}
}

// Abandon calls fn with every token in flight and empties the queue's books: for a device that was reset or given up.
func (q *Queue) Abandon(fn func(token any)) {
	for head := range q.chains {
		if token := q.chains[head].token; token != nil {
			q.release(uint16(head))
			q.Used++
			fn(token)
		}
	}
}

// DisableInterrupts says that the driver will look by itself. It is a hint: interrupts may still come.
func (q *Queue) DisableInterrupts() {
	q.noIRQ = true
	if q.Features&FeatureEventIdx == 0 {
		q.mem.store16(q.Layout.Avail, availNoInterrupt)
		return
	}
	// An event index half the ring of numbers away is not passed for a long time.
	q.mem.store16(q.usedEvent(), q.used-1)
}

// EnableInterrupts asks for an interrupt at the next used buffer. It reports whether one came in
// meanwhile: then there may be no interrupt for it and the caller calls Get again.
func (q *Queue) EnableInterrupts() bool {
	q.noIRQ = false
	if q.Features&FeatureEventIdx != 0 {
		q.mem.store16(q.usedEvent(), q.used)
	} else {
		q.mem.store16(q.Layout.Avail, 0)
	}
	return q.Pending()
}

func (q *Queue) usedEvent() uint64 { return q.Layout.Avail + 4 + 2*uint64(q.Layout.Size) }
