package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-delve/delve/pkg/proc"
)

// Ids of the breakpoints that are always there.
const (
	PanicID = -1 // a panic that nobody recovers
	FatalID = -2 // the runtime gives up
)

// Spec says where a breakpoint is to be set, and when it counts. One of Function, File and Addrs is given.
type Spec struct {
	Function string
	File     string // as in Sources, or the end of one, at a slash
	Line     int    // with File; with Function: so many lines after its first
	Addrs    []uint64

	Cond    string // a Go expression
	HitCond string // "5", ">= 3", "% 10": compared with the number of hits for which Cond was true
	PerG    bool   // … with the goroutine's own number
	Trace   bool   // a hit leaves a Next that is under way to be finished even on its own goroutine
	Value   any    // the caller's
}

// Location is one address of a breakpoint.
type Location struct {
	Addr     uint64
	Function string
	File     string
	Line     int
}

// Breakpoint is a breakpoint or a watch that was set. Not to be changed but by the engine's methods.
type Breakpoint struct {
	ID int // unique in the engine
	Spec
	Locations []Location
	Watch     *WatchSpec // a watch's
	Hits      uint64     // for which Cond was true
	Enabled   bool

	hitCond hitCond
	perG    map[int64]uint64
	filters map[uint64]*filter // by address: Cond, compiled
	watch   watcher
}

// site is one address with breakpoints. Delve knows one breakpoint of a user's for each address; its callback asks
// all of ours.
type site struct {
	e    *Engine
	bp   *proc.Breakpoint
	all  []*Breakpoint
	core bool // made by Delve itself, as are those of PanicID and FatalID
}

// active is a hit of the last resume, as Delve has confirmed it.
type active struct {
	tid int
	b   *Breakpoint
	w   *WatchHit
}

// ErrNoBreakpoint is returned for an id that is not in use.
var ErrNoBreakpoint = errors.New("no such breakpoint")

// Break sets a breakpoint. Several may be set at one place.
func (e *Engine) Break(spec Spec) (b *Breakpoint, err error) {
	defer guard(&err)
	if e.tracer == nil {
		return nil, ErrNotLive
	}
	addrs, err := e.place(spec)
	if err != nil {
		return nil, err
	}
	b = &Breakpoint{Spec: spec}
	if err := e.condition(b, spec.Cond, spec.HitCond, spec.PerG); err != nil {
		return nil, err
	}
	for _, a := range addrs {
		b.Locations = append(b.Locations, e.location(a))
	}
	if err := e.enable(b); err != nil {
		return nil, err
	}
	e.register(b)
	return b, nil
}

func (e *Engine) register(b *Breakpoint) {
	e.lastID++
	b.ID = e.lastID
	e.breakpoints[b.ID] = b
}

// place finds out what a Spec means.
func (e *Engine) place(s Spec) ([]uint64, error) {
	switch {
	case len(s.Addrs) > 0:
		return s.Addrs, nil
	case s.Function != "":
		return proc.FindFunctionLocation(e.proc, s.Function, s.Line)
	case s.File != "" && s.Line > 0:
		file, err := e.Source(s.File)
		if err != nil {
			return nil, err
		}
		return proc.FindFileLocation(e.proc, file, s.Line)
	}
	return nil, errors.New("a breakpoint needs a function, a file and line, or an address")
}

// Amend changes a breakpoint's conditions.
func (e *Engine) Amend(id int, cond, hit string, perG bool) (err error) {
	defer guard(&err)
	b := e.breakpoints[id]
	if b == nil {
		return ErrNoBreakpoint
	}
	if err := e.condition(b, cond, hit, perG); err != nil {
		return err
	}
	b.Cond, b.HitCond, b.PerG = cond, hit, perG
	return nil
}

// Enable switches a breakpoint on or off.
func (e *Engine) Enable(id int, on bool) (err error) {
	defer guard(&err)
	b := e.breakpoints[id]
	switch {
	case b == nil:
		return ErrNoBreakpoint
	case b.Enabled == on:
		return nil
	case on:
		return e.enable(b)
	}
	return e.disable(b)
}

// Clear removes a breakpoint or a watch.
func (e *Engine) Clear(id int) (err error) {
	defer guard(&err)
	b := e.breakpoints[id]
	switch {
	case b == nil:
		return ErrNoBreakpoint
	case id < 0:
		return fmt.Errorf("breakpoint %d can be switched off, not removed", id)
	}
	delete(e.breakpoints, id)
	if !b.Enabled {
		return nil
	}
	return e.disable(b)
}

// Breakpoints returns all breakpoints and watches, ordered by id.
func (e *Engine) Breakpoints() []*Breakpoint {
	r := make([]*Breakpoint, 0, len(e.breakpoints))
	for _, b := range e.breakpoints {
		r = append(r, b)
	}
	slices.SortFunc(r, func(a, b *Breakpoint) int { return a.ID - b.ID })
	return r
}

// Breakpoint returns the breakpoint or watch with an id, or nil.
func (e *Engine) Breakpoint(id int) *Breakpoint { return e.breakpoints[id] }

func (e *Engine) enable(b *Breakpoint) error {
	if b.watch != nil {
		if err := b.watch.set(e, b); err != nil {
			return err
		}
		b.Enabled = true
		return nil
	}
	for i, l := range b.Locations {
		if err := e.join(b, l.Addr); err != nil {
			for _, l := range b.Locations[:i] {
				e.leave(b, l.Addr)
			}
			return err
		}
	}
	b.Enabled = true
	return nil
}

func (e *Engine) disable(b *Breakpoint) (err error) {
	b.Enabled = false
	if b.watch != nil {
		return b.watch.clear(e, b)
	}
	for _, l := range b.Locations {
		err = errors.Join(err, e.leave(b, l.Addr))
	}
	return err
}

// join adds a breakpoint to those at an address.
func (e *Engine) join(b *Breakpoint, addr uint64) error {
	s := e.sites[addr]
	if s == nil {
		e.lastID++ // sites have ids of the same space, so that Delve's map does not mix them up
		bp, err := e.target.SetBreakpoint(e.lastID, addr, proc.UserBreakpoint, nil)
		if err != nil {
			return err
		}
		s = &site{e: e, bp: bp}
		bp.UserBreaklet().SetCallback(s.hit)
		e.sites[addr] = s
	}
	s.all = append(s.all, b)
	return nil
}

func (e *Engine) leave(b *Breakpoint, addr uint64) error {
	s := e.sites[addr]
	if s == nil {
		return nil
	}
	s.all = slices.DeleteFunc(s.all, func(o *Breakpoint) bool { return o == b })
	if len(s.all) > 0 || s.core {
		return nil
	}
	delete(e.sites, addr)
	delete(e.group.LogicalBreakpoints, s.bp.LogicalID())
	if e.Valid() != nil {
		return nil
	}
	return e.target.ClearBreakpoint(addr)
}

// adopt takes over the breakpoints that Delve has set itself.
func (e *Engine) adopt() {
	for addr, bp := range e.proc.bps.M {
		id := bp.LogicalID()
		if id != PanicID && id != FatalID {
			continue
		}
		b := e.breakpoints[id]
		if b == nil {
			b = &Breakpoint{ID: id, Enabled: true}
			e.breakpoints[id] = b
		}
		b.Locations = append(b.Locations, e.location(addr))
		s := &site{e: e, bp: bp, all: []*Breakpoint{b}, core: true}
		bp.UserBreaklet().SetCallback(s.hit)
		e.sites[addr] = s
	}
}

// hit is called by Delve when a thread has run into the site's breakpoint.
func (s *site) hit(th proc.Thread, _ *proc.Target) (bool, error) {
	var first error
	stop, trace := false, true
	for _, b := range s.all {
		ok, err := s.e.counts(b, th)
		if err != nil && first == nil {
			first = fmt.Errorf("condition %q: %w", b.Cond, err)
		}
		if ok {
			stop, trace = true, trace && b.Trace
			s.e.active = append(s.e.active, active{tid: th.ThreadID(), b: b})
		}
	}
	if s.bp.Logical != nil {
		s.bp.Logical.Tracepoint = trace
	}
	return stop, first
}

func (e *Engine) location(addr uint64) Location {
	l := Location{Addr: addr}
	var fn *proc.Function
	if l.File, l.Line, fn = e.sym.bi.PCToLine(addr); fn != nil {
		l.Function = fn.Name
	}
	return l
}
