package main

import (
	"io"
	"os"
	"sync"
)

// guest is the streams of a machine that a debugger's client launched: nobody's terminal. A command's output goes to whoever
// watches.
type guest struct {
	terminal bool // its streams are the console; a client shows that

	in    *io.PipeReader
	stdin *io.PipeWriter

	mu       sync.Mutex
	last     int                          // guarded by mu
	watchers map[int]func(string, []byte) // guarded by mu
}

func newGuest(terminal bool) *guest {
	g := &guest{terminal: terminal, watchers: map[int]func(string, []byte){}}
	g.in, g.stdin = io.Pipe()
	return g
}

// connect joins the streams to the console device.
func (g *guest) connect(m *vm) {
	if !m.streams.command || g.terminal {
		return // the console has viewers
	}
	m.console.Port(streamNames[0]).Input(g.in)
	for fd := 1; fd <= 2; fd++ {
		m.console.Port(streamNames[fd]).Output(guestWriter{g, streamNames[fd]})
	}
}

// watch calls f for what the command writes. f must not wait.
func (g *guest) watch(f func(category string, p []byte)) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	n := g.last
	g.watchers[n] = f
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.watchers, n)
	}
}

// guestWriter is one of its output streams.
type guestWriter struct {
	g    *guest
	name string
}

func (w guestWriter) Write(p []byte) (int, error) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	for _, f := range w.g.watchers {
		f(w.name, p)
	}
	return len(p), nil
}

// term is the kind of terminal that the guest is told of.
func (s *streams) term() string {
	if s.guest != nil {
		return "xterm-256color" // what clients have in their windows
	}
	return os.Getenv("TERM")
}
