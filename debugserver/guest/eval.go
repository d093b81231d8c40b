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
	x, err := v.uint()
	return x != 0, err
}

// Bits returns what is to be written to a variable so that it has a value: where, and the bytes.
func (p *Process) Bits(f *Frame, expr, value string) (addr uint64, b []byte, err error) {
	v, err := p.Eval(f, expr)
	if err != nil {
		return 0, nil, err
	}
	switch n := v.Size(); {
	case v.Addr == 0:
		return 0, nil, fmt.Errorf("%s is not in memory", expr)
	case n <= 0 || n > 8 || v.bits != 0 || v.encoding() == 4 || len(v.t.strip().membersOf()) > 0 || v.t.strip().tag() == dwarf.TagArrayType:
		return 0, nil, fmt.Errorf("%s is a %s: only integers and pointers can be set", expr, v.TypeName())
	}
	x, err := p.Eval(f, value)
	if err != nil {
		return 0, nil, err
	}
	u, err := x.uint()
	return v.Addr, le8(u)[:v.Size()], err
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
		return e.name(x.Name)
	case *ast.BasicLit:
		return literal(x)
	case *ast.SelectorExpr:
		v, err := e.eval(x.X, depth)
		if err != nil {
			return nil, err
		}
		return e.member(v, x.Sel.Name)
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
				return number(int64(v)), nil
			}
			return nil, errors.New("this register's value in the frame is not known")
		}
	}
	return nil, &UnknownName{"$" + name}
}

// Global finds a variable that belongs to no function; nil: there is none.
func (p *Process) Global(f *Frame, name string) *Value {
	if f != nil && f.unit != nil {
		if v := p.globalOf(f.Image, f.unit, name); v != nil {
			return v
		}
	}
	images := p.Images
	if f != nil && f.Image != nil {
		images = append([]*Image{f.Image}, images...)
	}
	for _, im := range images {
		in := im.dwarf()
		if in == nil || len(im.loadSymbols().named(name)) == 0 {
			continue // units are many; the symbol table says at once whether it is worth while
		}
		for _, y := range im.loadSymbols().named(name) {
			for _, u := range in.units {
				if v := p.globalOf(im, u, name); v != nil && (v.Addr == y.Addr+im.Bias || y.Func) {
					return v
				}
			}
		}
	}
	return nil
}

func (p *Process) globalOf(im *Image, u *unit, name string) *Value {
	u.scan()
	for _, off := range u.globals[name] {
		if d := u.in.entryAt(off); d != nil {
			return p.value(&Frame{Place: Place{Image: im}, unit: u}, name, d)
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
	case dwarf.TagStructType: // Go's slices
		if fs := t.members(); len(fs) == 3 && fs[0].name == "array" {
			c := v.field(0).index(i)
			return c, c.Err
		}
	}
	return nil, fmt.Errorf("%s has no elements", v.TypeName())
}

func unary(op token.Token, v *Value) (*Value, error) {
	if op == token.AND {
		if v.Addr == 0 {
			return nil, errors.New("it is not in memory")
		}
		return number(int64(v.Addr)), nil
	}
	x, err := v.uint()
	if err != nil {
		return nil, err
	}
	switch op {
	case token.SUB:
		return number(-int64(x)), nil
	case token.NOT:
		return number(int64(bit(x == 0))), nil
	case token.XOR, token.TILDE:
		return number(^int64(x)), nil
	case token.ADD:
		return number(int64(x)), nil
	}
	return nil, fmt.Errorf("%v is not understood", op)
}

func (e *evaluator) binary(x *ast.BinaryExpr, depth int) (*Value, error) {
	l, err := e.eval(x.X, depth)
	if err != nil {
		return nil, err
	}
	if x.Op == token.LAND || x.Op == token.LOR {
		a, err := l.uint()
		if err != nil || (a != 0) == (x.Op == token.LOR) {
			return number(int64(bit(a != 0))), err
		}
		r, err := e.eval(x.Y, depth)
		if err != nil {
			return nil, err
		}
		b, err := r.uint()
		return number(int64(bit(b != 0))), err
	}
	r, err := e.eval(x.Y, depth)
	if err != nil {
		return nil, err
	}
	if v, ok, err := compareText(x.Op, l, r); ok || err != nil {
		return v, err
	}
	a, err := l.uint()
	if err != nil {
		return nil, err
	}
	b, err := r.uint()
	if err != nil {
		return nil, err
	}
	if t := l.t.strip(); t.tag() == dwarf.TagPointerType && (x.Op == token.ADD || x.Op == token.SUB) && r.t.strip().tag() != dwarf.TagPointerType {
		d := *l
		n := b * uint64(max(t.elem().Size(), 1))
		if x.Op == token.SUB {
			n = -n
		}
		d.Addr, d.data = 0, le8(a+n)
		return &d, nil
	}
	unsigned := !l.signed() && l.num == nil || !r.signed() && r.num == nil
	return arithmetic(x.Op, a, b, unsigned)
}

// compareText compares a text of the program's with a string.
func compareText(op token.Token, l, r *Value) (*Value, bool, error) {
	if l.text == nil && r.text == nil {
		return nil, false, nil
	}
	if op != token.EQL && op != token.NEQ {
		return nil, true, errors.New("strings can be compared by == and != only")
	}
	a, err := l.string()
	if err != nil {
		return nil, true, err
	}
	b, err := r.string()
	return number(int64(bit((a == b) == (op == token.EQL)))), true, err
}

// string is the text that a value is or points to.
func (v *Value) string() (string, error) {
	if v.text != nil {
		return *v.text, nil
	}
	t := v.t.strip()
	switch {
	case t.tag() == dwarf.TagPointerType && t.elem().isChar():
		at, err := v.uint()
		if err != nil {
			return "", err
		}
		s, _, err := readText(v.p.Mem, at, maxText)
		return s, err
	case t.tag() == dwarf.TagArrayType && t.elem().isChar():
		n, _ := v.count(t)
		b, err := v.bytes(min(n, maxText))
		s, _, _ := strings.Cut(string(b), "\x00")
		return s, err
	case t.tag() == dwarf.TagStructType:
		if q, ok := v.goString(t); ok {
			return strconv.Unquote(q)
		}
	}
	return "", fmt.Errorf("%s is no text", v.TypeName())
}

func arithmetic(op token.Token, a, b uint64, unsigned bool) (*Value, error) {
	less := int64(a) < int64(b)
	if unsigned {
		less = a < b
	}
	truth := func(x bool) (*Value, error) { return number(int64(bit(x))), nil }
	switch op {
	case token.EQL:
		return truth(a == b)
	case token.NEQ:
		return truth(a != b)
	case token.LSS:
		return truth(less)
	case token.GEQ:
		return truth(!less)
	case token.GTR:
		return truth(!less && a != b)
	case token.LEQ:
		return truth(less || a == b)
	case token.ADD:
		return number(int64(a + b)), nil
	case token.SUB:
		return number(int64(a - b)), nil
	case token.MUL:
		return number(int64(a * b)), nil
	case token.QUO, token.REM:
		switch {
		case b == 0:
			return nil, errors.New("division by zero")
		case unsigned && op == token.QUO:
			return number(int64(a / b)), nil
		case unsigned:
			return number(int64(a % b)), nil
		case int64(b) == -1 && op == token.QUO:
			return number(-int64(a)), nil
		case int64(b) == -1:
			return number(0), nil
		case op == token.QUO:
			return number(int64(a) / int64(b)), nil
		}
		return number(int64(a) % int64(b)), nil
	case token.AND:
		return number(int64(a & b)), nil
	case token.OR:
		return number(int64(a | b)), nil
	case token.XOR:
		return number(int64(a ^ b)), nil
	case token.SHL:
		return number(int64(a << (b & 63))), nil
	case token.SHR:
		return number(int64(a >> (b & 63))), nil
	}
	return nil, fmt.Errorf("%v is not understood", op)
}
