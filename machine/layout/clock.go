package layout

import "sync/atomic"

// ClockPage carries the virtual clock. Both sides read the host's
// CLOCK_MONOTONIC; virtual time is that less Offset, and while the clock is
// frozen it is Floor. The supervisor alone writes.
type ClockPage struct {
	seq    atomic.Uint32 // odd while it is written
	frozen atomic.Uint32
	offset atomic.Int64
	floor  atomic.Int64 // virtual time of the last freeze: time never falls below it
}

// ClockOf returns RAM's clock page.
func ClockOf(ram []byte) *ClockPage { return (*ClockPage)(at(ram, ClockAddr)) }

// Now returns the virtual time at the host's monotonic time mono.
func (c *ClockPage) Now(mono int64) (now int64, frozen bool) {
	// The writer needs a few nanoseconds; the bound is for one that died halfway.
	for range 1 << 16 {
		s := c.seq.Load()
		f, off, floor := c.frozen.Load() != 0, c.offset.Load(), c.floor.Load()
		if s&1 == 0 && c.seq.Load() == s {
			if f {
				return floor, true
			}
			// Each process takes mono by its own reading of the host's clock, so
			// two may differ by some nanoseconds at a thaw.
			return max(mono-off, floor), false
		}
	}
	return c.floor.Load(), true
}

// Freeze stops the clock. mono is the host's time.
func (c *ClockPage) Freeze(mono int64) {
	if c.frozen.Load() == 0 {
		c.write(func() {
			c.floor.Store(max(mono-c.offset.Load(), c.floor.Load()))
			c.frozen.Store(1)
		})
	}
}

// Thaw lets the clock go on from where it was frozen.
func (c *ClockPage) Thaw(mono int64) {
	if c.frozen.Load() != 0 {
		c.write(func() {
			c.offset.Store(mono - c.floor.Load())
			c.frozen.Store(0)
		})
	}
}

func (c *ClockPage) write(f func()) {
	c.seq.Add(1)
	f()
	c.seq.Add(1)
}
