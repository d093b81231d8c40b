package console

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"vitrine/debugserver/session"
	"vitrine/kernel/kview"
)

// fake is a client whose machine does what a test says. Methods that it lacks panic.
type fake struct {
	Client
	mu     sync.Mutex
	state  session.State
	stop   *session.Stop
	seq    int
	points []session.Breakpoint
	calls  []string // what was asked of it
	in     *Interp
	values map[string]session.Variable
	next   session.Reason // of the next stop
	hang   bool           // the machine runs on
}

func newFake(t *testing.T) (*fake, *Interp, *bytes.Buffer) {
	t.Helper()
	f := &fake{state: session.Stopped, seq: 1, next: session.ReasonStep, values: map[string]session.Variable{}}
	f.stop = &session.Stop{Seq: 1, Reason: session.ReasonEntry, Thread: 12}
	var out bytes.Buffer
	f.in = newInterp(f, "me", &out)
	return f, f.in, &out
}

func (f *fake) did(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) State() (session.State, *session.Stop) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.stop
}

// run lets the machine run and stop again.
func (f *fake) run() error {
	f.mu.Lock()
	if f.state != session.Stopped {
		f.mu.Unlock()
		return session.ErrRunning
	}
	f.state, f.stop = session.Running, nil
	hang := f.hang
	f.mu.Unlock()
	f.in.Handle(session.Event{Running: &session.Resumed{By: "me"}})
	if !hang {
		go f.halt(f.next)
	}
	return nil
}

func (f *fake) halt(r session.Reason) {
	f.mu.Lock()
	f.seq++
	s := &session.Stop{Seq: f.seq, Reason: r, Thread: 12, By: "me"}
	f.state, f.stop = session.Stopped, s
	f.mu.Unlock()
	f.in.Handle(session.Event{Stopped: s})
}

func (f *fake) Continue() error { f.did("continue"); return f.run() }
func (f *fake) Pause() error    { f.did("pause"); go f.halt(session.ReasonPause); return nil }

func (f *fake) Step(thread int, how session.Step) error {
	f.did("step %d %d", thread, how)
	return f.run()
}

func (f *fake) RunTo(thread int, s session.Spec) error {
	f.did("runto %d %s", thread, s.Func)
	return f.run()
}

func (f *fake) Set(s session.Spec) (*session.Breakpoint, error) {
	b := session.Breakpoint{ID: len(f.points) + 1, Owner: "me", Spec: s, Verified: true, Func: "vitrine/kernel/syscall." + s.Func, File: s.File, Line: s.Line}
	if s.Func == "nosuch" {
		b.Verified, b.Message = false, "the kernel has no function nosuch"
	}
	f.points = append(f.points, b)
	return &b, nil
}

func (f *fake) Change(id int, s session.Spec) (*session.Breakpoint, error) {
	f.points[id-1].Spec = s
	return &f.points[id-1], nil
}

func (f *fake) Clear(id int) error {
	f.did("clear %d", id)
	for i, b := range f.points {
		if b.ID == id && b.Owner != "me" {
			return errors.New("it is another's")
		} else if b.ID == id {
			f.points = append(f.points[:i:i], f.points[i+1:]...)
			return nil
		}
	}
	return errors.New("no such breakpoint")
}

func (f *fake) Breakpoints() []session.Breakpoint { return f.points }

func (f *fake) Threads() ([]session.Thread, error) {
	return []session.Thread{{ID: 1, Name: "1 init", State: "S", Wait: "wait"}, {ID: 2, Name: "2 kctl"}, {ID: 12, Name: "12 sh\x1b[2J", Current: true}}, nil
}

func (f *fake) Stack(thread, from, n int) ([]session.Frame, bool, error) {
	all := []session.Frame{
		{Index: 0, Func: "vitrine/kernel/syscall.sysOpenat", File: "/src/vitrine/kernel/syscall/open.go", Line: 7, PC: 0x1000},
		{Index: 1, Func: "vitrine/kernel/vfs.(*File[vitrine/kernel/x.T]).Read", PC: 0x2000},
	}
	from = min(from, len(all))
	return all[from:min(from+n, len(all))], from+n < len(all), nil
}

func (f *fake) Arguments(int, int) ([]session.Variable, error) {
	return []session.Variable{{Name: "t", Kind: "ptr", Value: "*task.Task {ID: 12}", Named: 1}, {Name: "~r0", Value: "junk"}}, nil
}

func (f *fake) Locals(int, int) ([]session.Variable, error) { return nil, nil }
func (f *fake) Sources() ([]string, error) {
	return []string{"/src/vitrine/cmd/vkernel/main.go", "/src/vitrine/kernel/syscall/open.go", "/go/src/os/open.go"}, nil
}

func (f *fake) Functions(contains string, n int) (r []string, _ error) {
	for _, name := range []string{"vitrine/kernel/syscall.sysOpen", "vitrine/kernel/syscall.sysOpenat", "vitrine/kernel/vfs.(*File).Read"} {
		if strings.Contains(name, contains) && len(r) < n {
			r = append(r, name)
		}
	}
	return r, nil
}

func (f *fake) Eval(_, _ int, expr string) (session.Variable, error) {
	v, ok := f.values[expr]
	if !ok {
		return v, fmt.Errorf("could not find symbol %s", expr)
	}
	return v, nil
}

func (f *fake) Assign(_, _ int, expr, value string) (session.Variable, error) {
	f.did("assign %s to %s", value, expr)
	return session.Variable{Value: value}, nil
}

func (f *fake) Complete(_, _ int, prefix string) ([]string, error) {
	return []string{"t.comm", "t.count", "tr"}, nil
}

func (f *fake) Views() ([]kview.View, error) {
	return []kview.View{{Name: "ps", Doc: "tasks"}, {Name: "ports", Doc: "ports"}}, nil
}

func (f *fake) View(name string) (kview.Table, error) {
	switch name {
	case "ps":
		return kview.Table{Head: []string{"PID", "TID"}, Rows: [][]string{{"1", "1"}, {"12", "12"}}}, nil
	case "syscalls":
		return kview.Table{Head: []string{"NR", "NAME"}, Rows: [][]string{{"257", "openat"}, {"2", "open"}}}, nil
	}
	return kview.Table{}, errors.New("there is no view " + name)
}

func (f *fake) Registers(int, int) ([]session.Register, error) {
	return []session.Register{{Name: "Rip", Value: "0x1000", Bits: 0x1000}, {Name: "Rsp", Value: "0x7000", Bits: 0x7000}, {Name: "Xmm0", Value: "0x0"}}, nil
}

func (f *fake) ReadMemory(addr uint64, n int) ([]byte, error) {
	const end = 0x7020
	if addr < 0x7000 || addr >= end {
		return nil, errors.New("nothing is mapped there")
	}
	b := make([]byte, min(n, int(end-addr)))
	for i := range b {
		b[i] = byte(addr+uint64(i)) - 2
	}
	return b, nil
}

func (f *fake) Disassemble(addr uint64, skip, n int) ([]session.Instruction, error) {
	if addr < 0x1000 || addr > 0x3000 {
		return nil, errors.New("no code")
	}
	return []session.Instruction{{Addr: addr, Bytes: []byte{0x90}, Text: "nop", Func: "vitrine/kernel/syscall.sysOpenat"}}, nil
}
