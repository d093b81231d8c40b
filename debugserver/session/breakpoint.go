package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
)

// point is a breakpoint on the session's side.
type point struct {
	Breakpoint
	client *Client
	set    []*engine.Breakpoint // what the engine has for it; empty: unverified or disabled
	onHit  func(*point, *engine.Hit) verdict

	hits hitCount
	log  []logPart
	nrs  []int // watched system calls
	when When  // what of them

	goroutine int64 // only this one; 0: any
	gone      bool

	watch   *guestWatch                      // of a data breakpoint in a program
	program bool                             // it is in programs, not in the kernel
	where   map[*guest.File][]guest.Location // places in files
}

// add makes a breakpoint from a spec. The caller is an operation; the result is a copy.
func (s *Session) add(c *Client, spec Spec) (*Breakpoint, error) {
	if s.dead() {
		return nil, ErrCore
	}
	p := &point{client: c}
	p.Owner, p.Spec = c.Name, spec
	if err := p.parse(); err != nil {
		return nil, err
	}
	s.lastID++
	p.ID = s.lastID
	s.points[p.ID] = p
	s.enable(p)
	b := p.Breakpoint
	s.publish(Event{Breakpoint: &b})
	return &b, nil
}

// parse checks what can be checked without the kernel.
func (p *point) parse() (err error) {
	if p.hits, err = parseHits(p.Spec.Hits); err != nil {
		return err
	}
	if p.log, err = parseLog(p.Spec.Log); err != nil {
		return err
	}
	switch p.Spec.Kind {
	case Line:
		if p.Spec.File == "" || p.Spec.Line <= 0 {
			return errors.New("a file and a line, please")
		}
	case Function:
		if p.Spec.Func == "" {
			return errors.New("a function's name, please")
		}
	case Data:
		if p.Spec.Expr == "" && (p.Spec.Addr == 0 || p.Spec.Size <= 0) {
			return errors.New("an expression, or an address and a size, please")
		}
	case Syscall:
		if p.Spec.Syscall == "" {
			return errors.New("a system call's name, number or *, please")
		}
	case Exception:
		if exceptions[p.Spec.Exception].function == "" {
			return fmt.Errorf("%q is none of oops, panic, fatal-signal, go-panic, lockup", p.Spec.Exception)
		}
	}
	return nil
}

// enable sets p in the kernel, unless it is disabled. What goes wrong is p's Message.
func (s *Session) enable(p *point) {
	p.Verified, p.Message, p.Pending = true, "", false
	if p.Spec.Disabled || s.e == nil {
		return
	}
	var err error
	switch p.Spec.Kind {
	case Syscall:
		err = s.enableSyscall(p)
	case Exception:
		err = s.enableException(p)
	case Data:
		err = s.enableData(p)
	default:
		err = s.enablePlace(p)
	}
	if errors.Is(err, errNoImage) || errors.Is(err, errNotBooted) { // it waits
		p.Verified, p.Message, p.Pending = false, err.Error(), true
		return
	}
	if err != nil {
		s.disable(p)
		p.Verified, p.Message = false, err.Error()
	}
}

func (s *Session) disable(p *point) {
	s.unwatchCalls(p)
	for _, b := range p.set {
		s.e.Clear(b.ID)
	}
	p.set = nil
	s.disableProgram(p)
}

// enablePlace sets a breakpoint on code: the kernel's, or, if it has no such place or programs are meant, in programs.
func (s *Session) enablePlace(p *point) error {
	if p.Spec.Program {
		return s.enableProgram(p)
	}
	err := s.enableCode(p)
	if err == nil || p.Spec.Kind == Address || !s.otherwise(p) {
		return err
	}
	if perr := s.enableProgram(p); perr != nil {
		return fmt.Errorf("%w; %w", err, perr)
	}
	return nil
}

// enableCode sets a breakpoint on code.
func (s *Session) enableCode(p *point) error {
	spec := engine.Spec{Cond: p.Spec.Cond, Trace: p.Spec.Log != ""}
	switch p.Spec.Kind {
	case Line:
		file, err := s.e.Source(p.Spec.File)
		if err != nil {
			return err
		}
		spec.File, spec.Line = file, p.Spec.Line
	case Function:
		name, err := s.function(p.Spec.Func)
		if err != nil {
			return err
		}
		spec.Function = name
	case Address:
		spec.Addrs = []uint64{p.Spec.Addr}
	}
	return s.plant(p, spec)
}

// plant sets one engine breakpoint for p.
func (s *Session) plant(p *point, spec engine.Spec) error {
	spec.Value = p
	b, err := s.e.Break(spec)
	if err != nil {
		return err
	}
	p.set = append(p.set, b)
	p.Addrs = nil
	for _, l := range b.Locations {
		p.Addrs = append(p.Addrs, l.Addr)
		p.Func, p.File, p.Line = l.Function, l.File, l.Line
	}
	return nil
}

// enableData sets a data breakpoint.
func (s *Session) enableData(p *point) error {
	if ok, err := s.enableWatch(p); ok || err != nil {
		return err
	}
	w := engine.WatchSpec{Addr: p.Spec.Addr, Size: p.Spec.Size, Read: p.Spec.Access == ReadWrite}
	if p.Spec.Expr != "" {
		where, err := s.where(p.Spec.Thread, s.kernelFrame(p.Spec.Thread, p.Spec.Frame))
		if err != nil {
			return err
		}
		w.Expr, w.Where = p.Spec.Expr, where
	}
	b, err := s.e.Watch(w, p.Spec.Cond, "")
	if err != nil {
		return err
	}
	b.Value = p
	p.set = append(p.set, b)
	if b.Watch != nil {
		p.Addrs = []uint64{b.Watch.Addr}
		p.Spec.Size = b.Watch.Size
	}
	return nil
}

// function finds the one function that a name means: its whole name, or the end of one.
func (s *Session) function(name string) (string, error) {
	var found []string
	for _, f := range s.e.Functions() {
		if f == name {
			return f, nil
		}
		if rest, ok := strings.CutSuffix(f, name); ok && (strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, "/")) {
			found = append(found, f)
		}
	}
	if len(found) > 1 { // ours are meant
		ours := slices.DeleteFunc(slices.Clone(found), func(f string) bool { return !strings.HasPrefix(f, "vitrine/") })
		if len(ours) > 0 {
			found = ours
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("the kernel has no function %s", name)
	}
	const most = 6
	list := strings.Join(found[:min(len(found), most)], ", ")
	if len(found) > most {
		list += fmt.Sprintf(" and %d more", len(found)-most)
	}
	return "", fmt.Errorf("%s may be %s; say which", name, list)
}

// change gives a breakpoint other conditions.
func (s *Session) change(c *Client, id int, spec Spec) (*Breakpoint, error) {
	p, err := s.owned(c, id)
	if err != nil {
		return nil, err
	}
	old := p.Spec
	p.Spec.Cond, p.Spec.Hits, p.Spec.Log, p.Spec.Task, p.Spec.Disabled = spec.Cond, spec.Hits, spec.Log, spec.Task, spec.Disabled
	if err := p.parse(); err != nil {
		p.Spec = old
		p.parse()
		return nil, err
	}
	s.disable(p)
	s.enable(p)
	b := p.Breakpoint
	s.publish(Event{Breakpoint: &b})
	return &b, nil
}

func (s *Session) owned(c *Client, id int) (*point, error) {
	p := s.points[id]
	switch {
	case p == nil:
		return nil, fmt.Errorf("there is no breakpoint %d", id)
	case p.client != c:
		return nil, fmt.Errorf("breakpoint %d is %s's", id, p.Owner)
	}
	return p, nil
}

// remove takes a breakpoint away.
func (s *Session) remove(p *point) {
	p.gone = true
	s.disable(p)
	delete(s.points, p.ID)
	b := p.Breakpoint
	s.publish(Event{Breakpoint: &b, Removed: true})
}

// clearOf takes away all that a client has set.
func (s *Session) clearOf(c *Client) {
	for _, p := range s.sorted() {
		if p.client == c {
			s.remove(p)
		}
	}
}

// clearAll takes everything away, to leave no trace in the kernel.
func (s *Session) clearAll() {
	for _, p := range s.sorted() {
		s.remove(p)
	}
	s.clearTemps()
}

// sorted lists the breakpoints by ID.
func (s *Session) sorted() []*point {
	var ps []*point
	for _, p := range s.points {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b *point) int { return a.ID - b.ID })
	return ps
}

// clearTemps takes away the places that the last run command was to go to.
func (s *Session) clearTemps() {
	for _, p := range s.temps {
		p.gone = true
		s.disable(p)
	}
	s.temps = nil
}
