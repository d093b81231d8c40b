package dap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"vitrine/debugserver/session"
	"vitrine/kernel/kview"
)

// fakeKernel is a machine with a session, as far as the server can tell: a run state, breakpoints, some values.
type fakeKernel struct {
	name string

	mu      sync.Mutex
	resumed *sync.Cond
	stop    *session.Stop // nil: it runs
	seq     int
	booted  bool
	done    chan struct{}
	status  int
	clients []*fakeClient
	bps     []session.Breakpoint
	last    int
	values  map[string]string
	memory  map[uint64][]byte
	watch   func(string, []byte)
	input   string
	slow    chan struct{} // Eval of "slow" waits for it
	console *fakeConsole
	guest   fakeGuest
}

func newFakeKernel(name string) *fakeKernel {
	k := &fakeKernel{
		name: name, done: make(chan struct{}), slow: make(chan struct{}), console: newFakeConsole(),
		values: map[string]string{"x": "1", "t.TGID": "7"}, memory: map[uint64][]byte{0x1000: []byte("0123456789abcdef")},
	}
	k.resumed = sync.NewCond(&k.mu)
	return k
}

func (k *fakeKernel) Name() string                { return k.name }
func (k *fakeKernel) PID() int                    { return 4242 }
func (k *fakeKernel) Program() string             { return "/k/vkernel" }
func (k *fakeKernel) Terminal() bool              { return false }
func (k *fakeKernel) Done() <-chan struct{}       { return k.done }
func (k *fakeKernel) Outcome() (int, string)      { return k.status, "" }
func (k *fakeKernel) Console() io.ReadWriteCloser { return k.console }
func (k *fakeKernel) Input(p []byte) error        { k.input += string(p); return nil }
func (k *fakeKernel) Watch(w func(string, []byte)) func() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watch = w
	return func() {}
}

func (k *fakeKernel) Boot() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.booted = true
	k.hitLocked(bootFunc)
	return nil
}

func (k *fakeKernel) Kill() { k.exit(137) }

func (k *fakeKernel) exit(status int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.done:
		return
	default:
	}
	k.status, k.stop = status, nil
	close(k.done)
	k.tell(session.Event{Exited: &session.Exit{Status: status}})
}

func (k *fakeKernel) ended() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

func (k *fakeKernel) Connect(name string, stop bool) (Debugger, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended() {
		return nil, session.ErrExited
	}
	c := &fakeClient{k: k, name: name, in: make(chan session.Event, 1000)}
	k.clients = append(k.clients, c)
	if k.stop != nil {
		c.in <- session.Event{Stopped: k.stop}
	} else if stop {
		k.halt(session.Stop{Reason: session.ReasonEntry})
	}
	return c, nil
}

// tell sends an event to all. Caller holds k.mu.
func (k *fakeKernel) tell(e session.Event) {
	for _, c := range k.clients {
		c.in <- e
	}
}

// halt stops the machine. Caller holds k.mu.
func (k *fakeKernel) halt(st session.Stop) {
	k.seq++
	st.Seq = k.seq
	k.stop = &st
	k.tell(session.Event{Stopped: k.stop})
}

// hit is what happens when thread 7 comes to a function.
func (k *fakeKernel) hit(fn string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.stop != nil { // nobody comes anywhere
		k.resumed.Wait()
	}
	k.hitLocked(fn)
}

func (k *fakeKernel) hitLocked(fn string) {
	st := session.Stop{Reason: session.ReasonBreakpoint, Thread: 7}
	for i := range k.bps {
		if b := &k.bps[i]; b.Spec.Func == fn || b.Spec.Exception == fn || b.Spec.Syscall == fn {
			st.Hits = append(st.Hits, b.ID)
			switch b.Spec.Kind {
			case session.Exception:
				st.Reason, st.Text = session.ReasonException, "BUG: "+fn
			case session.Syscall:
				st.Reason = session.ReasonSyscall
			}
		}
	}
	if len(st.Hits) > 0 {
		k.halt(st)
	}
}

func (k *fakeKernel) resume(by string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended() {
		return session.ErrExited
	}
	if k.stop == nil {
		return session.ErrRunning
	}
	k.stop = nil
	k.resumed.Broadcast()
	k.tell(session.Event{Running: &session.Resumed{By: by}})
	return nil
}

// fakeClient is a client of its session.
type fakeClient struct {
	k    *fakeKernel
	name string
	in   chan session.Event
	once sync.Once
}

func (c *fakeClient) EventStream() <-chan session.Event { return c.in }
func (c *fakeClient) ClientName() string                { return c.name }

func (c *fakeClient) Close() {
	c.once.Do(func() {
		c.k.mu.Lock()
		defer c.k.mu.Unlock()
		c.k.clients = slices.DeleteFunc(c.k.clients, func(o *fakeClient) bool { return o == c })
		c.k.bps = slices.DeleteFunc(c.k.bps, func(b session.Breakpoint) bool { return b.Owner == c.name })
		close(c.in)
	})
}

func (c *fakeClient) State() (session.State, *session.Stop) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	switch {
	case c.k.ended():
		return session.Exited, nil
	case c.k.stop != nil:
		return session.Stopped, c.k.stop
	}
	return session.Running, nil
}

func (c *fakeClient) Continue() error { return c.k.resume(c.name) }

func (c *fakeClient) Pause() error {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	if c.k.stop != nil {
		return session.ErrStopped
	}
	c.k.halt(session.Stop{Reason: session.ReasonPause, Thread: 7, By: c.name})
	return nil
}

func (c *fakeClient) Step(thread int, how session.Step) error {
	if err := c.k.resume(c.name); err != nil {
		return err
	}
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	c.k.halt(session.Stop{Reason: session.ReasonStep, Thread: thread, Text: fmt.Sprint(how), By: c.name})
	return nil
}

func (c *fakeClient) Jump(thread int, file string, line int) error {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	c.k.halt(session.Stop{Reason: session.ReasonGoto, Thread: thread, Text: fmt.Sprintf("%s:%d", file, line)})
	return nil
}

func (c *fakeClient) Kill() error { c.k.Kill(); return nil }

func (c *fakeClient) Set(s session.Spec) (*session.Breakpoint, error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	if s.Func == "nonsense(" {
		return nil, errors.New("malformed location")
	}
	c.k.last++
	b := session.Breakpoint{ID: c.k.last, Owner: c.name, Spec: s, Verified: s.Func != "missing", File: s.File, Line: s.Line, Addrs: []uint64{0x401000}}
	if !b.Verified {
		b.Message = "no such function"
	}
	c.k.bps = append(c.k.bps, b)
	return &b, nil
}

func (c *fakeClient) Clear(id int) error {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	c.k.bps = slices.DeleteFunc(c.k.bps, func(b session.Breakpoint) bool { return b.ID == id && b.Owner == c.name })
	return nil
}

func (c *fakeClient) Breakpoints() []session.Breakpoint {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	return slices.Clone(c.k.bps)
}

func (c *fakeClient) Threads() ([]session.Thread, error) {
	return []session.Thread{{ID: 1, Name: "1 init", State: "S", Wait: "wait4"}, {ID: 7, Name: "7 sh", State: "R", Current: true}}, nil
}

func (c *fakeClient) Stack(thread, from, n int) ([]session.Frame, bool, error) {
	if thread == 666 {
		panic("a bug in the debugger")
	}
	all := []session.Frame{
		{Index: 0, Func: "syscall.sysOpenat", File: "/src/kernel/syscall/open.go", Line: 40, PC: 0x401000},
		{Index: 1, Func: "trap.(*Loop).call", File: "/src/kernel/trap/trap.go", Line: 90, PC: 0x402000},
		{Index: 2, Func: "runtime.goexit", File: "/go/src/runtime/asm.s", Line: 1, PC: 0x403000, Runtime: true},
	}
	return cut(all, from, n), from+n < len(all), nil
}

func (c *fakeClient) variable(name, expr string) session.Variable {
	return session.Variable{Name: name, Expr: expr, Type: "int", Value: c.k.values[expr], Addr: 0x1000, Size: 8, Kind: "int"}
}

func (c *fakeClient) Locals(int, int) ([]session.Variable, error) {
	return []session.Variable{c.variable("x", "x"), {Name: "t", Expr: "t", Type: "*task.Task", Value: "0x1000", Addr: 0x1000, Size: 64, Kind: "ptr", Named: 1, Ref: 1}}, nil
}

func (c *fakeClient) Arguments(int, int) ([]session.Variable, error) { return nil, nil }

func (c *fakeClient) Registers(int, int) ([]session.Register, error) {
	return []session.Register{{Name: "Rip", Value: "0x401000", Bits: 0x401000}}, nil
}

func (c *fakeClient) Task(int) (session.Variable, error) {
	return session.Variable{Name: "task", Type: "*task.Task", Ref: 1, Kind: "ptr"}, nil
}

func (c *fakeClient) Kernel() (session.Variable, error) { return c.Task(0) }

func (c *fakeClient) Eval(_, _ int, expr string) (session.Variable, error) {
	switch expr {
	case "slow":
		<-c.k.slow
	case "t":
		vs, _ := c.Locals(0, 0)
		return vs[1], nil
	}
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	v, ok := c.k.values[expr]
	if !ok {
		return session.Variable{}, fmt.Errorf("could not find symbol value for %s", expr)
	}
	return session.Variable{Name: expr, Expr: expr, Type: "int", Value: v, Addr: 0x1000, Size: 8}, nil
}

func (c *fakeClient) EvalLong(t, f int, expr string) (session.Variable, error) {
	return c.Eval(t, f, expr)
}

func (c *fakeClient) Children(r session.Ref, from, n int) ([]session.Variable, error) {
	if r != 1 {
		return nil, session.ErrStale
	}
	return cut([]session.Variable{c.variable("TGID", "t.TGID")}, from, n), nil
}

func (c *fakeClient) Assign(_, _ int, expr, value string) (session.Variable, error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	c.k.values[expr] = value
	return c.variable(expr, expr), nil
}

func (c *fakeClient) Call(int, int, string) ([]session.Variable, error) { return nil, nil }

func (c *fakeClient) ReadMemory(addr uint64, n int) ([]byte, error) {
	b, ok := c.k.memory[addr]
	if !ok {
		return nil, errors.New("no memory")
	}
	return cut(b, 0, n), nil
}

func (c *fakeClient) WriteMemory(addr uint64, b []byte) error {
	m, ok := c.k.memory[addr]
	if !ok {
		return errors.New("no memory")
	}
	copy(m, b)
	return nil
}

func (c *fakeClient) Disassemble(addr uint64, skip, n int) ([]session.Instruction, error) {
	return []session.Instruction{{Addr: addr, Bytes: []byte{0x90}, Text: "NOP", Func: "syscall.sysOpenat", File: "/src/a.go", Line: 4}}, nil
}

func (c *fakeClient) Sources() ([]string, error)                  { return []string{"/src/kernel/boot.go"}, nil }
func (c *fakeClient) Functions(string, int) ([]string, error)     { return nil, nil }
func (c *fakeClient) Lines(_ string, from, to int) ([]int, error) { return []int{from}, nil }

func (c *fakeClient) Complete(_, _ int, prefix string) ([]string, error) {
	var all []string
	for _, s := range []string{"t.TGID", "t.TID", "x"} {
		if strings.HasPrefix(s, prefix) {
			all = append(all, s)
		}
	}
	return all, nil
}

func (c *fakeClient) Views() ([]kview.View, error) {
	return []kview.View{{Name: "ps", Doc: "every task", Columns: kview.Cols("PID TID", "COMM Name")}}, nil
}

func (c *fakeClient) View(name string) (kview.Table, error) {
	if name != "ps" {
		return kview.Table{}, errors.New("no such view")
	}
	return kview.Table{View: "ps", Head: []string{"PID", "COMM"}, Rows: [][]string{{"1", "init"}, {"7", "sh\x1b[2J"}}, Exprs: []string{"t", "t"}}, nil
}
