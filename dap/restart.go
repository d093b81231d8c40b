package dap

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/go-dap"
)

// restart rebuilds the kernel and boots it anew. All clients of the machine go over to the new one, with their
// breakpoints. If the build fails nothing has changed.
func (c *conn) restart(q *request, a *struct {
	Arguments json.RawMessage `json:"arguments"` // the configuration, if it has changed
},
) (any, error) {
	old := c.attachedTo()
	_, cfg := c.s.launchedBy(old)
	if len(a.Arguments) > 0 && cfg != nil {
		fresh := new(LaunchConfig)
		if err := json.Unmarshal(a.Arguments, fresh); err != nil {
			return nil, fmt.Errorf("restart: %w", err)
		}
		if err := fresh.check(); err != nil {
			return nil, err
		}
		cfg = fresh
	}
	err := c.s.restart(q, c, old, cfg)
	if err != nil && c.init.ClientID == vscode && c.attachedTo() == old && alive(old) {
		c.event("output", dap.OutputEventBody{Category: "important", Output: fmt.Sprintf("not restarted: %v\n", err)})
		return nil, nil
	}
	return nil, err
}

// vscode is what VS Code calls itself. It takes a restart that is refused for the session's end, and knows nothing of the machine any
// more, which goes on; so it is told in another way.
const vscode = "vscode"

func alive(m Machine) bool {
	select {
	case <-m.Done():
		return false
	default:
		return true
	}
}

func (s *Server) restart(q *request, by *conn, old Machine, cfg *LaunchConfig) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	clients := s.clientsOf(old)
	for _, c := range clients {
		c.setSwap(true)
	}
	m, err := s.opts.Host.Launch(q.ctx, cfg, &progress{c: by}, old)
	if err != nil {
		for _, c := range clients {
			c.setSwap(false)
		}
		select {
		case <-old.Done(): // it is gone all the same
			for _, c := range clients {
				go c.ended(old)
			}
		default:
		}
		return err
	}
	if was, _ := s.launchedBy(old); was {
		s.setCurrent(m, cfg)
	}
	// The one who asked stops the new machine at its beginning; the others find it so.
	var errs []error
	entry := 0
	if err := by.adopt(m, true, 0, cfg); err != nil {
		m.Kill()
		errs = append(errs, err)
	} else {
		by.mu.Lock()
		entry = by.entry
		by.mu.Unlock()
	}
	for _, c := range clients {
		if c != by {
			if err := c.adopt(m, false, entry, cfg); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
			}
		}
	}
	if len(errs) == 0 {
		errs = append(errs, by.boot(m, by.debugger(), cfg))
	}
	return errors.Join(errs...)
}

func (c *conn) setSwap(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.swap = on
}

// adopt goes over to the machine's successor.
func (c *conn) adopt(m Machine, stop bool, entry int, cfg *LaunchConfig) error {
	c.mu.Lock()
	old, was := c.dbg, c.halted
	watched := c.guest.watching()
	c.mu.Unlock()
	if old != nil {
		old.Close()
	}
	c.h.reset()
	if err := c.connect(m, stop, c.sources); err != nil {
		c.setSwap(false)
		go c.ended(m)
		return err
	}
	c.mu.Lock()
	c.swap, c.halted, c.gone = false, false, false
	if entry != 0 {
		c.entry, c.stop = entry, nil
		c.bps.setHold(true)
	}
	ready := c.ready
	c.mu.Unlock()
	if was {
		c.event("continued", dap.ContinuedEventBody{AllThreadsContinued: true})
	}
	for _, b := range c.bps.restore(c) {
		c.event("breakpoint", dap.BreakpointEventBody{Reason: "changed", Breakpoint: b})
	}
	c.event("process", dap.ProcessEventBody{Name: m.Name(), SystemProcessId: m.PID(), IsLocalProcess: true, StartMethod: "launch", PointerSize: 64})
	if watched {
		c.guest.watch(m, cfg)
	}
	if ready {
		c.follow(m, c.debugger())
	}
	return nil
}
