package dap

import (
	"errors"
	"fmt"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// move performs a run command; its own Running event is not news to this client.
func (c *conn) move(f func(Debugger) error) error {
	c.mu.Lock()
	dbg := c.dbg
	c.expect = true
	c.mu.Unlock()
	if err := f(dbg); err != nil {
		c.mu.Lock()
		c.expect = false
		c.mu.Unlock()
		return err
	}
	c.h.reset() // at once: the event that it runs comes after the answer
	return nil
}

func (c *conn) doContinue(_ *request, _ *dap.ContinueArguments) (any, error) {
	return dap.ContinueResponseBody{AllThreadsContinued: true}, c.move(Debugger.Continue)
}

func (c *conn) step(thread int, line, instruction session.Step, g dap.SteppingGranularity) error {
	how := line
	if g == "instruction" {
		how = instruction
	}
	return c.move(func(d Debugger) error { return d.Step(thread, how) })
}

func (c *conn) next(_ *request, a *dap.NextArguments) (any, error) {
	return nil, c.step(a.ThreadId, session.StepOver, session.StepOverInstruction, a.Granularity)
}

func (c *conn) stepIn(_ *request, a *dap.StepInArguments) (any, error) {
	return nil, c.step(a.ThreadId, session.StepInto, session.StepInstruction, a.Granularity)
}

func (c *conn) stepOut(_ *request, a *dap.StepOutArguments) (any, error) {
	return nil, c.step(a.ThreadId, session.StepOut, session.StepOut, a.Granularity)
}

// pause does not wait behind other requests: they may be what has to be stopped.
func (c *conn) pause(q *request) error {
	dbg := c.debugger()
	if dbg == nil {
		c.fail(q, errNoMachine)
		return nil
	}
	go func() { // nor does the reader wait for it
		defer func() {
			if r := recover(); r != nil {
				c.fail(q, fmt.Errorf("internal error in pause: %v", r))
			}
		}()
		c.order.Lock()
		defer c.order.Unlock()
		err := dbg.Pause()
		if _, st := dbg.State(); errors.Is(err, session.ErrStopped) && c.s.pauseHidden(c.attachedTo(), st) {
			err = dbg.Pause() // if it has gone on since; else who lets it go on sees that it is wanted
		}
		if err != nil && !errors.Is(err, session.ErrStopped) {
			c.fail(q, err)
			return
		}
		c.answer(q, nil)
	}()
	return nil
}

// gotoTarget is a place to which the program counter can be set.
type gotoTarget struct {
	file string
	line int
}

// gotoTargets lists the places in a line: at most one, for Go's line table has no columns.
func (c *conn) gotoTargets(_ *request, a *dap.GotoTargetsArguments) (any, error) {
	file := c.sources.toKernel(a.Source.Path)
	line := c.lineIn(a.Line)
	lines, err := c.debugger().Lines(file, line, line)
	if err != nil {
		return nil, err
	}
	body := dap.GotoTargetsResponseBody{Targets: []dap.GotoTarget{}}
	for _, l := range lines {
		id := c.h.target(gotoTarget{file, l})
		body.Targets = append(body.Targets, dap.GotoTarget{Id: id, Label: fmt.Sprintf("line %d", l), Line: c.lineOut(l)})
	}
	return body, nil
}

// gotoLine sets the program counter. The session tells of it with a stop.
func (c *conn) gotoLine(_ *request, a *dap.GotoArguments) (any, error) {
	t, err := c.h.targetOf(a.TargetId)
	if err != nil {
		return nil, err
	}
	return nil, c.debugger().Jump(a.ThreadId, t.file, t.line)
}
