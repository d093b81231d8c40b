package console

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"vitrine/debugserver/session"
	"vitrine/kernel/kview"
)

// Client is what the commands need of a *session.Client.
type Client interface {
	State() (session.State, *session.Stop)
	Continue() error
	Pause() error
	Step(thread int, how session.Step) error
	RunTo(thread int, place session.Spec) error
	Jump(thread int, file string, line int) error
	Kill() error

	Set(spec session.Spec) (*session.Breakpoint, error)
	Change(id int, spec session.Spec) (*session.Breakpoint, error)
	Clear(id int) error
	Breakpoints() []session.Breakpoint

	Threads() ([]session.Thread, error)
	Stack(thread, from, n int) ([]session.Frame, bool, error)
	Arguments(thread, frame int) ([]session.Variable, error)
	Locals(thread, frame int) ([]session.Variable, error)
	Registers(thread, frame int) ([]session.Register, error)
	Task(thread int) (session.Variable, error)
	Eval(thread, frame int, expr string) (session.Variable, error)
	EvalLong(thread, frame int, expr string) (session.Variable, error)
	Children(r session.Ref, from, n int) ([]session.Variable, error)
	Assign(thread, frame int, expr, value string) (session.Variable, error)
	Call(thread, frame int, expr string) ([]session.Variable, error)
	ReadMemory(addr uint64, n int) ([]byte, error)
	Disassemble(addr uint64, skip, n int) ([]session.Instruction, error)
	Sources() ([]string, error)
	Functions(contains string, n int) ([]string, error)
	Complete(thread, frame int, prefix string) ([]string, error)
	Views() ([]kview.View, error)
	View(name string) (kview.Table, error)
	Core(path string) error
}

// Interp interprets one user's commands. Execute and Complete are called by one goroutine at a time; Handle and Interrupt by any.
type Interp struct {
	c    Client
	name string // of the client
	out  *output

	// What the surroundings offer; set before the first command.
	Dmesg    func() []string                   // the kernel's log; nil: there is none
	ReadFile func(name string) ([]byte, error) // for source
	Dir      string                            // where relative file names start; "": this process's directory
	NoWait   bool                              // run commands return at once: the front end shows stops itself, and calls Select

	mu      sync.Mutex
	changed *sync.Cond
	seq     int  // of the last stop that was handled
	ended   bool // the kernel is gone
	waiting bool // a command waits for a stop
	broken  bool // Interrupt was called
	thread  int  // that is looked at; 0: the one that stopped
	frame   int
	listing listing
	display []string
	root    string // of the source tree, with a slash; "" not known yet

	// Of Execute's goroutine alone.
	last  string // line to be repeated by an empty one
	depth int    // of source
	dump  dump
}

// ErrQuit is returned by the command that ends the debugger.
var ErrQuit = errors.New("quit")

// New makes an interpreter for a client that writes to out.
func New(c *session.Client, out io.Writer) *Interp { return newInterp(c, c.Name, out) }

func newInterp(c Client, name string, out io.Writer) *Interp {
	in := &Interp{c: c, name: name, out: &output{w: out}, ReadFile: readFile}
	in.changed = sync.NewCond(&in.mu)
	if _, stop := c.State(); stop != nil {
		in.seq = stop.Seq
	}
	return in
}

// output may be written by any goroutine, whole texts at a time.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

func (in *Interp) printf(format string, args ...any) { fmt.Fprintf(in.out, format, args...) }

// Prompt is what a line editor shows.
func (in *Interp) Prompt() string {
	switch st, _ := in.c.State(); st {
	case session.Stopped:
		return "(vitrine) "
	case session.Running:
		return "(running) "
	}
	return "(ended) "
}

// Execute runs one line. An empty one repeats the last command, if that makes sense for it.
func (in *Interp) Execute(line string) error {
	line = strings.TrimSpace(line)
	if line == "" {
		if line = in.last; line == "" {
			return nil
		}
	}
	if strings.HasPrefix(line, "#") {
		return nil
	}
	in.mu.Lock()
	in.broken = false
	in.mu.Unlock()
	word, args := splitCommand(line)
	c, err := find(word)
	if err != nil {
		return err
	}
	if in.depth == 0 {
		if in.last = ""; c.repeat != again(0) {
			in.last = line
			if c.repeat == bare {
				in.last = word
			}
		}
	}
	return c.run(in, args)
}

// splitCommand separates the command's name: letters, or one of the signs. "x/4i" and "p/x" are names with a format.
func splitCommand(line string) (word, args string) {
	i := strings.IndexFunc(line, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' && r != '?'
	})
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

// Interrupt ends what a command waits for, and stops the machine if it runs: what ^C does.
func (in *Interp) Interrupt() {
	in.mu.Lock()
	in.broken = true
	in.changed.Broadcast()
	in.mu.Unlock()
	if st, _ := in.c.State(); st == session.Running {
		in.c.Pause()
	}
}

var errInterrupted = errors.New("interrupted")

// interrupted is asked by commands that print much.
func (in *Interp) interrupted() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.broken
}

// selection returns the thread and frame that are looked at.
func (in *Interp) selection() (thread, frame int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.thread, in.frame
}

// Select chooses the thread and frame that commands look at, for front ends in which that is done elsewhere. Handle does it at a
// stop.
func (in *Interp) Select(thread, frame int) { in.selectFrame(thread, frame) }

func (in *Interp) selectFrame(thread, frame int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.thread, in.frame, in.listing = thread, frame, listing{}
}
