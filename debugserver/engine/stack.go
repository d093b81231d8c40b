package engine

import (
	"github.com/go-delve/delve/pkg/proc"
)

// Frame is an active call.
type Frame struct {
	Index    int
	PC       uint64
	CFA      uint64 // where the caller's stack ends
	Function string
	File     string
	Line     int
	Inlined  bool
	System   bool // on the scheduler's or a signal's stack
	Err      error
}

// Stack returns the frames of a goroutine or thread, innermost first, from w.Frame on, depth at most.
func (e *Engine) Stack(w Where, depth int) (fs []Frame, err error) {
	defer guard(&err)
	frames, err := e.frames(w, min(w.Frame+depth, maxFrames))
	if err != nil {
		return nil, err
	}
	for i := w.Frame; i < len(frames); i++ {
		f := &frames[i]
		fr := Frame{
			Index: i, PC: f.Current.PC, CFA: uint64(f.Regs.CFA), File: f.Call.File, Line: f.Call.Line,
			Inlined: f.Inlined, System: f.SystemStack, Err: f.Err,
		}
		if f.Call.Fn != nil {
			fr.Function = f.Call.Fn.Name
		}
		fs = append(fs, fr)
	}
	return fs, nil
}

func (e *Engine) frames(w Where, depth int) ([]proc.Stackframe, error) {
	g := e.target.SelectedGoroutine()
	th := e.target.CurrentThread()
	if w.TID != 0 {
		t, ok := e.target.FindThread(w.TID)
		if !ok {
			return nil, errNoThread(w.TID)
		}
		th, g = t, nil
	} else if w.Goroutine != 0 {
		var err error
		if g, err = e.goroutine(w.Goroutine); err != nil {
			return nil, err
		}
	}
	if g == nil {
		return proc.ThreadStacktrace(e.target, th, max(depth-1, 0))
	}
	return proc.GoroutineStacktrace(e.target, g, max(depth-1, 0), 0)
}

// stackOf returns the limits of a goroutine's stack, or nothing.
func (e *Engine) stackOf(w Where) (lo, hi uint64) {
	expr := "runtime.curg.stack"
	v, err := e.Eval(Where{Goroutine: w.Goroutine, TID: w.TID}, expr, LoadConfig{MaxStructFields: -1, MaxVariableRecurse: 1})
	if err != nil || len(v.Children) != 2 {
		return 0, 0
	}
	return uintOf(&v.Children[0]), uintOf(&v.Children[1])
}
