package dap

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"vitrine/dap/daptest"
)

// fakeConsole is a console.
type fakeConsole struct {
	r *io.PipeReader
	w *io.PipeWriter
}

func newFakeConsole() *fakeConsole {
	r, w := io.Pipe()
	return &fakeConsole{r, w}
}

func (f *fakeConsole) Read(p []byte) (int, error)  { return f.r.Read(p) }
func (f *fakeConsole) Write(p []byte) (int, error) { return len(p), nil }
func (f *fakeConsole) Close() error                { return f.w.Close() }

// fakeHost makes fake kernels.
type fakeHost struct {
	mu     sync.Mutex
	made   []*fakeKernel
	run    map[string]*fakeKernel // those that run
	remote func(name string) (io.ReadWriteCloser, error)
	fail   error
	cfg    *LaunchConfig
}

func (h *fakeHost) Launch(ctx context.Context, cfg *LaunchConfig, p Progress, old Machine) (Machine, error) {
	end := p.Begin("building the kernel")
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		p.Output("kernel/boot.go:1:1: syntax error\n")
		end(false)
		return nil, h.fail
	}
	end(true)
	if cfg != nil && cfg.Program == "/never" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if old != nil {
		old.Kill()
	}
	h.cfg = cfg
	k := newFakeKernel("vm")
	h.made = append(h.made, k)
	return k, nil
}

func (h *fakeHost) Attach(name string) (Machine, io.ReadWriteCloser, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.run[name]; k != nil {
		return k, nil, nil
	}
	if h.remote != nil {
		rw, err := h.remote(name)
		return nil, rw, err
	}
	return nil, nil, fmt.Errorf("no machine called %q runs", name)
}

func (h *fakeHost) last() *fakeKernel {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.made[len(h.made)-1]
}

// duplex is a connection in memory.
type duplex struct {
	io.Reader
	io.Writer
	close func()
}

func (d duplex) Close() error { d.close(); return nil }

func pipe() (a, b io.ReadWriteCloser) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	end := func() { r1.Close(); w1.Close(); r2.Close(); w2.Close() }
	return duplex{r1, w2, end}, duplex{r2, w1, end}
}

// dial connects a new client to the server. The channel is closed when the server is done with it.
func dial(t testing.TB, s *Server) (io.ReadWriteCloser, <-chan struct{}) {
	ours, theirs := pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(theirs)
	}()
	t.Cleanup(func() { ours.Close(); <-done })
	return ours, done
}

func newClient(t testing.TB, s *Server) *daptest.Client {
	rw, _ := dial(t, s)
	return daptest.New(t, rw)
}
