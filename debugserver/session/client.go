package session

import (
	"errors"

	"vitrine/kernel/kview"
)

// Errors that clients tell apart.
var (
	ErrRunning = errors.New("the machine is running; stop it first")
	ErrStopped = errors.New("the machine is stopped already")
	ErrExited  = errors.New("the kernel has ended")
	ErrStale   = errors.New("the machine has run since; this value is no more")
	ErrClosed  = errors.New("this client has left")
)

// Client is one front end. Its methods may be called from any goroutine; they wait for each other.
type Client struct {
	Name   string
	Events <-chan Event // closed by Close; never full: it takes any number of events

	s *Session
}

// Close takes the client's breakpoints away. The machine stays as it is while there are other clients; the last one
// lets it run on, untraced.
func (c *Client) Close() {}

// State is the run state, and the stop if it is Stopped.
func (c *Client) State() (State, *Stop) { return Detached, nil }

// Run control. These return when the command is given; what becomes of it comes as an event.

// Continue lets the machine run.
func (c *Client) Continue() error { return nil }

// Pause stops it.
func (c *Client) Pause() error { return nil }

// Step goes on with one thread (0: the one that stopped) to another line or instruction. The others run as well, but for
// StepInstruction.
func (c *Client) Step(thread int, how Step) error { return nil }

// RunTo continues to a place, for once; thread 0: whoever comes first.
func (c *Client) RunTo(thread int, place Spec) error { return nil }

// Jump sets a thread's program counter to a line of the function that it is in.
func (c *Client) Jump(thread int, file string, line int) error { return nil }

// Kill switches the machine off.
func (c *Client) Kill() error { return nil }

// Breakpoints. They can be set and cleared while the machine runs.

// Set sets a breakpoint. One that can't be set now is returned unverified, with a Message; an error is a Spec that makes no
// sense.
func (c *Client) Set(spec Spec) (*Breakpoint, error) { return nil, nil }

// Change replaces condition, hit count, log text, task and Disabled of a breakpoint of this client's.
func (c *Client) Change(id int, spec Spec) (*Breakpoint, error) { return nil, nil }

// Clear takes a breakpoint of this client's away.
func (c *Client) Clear(id int) error { return nil }

// Breakpoints lists everybody's.
func (c *Client) Breakpoints() []Breakpoint { return nil }

// What can be looked at. Thread 0 is the one that stopped (or holds the CPU), frame 0 the innermost one. While the machine
// runs these halt it for a moment.

// Threads lists tasks and kernel threads by ID.
func (c *Client) Threads() ([]Thread, error) { return nil, nil }

// Stack returns n frames of a thread's stack from the given one on, and whether there are more.
func (c *Client) Stack(thread, from, n int) (frames []Frame, more bool, err error) { return }

// Arguments returns the function's arguments and results, Locals its other variables, innermost scope last.
func (c *Client) Arguments(thread, frame int) ([]Variable, error) { return nil, nil }

// Locals: see Arguments.
func (c *Client) Locals(thread, frame int) ([]Variable, error) { return nil, nil }

// Registers returns the frame's registers.
func (c *Client) Registers(thread, frame int) ([]Register, error) { return nil, nil }

// Task evaluates to the thread's *task.Task; for a kernel thread its *sched.Thread.
func (c *Client) Task(thread int) (Variable, error) { return Variable{}, nil }

// Kernel evaluates to kernel.The.
func (c *Client) Kernel() (Variable, error) { return Variable{}, nil }

// Eval evaluates a Go expression in a frame. It calls no functions of the kernel; Call does.
func (c *Client) Eval(thread, frame int, expr string) (Variable, error) { return Variable{}, nil }

// EvalLong is Eval without the bounds on strings that keep lists readable.
func (c *Client) EvalLong(thread, frame int, expr string) (Variable, error) { return Variable{}, nil }

// Children returns n fields, elements or entries of a value from the given one on; n 0: all (within bounds).
func (c *Client) Children(r Ref, from, n int) ([]Variable, error) { return nil, nil }

// Assign sets a variable, or what an expression names, to the value of another expression.
func (c *Client) Assign(thread, frame int, expr, value string) (Variable, error) {
	return Variable{}, nil
}

// Call evaluates an expression that may call functions of the kernel. They run on the thread that stopped, which must hold a CPU
// and no spinlock, with everything else standing still; a function that sleeps is given up after some seconds.
func (c *Client) Call(thread, frame int, expr string) ([]Variable, error) { return nil, nil }

// ReadMemory reads kernel memory; it returns what can be read.
func (c *Client) ReadMemory(addr uint64, n int) ([]byte, error) { return nil, nil }

// WriteMemory writes kernel memory.
func (c *Client) WriteMemory(addr uint64, b []byte) error { return nil }

// Disassemble returns n instructions from the skip-th (which may be negative) after addr on.
func (c *Client) Disassemble(addr uint64, skip, n int) ([]Instruction, error) { return nil, nil }

// Sources lists the kernel's source files.
func (c *Client) Sources() ([]string, error) { return nil, nil }

// Functions lists the kernel's functions whose name contains a text, at most n.
func (c *Client) Functions(contains string, n int) ([]string, error) { return nil, nil }

// Lines returns the lines of a file in a range on which a breakpoint can be.
func (c *Client) Lines(file string, from, to int) ([]int, error) { return nil, nil }

// Complete returns expressions that continue a prefix in a frame: variables, fields, packages' names.
func (c *Client) Complete(thread, frame int, prefix string) ([]string, error) { return nil, nil }

// Views lists the kernel's views; View evaluates one, in the stopped kernel or by the running one.
func (c *Client) Views() ([]kview.View, error) { return nil, nil }

// View: see Views.
func (c *Client) View(name string) (kview.Table, error) { return kview.Table{}, nil }

// Core writes a core dump of the kernel process to a file.
func (c *Client) Core(path string) error { return nil }
