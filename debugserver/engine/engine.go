package engine

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/go-delve/delve/pkg/proc"

	"vitrine/debugserver/tracer"
)

// Engine is Delve's target group over a tracer.
type Engine struct {
	tracer *tracer.Tracer // nil: a core file
	owner  tracer.Owner
	sym    *Symbols
	group  *proc.TargetGroup
	target *proc.Target
	proc   *process // nil: a core file

	watchOwner  tracer.Owner // of watches that Delve does not know
	breakpoints map[int]*Breakpoint
	sites       map[uint64]*site
	lastID      int
	layout      *gLayout // nil: see layoutTried
	layoutTried bool
	lines       map[uint64]Location
	mainStarted uint64 // its address
	scratch     bool   // the tracer has code to use, or there is none
	detached    bool
	released    bool

	// Of the last resume:
	raw     tracer.Stop
	foreign bool     // somebody else's breakpoint took part in it
	halted  bool     // somebody interrupted it
	active  []active // breakpoints hit, conditions considered
	watched []active // watches likewise
	condErr error    // of watches
}

// InternalError is a panic in Delve, or here, that was caught.
type InternalError struct {
	What  any
	Stack string
}

func (e *InternalError) Error() string {
	return fmt.Sprintf("internal error of the debugger: %v", e.What)
}

// ErrNotLive is returned for what a core file cannot do.
var ErrNotLive = errors.New("this is a core file: it does not run")

// guard turns a panic into an error.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = &InternalError{r, string(debug.Stack())}
	}
}

// Attach makes an engine over a stopped process. Its symbols come from the cache, which reads the program's file if
// need be. The tracer is closed by Detach and Kill; other owners' breakpoints in it are left alone.
func Attach(t *tracer.Tracer, c *Cache) (e *Engine, err error) {
	defer guard(&err)
	sym, err := c.forProcess(t.Pid())
	if err != nil {
		return nil, err
	}
	e = newEngine(sym)
	e.tracer, e.owner, e.watchOwner = t, tracer.NewOwner(), tracer.NewOwner()
	e.proc = &process{e: e, bi: sym.bi, mem: newMemory(t), bps: proc.NewBreakpointMap(), threads: map[int]*thread{}}
	e.proc.sync()
	defer func() {
		if err != nil {
			t.RemoveAll(e.owner)
			e.release()
		}
	}()
	g, add := proc.NewGroup(group{e}, proc.NewTargetGroupConfig{StopReason: proc.StopAttached, CanDump: true})
	// With these two a stop that is none of the run command's business leaves the command to be finished.
	g.KeepSteppingBreakpoints = proc.HaltKeepsSteppingBreakpoints | proc.TracepointKeepsSteppingBreakpoints
	first := e.proc.threads[t.Threads()[0].ID]
	tgt, err := add(e.proc, t.Pid(), first, sym.path, proc.StopAttached, cmdline(t.Pid()))
	if err != nil {
		return nil, fmt.Errorf("debug process %d: %w", t.Pid(), err)
	}
	e.group, e.target = g, tgt
	e.target.ClearCaches()
	e.adopt()
	e.showGoroutine(0)
	e.useScratch()
	return e, nil
}

func newEngine(sym *Symbols) *Engine {
	return &Engine{sym: sym, breakpoints: map[int]*Breakpoint{}, sites: map[uint64]*site{}}
}

// useScratch gives the tracer code of the program's start that is never run again, once the program has started.
func (e *Engine) useScratch() {
	if e.scratch || !e.started() {
		return
	}
	e.scratch = true
	var best *proc.Function
	for _, name := range []string{"runtime.rt0_go", "runtime.schedinit", "runtime.mallocinit"} {
		for _, fn := range e.sym.bi.LookupFunc()[name] {
			if best == nil || fn.End-fn.Entry > best.End-best.Entry {
				best = fn
			}
		}
	}
	if best != nil {
		e.tracer.SetScratch(best.Entry, best.End)
	}
}

// started tells whether the program is past its bootstrap code: main's goroutine sets mainStarted.
func (e *Engine) started() bool {
	if e.mainStarted == 0 {
		v, err := e.Eval(Where{}, "runtime.mainStarted", LoadConfig{})
		if err != nil {
			e.scratch = true // no Go program: never
			return false
		}
		e.mainStarted = v.Addr
	}
	var b [1]byte
	n, err := e.tracer.Read(b[:], e.mainStarted)
	return err == nil && n == 1 && b[0] == 1
}

// Tracer returns what the engine works on; nil for a core file.
func (e *Engine) Tracer() *tracer.Tracer { return e.tracer }

// Owner is the engine's name among the tracer's owners.
func (e *Engine) Owner() tracer.Owner { return e.owner }

// Pid returns the process id.
func (e *Engine) Pid() int { return e.target.Pid() }

// Valid returns nil while there is something to look at.
func (e *Engine) Valid() error {
	if e.detached {
		return proc.ErrProcessDetached
	}
	_, err := e.target.Valid()
	return err
}

// Detach removes the engine's breakpoints, and with them all of the tracer's, and lets the process run on.
func (e *Engine) Detach() (err error) {
	defer guard(&err)
	defer e.release()
	if e.detached {
		return nil
	}
	if e.tracer == nil {
		e.detached = true
		return nil
	}
	err = e.group.Detach(false)
	if gone, _ := e.tracer.Exited(); !gone { // Delve gave up midway: the process must not stay stopped
		err = errors.Join(err, e.tracer.Detach())
	}
	e.detached = true
	return err
}

// Kill kills the process.
func (e *Engine) Kill() (err error) {
	defer guard(&err)
	defer e.release()
	if e.detached || e.tracer == nil {
		return nil
	}
	e.detached = true
	return e.tracer.Kill()
}

func (e *Engine) release() {
	if !e.released {
		e.released = true
		e.sym.release()
	}
}

// Changed must be called after somebody else changed the stopped process: stepped a thread, wrote memory or registers.
// The thread becomes the current one, unless it is 0.
func (e *Engine) Changed(tid int) (err error) {
	defer guard(&err)
	if e.tracer == nil {
		return ErrNotLive
	}
	e.proc.sync()
	e.proc.mem.forget()
	e.target.ClearCaches()
	for _, t := range e.proc.threads {
		t.SetCurrentBreakpoint(false)
	}
	if _, ok := e.proc.threads[tid]; !ok {
		tid = e.target.CurrentThread().ThreadID()
	}
	if _, ok := e.proc.threads[tid]; !ok {
		tid = e.tracer.Threads()[0].ID
	}
	return e.target.SwitchThread(tid)
}

// SwitchThread makes a thread, and its goroutine, the current one.
func (e *Engine) SwitchThread(tid int) (err error) {
	defer guard(&err)
	return e.target.SwitchThread(tid)
}

// SwitchGoroutine makes a goroutine the current one, for Next and the like, too.
func (e *Engine) SwitchGoroutine(id int64) (err error) {
	defer guard(&err)
	g, err := proc.FindGoroutine(e.target, id)
	if err != nil {
		return err
	}
	if g == nil {
		return fmt.Errorf("no goroutine %d", id)
	}
	return e.target.SwitchGoroutine(g)
}

// Current returns the current thread and goroutine (0: none).
func (e *Engine) Current() (tid int, goroutine int64) {
	if g := e.target.SelectedGoroutine(); g != nil {
		goroutine = g.ID
	}
	return e.target.CurrentThread().ThreadID(), goroutine
}

// showGoroutine picks a thread that runs a goroutine, if the wanted one does not.
func (e *Engine) showGoroutine(tid int) int {
	if t := e.proc.threads[tid]; t != nil {
		if g, _ := proc.GetG(t); g != nil {
			return tid
		}
	}
	for _, th := range e.tracer.Threads() {
		if g, _ := proc.GetG(e.proc.threads[th.ID]); g != nil {
			if tid == 0 {
				e.target.SwitchThread(th.ID)
			}
			return th.ID
		}
	}
	return tid
}

func cmdline(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
}
