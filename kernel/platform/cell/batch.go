package cell

import (
	"sync/atomic"

	"vitrine/kernel/arch/amd64"
)

// op is a change of the host mappings that waits for the next flush.
type op struct {
	nr     uint64 // sysMmap, sysMunmap, sysMprotect or sysMadvise
	lo, hi uint64
	arg    uint64 // mprotect: the protection; madvise: the advice; mmap: protection
	flags  uint64 // mmap
	off    uint64 // mmap: offset in the memory file
	lazy   bool   // mmap for userfaultfd
}

// add queues o, joined to the last op where the host call can be one.
func (c *cell) add(o op) {
	c.pending.Store(true)
	if n := len(c.queue); n > 0 {
		l := &c.queue[n-1]
		if l.nr == o.nr && l.hi == o.lo && l.arg == o.arg && l.flags == o.flags && l.lazy == o.lazy &&
			(o.nr != sysMmap || l.off+(l.hi-l.lo) == o.off) {
			l.hi = o.hi
			return
		}
	}
	c.queue = append(c.queue, o)
}

// mapHost queues the mapping g in place of whatever is there.
func (c *cell) mapHost(g segment, flags uint64) {
	c.conts = cut(c.conts, g.lo, g.hi)
	c.table.carve(g.lo, g.hi)
	c.table.insert(g)
	c.add(op{nr: sysMmap, lo: g.lo, hi: g.hi, arg: uint64(g.prot), flags: flags, off: g.lo + g.delta, lazy: g.lazy})
	c.p.stats.maps.Add(1)
}

func (c *cell) addCont(lo, hi uint64) {
	c.pending.Store(true)
	if n := len(c.conts); n > 0 && c.conts[n-1].hi == lo {
		c.conts[n-1].hi = hi
		return
	}
	c.conts = append(c.conts, span{lo, hi})
}

// clearAll queues the removal of all mappings, and of nothing else.
func (c *cell) clearAll() {
	had := len(c.table.s) > 0 || len(c.queue) > 0
	c.queue, c.conts, c.table.s = c.queue[:0], c.conts[:0], c.table.s[:0]
	if had {
		c.add(op{nr: sysMunmap, lo: 0, hi: amd64.UserTop &^ amd64.PageMask})
	}
}

// forget empties the address space, as a TLB flush does, when the host would
// run out of mappings. User code faults and gets back what it uses.
func (c *cell) forget() {
	c.p.stats.flushes.Add(1)
	c.clearAll()
}

// flush makes all queued changes effective. Caller holds c.mu.
//
// The order is: host mappings through the mm thread, registration of the lazy
// ones, pages. While other threads of the guest run, a lazy mapping is made
// without any access and opened only when it is registered: nobody must see
// its frames before they are given.
func (c *cell) flush() {
	if !c.pending.Load() {
		return
	}
	ok := c.dead.Load() == nil && c.settle()
	if ok && len(c.queue) > 0 {
		ok = c.flushQueue()
	}
	if ok && len(c.conts) > 0 {
		ok = c.flushConts()
	}
	c.queue, c.conts = c.queue[:0], c.conts[:0]
	if !ok {
		c.bury("a change of its mappings failed")
	}
	c.pending.Store(false)
}

// ride makes the queued changes an order after which the mm thread itself lets
// x go on: no wake goes from one processor to another and back. It reports
// false where that cannot be; the caller then flushes. Caller holds c.mu.
func (x *context) ride(regs *amd64.Registers) bool {
	c := x.cell
	if len(c.conts) > 0 || len(c.queue) == 0 || len(c.queue) > maxBatch || c.dead.Load() != nil || !c.settle() {
		return false
	}
	for i := range c.queue {
		if c.queue[i].lazy {
			return false
		}
	}
	for i := range c.queue {
		o := &c.queue[i]
		size := o.hi - o.lo
		switch o.nr {
		case sysMmap:
			c.setEntry(i, sysMmap, o.lo, size, o.arg, o.flags, ramFD, o.off)
		default:
			c.setEntry(i, o.nr, o.lo, size, o.arg)
		}
	}
	n := len(c.queue)
	c.queue = c.queue[:0]
	c.riding, x.rides = true, true
	x.prepareEntry(regs)
	x.leave()
	// stHold keeps the guest thread from waking the mm thread too early; when
	// that is awake by itself it may be done before the last line here.
	b := x.box
	held := atomic.CompareAndSwapUint32(&b.state, stReq, stHold)
	c.publish(n, x.va, stReply)
	if held && !atomic.CompareAndSwapUint32(&b.state, stHold, stOrder) {
		return true
	}
	if !held || load(&b.gwait) != 0 {
		futexWake(&c.order.order().seq)
	}
	return true
}

func (c *cell) flushQueue() bool {
	closed := c.running.Load() > 0
	n := 0
	put := func(nr uint64, args ...uint64) bool {
		if n == maxBatch {
			if !c.run(n) {
				return false
			}
			n = 0
		}
		c.setEntry(n, nr, args...)
		n++
		return true
	}
	lazy := false
	for i := range c.queue {
		o := &c.queue[i]
		ok := true
		switch size := o.hi - o.lo; o.nr {
		case sysMmap:
			prot := o.arg
			if o.lazy {
				lazy = true
				if closed {
					prot = 0
				}
			}
			ok = put(sysMmap, o.lo, size, prot, o.flags, ramFD, o.off)
		case sysMunmap:
			ok = put(sysMunmap, o.lo, size)
		case sysMprotect:
			if !closed {
				ok = put(sysMprotect, o.lo, size, o.arg)
				break
			}
			// A mapping that is not registered yet gets its protection below.
			for k, end := c.table.overlap(o.lo, o.hi); ok && k < end; k++ {
				if g := &c.table.s[k]; !g.fresh {
					lo, hi := max(g.lo, o.lo), min(g.hi, o.hi)
					ok = put(sysMprotect, lo, hi-lo, o.arg)
				}
			}
		default:
			ok = put(o.nr, o.lo, size, o.arg)
		}
		if !ok {
			return false
		}
	}
	if n > 0 && !c.run(n) {
		return false
	}
	if !lazy {
		return true
	}
	n = 0
	for i := range c.table.s {
		g := &c.table.s[i]
		if !g.fresh {
			continue
		}
		if err := c.register(g.lo, g.hi); err != 0 {
			c.p.cfg.Log("cell: userfaultfd register: %v", err)
			return false
		}
		g.fresh = false
		if closed && !put(sysMprotect, g.lo, g.hi-g.lo, uint64(g.prot)) {
			return false
		}
	}
	return n == 0 || c.run(n)
}
