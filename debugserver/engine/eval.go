package engine

import (
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/proc"
)

// Names of Delve's types, for those who may not import it.
type (
	// Variable is an evaluated expression.
	Variable = proc.Variable
	// LoadConfig bounds how much of a value is read.
	LoadConfig = proc.LoadConfig
)

// DefaultLoad reads what fits a line or a tree's first level.
var DefaultLoad = LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 256, MaxArrayValues: 64, MaxStructFields: -1, MaxMapBuckets: 640}

// Upper bounds, whatever is asked for: a value's lengths are what the debuggee's memory says.
const (
	maxString    = 1 << 20
	maxArray     = 1 << 16
	maxRecurse   = 16
	maxFrames    = 10_000
	maxFramesArg = 100_000
	// maxGoroutines is more than a kernel has tasks.
	maxGoroutines = 1 << 20
)

func bounded(c LoadConfig) LoadConfig {
	c.MaxStringLen = min(max(c.MaxStringLen, 0), maxString)
	c.MaxArrayValues = min(max(c.MaxArrayValues, 0), maxArray)
	c.MaxVariableRecurse = min(max(c.MaxVariableRecurse, 0), maxRecurse)
	if c.MaxMapBuckets == 0 {
		c.MaxMapBuckets = 10*c.MaxArrayValues + 16
	}
	return c
}

// Where is a place to evaluate at: a frame of a goroutine, or of a thread if TID is set. Zero: the current goroutine,
// or thread if it has none, and its innermost frame.
type Where struct {
	Goroutine int64
	TID       int
	Frame     int
}

func (w Where) String() string {
	switch {
	case w.TID != 0:
		return fmt.Sprintf("frame %d of thread %d", w.Frame, w.TID)
	case w.Goroutine != 0:
		return fmt.Sprintf("frame %d of goroutine %d", w.Frame, w.Goroutine)
	}
	return fmt.Sprintf("frame %d", w.Frame)
}

// Eval evaluates a Go expression.
func (e *Engine) Eval(w Where, expr string, c LoadConfig) (v *Variable, err error) {
	defer guard(&err)
	scope, err := e.scope(w)
	if err != nil {
		return nil, err
	}
	v, err = scope.EvalExpression(expr, bounded(c))
	if err != nil {
		return nil, err
	}
	return v, v.Unreadable
}

// More loads array, slice, map or string elements from start on.
func (e *Engine) More(v *Variable, start int, c LoadConfig) (r *Variable, err error) {
	defer guard(&err)
	return v.LoadResliced(start, bounded(c))
}

// Set assigns the value of an expression to another.
func (e *Engine) Set(w Where, expr, value string) (err error) {
	defer guard(&err)
	if e.tracer == nil {
		return ErrNotLive
	}
	scope, err := e.scope(w)
	if err != nil {
		return err
	}
	return scope.SetVariable(expr, value)
}

// Locals returns the variables of a frame's function; shadowed ones are marked.
func (e *Engine) Locals(w Where, c LoadConfig) (vs []*Variable, err error) {
	defer guard(&err)
	scope, err := e.scope(w)
	if err != nil {
		return nil, err
	}
	return scope.LocalVariables(bounded(c))
}

// Args returns the arguments and results of a frame's function.
func (e *Engine) Args(w Where, c LoadConfig) (vs []*Variable, err error) {
	defer guard(&err)
	scope, err := e.scope(w)
	if err != nil {
		return nil, err
	}
	return scope.FunctionArguments(bounded(c))
}

// Call evaluates an expression that may call functions of the program: the current goroutine runs them, the others
// run meanwhile. Stop.Results has the value when Stop.Reason is ReasonCall; another reason cuts the call short, see
// Stop.Pending.
func (e *Engine) Call(expr string, c LoadConfig) (Stop, error) {
	c = bounded(c)
	return e.run(true, func() error {
		g := e.target.SelectedGoroutine()
		if g == nil {
			return errors.New("no goroutine runs on this thread, so it can call nothing")
		}
		return proc.EvalExpressionWithCalls(e.group, g, expr, c, true)
	})
}

// scope finds a frame to evaluate in.
func (e *Engine) scope(w Where) (*proc.EvalScope, error) {
	if w.Frame < 0 || w.Frame > maxFrames {
		return nil, fmt.Errorf("no frame %d", w.Frame)
	}
	if w.TID == 0 {
		gid := w.Goroutine
		if gid == 0 {
			gid = -1
		}
		s, err := proc.ConvertEvalScope(e.target, gid, w.Frame, 0)
		if err == nil || gid != -1 || e.target.SelectedGoroutine() != nil {
			return s, err
		}
		w.TID = e.target.CurrentThread().ThreadID()
	}
	th, ok := e.target.FindThread(w.TID)
	if !ok {
		return nil, fmt.Errorf("no thread %d", w.TID)
	}
	g, _ := proc.GetG(th)
	frames, err := proc.ThreadStacktrace(e.target, th, w.Frame+2)
	if err != nil {
		return nil, err
	}
	if w.Frame >= len(frames) {
		return nil, fmt.Errorf("no %v", w)
	}
	return proc.FrameToScope(e.target, e.target.Memory(), g, w.TID, frames[w.Frame:]...), nil
}
