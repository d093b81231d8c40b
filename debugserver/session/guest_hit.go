package session

import (
	"errors"
	"fmt"
	"slices"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

// hookArgs are the arguments of the kernel's hook: its first three registers (Go's internal ABI).
func (s *Session) hookArgs(h *engine.Hit) (t views.Object, b, c uint64, err error) {
	regs, err := s.e.Tracer().Regs(h.TID)
	if err != nil {
		return t, 0, 0, err
	}
	if s.guests.task == nil {
		tasks, err := s.guestTasks()
		if err != nil {
			return t, 0, 0, err
		}
		for _, o := range tasks {
			s.guests.task = &o
			break
		}
		if s.guests.task == nil {
			return t, 0, 0, errNoTask
		}
	}
	s.guests.task.Again()
	t, err = s.guests.task.At(regs.Rax)
	return t, regs.Rbx, regs.Rcx, err
}

// guestImage is a hit of GuestImage: code has been mapped.
func (s *Session) guestImage(_ *point, h *engine.Hit) verdict {
	b := s.guests.debug
	o, _, _, err := s.hookArgs(h)
	if err != nil || b == nil {
		return verdict{}
	}
	t, err := s.lookAtTask(o)
	if err != nil {
		return verdict{}
	}
	key := t.space.key()
	for addr := range b.users[key] { // what an old image had is gone with it
		if t.space.ImageAt(addr) == nil {
			delete(b.users[key], addr)
			delete(b.sites[key], addr)
		}
	}
	if exec, err := o.Uint("Last.Nr"); err == nil && (exec == 59 || exec == 322) {
		delete(b.users, key)
		delete(b.sites, key)
		for _, p := range b.watches {
			if p.watch.key == key {
				s.endWatch(p, "the program that had it has been replaced")
			}
		}
	}
	s.setAll(b, t.space)
	return verdict{}
}

// setAll sets all breakpoints in an address space.
func (s *Session) setAll(b *guestBreaks, sp *guestSpace) {
	b.known[sp.key()] = true
	for _, p := range s.sorted() {
		if !p.program || p.Spec.Disabled {
			continue
		}
		n := len(p.Addrs)
		err := s.setIn(b, p, sp)
		if err == nil && n == 0 && len(p.Addrs) > 0 {
			p.Verified, p.Message, p.Pending = true, "", false
			c := p.Breakpoint
			s.publish(Event{Breakpoint: &c})
		}
	}
}

// guestStop is a hit of GuestStop.
func (s *Session) guestStop(_ *point, h *engine.Hit) verdict {
	b := s.guests.debug
	o, addr, why, err := s.hookArgs(h)
	if err != nil || b == nil {
		return verdict{}
	}
	pid, err1 := o.Uint("Group.ID")
	tid, err2 := o.Uint("ID")
	space, err3 := o.Field("mm")
	if errors.Join(err1, err2, err3) != nil {
		return verdict{}
	}
	key := spaceKey{space.Addr(), int(pid)}
	if why != stopBreak {
		return s.stepped(b, h, o, int(tid), why)
	}
	if b.users[key] == nil && !b.known[key] { // a child of fork(2): it has what its parent had
		t, err := s.lookAtTask(o)
		if err != nil {
			return verdict{}
		}
		s.setAll(b, t.space)
	}
	if r := b.run; r != nil && r.back && r.tempAt == addr && r.key == key {
		if w := s.stepped(b, h, o, int(tid), why); w.stop || !r.back {
			return w // whose breakpoints are here has been told of them before
		}
	}
	var v verdict
	for _, p := range slices.Clone(b.users[key][addr]) {
		if p.onHit != nil {
			if w := p.onHit(p, h); w.stop && v.id == 0 {
				v = w
			}
			continue
		}
		if p.ID == 0 && p.onHit != nil { // of RunTo
			if p.goroutine == 0 || p.goroutine == h.Goroutine {
				v = p.onHit(p, h)
			}
			continue
		}
		if p.ID == 0 {
			if w := s.stepped(b, h, o, int(tid), why); w.stop && !v.stop {
				v = w
			}
			continue
		}
		if w := s.programHit(p, h, o); w.stop && v.id == 0 {
			v = w
		}
	}
	return v
}

// programHit judges a hit of p in a program.
func (s *Session) programHit(p *point, h *engine.Hit, o views.Object) verdict {
	if p.gone || p.Spec.Task != "" && !s.isTask(h.Goroutine, p.Spec.Task) {
		return verdict{}
	}
	v := verdict{stop: true, reason: ReasonBreakpoint, id: p.ID}
	var t *guestTask
	var f *guest.Frame
	if p.Spec.Cond != "" || p.log != nil {
		var err error
		if t, err = s.lookAtTask(o); err == nil {
			var fs []guest.Frame
			if fs, _, err = t.space.Stack(t.regs, 1); err == nil && len(fs) > 0 {
				f = &fs[0]
			}
		}
		if f == nil {
			v.text = fmt.Sprintf("the condition can't be evaluated: %v", err)
			return v
		}
	}
	if p.Spec.Cond != "" {
		ok, err := t.space.True(f, p.Spec.Cond)
		if err != nil {
			v.text = fmt.Sprintf("condition %q: %v", p.Spec.Cond, err)
		} else if !ok {
			return verdict{}
		}
	}
	p.Count++
	if !p.hits.match(p.Count) {
		return verdict{}
	}
	if p.log != nil {
		s.publish(Event{Output: &Output{Breakpoint: p.ID, Text: programLog(p, t, f), File: p.File, Line: p.Line}})
		return verdict{}
	}
	if p.Spec.Temporary {
		s.remove(p)
	}
	return v
}

// programLog is what a logpoint in a program says.
func programLog(p *point, t *guestTask, f *guest.Frame) string {
	text := ""
	for _, part := range p.log {
		if !part.expr {
			text += part.text
			continue
		}
		v, err := t.space.Eval(f, part.text)
		if err != nil {
			text += "{" + err.Error() + "}"
			continue
		}
		text += v.Format()
	}
	return text
}
