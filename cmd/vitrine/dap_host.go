package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vitrine/dap"
	"vitrine/debugserver/session"
)

// dapHost makes the machines that DAP clients launch.
type dapHost struct{ server *dap.Server }

// Launch implements dap.Host.
func (h *dapHost) Launch(ctx context.Context, cfg *dap.LaunchConfig, p dap.Progress, old dap.Machine) (dap.Machine, error) {
	started := time.Now()
	o, err := launchOptions(ctx, cfg, p)
	if err != nil {
		return nil, err
	}
	kernel, initrd, err := findParts(o)
	if err != nil {
		if errors.Is(err, errBuild) {
			err = errors.New("the build failed; the debug console shows what the compiler says")
		}
		return nil, err
	}
	if !cfg.NoDebug {
		go session.Preload(kernel) // while the machine starts
	}
	if old != nil {
		old.Kill()
		<-old.Done()
		o.name = old.Name()
	}
	m, err := makeVM(o, started, kernel, initrd)
	if err != nil {
		return nil, err
	}
	m.dap = h.server
	if err := m.open(); err != nil {
		m.close()
		return nil, err
	}
	return newDAPMachine(m), nil
}

// launchOptions says in the words of `vitrine run` what a client wants.
func launchOptions(ctx context.Context, cfg *dap.LaunchConfig, p dap.Progress) (*options, error) {
	o := &options{
		name: cfg.Machine, ram: 512 << 20, cpus: cfg.SMP, append: cfg.Append, initrd: cfg.Initrd, root: cfg.Root, audio: cfg.Audio, command: cfg.Args,
		guest: newGuest(cfg.Console != "internalConsole"),
	}
	if cfg.Memory != "" {
		var err error
		if o.ram, err = parseSize(string(cfg.Memory)); err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
	}
	for _, name := range sortedKeys(cfg.Env) {
		if name == "" || strings.ContainsAny(name, "= \t\n\"") {
			return nil, fmt.Errorf("env: %q is no name", name)
		}
		o.env = append(o.env, name+"="+cfg.Env[name])
	}
	b := &builder{ctx: ctx, begin: p.Begin, errors: progressWriter{p}}
	switch st, err := os.Stat(cfg.Program); {
	case cfg.Program == "":
		t, err := findTree()
		if err == nil {
			o.tree = newTree(t.dir, b)
		} // else findParts says what is missing
	case err != nil:
		return nil, fmt.Errorf("program: %w", err)
	case !st.IsDir():
		o.kernel = cfg.Program
	case !isTree(cfg.Program):
		return nil, fmt.Errorf("program: %s is neither a built kernel nor a source tree of Vitrine", cfg.Program)
	default:
		o.tree = newTree(cfg.Program, b)
	}
	return o, o.check()
}

type progressWriter struct{ p dap.Progress }

func (w progressWriter) Write(b []byte) (int, error) {
	w.p.Output(string(b))
	return len(b), nil
}

// Attach implements dap.Host: the machine has another supervisor.
func (*dapHost) Attach(name string) (dap.Machine, io.ReadWriteCloser, error) {
	rw, err := dialDAP(name)
	return nil, rw, err
}

// dialDAP connects to the DAP server of a running machine's supervisor.
func dialDAP(name string) (io.ReadWriteCloser, error) {
	conn, _, err := dial(name)
	if err != nil {
		return nil, err
	}
	w := &wire{rw: conn}
	var r answer
	if err = w.send(ask{Op: "dap"}); err == nil {
		err = w.receive(&r)
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// runHost has the one machine of `vitrine run`.
type runHost struct{ m *dapMachine }

// Launch implements dap.Host.
func (h *runHost) Launch(context.Context, *dap.LaunchConfig, dap.Progress, dap.Machine) (dap.Machine, error) {
	return nil, fmt.Errorf("this is the server of %s, whose terminal belongs to `vitrine run`: attach to it; `reboot` in the guest builds and boots anew", h.m.Name())
}

// Attach implements dap.Host.
func (h *runHost) Attach(name string) (dap.Machine, io.ReadWriteCloser, error) {
	if name == "" || name == h.m.Name() {
		return h.m, nil, nil
	}
	rw, err := dialDAP(name)
	return nil, rw, err
}

// dapMachine is a machine as DAP's server sees it.
type dapMachine struct {
	*vm
	done   chan struct{}
	status int // with text, set before done is closed
	text   string
	again  bool

	records recordings
}

func newDAPMachine(m *vm) *dapMachine {
	d := &dapMachine{vm: m, done: make(chan struct{})}
	go func() {
		out := m.board.Wait()
		if m.opts.guest != nil { // nobody else does
			m.close() // flushes outputs
		}
		d.status, d.text = m.status(out)
		d.again = m.rebooting(out)
		close(d.done)
	}()
	return d
}

func (d *dapMachine) Name() string            { return d.name }
func (d *dapMachine) PID() int                { return d.board.PID() }
func (d *dapMachine) Program() string         { return d.vm.kernel }
func (d *dapMachine) Terminal() bool          { return d.streams.nodes() == "" }
func (d *dapMachine) Boot() error             { return d.board.Boot() }
func (d *dapMachine) Kill()                   { d.quit() }
func (d *dapMachine) Done() <-chan struct{}   { return d.done }
func (d *dapMachine) Outcome() (int, string)  { return d.status, d.text }
func (d *dapMachine) Rebooting() bool         { return d.again }
func (d *dapMachine) Ring(name string) []byte { return d.board.Ring(name) }

func (d *dapMachine) Connect(name string, stop bool) (dap.Debugger, error) {
	c, err := d.debugger().Connect(name, stop)
	if err != nil {
		return nil, err
	}
	return dap.NewDebugger(c), nil
}

func (d *dapMachine) Console() io.ReadWriteCloser { return d.console.Ports[0].View() }

func (d *dapMachine) Watch(w func(string, []byte)) func() {
	if d.opts.guest == nil {
		return func() {}
	}
	return d.opts.guest.watch(w)
}

func (d *dapMachine) Input(p []byte) error {
	if d.opts.guest == nil || d.Terminal() {
		return errors.New("this machine's input is its console")
	}
	_, err := d.opts.guest.stdin.Write(p)
	return err
}
