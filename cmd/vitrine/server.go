package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"vitrine/hostdev/console"
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
		Rows: [][]string{{m.name, strconv.Itoa(m.board.PID()), state, up.String(), strconv.Itoa(m.opts.cpus),
			fmt.Sprintf("%dM", m.opts.ram>>20), what}},
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
		if p.Cols > 0 && !m.streams.tty[0] {
			m.console.Resize(p.Cols, p.Rows) // our own terminal, if there is one, has the say
		}
		if _, err := v.Write(p.Data); err != nil {
			return
		}
	}
}

// maxExecs is how many commands `vitrine exec` can run at a time: each needs three ports.
const maxExecs = 3

func execPort(i int, stream string) string { return fmt.Sprintf("exec%d.%s", i, stream) }

// execs are the commands that `vitrine exec` runs.
type execs struct {
	m    *vm
	mu   sync.Mutex
	busy [maxExecs]bool
	end  map[uint64]chan int // guarded by mu: by the request's ID; made by whoever comes first
}

func (x *execs) init(m *vm) { x.m, x.end = m, map[uint64]chan int{} }

func (x *execs) take() (int, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.busy {
		if !x.busy[i] {
			x.busy[i] = true
			return i, true
		}
	}
	return 0, false
}

func (x *execs) put(i int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.busy[i] = false
}

func (x *execs) ended(id uint64) chan int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end[id] == nil {
		x.end[id] = make(chan int, 1)
	}
	return x.end[id]
}

func (x *execs) forget(id uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.end, id)
}

func (x *execs) exited(id uint64, status int) {
	select {
	case x.ended(id) <- status:
	default:
	}
}

// exec runs a command beside what runs.
func (m *vm) exec(w *wire, a *ask) {
	i, ok := m.execs.take()
	if !ok {
		w.send(answer{Error: fmt.Sprintf("%d commands run by exec already; that is all the ports there are", maxExecs)})
		return
	}
	defer m.execs.put(i)
	var port [3]*console.Port
	req := &ctl.Exec{Argv: a.Argv, Dir: a.Dir, Env: []string{
		"HOME=/root", "PATH=/bin:/sbin:/usr/bin:/usr/sbin:/demo", "TERM=dumb", "USER=root", "LOGNAME=root", "SHELL=/bin/sh",
	}}
	for fd, name := range streamNames {
		port[fd] = m.console.Port(execPort(i, name))
		req.Files[fd] = portNode(execPort(i, name))
	}
	in, feed := io.Pipe()
	defer feed.Close()
	var drained sync.WaitGroup
	for fd := 1; fd <= 2; fd++ {
		drained.Add(1)
		port[fd].Output(streamWriter{w, fd}, sync.OnceFunc(drained.Done))
	}
	port[0].Input(in)
	msg := &ctl.Message{Exec: req}
	_, err := m.board.Request(msg, kernelTimeout)
	defer m.execs.forget(msg.ID)
	if err != nil {
		w.send(answer{Error: err.Error()})
		return
	}
	if w.send(answer{}) != nil {
		return
	}
	go func() { // what the client types
		defer feed.Close()
		for {
			var p part
			if w.receive(&p) != nil || p.End {
				return
			}
			if _, err := feed.Write(p.Data); err != nil {
				return
			}
		}
	}()
	select {
	case status := <-m.execs.ended(msg.ID):
		// Its output comes to its end now, unless a child of it lives on.
		done := make(chan struct{})
		go func() { drained.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(500 * time.Millisecond):
		}
		w.send(part{Exited: true, Status: status})
	case <-m.board.Done():
	}
}
