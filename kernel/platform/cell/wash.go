package cell

import (
	"slices"
	"time"
)

// A cell whose program has ended is washed: its last order unmaps everything and then pings the guest thread.
//
//	Release ── order: munmap, done, PING ──▶ guest thread: PONG       get: is it clean?
//
// Nobody waits for that. The thread proves with its answer that it waits where the cell's code waits: one that only wrote
// "trap" into its mailbox can't, for when the ping comes there is no code left for it to run.

// washLimit is how long a thread may take to answer. After that the cell is not used again.
const washLimit = 2 * time.Second

// wash begins to make c, which has one thread and no program any more, as good as new. It reports false when there
// are warm cells enough. Caller holds c.mu.
func (c *cell) wash(s *space) bool {
	p := c.p
	p.mu.Lock()
	if len(p.pool)+len(p.washing) >= 4*p.cfg.Pool || p.closing.Load() {
		p.mu.Unlock()
		return false
	}
	p.mu.Unlock()
	n := 0
	for i := range c.queue { // clearAll has left one at most
		c.setEntry(n, c.queue[i].nr, c.queue[i].lo, c.queue[i].hi-c.queue[i].lo)
		n++
	}
	c.queue = c.queue[:0]
	c.pending.Store(false)
	c.publish(n, c.first.va, stPing)
	s.final, s.since = c.token, time.Now()
	futexWake(&c.order.order().seq)
	p.mu.Lock()
	p.washing = append(p.washing, c)
	p.mu.Unlock()
	return true
}

// clean reports whether c is as good as new.
func (c *cell) clean() bool {
	_, ok := c.order.acked(c.user.final)
	return ok && load(&c.first.box.state) == stPong
}

// washed takes a cell that is clean, the one that was used last, or nil. If there are none but those that are
// about to be clean it waits a little: a new one would take longer.
func (p *Platform) washed() *cell {
	for range 20 {
		c, wait := p.takeWashed()
		if c == nil && wait == nil {
			return nil
		}
		if c == nil {
			spinUntil(&wait.first.box.state, stPong, p.tune.mmSpin())
			continue
		}
		clear(c.first.area.mem[stackOff:]) // what the last program left there is not for the next
		c.tmu.Lock()
		c.idle = nil // the thread may have been released before the space: it is the next program's first, not its second
		c.tmu.Unlock()
		return c
	}
	return nil
}

func (p *Platform) takeWashed() (c, wait *cell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.washing) - 1; i >= 0; i-- {
		c := p.washing[i]
		late := time.Since(c.user.since) > washLimit
		clean := c.clean()
		if !clean && !late {
			if wait == nil && len(p.pool) == 0 {
				wait = c
			}
			continue
		}
		p.washing = slices.Delete(p.washing, i, i+1)
		if clean {
			c.user.gone.Store(true)
			return c, nil
		}
		go c.discard("the guest thread did not come home")
	}
	return nil, wait
}

// discard ends a cell that nobody uses any more.
func (c *cell) discard(reason string) {
	c.bury(reason)
	c.free()
}

// Settled implements platform.AddressSpace.
func (s *space) Settled() bool {
	c := s.cell
	if s.over.Load() {
		if s.gone.Load() {
			return true
		}
		ended, ok := false, false
		if s.final != 0 {
			ended, ok = c.order.acked(s.final)
		}
		if ended && !ok {
			c.kill("a change of its mappings failed")
		}
		return ok || s.gone.Load() || c.isGone()
	}
	if c.dead.Load() != nil {
		return c.isGone()
	}
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	if len(c.queue) > 0 || len(c.conts) > 0 {
		return false
	}
	if c.riding {
		if _, ok := c.order.acked(c.token); !ok {
			return false
		}
		c.riding = false
	}
	c.pending.Store(false)
	return true
}

// await waits until a released space is settled.
func (s *space) await() {
	for t0 := time.Now(); !s.Settled(); {
		if time.Since(t0) > orderDeadline {
			s.cell.kill("the mm thread did not answer")
		}
		if !spinUntil((*uint32)(ptr(s.cell.order.done())), uint32(s.final), s.cell.p.tune.mmSpin()) {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

// isGone reports whether the process has been reaped.
func (c *cell) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}
