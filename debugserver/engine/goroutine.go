package engine

import (
	"fmt"
	"go/constant"

	"github.com/go-delve/delve/pkg/proc"
)

// Goroutine is one goroutine of the program.
type Goroutine struct {
	ID         int64
	TID        int // the thread that runs it; 0: none
	Status     string
	WaitReason int64
	Labels     map[string]string // of runtime/pprof
	Current    Location          // where it is
	User       Location          // where it is, the runtime's frames left out
	Go         Location          // the go statement that began it
	Start      Location          // its first function, or the compiler's wrapper of that
	System     bool              // one of the runtime's own
	Err        error             // it could not be read
}

// Goroutines lists count goroutines from start on, 0: all, and returns where to go on; -1: nowhere.
func (e *Engine) Goroutines(start, count int) (gs []Goroutine, next int, err error) {
	defer guard(&err)
	if count <= 0 || count > maxGoroutines {
		count = maxGoroutines
	}
	if gs, next, err = e.allGoroutines(start, count); err == nil {
		return gs, next, nil
	}
	all, next, err := proc.GoroutinesInfo(e.target, start, count)
	if err != nil {
		return nil, -1, err
	}
	gs = nil
	for _, g := range all {
		gs = append(gs, e.describe(g))
	}
	return gs, next, nil
}

// Goroutine returns one goroutine.
func (e *Engine) Goroutine(id int64) (r Goroutine, err error) {
	defer guard(&err)
	g, err := e.goroutine(id)
	if err != nil {
		return r, err
	}
	return e.describe(g), nil
}

func (e *Engine) goroutine(id int64) (*proc.G, error) {
	g, err := proc.FindGoroutine(e.target, id)
	if err == nil && g == nil {
		err = fmt.Errorf("no goroutine %d", id)
	}
	return g, err
}

func (e *Engine) describe(g *proc.G) Goroutine {
	if g.Unreadable != nil {
		return Goroutine{Err: g.Unreadable}
	}
	r := Goroutine{
		ID: g.ID, Status: statusName(g.Status), WaitReason: g.WaitReason, Labels: g.Labels(),
		Current: place(g.CurrentLoc), User: place(g.UserCurrent()), Go: place(g.Go()),
		Start: place(g.StartLoc(e.target)), System: g.System(e.target),
	}
	if g.Thread != nil {
		r.TID = g.Thread.ThreadID()
	}
	return r
}

func place(l proc.Location) Location {
	r := Location{Addr: l.PC, File: l.File, Line: l.Line}
	if l.Fn != nil {
		r.Function = l.Fn.Name
	}
	return r
}

func statusName(s uint64) string {
	const scan = 0x1000
	switch s &^ scan {
	case proc.Gidle:
		return "idle"
	case proc.Grunnable:
		return "runnable"
	case proc.Grunning:
		return "running"
	case proc.Gsyscall:
		return "syscall"
	case proc.Gwaiting:
		return "waiting"
	case proc.Gdead:
		return "dead"
	case proc.Gcopystack:
		return "copying its stack"
	}
	return fmt.Sprintf("status %d", s)
}

func uintOf(v *Variable) uint64 {
	if v.Value == nil {
		return 0
	}
	n, _ := constant.Uint64Val(constant.ToInt(v.Value))
	return n
}

func errNoThread(tid int) error { return fmt.Errorf("no thread %d", tid) }
