// Package irq connects interrupt lines to handlers.
//
//	machine ──raise(line)──▶ sched.Interrupt ──window──▶ Controller.dispatch ──▶ Line.handler(t)
//
// A handler runs at a window of whichever thread holds the CPU. It may take
// spinlocks, wake threads and arm timers; it must not block.
//
// Lines are registered at boot, before the machine's pin is connected, and are immutable from then on.
package irq

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"vitrine/kernel/sched"
	"vitrine/machine"
)

// Handler serves an interrupt.
type Handler func(t *sched.Thread)

// Line is an interrupt line.
type Line struct {
	Number  int
	Name    string // of the device, as in /proc/interrupts
	Count   atomic.Int64
	handler Handler
}

// Controller knows the lines of one machine.
type Controller struct {
	Lines    [machine.NumLines]*Line // nil: not in use
	Spurious atomic.Int64            // interrupts on lines without a handler

	// NMI serves machine.LineNMI at once, on the machine's own goroutine, whatever the CPUs do. It must not wait for them.
	// Immutable once the pin is connected; nil: nobody watches.
	NMI func()

	sched *sched.Scheduler
}

// New returns a controller that dispatches on s's CPUs.
func New(s *sched.Scheduler) *Controller {
	c := &Controller{sched: s}
	s.HandleIRQ = c.dispatch
	return c
}

// Request installs a handler. A line has one.
func (c *Controller) Request(line int, name string, h Handler) error {
	if line < 0 || line >= len(c.Lines) {
		return fmt.Errorf("irq: no line %d", line)
	}
	if l := c.Lines[line]; l != nil {
		return fmt.Errorf("irq: line %d belongs to %s", line, l.Name)
	}
	c.Lines[line] = &Line{Number: line, Name: name, handler: h}
	return nil
}

// Connect joins the machine's interrupt pin to the CPUs.
func (c *Controller) Connect(m machine.Machine) { m.OnInterrupt(c.Raise) }

// Raise makes an interrupt pending. It may be called from any goroutine.
func (c *Controller) Raise(line int) {
	if line == machine.LineNMI {
		if c.NMI != nil {
			c.NMI()
		}
		return
	}
	if line < 0 || line >= len(c.Lines) || c.Lines[line] == nil {
		c.Spurious.Add(1)
		return
	}
	c.sched.Interrupt(line)
}

// dispatch runs the handlers of the lines in the set, lowest first.
func (c *Controller) dispatch(t *sched.Thread, set uint64) {
	for ; set != 0; set &= set - 1 {
		l := c.Lines[bits.TrailingZeros64(set)]
		l.Count.Add(1)
		l.handler(t)
	}
}
