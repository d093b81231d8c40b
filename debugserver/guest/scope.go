package guest

import (
	"debug/dwarf"
	"errors"
)

// scope is a lexical block, or a function that was inlined here, with the variables declared in it.
type scope struct {
	ranges   []Range
	vars     []variable
	inner    []*scope
	inlined  *function // of what; nil: a block
	callFile int64
	callLine int
}

// variable is a declaration.
type variable struct {
	name  string
	entry *dwarf.Entry
	arg   bool
}

func (s *scope) has(a uint64) bool {
	for _, r := range s.ranges {
		if r.has(a) {
			return true
		}
	}
	return false
}

const maxScopes = 1 << 16

// scopes reads what is declared in a function.
func (fn *function) scopes() *scope {
	if fn.body != nil {
		return fn.body
	}
	fn.body = &scope{ranges: []Range{{fn.low, fn.high}}}
	in := fn.unit.in
	var err error
	defer func() { in.file.note(err) }()
	defer guard(&err)
	r := in.d.Reader()
	r.Seek(fn.offset)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return fn.body
	}
	open := []*scope{fn.body}
	for n := 0; len(open) > 0 && n < maxScopes; n++ {
		if e, err = r.Next(); err != nil || e == nil {
			break
		}
		at := open[len(open)-1]
		switch e.Tag {
		case 0:
			open = open[:len(open)-1]
			continue
		case dwarf.TagVariable, dwarf.TagFormalParameter:
			if name := in.nameOf(e); name != "" {
				at.vars = append(at.vars, variable{name, e, e.Tag == dwarf.TagFormalParameter})
			}
		case dwarf.TagLexDwarfBlock, dwarf.TagInlinedSubroutine:
			s := &scope{}
			pcs, rerr := in.d.Ranges(e)
			if rerr == nil {
				for _, p := range pcs {
					s.ranges = append(s.ranges, Range{p[0], p[1]})
				}
			}
			if len(s.ranges) == 0 {
				s.ranges = at.ranges
				if e.Tag == dwarf.TagInlinedSubroutine {
					s.ranges = nil
				}
			}
			if e.Tag == dwarf.TagInlinedSubroutine {
				s.inlined = &function{unit: fn.unit, name: in.fullName(e)}
				s.callFile, _ = e.Val(dwarf.AttrCallFile).(int64)
				line, _ := e.Val(dwarf.AttrCallLine).(int64)
				s.callLine = int(line)
			}
			at.inner = append(at.inner, s)
			if e.Children && len(open) < 256 {
				open = append(open, s)
				continue
			}
		}
		if e.Children {
			r.SkipChildren()
		}
	}
	return fn.body
}

// path lists the scopes that an address is in, outermost first.
func (fn *function) path(a uint64) []*scope {
	s := fn.scopes()
	path := []*scope{s}
	for len(path) < 256 {
		var next *scope
		for _, i := range s.inner {
			if i.has(a) {
				next = i
			}
		}
		if next == nil {
			break
		}
		path, s = append(path, next), next
	}
	return path
}

// expand adds f to frames, and before it one for each function that was inlined at its place.
func (p *Process) expand(frames []Frame, f Frame, exact bool) []Frame {
	at := f.PC
	if !exact {
		at--
	}
	f.Place, f.exact = p.Where(at), exact
	im := f.Image
	if im != nil && f.Func != "" {
		f.Offset += f.PC - at
	}
	if im == nil || im.dwarf() == nil {
		return append(frames, f)
	}
	f.unit = im.dwarf().unitAt(at - im.Bias)
	if f.unit != nil {
		f.fn = f.unit.funcAt(at - im.Bias)
	}
	if f.fn == nil {
		return append(frames, f)
	}
	path := f.fn.path(at - im.Bias)
	for i := len(path) - 1; i > 0; i-- {
		s := path[i]
		if s.inlined == nil {
			continue
		}
		g := f
		g.Func, g.inl, g.Inlined, g.Offset = s.inlined.name, s.inlined, true, 0
		frames = append(frames, g)
		f.File, f.Line = f.unit.callSite(s)
	}
	return append(frames, f)
}

// callSite is where a function was inlined.
func (u *unit) callSite(s *scope) (string, int) {
	lr, err := u.in.d.LineReader(u.entry)
	if err != nil || lr == nil {
		return "", 0
	}
	files := lr.Files()
	if s.callFile < 0 || s.callFile >= int64(len(files)) || files[s.callFile] == nil {
		return "", s.callLine
	}
	return u.abs(files[s.callFile].Name), s.callLine
}

// level lists the scopes that belong to a frame, outermost first: an inlined function's end where the next begins.
func (f *Frame) level() (r []*scope) {
	if f.fn == nil {
		return nil
	}
	path := f.fn.path(f.code())
	in := f.inl == nil
	for i, s := range path {
		if s.inlined != nil && i > 0 {
			if in {
				break
			}
			in = s.inlined == f.inl
		}
		if in {
			r = append(r, s)
		}
	}
	return r
}

var errNoDebug = errors.New("no debugging information for this code")

// Arguments returns the function's arguments, Locals its other variables, innermost scope last.
func (p *Process) Arguments(f *Frame) ([]*Value, error) { return p.variables(f, true) }

// Locals: see Arguments.
func (p *Process) Locals(f *Frame) ([]*Value, error) { return p.variables(f, false) }

func (p *Process) variables(f *Frame, args bool) (vs []*Value, err error) {
	defer guard(&err)
	if f.fn == nil {
		return nil, errNoDebug
	}
	for _, s := range f.level() {
		for _, v := range s.vars {
			if v.arg == args {
				vs = append(vs, p.value(f, v.name, v.entry))
			}
		}
	}
	return vs, nil
}
