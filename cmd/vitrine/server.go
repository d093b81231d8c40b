package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"vitrine/machine/ctl"
	"vitrine/machine/ring"
)

// kernelTimeout is how long the kernel may take for an answer.
const kernelTimeout = 5 * time.Second

// serve answers the clients of this machine until its end.
func (m *vm) serve() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			m.client(&wire{rw: conn}, conn)
		}()
	}
}

// client serves one connection.
func (m *vm) client(w *wire, conn *os.File) {
	var a ask
	conn.SetReadDeadline(time.Now().Add(kernelTimeout))
	if w.receive(&a) != nil {
		return
	}
	conn.SetReadDeadline(time.Time{})
	switch a.Op {
	case "info":
		w.send(answer{Table: m.info()})
	case "view":
		if tb, ok, err := m.stoppedView(a.View); ok {
			r := answer{Table: tb}
			if err != nil {
				r.Error = err.Error()
			}
			w.send(r)
			return
		}
		r, err := m.board.Request(&ctl.Message{View: &ctl.View{Name: a.View, Args: a.Args}}, kernelTimeout)
		if err != nil {
			w.send(answer{Error: err.Error()})
			return
		}
		w.send(answer{Table: r.Table})
	case "dmesg":
		m.dmesg(w, a.Follow)
	case "exec":
		m.exec(w, &a)
	case "console":
		m.attach(w)
	case "dap":
		if w.send(answer{}) == nil {
			m.dapServer().Serve(conn)
		}
	case "debug":
		m.debugClient(w, &a)
	case "core":
		m.core(w, &a)
	case "kill":
		w.send(answer{})
		m.quit()
	default:
		w.send(answer{Error: fmt.Sprintf("this machine's vitrine does not know %q", a.Op)})
	}
}

// info is the machine's line in `vitrine ps` without a kernel's help.
func (m *vm) info() *ctl.Table {
	now, frozen := m.board.Now()
	state := m.board.Phase().String()
	if frozen {
		state = "stopped"
	}
	what := strings.Join(m.opts.command, " ")
	if what == "" {
		what = "(shell)"
	}
	if what = printable(what); len(what) > 60 {
		what = strings.ToValidUTF8(what[:57], "") + "..."
	}
	up := time.Duration(now).Round(time.Second)
	return &ctl.Table{
		View: "machines", Head: []string{"NAME", "PID", "STATE", "UP", "CPUS", "RAM", "COMMAND"},
		Rows: [][]string{{
			m.name, strconv.Itoa(m.board.PID()), state, up.String(), strconv.Itoa(m.opts.cpus),
			fmt.Sprintf("%dM", m.opts.ram>>20), what,
		}},
	}
}

// dmesg sends the kernel's log, from shared RAM: no kernel need be alive for it.
func (m *vm) dmesg(w *wire, follow bool) {
	r, err := ring.NewReader(m.board.Ring("dmesg"))
	if err != nil {
		w.send(answer{Error: err.Error()})
		return
	}
	for {
		var lines []string
		size := 0
		for size < ctl.MaxMessage/8 {
			rec, ok := r.Next()
			if !ok {
				break
			}
			l := formatLog(rec)
			size += len(l)
			lines = append(lines, l)
		}
		if len(lines) > 0 || !follow {
			if w.send(answer{Lines: lines}) != nil {
				return
			}
		}
		if !follow {
			return
		}
		select {
		case <-m.board.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// attach joins another terminal to the console.
func (m *vm) attach(w *wire) {
	if w.send(answer{}) != nil {
		return
	}
	v := m.console.Ports[0].View()
	defer v.Close()
	go func() {
		io.Copy(streamWriter{w, 1}, v)
		w.send(part{Stream: 1, End: true})
	}()
	for {
		var p part
		if w.receive(&p) != nil {
			return
		}
		if p.Cols > 0 && (!m.streams.tty[0] || m.streams.guest != nil) {
			m.console.Resize(p.Cols, p.Rows) // our own terminal, if there is one, has the say
		}
		if _, err := v.Write(p.Data); err != nil {
			return
		}
	}
}
