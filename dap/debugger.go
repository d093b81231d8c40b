package dap

import (
	"vitrine/debugserver/session"
	"vitrine/kernel/kview"
)

// Debugger is what the server needs of a *session.Client; see there. NewDebugger makes one of a client.
type Debugger interface {
	EventStream() <-chan session.Event
	ClientName() string // as events name this client
	Close()
	State() (session.State, *session.Stop)

	Continue() error
	Pause() error
	Step(thread int, how session.Step) error
	Jump(thread int, file string, line int) error
	Kill() error

	Set(spec session.Spec) (*session.Breakpoint, error)
	Clear(id int) error
	Breakpoints() []session.Breakpoint

	Threads() ([]session.Thread, error)
	Stack(thread, from, n int) (frames []session.Frame, more bool, err error)
	Arguments(thread, frame int) ([]session.Variable, error)
	Locals(thread, frame int) ([]session.Variable, error)
	Registers(thread, frame int) ([]session.Register, error)
	Task(thread int) (session.Variable, error)
	Kernel() (session.Variable, error)
	Eval(thread, frame int, expr string) (session.Variable, error)
	EvalLong(thread, frame int, expr string) (session.Variable, error)
	Children(r session.Ref, from, n int) ([]session.Variable, error)
	Assign(thread, frame int, expr, value string) (session.Variable, error)
	Call(thread, frame int, expr string) ([]session.Variable, error)
	ReadMemory(addr uint64, n int) ([]byte, error)
	WriteMemory(addr uint64, b []byte) error
	Disassemble(addr uint64, skip, n int) ([]session.Instruction, error)
	Sources() ([]string, error)
	Functions(contains string, n int) ([]string, error)
	Lines(file string, from, to int) ([]int, error)
	Complete(thread, frame int, prefix string) ([]string, error)
	Processes() ([]session.Process, error)
	Process(pid int) (session.ProcessDetail, error)
	Views() ([]kview.View, error)
	View(name string) (kview.Table, error)
}

// NewDebugger makes a Debugger of a session's client.
func NewDebugger(c *session.Client) Debugger { return client{c} }

type client struct{ *session.Client }

func (c client) EventStream() <-chan session.Event { return c.Events }

func (c client) ClientName() string { return c.Name }

// clientOf returns the session's client in a Debugger, if there is one.
func clientOf(d Debugger) *session.Client {
	c, _ := d.(client)
	return c.Client
}
