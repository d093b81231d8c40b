package console

import (
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
)

// terminal is a port as the terminal layer sees it.
type terminal struct{ p *Port }

var (
	_ tty.Driver    = (*terminal)(nil)
	_ tty.Throttler = (*terminal)(nil)
	_ tty.Queuer    = (*terminal)(nil)
)

// Write implements tty.Driver.
func (d *terminal) Write(t *sched.Thread, b []byte) int {
	done := 0
	for done < len(b) {
		x := d.p.getFree(t)
		if x == nil {
			break
		}
		n := copy(x.bytes, b[done:])
		if d.p.send(t, x, n) != nil {
			return len(b) // the device is lost, and all that is written to it
		}
		done += n
	}
	return done
}

// Room implements tty.Driver.
func (d *terminal) Room() int { return int(d.p.room.Load()) * bufSize }

// Queued implements tty.Queuer.
func (d *terminal) Queued() int { return int(d.p.inFlight.Load()) }

// Throttle implements tty.Throttler.
func (d *terminal) Throttle(t *sched.Thread) {
	d.p.lock.Lock(t)
	defer d.p.lock.Unlock(t)
	d.p.throttled = true
}

// Unthrottle implements tty.Throttler.
func (d *terminal) Unthrottle(t *sched.Thread) {
	d.p.lock.Lock(t)
	d.p.throttled = false
	d.p.lock.Unlock(t)
	d.p.offer(t)
}
