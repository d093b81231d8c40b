package guest

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// UnknownName is a name that means nothing in a program.
type UnknownName struct{ Name string }

func (e *UnknownName) Error() string { return fmt.Sprintf("there is no %s here", e.Name) }

// Eval evaluates an expression in a frame: names, ., ->, [], *, &, arithmetic and comparisons, $rax for registers. Nothing is called.
func (p *Process) Eval(f *Frame, expr string) (v *Value, err error) {
	defer guard(&err)
	const maxExpr = 4096
	if len(expr) > maxExpr {
		return nil, errors.New("too long")
	}
	text := strings.ReplaceAll(expr, "->", ".")
	text = strings.ReplaceAll(text, "$", registerMark)
	text = strings.ReplaceAll(text, "::", scopeMark)
	x, err := parser.ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no expression", expr)
	}
	e := evaluator{p: p, f: f}
	if v, err = e.eval(x, 0); err != nil {
		return nil, err
	}
	v.Name = expr
	return v, v.Err
}

// True evaluates a condition.
func (p *Process) True(f *Frame, expr string) (bool, error) {
	v, err := p.Eval(f, expr)
	if err != nil {
		return false, err
	}
	if v.isFloat() {
		x, err := v.float()
		return x != 0, err
	}
	x, err := v.uint()
	return x != 0, err
}

const (
	registerMark = "ᵣ" // letters, for the sake of Go's parser
	scopeMark    = "ᵥ"
)

type evaluator struct {
	p *Process
	f *Frame
}

func number(n int64) *Value { return &Value{num: &n} }

func (e *evaluator) eval(x ast.Expr, depth int) (*Value, error) {
	if depth == maxChain {
		return nil, errors.New("too deep")
	}
	depth++
	switch x := x.(type) {
	case *ast.ParenExpr:
		return e.eval(x.X, depth)
	case *ast.Ident:
		v, err := e.name(x.Name)
		return v.referred(), err
	case *ast.BasicLit:
		return literal(x)
	case *ast.SelectorExpr:
		v, err := e.eval(x.X, depth)
		if err != nil {
			return nil, err
		}
		m, err := e.member(v, x.Sel.Name)
		return m.referred(), err
	case *ast.StarExpr:
		v, err := e.eval(x.X, depth)
		if err != nil {
			return nil, err
		}
		d := v.deref()
		return d, d.Err
	case *ast.IndexExpr:
		v, err := e.eval(x.X, depth)
		if err != nil {
			return nil, err
		}
		i, err := e.eval(x.Index, depth)
		if err != nil {
			return nil, err
		}
		n, err := i.uint()
		if err != nil {
			return nil, err
		}
		return e.element(v, int64(n))
	case *ast.UnaryExpr:
		v, err := e.eval(x.X, depth)
		if err != nil {
			return nil, err
		}
		return unary(x.Op, v)
	case *ast.BinaryExpr:
		return e.binary(x, depth)
	}
	return nil, errors.New("this kind of expression is not understood")
}

func literal(x *ast.BasicLit) (*Value, error) {
	switch x.Kind {
	case token.INT:
		n, err := strconv.ParseUint(strings.TrimRight(x.Value, "uUlL"), 0, 64)
		return number(int64(n)), err
	case token.FLOAT:
		x, err := strconv.ParseFloat(strings.TrimRight(x.Value, "fFlL"), 64)
		return &Value{flt: &x}, err
	case token.CHAR:
		r, _, _, err := strconv.UnquoteChar(x.Value[1:len(x.Value)-1], '\'')
		return number(int64(r)), err
	case token.STRING:
		s, err := strconv.Unquote(x.Value)
		return &Value{text: &s}, err
	}
	return nil, fmt.Errorf("%s is not understood", x.Value)
}

// name looks a name up: the innermost scope first, then the unit's variables, then those of all images.
func (e *evaluator) name(name string) (*Value, error) {
	name = strings.ReplaceAll(name, scopeMark, "::")
	if reg, ok := strings.CutPrefix(name, registerMark); ok {
		return e.register(reg)
	}
	switch name {
	case "true":
		return number(1), nil
	case "false", "NULL", "nil", "nullptr":
		return number(0), nil
	}
	p, f := e.p, e.f
	if f != nil && f.fn != nil {
		level := f.level()
		for i := len(level) - 1; i >= 0; i-- {
			for j := len(level[i].vars) - 1; j >= 0; j-- {
				if v := &level[i].vars[j]; v.name == name {
					r := p.value(f, name, v.entry)
					return r, r.Err
				}
			}
		}
	}
	if v := p.Global(f, name); v != nil {
		return v, v.Err
	}
	if name != "this" { // a member of the object that a method belongs to
		if this, err := e.name("this"); err == nil {
			if m, err := e.member(this, name); err == nil {
				return m, m.Err
			}
		}
	}
	return nil, &UnknownName{name}
}

func (e *evaluator) register(name string) (*Value, error) {
	switch name {
	case "pc":
		name = "rip"
	case "sp":
		name = "rsp"
	case "fp":
		name = "rbp"
	}
	for i, n := range RegisterNames {
		if n == name && e.f != nil {
			if v, ok := e.f.Regs.Get(uint64(i)); ok {
				r := number(int64(v))
				r.reg, r.loc, r.regs = true, &location{kind: locRegister, reg: uint64(i)}, &e.f.Regs
				return r, nil
			}
			return nil, errors.New("this register's value in the frame is not known")
		}
	}
	if names, _ := VectorNames(); e.f != nil {
		if n, ok := names[name]; ok {
			b, err := e.f.Regs.Vector(n)
			if err != nil {
				return nil, err
			}
			if name[0] == 'x' {
				b = b[:16]
			}
			shown := FormatVector(name, b)
			return &Value{shown: &shown}, nil
		}
	}
	return nil, &UnknownName{"$" + name}
}

// Global finds a variable that belongs to no function; nil: there is none.
func (p *Process) Global(f *Frame, name string) *Value {
	if f != nil && f.unit != nil {
		if v := p.globalOf(f.Image, f.unit, name, f.Regs.FS); v != nil {
			return v
		}
	}
	images := p.Images
	if f != nil && f.Image != nil {
		images = append([]*Image{f.Image}, images...)
	}
	for _, im := range images {
		in := im.dwarf()
		if in == nil {
			continue
		}
		ys, short := im.loadSymbols().named(name), name // units are many; the symbol table says at once whether it is worth while
		if len(ys) == 0 && strings.Contains(name, "::") {
			ys, short = im.loadSymbols().mangledAs(name), lastIdentifier(name)
		}
		for _, y := range ys {
			for _, u := range in.units {
				if v := p.globalOf(im, u, short, 0); v != nil && (v.Addr == y.Addr+im.Bias || y.Func) {
					return v
				}
			}
		}
	}
	return nil
}

// globalOf is Global for one unit. fs is the thread's FS base, for what is the thread's own.
func (p *Process) globalOf(im *Image, u *unit, name string, fs uint64) *Value {
	u.scan()
	for _, off := range u.globals[name] {
		if d := u.in.entryAt(off); d != nil {
			return p.value(&Frame{Place: Place{Image: im}, unit: u, Regs: Registers{FS: fs}}, name, d)
		}
	}
	return nil
}

func (e *evaluator) member(v *Value, name string) (*Value, error) {
	switch v.t.strip().tag() {
	case dwarf.TagPointerType, dwarf.TagReferenceType:
		v = v.deref()
	}
	if v.Err != nil {
		return nil, v.Err
	}
	for i, f := range v.t.strip().membersOf() {
		if f.name == name {
			return v.field(i), nil
		}
		if f.name == "" || f.e.Tag == dwarf.TagInheritance { // an anonymous struct, or a base class
			if m, err := e.member(v.field(i), name); err == nil {
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("%s has no member %s", v.TypeName(), name)
}

func (e *evaluator) element(v *Value, i int64) (*Value, error) {
	t := v.t.strip()
	switch t.tag() {
	case dwarf.TagArrayType, dwarf.TagPointerType:
		c := v.index(i)
		return c, c.Err
	case dwarf.TagStructType, dwarf.TagClassType: // Go's slices, C++'s vectors
		if first, _, ok := v.elements(); ok {
			c := first.index(i)
			return c, c.Err
		}
	}
	return nil, fmt.Errorf("%s has no elements", v.TypeName())
}
