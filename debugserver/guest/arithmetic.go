package guest

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

func unary(op token.Token, v *Value) (*Value, error) {
	if op == token.AND {
		if v.Addr == 0 {
			return nil, errors.New("it is not in memory")
		}
		return number(int64(v.Addr)), nil
	}
	if v.isFloat() && (op == token.SUB || op == token.ADD) {
		x, err := v.float()
		if op == token.SUB {
			x = -x
		}
		return &Value{flt: &x}, err
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
	if l.isFloat() || r.isFloat() {
		return floats(x.Op, l, r)
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

// floats is arithmetic of which one side at least is a floating-point number.
func floats(op token.Token, l, r *Value) (*Value, error) {
	a, err := l.float()
	if err != nil {
		return nil, err
	}
	b, err := r.float()
	if err != nil {
		return nil, err
	}
	x := 0.0
	switch op {
	case token.ADD:
		x = a + b
	case token.SUB:
		x = a - b
	case token.MUL:
		x = a * b
	case token.QUO:
		x = a / b
	default:
		truth, ok := map[token.Token]bool{
			token.EQL: a == b, token.NEQ: a != b, token.LSS: a < b, token.LEQ: a <= b, token.GTR: a > b, token.GEQ: a >= b,
		}[op]
		if !ok {
			return nil, fmt.Errorf("%v of floating-point numbers", op)
		}
		return number(int64(bit(truth))), nil
	}
	return &Value{flt: &x}, nil
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
	case t.tag() == dwarf.TagStructType || t.tag() == dwarf.TagClassType:
		q, ok := v.goString(t)
		if !ok {
			q, ok = v.stdString(t)
		}
		if ok {
			return strconv.Unquote(strings.TrimSuffix(q, "…"))
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
