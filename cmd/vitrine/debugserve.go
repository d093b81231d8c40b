package main

import (
	"errors"
	"strings"
	"sync/atomic"

	"vitrine/debugserver/console"
	"vitrine/debugserver/session"
	"vitrine/machine/ctl"
	"vitrine/machine/ring"
)

// The debugger's command line runs here, in the supervisor; `vitrine debug` has the terminal. After the answer to
// the request, frames go both ways: debugAsk and debugSay.

// debugAsk is what `vitrine debug` sends: one of them.
type debugAsk struct {
	Line      *string `json:",omitempty"` // to be executed; a debugSay with Done follows its output
	Complete  *string `json:",omitempty"` // the line up to the cursor; a debugSay with Start and Words follows
	Interrupt bool    `json:",omitempty"` // ^C: also while a line is executed
}

// debugSay is what it hears.
type debugSay struct {
	Out    []byte   `json:",omitempty"`
	Prompt string   `json:",omitempty"` // from now on
	Done   bool     `json:",omitempty"` // the line is executed, …
	Error  string   `json:",omitempty"` // … and failed
	Quit   bool     `json:",omitempty"` // … and was the last
	Start  *int     `json:",omitempty"` // completion: of the word, which may be …
	Words  []string `json:",omitempty"` // … one of these
}

// debugWriter sends what an interpreter prints.
type debugWriter struct{ w *wire }

func (d debugWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 64<<10)
		if err := d.w.send(debugSay{Out: rest[:n]}); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// debugClient serves a `vitrine debug`.
func (m *vm) debugClient(w *wire, a *ask) {
	c, err := m.debugger().Connect("console", !a.Running)
	if err != nil {
		w.send(answer{Error: err.Error()})
		return
	}
	// Its breakpoints go with it, and a command that waits for a stop; the machine stays as it is for others, and runs on if
	// there are none.
	defer c.Close()
	if w.send(answer{}) == nil {
		serveDebugger(w, c, a.Dir, m.logLines)
	}
}

// serveDebugger interprets the commands that come, until their sender leaves. dmesg is the kernel's log; nil: there is none.
func serveDebugger(w *wire, c *session.Client, dir string, dmesg func() []string) {
	in := console.New(c, debugWriter{w})
	in.Dir = dir
	in.Dmesg = dmesg
	if st, _ := c.State(); st == session.Stopped {
		in.Handle(<-c.Events) // tells where it stands; what comes later is told as it comes
	}
	go in.Follow(c.Events, func() { w.send(debugSay{Prompt: in.Prompt()}) })
	if w.send(debugSay{Done: true, Prompt: in.Prompt()}) != nil {
		return
	}
	lines := make(chan debugAsk, 1)
	defer close(lines)
	var busy atomic.Bool
	go executeLines(in, w, lines, &busy)
	for {
		var d debugAsk
		if w.receive(&d) != nil {
			return
		}
		switch {
		case d.Interrupt:
			in.Interrupt()
		case d.Line != nil || d.Complete != nil:
			if !busy.CompareAndSwap(false, true) {
				w.send(debugSay{Done: d.Line != nil, Error: "another command is under way"})
				continue
			}
			lines <- d
		}
	}
}

// executeLines runs an interpreter's commands, one at a time.
func executeLines(in *console.Interp, w *wire, lines <-chan debugAsk, busy *atomic.Bool) {
	for d := range lines {
		var say debugSay
		if d.Complete != nil {
			start := console.WordStart(*d.Complete, len(*d.Complete))
			say.Start, say.Words = &start, in.Complete(*d.Complete, len(*d.Complete))
		} else {
			err := in.Execute(*d.Line)
			say = debugSay{Done: true, Prompt: in.Prompt(), Quit: errors.Is(err, console.ErrQuit)}
			if err != nil && !say.Quit {
				say.Error = err.Error()
			}
		}
		busy.Store(false)
		w.send(say)
	}
}

// logLines is the kernel's log as it is now.
func (m *vm) logLines() (lines []string) {
	r, err := ring.NewReader(m.board.Ring("dmesg"))
	if err != nil {
		return nil
	}
	for {
		rec, ok := r.Next()
		if !ok {
			return lines
		}
		lines = append(lines, formatLog(rec))
	}
}

// visit has f look at the machine as a client that leaves at once.
func (m *vm) visit(f func(c *session.Client) error) error {
	c, err := m.debugger().Connect("visitor", false)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// stoppedView evaluates a view of a machine that a debugger holds. ok is false if none does.
func (m *vm) stoppedView(name string) (tb *ctl.Table, ok bool, err error) {
	if st, _, _ := m.debugger().State(); st != session.Stopped {
		return nil, false, nil
	}
	err = m.visit(func(c *session.Client) error {
		if name == "" {
			vs, err := c.Views()
			tb = &ctl.Table{View: "views", Head: []string{"VIEW", "WHAT"}}
			for _, v := range vs {
				tb.Rows = append(tb.Rows, []string{v.Name, v.Doc})
			}
			return err
		}
		t, err := c.View(name)
		tb = tableOf(&t)
		if err != nil && len(t.Rows) > 0 {
			err = nil // a part of it, and marked so
		}
		return err
	})
	if err != nil && strings.Contains(err.Error(), "there is no view") {
		err = errors.New(err.Error() + "; `vitrine view` lists them")
	}
	return tb, true, err
}
