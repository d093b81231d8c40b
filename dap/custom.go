package dap

import (
	"errors"
	"fmt"
	"io"
	"time"

	"vitrine/kernel/kview"
	"vitrine/machine/ring"
)

// The requests and events that are ours, vitrine/…; docs/dap.md describes them.

// View describes a view, in the answer to vitrine/views.
type View struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	Columns []string `json:"columns"`
	Detail  []string `json:"detail,omitempty"`
}

// ViewsBody is the answer to vitrine/views.
type ViewsBody struct {
	Views []View `json:"views"`
}

func (c *conn) viewList(_ *request, _ *struct{}) (any, error) {
	views, err := c.debugger().Views()
	if err != nil {
		return nil, err
	}
	body := ViewsBody{Views: make([]View, 0, len(views))}
	for _, v := range views {
		d := View{Name: v.Name, Doc: v.Doc, Detail: v.Detail, Columns: []string{}}
		for _, col := range v.Columns {
			d.Columns = append(d.Columns, col.Head)
		}
		body.Views = append(body.Views, d)
	}
	return body, nil
}

// ViewArguments are those of vitrine/view.
type ViewArguments struct {
	Name string `json:"name"`
}

// TableBody is the answer to vitrine/view. Each row has an expression that evaluates to what it shows, "" if there is none.
type TableBody struct {
	Name      string     `json:"name"`
	Head      []string   `json:"head"`
	Rows      [][]string `json:"rows"`
	Exprs     []string   `json:"exprs"`
	Truncated bool       `json:"truncated,omitempty"`
}

func (c *conn) viewTable(_ *request, a *ViewArguments) (any, error) {
	t, err := c.debugger().View(a.Name)
	if err != nil {
		return nil, err
	}
	return tableBody(&t), nil
}

func tableBody(t *kview.Table) TableBody {
	body := TableBody{Name: t.View, Head: t.Head, Exprs: make([]string, len(t.Rows)), Rows: make([][]string, len(t.Rows)), Truncated: t.Truncated}
	copy(body.Exprs, t.Exprs)
	for i, r := range t.Rows {
		row := make([]string, len(r))
		for j := range r {
			row[j] = printable(r[j])
		}
		body.Rows[i] = row
	}
	return body
}

// DmesgArguments are those of vitrine/dmesg. Follow: later lines come as events of the same name, or do so no more.
type DmesgArguments struct {
	Follow *bool `json:"follow,omitempty"`
}

const dmesgEvent = "vitrine/dmesg"

// LinesBody is the answer to vitrine/dmesg and vitrine/trace, and the event's body.
type LinesBody struct {
	Lines []string `json:"lines"`
}

// dmesg reads the kernel's log from shared RAM, so it works whatever state the kernel is in.
func (c *conn) dmesg(_ *request, a *DmesgArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	r, err := ring.NewReader(m.Ring("dmesg"))
	if err != nil {
		return nil, err
	}
	body := LinesBody{Lines: logLines(r)}
	switch {
	case a.Follow == nil:
	case *a.Follow:
		quit := make(chan struct{})
		c.keep(m, dmesgEvent, func() { close(quit) })
		go c.followLog(m, r, quit)
	default:
		c.keep(m, dmesgEvent, nil)
	}
	return body, nil
}

// logPeriod is how often a log is looked at; nothing tells when it grows.
const logPeriod = 50 * time.Millisecond

func (c *conn) followLog(m Machine, r *ring.Reader, quit chan struct{}) {
	tick := time.NewTicker(logPeriod)
	defer tick.Stop()
	for {
		end := false
		select {
		case <-quit:
			return
		case <-m.Done():
			end = true
		case <-tick.C:
		}
		if lines := logLines(r); len(lines) > 0 {
			c.event(dmesgEvent, LinesBody{Lines: lines})
		}
		if end {
			return
		}
	}
}

func logLines(r *ring.Reader) []string {
	lines, size := []string{}, 0
	for size < maxMessage/4 {
		rec, ok := r.Next()
		if !ok {
			break
		}
		l := printable(fmt.Sprintf("[%5d.%06d] %s", rec.Time/1e9, rec.Time%1e9/1e3, rec.Data))
		size += len(l)
		lines = append(lines, l)
	}
	return lines
}

// ConsoleArguments are those of vitrine/console.
type ConsoleArguments struct {
	Subscribe bool   `json:"subscribe,omitempty"` // events vitrine/console with what the console shows
	Input     string `json:"input,omitempty"`     // is typed on the console
	Stdin     string `json:"stdin,omitempty"`     // goes to the standard input of the guest command
}

// ConsoleBody is the body of the event vitrine/console.
type ConsoleBody struct {
	Data []byte `json:"data"` // base64: bytes for a terminal
}

func (c *conn) console(_ *request, a *ConsoleArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	if a.Subscribe {
		con := m.Console()
		c.onLeave(func() { con.Close() })
		go io.Copy(&consoleEvents{c}, con)
	}
	if a.Input == "" && a.Stdin == "" {
		return nil, nil
	}
	return nil, c.typeIn(m, a)
}

// maxTyped is how many inputs may wait for a guest that reads none.
const maxTyped = 1000

// typeIn passes input on. Nobody waits: a guest that stands still takes none.
func (c *conn) typeIn(m Machine, a *ConsoleArguments) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.machine != m {
		return errNoMachine
	}
	if c.typed == nil || c.typedOn != m {
		typed, quit := make(chan *ConsoleArguments, maxTyped), make(chan struct{})
		c.typed, c.typedOn = typed, m
		c.stops = append(c.stops, func() { close(quit) })
		go typist(m, typed, quit)
	}
	select {
	case c.typed <- a:
		return nil
	default:
		return errors.New("the guest does not read what is typed")
	}
}

// typist types what comes until its client leaves.
func typist(m Machine, typed <-chan *ConsoleArguments, quit <-chan struct{}) {
	con := m.Console()
	defer con.Close()
	for {
		select {
		case <-quit:
			return
		case a := <-typed:
			if a.Input != "" {
				io.WriteString(con, a.Input)
			}
			if a.Stdin != "" {
				m.Input([]byte(a.Stdin)) // a machine that has none ignores it
			}
		}
	}
}

type consoleEvents struct{ c *conn }

func (w *consoleEvents) Write(p []byte) (int, error) {
	w.c.calm(outputLimit)
	w.c.event("vitrine/console", ConsoleBody{Data: p})
	return len(p), nil
}
