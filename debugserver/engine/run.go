package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-delve/delve/pkg/proc"

	"vitrine/debugserver/tracer"
)

// Reason says why the process has stopped.
type Reason uint8

// Reasons of a stop. If several apply it is the first of this list; Stop.Hits has them all.
const (
	ReasonUnknown    Reason = iota
	ReasonExited            // the process is gone
	ReasonPanic             // a panic that nobody recovers
	ReasonFatal             // the runtime gives up: deadlock, concurrent map writes …
	ReasonBreakpoint        // a breakpoint or tracepoint
	ReasonWatch             // a watched place was changed, or read
	ReasonHardcoded         // runtime.Breakpoint, or another int3 of the program
	ReasonStep              // Next, Step, StepOut, StepInstruction or Until is done
	ReasonCall              // Call is done
	ReasonForeign           // only another owner of the tracer wanted to know
	ReasonScope             // the function whose variable was watched has returned: the watch is gone
	ReasonHalt              // Halt, or somebody else's Interrupt
	ReasonAttached          // nothing ran yet
)

func (r Reason) String() string {
	return [...]string{
		"unknown", "exited", "panic", "fatal error", "breakpoint", "watchpoint", "hardcoded breakpoint",
		"step", "call returned", "foreign", "watch out of scope", "halted", "attached",
	}[r]
}

// Stop is the outcome of a run command.
type Stop struct {
	Reason    Reason
	TID       int           // the current thread, whom it is about
	Goroutine int64         // its goroutine; 0: none
	Hits      []Hit         // everything that was hit, the current thread's first
	Gone      []*Breakpoint // watches that ended as their function returned
	Done      bool          // the run command has done what it was asked for, whatever else there is
	Pending   bool          // the run command is unfinished: see Proceed
	Foreign   bool          // another owner of the tracer has a hit, too
	Halted    bool          // somebody wanted a halt, too
	Results   []*Variable   // ReasonCall: the values
	Status    int           // ReasonExited: as in tracer.Stop
	Text      string
	Err       error // a condition could not be evaluated, for example
}

// Hit is one thread at one breakpoint or watch.
type Hit struct {
	TID        int
	Goroutine  int64
	Breakpoint *Breakpoint // nil: foreign, or hardcoded
	Watch      *WatchHit   // a watch's hit has more to tell
	Raw        tracer.Hit
}

// Continue lets the process run until there is something to tell.
func (e *Engine) Continue() (Stop, error) {
	return e.run(true, func() error { return e.group.Continue() })
}

// Proceed continues and finishes the Next, Step, StepOut or Call that was cut short, if there is one.
func (e *Engine) Proceed() (Stop, error) {
	return e.run(false, func() error { return e.group.Continue() })
}

// Next runs to the next line of the current goroutine.
func (e *Engine) Next() (Stop, error) { return e.run(true, e.next) }

// Step runs to the next line of the current goroutine, and into calls.
func (e *Engine) Step() (Stop, error) { return e.run(true, e.group.Step) }

// StepOut runs until the current goroutine has returned to the caller.
func (e *Engine) StepOut() (Stop, error) { return e.run(true, e.group.StepOut) }

// StepInstruction executes one instruction of the current goroutine; a call as a whole if over is set.
func (e *Engine) StepInstruction(over bool) (Stop, error) {
	return e.run(true, func() error { return e.group.StepInstruction(over) })
}

// Until runs until the current goroutine comes to a place; any goroutine, if there is no current one. Something else may
// stop the process before.
func (e *Engine) Until(spec Spec) (Stop, error) {
	if g := e.target.SelectedGoroutine(); g != nil {
		spec.Cond = fmt.Sprintf("runtime.curg.goid == %d", g.ID)
	}
	b, err := e.Break(spec)
	if err != nil {
		return Stop{}, err
	}
	s, err := e.Continue()
	if err != nil {
		e.Clear(b.ID)
		return s, err
	}
	n := len(s.Hits)
	s.Hits = slices.DeleteFunc(s.Hits, func(h Hit) bool { return h.Breakpoint == b })
	if len(s.Hits) < n && (len(s.Hits) == 0 || s.Reason == ReasonBreakpoint && s.Hits[0].TID != s.TID) {
		s.Reason = ReasonStep
	}
	if s.Reason == ReasonExited {
		return s, nil
	}
	return s, e.Clear(b.ID)
}

// Halt makes the run command in progress return, or the next one if none is. Safe from any goroutine: it only tells
// the tracer. (TargetGroup.RequestManualStop would race with Continue.)
func (e *Engine) Halt() { e.tracer.Interrupt() }

// run runs one command. fresh: it gives up an unfinished one first, as Delve refuses "next while nexting".
func (e *Engine) run(fresh bool, cmd func() error) (s Stop, err error) {
	defer guard(&err)
	if e.tracer == nil {
		return Stop{}, ErrNotLive
	}
	if err := e.Valid(); err != nil {
		return e.stopped(err)
	}
	if fresh {
		if err := e.group.ClearSteppingBreakpoints(); err != nil {
			return Stop{}, err
		}
	}
	e.foreign, e.halted = false, false
	e.forget()
	e.raw = tracer.Stop{}
	defer e.tracer.ClearInterrupt()
	return e.stopped(cmd())
}

// stopped says what a run command has ended with. What Delve calls an error may just tell of the stop.
func (e *Engine) stopped(err error) (Stop, error) {
	var exited proc.ErrProcessExited
	if errors.As(err, &exited) {
		_, status := e.tracer.Exited()
		return Stop{Reason: ReasonExited, Status: status}, nil
	}
	if err != nil && (e.raw == tracer.Stop{}) { // it did not run
		return Stop{}, err
	}
	if verr := e.Valid(); verr != nil {
		return Stop{}, verr
	}
	s := Stop{Err: errors.Join(err, e.condErr), Foreign: e.foreign, Halted: e.halted, Pending: e.group.HasSteppingBreakpoints()}
	s.TID, s.Goroutine = e.Current()
	e.collect(&s)
	e.reason(&s)
	if s.Reason == ReasonCall {
		s.Results = e.target.CurrentThread().Common().ReturnValues(DefaultLoad)
	}
	if s.Reason == ReasonForeign || s.Reason == ReasonWatch {
		e.moveTo(&s)
	}
	return s, nil
}

// collect lists the hits of all threads, the current one's first.
func (e *Engine) collect(s *Stop) {
	told := map[int]bool{}
	add := func(a active) {
		h := Hit{TID: a.tid, Breakpoint: a.b, Watch: a.w}
		if th := e.tracer.Thread(a.tid); th != nil {
			h.Raw = th.Hit
		}
		if t := e.proc.threads[a.tid]; t != nil {
			if g, _ := proc.GetG(t); g != nil {
				h.Goroutine = g.ID
			}
		}
		told[a.tid] = true
		s.Hits = append(s.Hits, h)
	}
	for _, a := range e.active {
		add(a)
	}
	for _, a := range e.watched {
		add(a)
	}
	for _, th := range e.tracer.Threads() {
		if !told[th.ID] && (th.Hit.Kind == tracer.HitHardcoded || e.strangers(th.Hit)) {
			add(active{tid: th.ID})
		}
	}
	slices.SortStableFunc(s.Hits, func(a, b Hit) int {
		return cmp.Compare(btoi(a.TID != s.TID), btoi(b.TID != s.TID))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// strangers tells whether another owner wanted the hit.
func (e *Engine) strangers(h tracer.Hit) bool {
	for _, o := range h.Owners {
		if o != e.owner && o != e.watchOwner {
			return true
		}
	}
	return false
}

func (e *Engine) reason(s *Stop) {
	switch e.target.StopReason {
	case proc.StopNextFinished:
		s.Reason = ReasonStep
	case proc.StopCallReturned:
		s.Reason = ReasonCall
	case proc.StopHardcodedBreakpoint:
		s.Reason = ReasonHardcoded
	}
	own := s.Reason
	s.Done = own == ReasonStep || own == ReasonCall
	best := func(r Reason) {
		if s.Reason == ReasonUnknown || r < s.Reason {
			s.Reason = r
		}
	}
	for _, h := range s.Hits {
		switch {
		case h.Breakpoint != nil && h.Breakpoint.Watch != nil:
			best(ReasonWatch)
		case h.Breakpoint == nil:
		case h.Breakpoint.ID == PanicID:
			best(ReasonPanic)
			s.Text = e.panicText()
		case h.Breakpoint.ID == FatalID:
			best(ReasonFatal)
			s.Text = e.fatalText()
		default:
			best(ReasonBreakpoint)
		}
	}
	if e.foreign {
		best(ReasonForeign)
	}
	for _, bp := range e.proc.bps.WatchOutOfScope {
		for id, b := range e.breakpoints {
			if w, ok := b.watch.(*stackWatch); ok && w.bp == bp {
				s.Gone = append(s.Gone, b)
				delete(e.breakpoints, id)
				b.Enabled, w.bp = false, nil
			}
		}
		best(ReasonScope)
	}
	if e.halted {
		best(ReasonHalt)
	}
	if s.Done && s.Reason > ReasonFatal && (len(s.Hits) == 0 || s.Hits[0].TID != s.TID) {
		s.Reason = own // what others have hit meanwhile is in Hits
	}
}

// moveTo makes the thread whose hit gave the reason the current one, where Delve did not know of it.
func (e *Engine) moveTo(s *Stop) {
	for _, h := range s.Hits {
		if s.Reason == ReasonWatch && h.Watch == nil || s.Reason == ReasonForeign && !e.strangers(h.Raw) {
			continue
		}
		if h.TID != s.TID && e.target.SwitchThread(h.TID) == nil {
			s.TID, s.Goroutine = e.Current()
		}
		return
	}
}

// panicText returns what the panic that stopped the process says.
func (e *Engine) panicText() string { return e.text("runtime.curg._panic.arg") }

// fatalText returns the message of runtime.throw or runtime.fatal.
func (e *Engine) fatalText() string { return e.text("s") }

func (e *Engine) text(expr string) string {
	v, err := e.Eval(Where{}, expr, DefaultLoad)
	if err != nil {
		return ""
	}
	return Format(v)
}
