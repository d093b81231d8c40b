package p9

import (
	"unsafe"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/virtio"
	"vitrine/machine"
	"vitrine/machine/p9"
	"vitrine/machine/virtq"
)

// Transport is what carries messages: a virtio queue that is one mount's at a time.
type Transport interface {
	Queue() *virtio.Queue
	Acquire() bool
	Release()
}

// Room for messages in a slot. Data beyond them lies in frames of its own.
const (
	outSize  = 8 << 10
	inSize   = 8 << 10
	maxSlots = 32
	maxSegs  = 4 // descriptors a request: T, its data, R, its data
	maxMsize = 1<<20 + p9.WriteHeader
)

var classClient = &ksync.Class{Name: "9p_client", Rank: ksync.RankClient}

// client is the client's side of a session.
type client struct {
	tr    Transport     // immutable
	queue *virtio.Queue // immutable
	bus   *virtio.Bus   // immutable
	msize uint32        // immutable once the session has started
	limit int           // slots, immutable

	lock    ksync.SpinLock
	Slots   []*slot  // all; guarded by lock, as all below
	free    []*slot  // not in use
	making  int      // slots that are being made
	clunks  []uint32 // fids that nobody needs, to be told to the server when a slot is free
	lastFid uint32
	fids    []uint32 // free numbers below lastFid

	space ksync.WaitQueue // a slot was freed
}

// slot is a place for one request under way.
type slot struct {
	Tag  uint16 // immutable
	Type uint8  // of the T-message, for views

	buf  *virtio.Buffer
	req  virtio.Request
	wait ksync.WaitQueue

	// Guarded by client.lock.
	Busy      bool
	done      bool
	abandoned bool     // nobody waits: whoever finishes it cleans up
	frames    []mm.PFN // which the device may touch, and nobody else keeps any more
	newFid    uint32   // the fid that a successful answer makes
	clunkFid  uint32   // the fid that is free after the answer
}

func newClient(tr Transport) *client {
	q := tr.Queue()
	return &client{
		tr: tr, queue: q, bus: q.Device.Bus, msize: maxMsize, lock: ksync.NewSpinLock(classClient),
		limit: max(1, min(maxSlots, q.Ring.Layout.Size/maxSegs)),
	}
}

// message is a request that is being put together, and then its answer.
type message struct {
	*p9.Encoder
	c    *client
	slot *slot
	typ  uint8

	out, in []byte // data in RAM that follows the message, or the answer's header
	newFid  uint32 // the fid that it makes, or NoFid
	reason  string // of the wait, for views
	must    bool   // it changes something: its answer is waited for whatever comes
}

// begin takes a slot and starts a message. End must follow.
func (c *client) begin(t *sched.Thread, typ uint8, reason string) (*message, error) {
	s, err := c.getSlot(t)
	if err != nil {
		return nil, err
	}
	return c.newMessage(s, typ, reason), nil
}

// tryBegin is begin that does not wait: nil if all slots are in use. Who has a slot must not wait for another.
func (c *client) tryBegin(t *sched.Thread, typ uint8, reason string) *message {
	c.lock.Lock(t)
	full := len(c.free) == 0 && len(c.Slots)+c.making >= c.limit
	var s *slot
	if !full {
		if s = c.takeFree(); s == nil {
			c.making++
		}
	}
	c.lock.Unlock(t)
	if full {
		return nil
	}
	if s == nil {
		if s, _ = c.newSlot(t); s == nil {
			return nil
		}
	}
	return c.newMessage(s, typ, reason)
}

func (c *client) newMessage(s *slot, typ uint8, reason string) *message {
	s.Type = typ
	return &message{
		Encoder: p9.Start(s.buf.Bytes[:outSize], typ, s.Tag),
		c:       c, slot: s, typ: typ, newFid: p9.NoFid, reason: reason,
	}
}

// getSlot waits for a free slot, or makes one while there are few.
func (c *client) getSlot(t *sched.Thread) (*slot, error) {
	for {
		c.lock.Lock(t)
		if s := c.takeFree(); s != nil {
			c.lock.Unlock(t)
			return s, nil
		}
		if len(c.Slots)+c.making < c.limit {
			c.making++
			c.lock.Unlock(t)
			if s, err := c.newSlot(t); s != nil || err != nil {
				return s, err
			}
			continue
		}
		c.lock.Unlock(t)
		err := c.space.WaitExclusive(t, "9p_slot", func() bool {
			c.lock.Lock(t)
			defer c.lock.Unlock(t)
			return len(c.free) > 0
		})
		if err != nil {
			return nil, err
		}
	}
}

// takeFree takes a free slot, or nil. Caller holds lock.
func (c *client) takeFree() *slot {
	n := len(c.free)
	if n == 0 {
		return nil
	}
	s := c.free[n-1]
	c.free = c.free[:n-1]
	s.Busy, s.done, s.abandoned, s.frames, s.newFid, s.clunkFid = true, false, false, nil, p9.NoFid, p9.NoFid
	return s
}

// newSlot makes a slot, which is the caller's; making counts it. Without memory it is nil if there are others to wait for.
func (c *client) newSlot(t *sched.Thread) (*slot, error) {
	buf, err := c.bus.NewBuffer(t, outSize+inSize)
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	c.making--
	if err != nil {
		if len(c.Slots) > 0 {
			c.limit = len(c.Slots)
			return nil, nil
		}
		return nil, err
	}
	s := &slot{Tag: uint16(len(c.Slots)), buf: buf}
	s.req.Owner, s.req.Done = s, c.finished
	c.Slots = append(c.Slots, s)
	c.free = append(c.free, s)
	return c.takeFree(), nil
}

// end gives the message's slot back.
func (m *message) end(t *sched.Thread) {
	if m.slot != nil {
		m.c.release(t, m.slot)
		m.slot = nil
	}
}

// send sends the message and waits for the answer, whose body it returns. An error of the server's is returned
// as an errno. At a signal, unless must is set, the error is RestartSys and the message is over.
func (m *message) send(t *sched.Thread) (*p9.Decoder, error) {
	if err := m.submit(t); err != nil {
		return nil, err
	}
	return m.receive(t)
}

// submit gives the message to the device.
func (m *message) submit(t *sched.Thread) error {
	if m.Err != nil {
		return errno.ENAMETOOLONG.Because("the message does not fit")
	}
	m.slot.newFid = m.newFid
	m.c.prepare(m.slot, m)
	return m.c.queue.Submit(t, &m.slot.req)
}

// receive waits for the answer to a message that was submitted.
func (m *message) receive(t *sched.Thread) (*p9.Decoder, error) {
	c, s := m.c, m.slot
	isDone := func() bool {
		c.lock.Lock(t)
		defer c.lock.Unlock(t)
		return s.done
	}
	if c.queue.Poll(t, isDone) {
		return m.answer()
	}
	if m.must {
		s.wait.WaitUninterruptible(t, m.reason, isDone)
	} else if err := s.wait.Wait(t, m.reason, isDone); err != nil && c.abandon(t, m) {
		return nil, err
	}
	return m.answer()
}

// prepare names the pieces of RAM to the device.
func (c *client) prepare(s *slot, m *message) {
	msg := m.Finish(len(m.out))
	s.req.Out = append(s.req.Out[:0], s.buf.Buf(0, len(msg)))
	s.req.In = s.req.In[:0]
	if len(m.out) > 0 {
		s.req.Out = append(s.req.Out, c.bufOf(m.out))
	}
	if len(m.in) > 0 {
		// The header goes into the slot and the data where it is wanted. Rlerror fits into a header.
		s.req.In = append(s.req.In, s.buf.Buf(outSize, p9.IOHeaderSize), c.bufOf(m.in))
	} else {
		s.req.In = append(s.req.In, s.buf.Buf(outSize, inSize))
	}
}

// bufOf is the place in RAM of a slice of RAM.
func (c *client) bufOf(b []byte) virtq.Buf {
	off := uintptr(unsafe.Pointer(&b[0])) - uintptr(unsafe.Pointer(&c.bus.Machine.RAM()[0]))
	return virtq.Buf{Addr: uint64(off), Len: uint32(len(b))}
}

// abandon leaves the message to finished. It returns false if the answer has come meanwhile.
func (c *client) abandon(t *sched.Thread, m *message) bool {
	s := m.slot
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	if s.done {
		return false
	}
	s.abandoned = true
	for _, data := range [...][]byte{m.in, m.out} {
		if len(data) == 0 {
			continue
		}
		b := c.bufOf(data)
		for p := b.Addr / machine.PageSize; p <= (b.Addr+uint64(b.Len)-1)/machine.PageSize; p++ {
			c.bus.Memory.IncRef(mm.PFN(p))
			s.frames = append(s.frames, mm.PFN(p))
		}
	}
	m.slot = nil
	return true
}

// finished hears that the device is done with a slot, in an interrupt window.
func (c *client) finished(t *sched.Thread, r *virtio.Request) {
	s := r.Owner.(*slot)
	c.lock.Lock(t)
	s.done = true
	abandoned := s.abandoned
	c.lock.Unlock(t)
	if !abandoned {
		s.wait.WakeAll()
		return
	}
	if s.newFid != p9.NoFid {
		if _, err := s.answer(s.Type, nil); err == nil {
			c.clunk(t, s.newFid)
		} else {
			c.putFid(t, s.newFid)
		}
	}
	if s.clunkFid != p9.NoFid {
		c.putFid(t, s.clunkFid)
	}
	for _, p := range s.frames {
		c.bus.Memory.DecRef(t, p)
	}
	c.release(t, s)
}

// release frees a slot, or uses it for a clunk that waits.
func (c *client) release(t *sched.Thread, s *slot) {
	c.lock.Lock(t)
	s.Busy = false
	c.free = append(c.free, s)
	c.lock.Unlock(t)
	c.space.WakeOne()
	c.sendClunks(t)
}

// answer checks the R-message and returns its body.
func (m *message) answer() (*p9.Decoder, error) { return m.slot.answer(m.typ, m.in) }

// Nothing of an answer is believed: neither its length nor its type, tag or numbers.
func (s *slot) answer(typ uint8, data []byte) (*p9.Decoder, error) {
	if s.req.Err != nil {
		return nil, s.req.Err
	}
	head := inSize
	if len(data) > 0 {
		head = p9.IOHeaderSize
	}
	size, rtyp, tag, d := p9.Open(s.buf.Bytes[outSize:][:min(head, int(s.req.Written))])
	switch {
	case d.Err != nil || uint64(size) > uint64(s.req.Written):
		return nil, errBad
	case rtyp == p9.Rlerror:
		// Only what is an error number for programs: not one by which the kernel talks to itself.
		if e := errno.Errno(d.U32()); d.Err == nil && e > 0 && !e.Internal() {
			return nil, e
		}
		return nil, errBad
	case rtyp != typ+1 || tag != s.Tag && tag != p9.NoTag:
		return nil, errBad
	}
	return d, nil
}

var errBad = errno.EIO.Because("the 9P server's answer makes no sense")

// getFid returns an unused number.
func (c *client) getFid(t *sched.Thread) uint32 {
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	if n := len(c.fids); n > 0 {
		f := c.fids[n-1]
		c.fids = c.fids[:n-1]
		return f
	}
	c.lastFid++
	return c.lastFid
}

// putFid gives a number back that the server does not know.
func (c *client) putFid(t *sched.Thread, fid uint32) {
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	c.fids = append(c.fids, fid)
}

// clunk gives up a fid without waiting for the server. It never sleeps.
func (c *client) clunk(t *sched.Thread, fid uint32) {
	if fid == p9.NoFid {
		return
	}
	c.lock.Lock(t)
	c.clunks = append(c.clunks, fid)
	c.lock.Unlock(t)
	c.sendClunks(t)
}

// sendClunks sends Tclunks while slots are free.
func (c *client) sendClunks(t *sched.Thread) {
	for {
		c.lock.Lock(t)
		n := len(c.clunks)
		if n == 0 || len(c.free) == 0 {
			c.lock.Unlock(t)
			return
		}
		fid := c.clunks[n-1]
		c.clunks = c.clunks[:n-1]
		s := c.takeFree()
		s.abandoned, s.clunkFid, s.Type = true, fid, p9.Tclunk
		c.lock.Unlock(t)
		m := message{Encoder: p9.Start(s.buf.Bytes[:outSize], p9.Tclunk, s.Tag), c: c, slot: s}
		m.U32(fid)
		c.prepare(s, &m)
		if c.queue.Submit(t, &s.req) != nil { // the device is lost, and its fids
			c.lock.Lock(t)
			s.Busy = false
			c.free = append(c.free, s)
			c.clunks = nil
			c.lock.Unlock(t)
			c.space.WakeAll()
			return
		}
	}
}

// drain waits until nothing is under way and frees the slots.
func (c *client) drain(t *sched.Thread) {
	c.space.WaitUninterruptible(t, "9p_drain", func() bool {
		c.lock.Lock(t)
		defer c.lock.Unlock(t)
		return len(c.free) == len(c.Slots) && len(c.clunks) == 0
	})
	for _, s := range c.Slots {
		s.buf.Free(t, c.bus)
	}
	c.Slots, c.free = nil, nil
}

// Fids returns how many fids the server has for us; for views and tests.
func (c *client) Fids(t *sched.Thread) int {
	c.lock.Lock(t)
	defer c.lock.Unlock(t)
	return int(c.lastFid) - len(c.fids)
}
