package dap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// initialize implements the request of that name. Nothing can be done before it.
func (c *conn) initialize(q *request) error {
	if c.initialized != nil {
		c.fail(q, errors.New("the session is initialized already"))
		return nil
	}
	a := dap.InitializeRequestArguments{LinesStartAt1: true, ColumnsStartAt1: true, PathFormat: "path"}
	if len(q.Arguments) > 0 {
		if err := json.Unmarshal(q.Arguments, &a); err != nil {
			c.fail(q, fmt.Errorf("initialize: %w", err))
			return nil
		}
	}
	if a.PathFormat != "" && a.PathFormat != "path" {
		c.fail(q, fmt.Errorf("initialize: paths as %q are not supported", a.PathFormat))
		return nil
	}
	c.initialized, c.init = q.raw, a
	name := a.ClientName
	if name == "" {
		name = a.ClientID
	}
	if len(name) > 64 {
		name = name[:64]
	}
	c.name = c.s.clientName(name)
	c.answer(q, capabilities())
	return nil
}

// launch builds a kernel and makes a machine. It waits at the kernel's first instructions for configurationDone.
func (c *conn) launch(q *request, cfg *LaunchConfig) (any, error) {
	switch {
	case c.initialized == nil:
		return nil, errors.New("initialize first")
	case c.attachedTo() != nil:
		return nil, errors.New("this session has its machine already")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := c.openTrace(absolute(cfg.Cwd, cfg.Trace)); err != nil {
		return nil, err
	}
	if err := c.s.begin(); err != nil {
		return nil, err
	}
	defer c.s.end()
	if m, _ := c.s.current(); m != nil {
		return nil, fmt.Errorf("this server has a machine, %s; attach to it", m.Name())
	}
	m, err := c.s.opts.Host.Launch(q.ctx, cfg, &progress{c: c}, nil)
	if err != nil {
		return nil, err
	}
	if q.ctx.Err() != nil { // cancelled, or the client has left
		m.Kill()
		return nil, errCancelled
	}
	if err := c.connect(m, true, cfg.SourceMap); err != nil {
		m.Kill()
		return nil, err
	}
	if q.ctx.Err() != nil {
		c.drop()
		m.Kill()
		return nil, errCancelled
	}
	c.bps.mu.Lock()
	c.bps.off = cfg.NoDebug
	c.bps.mu.Unlock()
	c.s.setCurrent(m, cfg)
	c.events(m, "launch")
	return nil, nil
}

// attach finds a running machine. If another process is its supervisor the client is handed over to that.
func (c *conn) attach(q *request) error {
	cfg, err := arguments[AttachConfig](q)
	switch {
	case err != nil:
	case c.initialized == nil:
		err = errors.New("initialize first")
	case c.attachedTo() != nil:
		err = errors.New("this session has its machine already")
	}
	if err != nil {
		c.fail(q, err)
		return nil
	}
	m, remote, err := c.find(cfg)
	switch {
	case err != nil:
		c.fail(q, err)
		return nil
	case remote != nil:
		return c.forward(q, remote)
	}
	if err = c.openTrace(absolute(cfg.Cwd, cfg.Trace)); err == nil {
		err = c.connect(m, false, cfg.SourceMap)
	}
	if err != nil {
		c.fail(q, err)
		return nil
	}
	c.answer(q, nil)
	if launched, _ := c.s.launchedBy(m); !launched { // clients attach anew instead
		c.event("capabilities", map[string]any{"capabilities": map[string]bool{"supportsRestartRequest": false}})
	}
	c.events(m, "attach")
	return nil
}

// find looks for the machine. VS Code puts its configuration's name into the key `name`, which need not be a machine's.
func (c *conn) find(cfg *AttachConfig) (m Machine, remote Remote, err error) {
	if m, _ := c.s.current(); m != nil && (cfg.Machine == "" || cfg.Machine == m.Name()) {
		return m, nil, nil
	}
	if cfg.Machine == "" && cfg.Name != "" {
		if m, remote, err = c.s.opts.Host.Attach(cfg.Name); err == nil {
			return m, remote, nil
		}
	}
	return c.s.opts.Host.Attach(cfg.Machine)
}

// connect makes the client one of the machine's session.
func (c *conn) connect(m Machine, stop bool, sources SourceMap) error {
	dbg, err := m.Connect(c.name, stop)
	if err != nil {
		return err
	}
	c.sources, c.name = sources, dbg.ClientName()
	state, st := dbg.State()
	c.bps.setHold(stop)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine, c.dbg, c.entry, c.stop = m, dbg, 0, nil
	if state == session.Stopped && st != nil {
		if stop {
			c.entry = st.Seq
		} else {
			c.stop = st // is told at configurationDone
		}
	}
	return nil
}

// events tells the client that it may configure now.
func (c *conn) events(m Machine, how string) {
	c.event("initialized", nil)
	c.event("process", dap.ProcessEventBody{Name: m.Name(), SystemProcessId: m.PID(), IsLocalProcess: true, StartMethod: how, PointerSize: 64})
}

// configurationDone lets a launched machine boot; a running one is what it is.
func (c *conn) configurationDone(_ *request, _ *struct{}) (any, error) {
	c.mu.Lock()
	if c.ready {
		c.mu.Unlock()
		return nil, errors.New("configurationDone came already")
	}
	c.ready = true
	m, dbg, entry, st := c.machine, c.dbg, c.entry, c.stop
	c.mu.Unlock()
	defer c.follow(m, dbg)
	if entry == 0 {
		if st != nil {
			defer c.stopped(st)
		}
		return nil, nil
	}
	_, cfg := c.s.current()
	c.guest.watch(m, cfg)
	return nil, c.boot(m, dbg, cfg)
}

// bootFunc is where the kernel's structures are made and nothing runs yet.
const bootFunc = "kernel.(*Kernel).Boot"

// boot begins with a machine that was launched. What can't be set before the kernel has its structures is set at a stop in between,
// which no client sees.
func (c *conn) boot(m Machine, dbg Debugger, cfg *LaunchConfig) error {
	if cfg != nil && cfg.StopAt != "" && !cfg.NoDebug {
		if strings.HasPrefix(cfg.StopAt, "syscall:") {
			c.bps.setStopAt(cfg.StopAt)
		} else if err := c.stopAt(dbg, cfg.StopAt); err != nil {
			return err
		}
	}
	b, err := dbg.Set(session.Spec{Kind: session.Function, Func: bootFunc, Temporary: true})
	if err != nil {
		return err
	}
	c.s.setHidden(m, b.ID, c)
	if err := dbg.Continue(); err != nil && !errors.Is(err, session.ErrRunning) {
		return err
	}
	return m.Boot()
}

// hidden is the stop in between. others: somebody else's breakpoint is hit there, too, so it is shown all the same.
func (c *conn) hidden(dbg Debugger, st *session.Stop) (is, others bool) {
	id, owner := c.s.hiddenOf(c.attachedTo())
	if id == 0 || !slices.Contains(st.Hits, id) {
		return false, false
	}
	for _, b := range c.bps.retry(c) {
		c.event("breakpoint", dap.BreakpointEventBody{Reason: "changed", Breakpoint: b})
	}
	if where := c.bps.takeStopAt(); where != "" {
		if err := c.stopAt(dbg, where); err != nil {
			c.event("output", dap.OutputEventBody{Category: "important", Output: err.Error() + "\n"})
		}
	}
	if len(st.Hits) > 1 {
		return true, true
	}
	if owner == c {
		dbg.Continue()
		if c.s.pauseWanted(c.attachedTo()) {
			dbg.Pause()
		}
	}
	return true, false
}

// follow starts to pass on what happens.
func (c *conn) follow(m Machine, dbg Debugger) {
	go c.pump(m, dbg)
	go func() {
		<-m.Done()
		c.ended(m)
	}()
}

// terminate switches the machine off.
func (c *conn) terminate(q *request) error {
	m := c.attachedTo()
	if m == nil {
		c.fail(q, errNoMachine)
		return nil
	}
	c.answer(q, nil)
	m.Kill()
	return nil
}

// disconnect ends the client's session. A machine that was launched goes with its last client, one that ran already
// goes on, unless told otherwise.
func (c *conn) disconnect(q *request) error {
	a, err := arguments[struct {
		TerminateDebuggee *bool `json:"terminateDebuggee"`
	}](q)
	m := c.attachedTo()
	if err == nil && a.TerminateDebuggee != nil && m != nil {
		if *a.TerminateDebuggee {
			c.kill = true
		} else {
			c.s.keep(m)
		}
	}
	c.answer(q, nil)
	return errLeft
}

// drop closes the connection to the machine.
func (c *conn) drop() {
	c.mu.Lock()
	dbg, stops := c.dbg, c.stops
	c.dbg, c.machine, c.stops = nil, nil, nil
	c.mu.Unlock()
	c.dropFollows()
	for _, f := range slices.Backward(stops) {
		f()
	}
	if dbg != nil {
		dbg.Close()
	}
}

// leave ends all that the client has begun.
func (c *conn) leave() {
	c.drop()
	c.guest.close()
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.closeTrace()
}

// cancelRequest gives up a request.
func (c *conn) cancelRequest(q *request) error {
	a, err := arguments[dap.CancelArguments](q)
	if err != nil {
		c.fail(q, err)
		return nil
	}
	c.mu.Lock()
	r := c.running[a.RequestId]
	c.mu.Unlock()
	if r != nil && a.RequestId != 0 && (r.how.cancels || r.how.now == nil) {
		r.cancel()
	}
	c.answer(q, nil)
	return nil
}

// ended tells the client that its machine is no more.
func (c *conn) ended(m Machine) {
	select {
	case <-m.Done():
	case <-time.After(5 * time.Second):
	}
	c.mu.Lock()
	skip := c.gone || c.swap || c.machine != m
	if !skip {
		c.gone, c.halted = true, false
	}
	c.mu.Unlock()
	if skip {
		return
	}
	status, text := m.Outcome()
	c.guest.flush()
	if text != "" {
		c.event("output", dap.OutputEventBody{Category: "important", Output: text + "\n"})
	}
	c.event("exited", dap.ExitedEventBody{ExitCode: status})
	if r, ok := m.(interface{ Rebooting() bool }); ok && r.Rebooting() {
		// "Edit the kernel, type reboot": the client launches anew.
		c.event("terminated", dap.TerminatedEventBody{Restart: json.RawMessage("true")})
		return
	}
	c.event("terminated", nil)
}

// progress shows a client what takes long.
type progress struct {
	c *conn
	n int
}

// Begin implements Progress.
func (p *progress) Begin(title string) func(ok bool) {
	c := p.c
	c.mu.Lock()
	p.n++
	id := fmt.Sprintf("vitrine-%s-%d", c.name, p.n)
	c.mu.Unlock()
	start := time.Now()
	if c.init.SupportsProgressReporting {
		c.event("progressStart", dap.ProgressStartEventBody{ProgressId: id, Title: title})
	} else {
		c.event("output", dap.OutputEventBody{Category: "console", Output: title + " …\n"})
	}
	return func(ok bool) {
		end := "done"
		if !ok {
			end = "failed"
		}
		end = fmt.Sprintf("%s, %.1f s", end, time.Since(start).Seconds())
		if c.init.SupportsProgressReporting {
			c.event("progressEnd", dap.ProgressEndEventBody{ProgressId: id, Message: end})
		} else {
			c.event("output", dap.OutputEventBody{Category: "console", Output: title + ": " + end + "\n"})
		}
	}
}

// Output implements Progress.
func (p *progress) Output(text string) {
	p.c.event("output", dap.OutputEventBody{Category: "stderr", Output: text})
}

// keep lets a launched machine outlive its last client.
func (s *Server) keep(m Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = m
}
