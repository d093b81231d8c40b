package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-delve/delve/pkg/proc"

	"vitrine/debugserver/tracer"
)

// WatchSpec says what a data breakpoint watches: an expression with an address, or a range of memory.
type WatchSpec struct {
	Expr  string
	Where Where // of Expr
	Addr  uint64
	Size  int

	Read bool // hit by every access; otherwise when the value has changed
}

// WatchHit is what a watch has seen. Old and New are shortened.
type WatchHit struct {
	Addr     uint64
	Size     int
	Old, New []byte // the bytes before and after
}

// watcher sets and clears a watch.
type watcher interface {
	set(*Engine, *Breakpoint) error
	clear(*Engine, *Breakpoint) error
}

// Watch sets a data breakpoint. What is on a goroutine's stack is watched until its function returns, and may be 8
// bytes wide at most.
func (e *Engine) Watch(w WatchSpec, cond, hit string) (b *Breakpoint, err error) {
	defer guard(&err)
	if e.tracer == nil {
		return nil, ErrNotLive
	}
	b = &Breakpoint{Spec: Spec{Cond: cond, HitCond: hit}, Watch: &w}
	if err := e.condition(b, cond, hit, false); err != nil {
		return nil, err
	}
	onStack := false
	if w.Expr != "" {
		v, stack, err := e.watchable(w)
		if err != nil {
			return nil, err
		}
		onStack, w.Addr, w.Size = stack, v.Addr, int(v.DwarfType.Size())
	}
	if w.Size <= 0 || w.Size > tracer.MaxWatch {
		return nil, fmt.Errorf("a watch of %d bytes is not possible", w.Size)
	}
	b.watch = &memoryWatch{hard: e.onAnyStack(w.Addr)}
	if onStack {
		b.watch = &stackWatch{}
	}
	e.register(b)
	if err := e.enable(b); err != nil {
		delete(e.breakpoints, b.ID)
		return nil, err
	}
	return b, nil
}

// watchable evaluates the expression of a watch.
func (e *Engine) watchable(w WatchSpec) (v *proc.Variable, onStack bool, err error) {
	scope, err := e.scope(w.Where)
	if err != nil {
		return nil, false, err
	}
	v, err = scope.EvalExpression(w.Expr, LoadConfig{})
	if err != nil {
		return nil, false, err
	}
	if v.Unreadable != nil {
		return nil, false, fmt.Errorf("%s: %w", w.Expr, v.Unreadable)
	}
	if v.Addr == 0 || v.Flags&proc.VariableFakeAddress != 0 || v.DwarfType == nil {
		return nil, false, fmt.Errorf("%s has no place in memory that could be watched", w.Expr)
	}
	lo, hi := e.stackOf(w.Where)
	return v, v.Addr >= lo && v.Addr < hi, nil
}

// memoryWatch watches a fixed place.
type memoryWatch struct {
	last []byte
	hard bool // it lies on a stack
}

func (m *memoryWatch) spec(b *Breakpoint) tracer.Watch {
	return tracer.Watch{Addr: b.Watch.Addr, Size: b.Watch.Size, Read: b.Watch.Read, Hard: m.hard}
}

func (m *memoryWatch) set(e *Engine, b *Breakpoint) error {
	m.last = e.glance(b)
	return e.tracer.SetWatch(m.spec(b), e.watchOwner)
}

func (m *memoryWatch) clear(e *Engine, b *Breakpoint) error {
	for _, o := range e.breakpoints { // another one at the same place?
		if w, ok := o.watch.(*memoryWatch); ok && o != b && o.Enabled && w.spec(o) == m.spec(b) {
			return nil
		}
	}
	return e.tracer.ClearWatch(m.spec(b), e.watchOwner)
}

// glance reads what a watch's hit shows of the value.
func (e *Engine) glance(b *Breakpoint) []byte {
	buf := make([]byte, min(b.Watch.Size, 256))
	n, _ := e.tracer.Read(buf, b.Watch.Addr)
	return buf[:n]
}

// watchesHit notes which watches a thread's hit was about, conditions considered.
func (e *Engine) watchesHit(t *thread, h tracer.Hit) bool {
	found := false
	for _, b := range e.breakpoints {
		m, ok := b.watch.(*memoryWatch)
		if !ok || !b.Enabled || !slices.Contains(h.Watches, m.spec(b)) {
			continue
		}
		now := e.glance(b)
		hit := &WatchHit{Addr: b.Watch.Addr, Size: b.Watch.Size, Old: m.last, New: now}
		m.last = now
		ok, err := e.counts(b, t)
		if err != nil {
			e.condErr = errors.Join(e.condErr, fmt.Errorf("condition %q: %w", b.Cond, err))
		}
		if ok {
			found = true
			e.watched = append(e.watched, active{tid: t.id, b: b, w: hit})
		}
	}
	return found
}

// stackWatch watches a variable of a function that is active: Delve moves it with the stack, and ends it.
type stackWatch struct{ bp *proc.Breakpoint }

func (s *stackWatch) set(e *Engine, b *Breakpoint) error {
	scope, err := e.scope(b.Watch.Where)
	if err != nil {
		return err
	}
	bp, err := e.target.SetWatchpoint(b.ID, scope, b.Watch.Expr, proc.WatchWrite, nil)
	if err != nil {
		if bp != nil && bp.LogicalID() == b.ID { // half done
			s.bp = bp
			s.clear(e, b)
		}
		return err
	}
	s.bp = bp
	site := &site{e: e, bp: bp, all: []*Breakpoint{b}}
	bp.UserBreaklet().SetCallback(site.hit)
	return nil
}

func (s *stackWatch) clear(e *Engine, b *Breakpoint) error {
	if s.bp == nil || e.Valid() != nil {
		return nil
	}
	err := e.target.ClearBreakpoint(s.bp.Addr)
	s.bp = nil
	delete(e.group.LogicalBreakpoints, b.ID)
	return err
}
