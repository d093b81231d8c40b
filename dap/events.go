package dap

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// pump passes on what happens to the machine, until the connection to it is closed.
func (c *conn) pump(m Machine, dbg Debugger) {
	for ev := range dbg.EventStream() {
		c.order.Lock()
		c.mu.Lock()
		current := c.dbg == dbg
		c.mu.Unlock()
		if current {
			c.happened(dbg, ev)
		}
		c.order.Unlock()
		if ev.Exited != nil {
			go c.ended(m) // events of others may not wait for a process to be reaped
		}
	}
}

func (c *conn) happened(dbg Debugger, ev session.Event) {
	switch {
	case ev.Stopped != nil:
		c.mu.Lock()
		known := ev.Stopped.Seq <= c.entry || c.stop != nil && ev.Stopped.Seq <= c.stop.Seq
		c.mu.Unlock()
		if known {
			return
		}
		if hidden, others := c.hidden(dbg, ev.Stopped); !hidden || others {
			c.stopped(ev.Stopped)
		}
	case ev.Running != nil:
		c.resumed(ev.Running)
	case ev.Breakpoint != nil:
		if b, ok := c.bps.changed(c, ev.Breakpoint, ev.Removed); ok {
			reason := "changed"
			if ev.Removed {
				reason = "removed"
			}
			c.event("breakpoint", dap.BreakpointEventBody{Reason: reason, Breakpoint: b})
		}
	case ev.Output != nil:
		o := ev.Output
		if c.bps.dapID(o.Breakpoint) == 0 {
			return // another client's
		}
		c.event("output", dap.OutputEventBody{Category: "console", Output: o.Text + "\n", Source: c.sourceOf(o.File), Line: c.lineOut(o.Line)})
	}
}

// stopped tells the client of a stop.
func (c *conn) stopped(st *session.Stop) {
	c.h.reset()
	c.mu.Lock()
	c.stop, c.halted, c.expect = st, true, false
	c.mu.Unlock()
	body := dap.StoppedEventBody{
		Reason: string(st.Reason), ThreadId: st.Thread, AllThreadsStopped: true, Text: st.Text,
	}
	var entry bool
	body.HitBreakpointIds, entry = c.bps.hits(st.Hits)
	if st.Reason == session.ReasonBreakpoint {
		switch kind, ok := c.bps.kind(st.Hits); {
		case entry && len(body.HitBreakpointIds) == 0:
			body.Reason = string(session.ReasonEntry)
		case ok && kind == session.Function:
			body.Reason = "function breakpoint"
		case ok && kind == session.Address:
			body.Reason = "instruction breakpoint"
		}
	}
	body.Description = describe(st, body.Reason)
	c.event("stopped", body)
}

// describe says for people why the machine stands still.
func describe(st *session.Stop, reason string) string {
	var s string
	switch st.Reason {
	case session.ReasonException:
		s = cmp.Or(firstLine(st.Text), "exception")
	case session.ReasonPause:
		s = "paused"
	default:
		s = "stopped on " + reason
	}
	if st.By != "" && st.Reason == session.ReasonPause {
		s += fmt.Sprintf(" by %s", st.By)
	}
	return s
}

// resumed tells the client that the machine runs again, unless its own request has said so.
func (c *conn) resumed(r *session.Resumed) {
	c.h.reset()
	c.mu.Lock()
	own := c.expect && r.By == c.name
	tell := c.halted && !own
	c.halted, c.expect = false, false
	c.mu.Unlock()
	if tell {
		c.event("continued", dap.ContinuedEventBody{ThreadId: r.Thread, AllThreadsContinued: true})
	}
}

// invalidate tells the machine's clients that values have changed, and memory if addr is not 0.
func (c *conn) invalidate(addr uint64, size int) {
	for _, o := range c.s.clientsOf(c.attachedTo()) {
		if addr != 0 && o.init.SupportsMemoryEvent {
			o.event("memory", dap.MemoryEventBody{MemoryReference: hex(addr), Count: size})
		}
		if o != c && o.init.SupportsInvalidatedEvent {
			o.event("invalidated", dap.InvalidatedEventBody{Areas: []dap.InvalidatedAreas{"variables"}})
		}
	}
}

// exceptionInfo says more of the exception that stopped the machine.
func (c *conn) exceptionInfo(_ *request, a *dap.ExceptionInfoArguments) (any, error) {
	dbg := c.debugger()
	state, st := dbg.State()
	if state != session.Stopped || st == nil || st.Reason != session.ReasonException {
		return nil, fmt.Errorf("the machine did not stop on an exception")
	}
	body := dap.ExceptionInfoResponseBody{ExceptionId: "exception", Description: st.Text, BreakMode: "always"}
	for _, b := range dbg.Breakpoints() {
		if b.Spec.Kind == session.Exception && slices.Contains(st.Hits, b.ID) {
			body.ExceptionId = b.Spec.Exception
		}
	}
	label := body.ExceptionId
	for _, f := range exceptionFilters {
		if f.Filter == body.ExceptionId {
			label = f.Label
		}
	}
	body.Details = &dap.ExceptionDetails{Message: st.Text, TypeName: label}
	if frames, _, err := dbg.Stack(cmp.Or(a.ThreadId, st.Thread), 0, 50); err == nil {
		for _, f := range frames {
			body.Details.StackTrace += fmt.Sprintf("%s\n\t%s:%d\n", f.Func, f.File, f.Line)
		}
	}
	return body, nil
}
