package main

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"vitrine/hostdev/console"
	"vitrine/machine/ctl"
)

// How many commands `vitrine exec` can run at a time: each with three ports, or with a terminal.
const (
	maxExecs     = 3
	maxTerminals = 2
)

func execPort(i int, stream string) string { return fmt.Sprintf("exec%d.%s", i, stream) }
func execTerminal(i int) string            { return fmt.Sprintf("exec-tty%d", i) }

// execs are the commands that `vitrine exec` runs.
type execs struct {
	mu    sync.Mutex
	ports [maxExecs]bool      // guarded by mu: in use
	ttys  [maxTerminals]bool  // guarded by mu
	ends  map[uint64]chan int // guarded by mu: by the request's ID; made by whoever comes first
}

// take finds a place that is free. It calls the returned function to give it back.
func (x *execs) take(busy []bool) (int, func(), error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range busy {
		if !busy[i] {
			busy[i] = true
			return i, func() {
				x.mu.Lock()
				defer x.mu.Unlock()
				busy[i] = false
			}, nil
		}
	}
	return 0, nil, fmt.Errorf("%d such commands run by exec already; the console device has no more ports", len(busy))
}

// ended is where the exit status of the command of that request comes.
func (x *execs) ended(id uint64) chan int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ends == nil {
		x.ends = map[uint64]chan int{}
	}
	if x.ends[id] == nil {
		x.ends[id] = make(chan int, 1)
	}
	return x.ends[id]
}

func (x *execs) forget(id uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.ends, id)
}

// exited hears of a command's end.
func (x *execs) exited(id uint64, status int) {
	select {
	case x.ended(id) <- status:
	default:
	}
}

// exec runs a command beside what runs, for a client.
func (m *vm) exec(w *wire, a *ask) {
	if err := m.execute(w, a); err != nil {
		w.send(answer{Error: err.Error()})
	}
}

// execute returns an error if the command did not start.
func (m *vm) execute(w *wire, a *ask) error {
	req := &ctl.Exec{Argv: a.Argv, Dir: a.Dir, Tty: a.Term != "", Env: []string{
		"HOME=/root", "PATH=/bin:/sbin:/usr/bin:/usr/sbin:/demo", "USER=root", "LOGNAME=root", "SHELL=/bin/sh",
	}}
	var in *console.Port
	var outs []*console.Port
	if req.Tty {
		i, put, err := m.execs.take(m.execs.ttys[:])
		if err != nil {
			return err
		}
		defer put()
		req.Env = append(req.Env, "TERM="+a.Term)
		in = m.console.Port(execTerminal(i))
		in.Resize(a.Cols, a.Rows)
		outs = []*console.Port{in}
		node := fmt.Sprintf("/dev/hvc%d", in.ID)
		req.Files = [3]string{node, node, node}
	} else {
		i, put, err := m.execs.take(m.execs.ports[:])
		if err != nil {
			return err
		}
		defer put()
		req.Env = append(req.Env, "TERM=dumb")
		for fd, name := range streamNames {
			req.Files[fd] = portNode(execPort(i, name))
		}
		in = m.console.Port(execPort(i, streamNames[0]))
		outs = []*console.Port{m.console.Port(execPort(i, streamNames[1])), m.console.Port(execPort(i, streamNames[2]))}
	}
	// A terminal's input has no end: what comes later is for the next command.
	feed := io.WriteCloser(terminalInput{in})
	if !req.Tty {
		var keys *io.PipeReader
		keys, feed = io.Pipe()
		in.Input(keys)
	}
	defer feed.Close()
	// The command may write before its start is answered; the client must get the answer first.
	answered := make(chan struct{})
	release := sync.OnceFunc(func() { close(answered) })
	defer release()
	for i, p := range outs {
		p.Output(heldWriter{streamWriter{w, i + 1}, answered})
	}
	msg := &ctl.Message{Exec: req}
	r, err := m.board.Request(msg, kernelTimeout)
	defer m.execs.forget(msg.ID)
	if err != nil {
		return err
	}
	if w.send(answer{}) != nil {
		return nil
	}
	release()
	over := make(chan struct{})
	defer close(over)
	go func() {
		receiveKeys(w, in, feed)
		select {
		case <-over: // the process ID may be another's
		default:
			// The client has gone: to its command that is a terminal that hangs up.
			m.board.Request(&ctl.Message{Signal: &ctl.Signal{PID: r.PID, Signal: int(unix.SIGHUP)}}, kernelTimeout)
		}
	}()
	select {
	case status := <-m.execs.ended(msg.ID):
		for _, p := range outs { // not to their end: a child may live on and keep them open
			p.Drain()
		}
		w.send(part{Exited: true, Status: status})
	case <-m.board.Done():
	}
	return nil
}

// heldWriter writes once the channel is closed.
type heldWriter struct {
	io.Writer
	until <-chan struct{}
}

func (h heldWriter) Write(p []byte) (int, error) {
	<-h.until
	return h.Writer.Write(p)
}

type terminalInput struct{ *console.Port }

func (terminalInput) Close() error { return nil }

// receiveKeys passes on what the client sends until it has gone.
func receiveKeys(w *wire, port *console.Port, feed io.WriteCloser) {
	ended := false
	for {
		var p part
		if w.receive(&p) != nil {
			return
		}
		if p.Cols > 0 {
			port.Resize(p.Cols, p.Rows)
		}
		if p.End && !ended {
			ended = true
			feed.Close()
		}
		if len(p.Data) > 0 && !ended {
			if _, err := feed.Write(p.Data); errors.Is(err, io.ErrClosedPipe) {
				ended = true // the command is over; its status is on the way
			}
		}
	}
}
