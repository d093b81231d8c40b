package engine

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/proc"
	"golang.org/x/sys/unix"

	"vitrine/debugserver/tracer"
)

// filter is a condition compiled for one address: only when it is first hit the scope is known in which its names have
// addresses.
type filter struct {
	f *tracer.Filter // nil: cannot be compiled
}

// compile compiles the conditions of the breakpoints that a thread has hit.
func (e *Engine) compile(t *thread) {
	if t.bp.Breakpoint == nil {
		return
	}
	s := e.sites[t.bp.Addr]
	if s == nil {
		return
	}
	for _, b := range s.all {
		if b.Cond != "" && b.filters[t.bp.Addr] == nil {
			b.filters[t.bp.Addr] = &filter{e.compileCond(t, b.Cond)}
		}
	}
}

// install gives the tracer the filters of all sites before a resume. A breakpoint that also serves a step of Delve's
// has none for the time.
func (e *Engine) install() {
	for addr, s := range e.sites {
		var f *tracer.Filter
		if len(s.bp.Breaklets) == 1 {
			f = s.filter(addr)
		}
		e.tracer.SetFilter(addr, e.owner, f)
	}
}

// filter is true if one of the conditions of the site is; nil if that is not known.
func (s *site) filter(addr uint64) (f *tracer.Filter) {
	for _, b := range s.all {
		c := b.filters[addr]
		if b.Cond == "" || c == nil || c.f == nil {
			return nil
		}
		if f == nil {
			f = c.f
		} else {
			f = &tracer.Filter{Op: "||", L: f, R: c.f}
		}
	}
	return f
}

func (e *Engine) compileCond(t *thread, cond string) *tracer.Filter {
	x, err := parser.ParseExpr(cond)
	if err != nil {
		return nil
	}
	scope, err := proc.GoroutineScope(e.target, t)
	if err != nil {
		return nil
	}
	r, err := e.tracer.Regs(t.id)
	if err != nil {
		return nil
	}
	c := compiler{e: e, scope: scope, sp: r.Rsp, regs: r}
	return c.cond(x)
}

// compiler compiles for one place in the program.
type compiler struct {
	e     *Engine
	scope *proc.EvalScope
	sp    uint64
	regs  *unix.PtraceRegs
}

// cond compiles a condition, or, of a conjunction, what can be compiled: Delve looks again at what passes.
func (c *compiler) cond(x ast.Expr) *tracer.Filter {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return c.cond(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			if f := c.exact(x.X); f != nil {
				return &tracer.Filter{Op: "!", L: f}
			}
		}
		return nil
	case *ast.BinaryExpr:
		switch x.Op {
		case token.LAND:
			l, r := c.cond(x.X), c.cond(x.Y)
			if l == nil || r == nil {
				if l == nil {
					return r
				}
				return l
			}
			return &tracer.Filter{Op: "&&", L: l, R: r}
		case token.LOR:
			if l, r := c.cond(x.X), c.cond(x.Y); l != nil && r != nil {
				return &tracer.Filter{Op: "||", L: l, R: r}
			}
			return nil
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return c.comparison(x)
		}
		return nil
	}
	if o, k := c.operand(x); o != nil && k == reflect.Bool {
		return &tracer.Filter{Op: "!=", X: o}
	}
	return nil
}

// exact compiles a condition that may be negated: all of it or nothing.
func (c *compiler) exact(x ast.Expr) *tracer.Filter {
	whole := true
	ast.Inspect(x, func(n ast.Node) bool {
		if b, ok := n.(*ast.BinaryExpr); ok && b.Op == token.LAND {
			whole = false
		}
		return true
	})
	if !whole {
		return nil
	}
	return c.cond(x)
}

func (c *compiler) comparison(b *ast.BinaryExpr) *tracer.Filter {
	x, kx := c.operand(b.X)
	y, ky := c.operand(b.Y)
	op := b.Op
	right := b.Y
	if x == nil { // constant op operand
		x, y, kx, ky = y, nil, ky, 0
		right, op = b.X, mirrored(op)
	}
	if x == nil {
		return nil
	}
	f := &tracer.Filter{Op: op.String(), X: x}
	if y != nil {
		if kx != ky || kx == reflect.String {
			return nil
		}
		f.Y = y
		return f
	}
	v := c.constant(right)
	switch {
	case kx == reflect.Pointer:
		if id, ok := right.(*ast.Ident); !ok || id.Name != "nil" {
			return nil
		}
	case v == nil:
		return nil
	case kx == reflect.String:
		if v.Kind() != constant.String || op != token.EQL && op != token.NEQ {
			return nil
		}
		f.Str = constant.StringVal(v)
	case kx == reflect.Bool:
		if v.Kind() != constant.Bool || op != token.EQL && op != token.NEQ {
			return nil
		}
		if constant.BoolVal(v) {
			f.Val = 1
		}
	default:
		if !c.fits(f, constant.ToInt(v)) {
			return nil
		}
	}
	return f
}

// fits takes an integer constant that the operand's type can hold.
func (c *compiler) fits(f *tracer.Filter, v constant.Value) bool {
	if v.Kind() != constant.Int {
		return false
	}
	bits := uint(8 * f.X.Size)
	if f.X.Signed {
		n, ok := constant.Int64Val(v)
		f.Val = uint64(n)
		return ok && n>>(bits-1) == n>>63
	}
	n, ok := constant.Uint64Val(v)
	f.Val = n
	return ok && (bits == 64 || n>>bits == 0)
}

func mirrored(op token.Token) token.Token {
	switch op {
	case token.LSS:
		return token.GTR
	case token.LEQ:
		return token.GEQ
	case token.GTR:
		return token.LSS
	case token.GEQ:
		return token.LEQ
	}
	return op
}

// constant evaluates what is the same for ever: literals, the program's constants, and sums of them.
func (c *compiler) constant(x ast.Expr) constant.Value {
	switch y := x.(type) {
	case *ast.ParenExpr:
		return c.constant(y.X)
	case *ast.UnaryExpr:
		if c.constant(y.X) == nil {
			return nil
		}
	case *ast.BinaryExpr:
		if c.constant(y.X) == nil || c.constant(y.Y) == nil {
			return nil
		}
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr:
	default:
		return nil
	}
	v, err := c.scope.EvalExpression(types.ExprString(x), proc.LoadConfig{MaxStringLen: 4096})
	if err != nil || v.Unreadable != nil || v.Addr != 0 || v.Value == nil {
		return nil
	}
	switch x.(type) {
	case *ast.Ident, *ast.SelectorExpr: // a variable in a register has no address either
		if v.Flags&proc.VariableConstant == 0 {
			return nil
		}
	}
	return v.Value
}

// operand compiles a field or variable of a basic type.
func (c *compiler) operand(x ast.Expr) (*tracer.Operand, reflect.Kind) {
	typ, o := c.path(x)
	if typ == nil {
		return nil, 0
	}
	typ = godwarf.ResolveTypedef(typ)
	o.Size = int(typ.Size())
	switch k := typ.Common().ReflectKind; {
	case k == reflect.String:
		n := *o
		n.Offs = append([]int64(nil), o.Offs...)
		n.Offs[len(n.Offs)-1] += 8
		o.Size, n.Size = 8, 8
		o.Len = &n
		return o, k
	case k == reflect.Pointer || k == reflect.UnsafePointer:
		return o, reflect.Pointer
	case k == reflect.Bool:
		return o, k
	case k >= reflect.Int && k <= reflect.Int64:
		o.Signed = true
		return o, reflect.Int
	case k >= reflect.Uint && k <= reflect.Uintptr:
		return o, reflect.Uint
	}
	return nil, 0
}

// path returns the type of an operand and how to reach it.
func (c *compiler) path(x ast.Expr) (godwarf.Type, *tracer.Operand) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return c.path(x.X)
	case *ast.StarExpr:
		typ, o := c.path(x.X)
		if p, ok := godwarf.ResolveTypedef(typ).(*godwarf.PtrType); ok && typ != nil {
			o.Offs = append(o.Offs, 0)
			return p.Type, o
		}
	case *ast.SelectorExpr:
		if typ, o := c.path(x.X); typ != nil {
			return field(typ, o, x.Sel.Name)
		}
		switch x.X.(type) {
		case *ast.Ident, *ast.BasicLit: // pkg.Var, "a/path".Var
			return c.root(types.ExprString(x))
		}
	case *ast.IndexExpr:
		typ, o := c.path(x.X)
		if typ == nil {
			return nil, nil
		}
		a, ok := godwarf.ResolveTypedef(typ).(*godwarf.ArrayType)
		v := c.constant(x.Index)
		if !ok || v == nil {
			return nil, nil
		}
		i, ok := constant.Int64Val(constant.ToInt(v))
		if !ok || i < 0 || i >= a.Count {
			return nil, nil
		}
		o.Offs[len(o.Offs)-1] += i * a.Type.Size()
		return a.Type, o
	case *ast.Ident:
		return c.root(x.Name)
	}
	return nil, nil
}

// field goes to a field of a struct, or of one that is pointed to. Fields of embedded structs need their whole path.
func field(typ godwarf.Type, o *tracer.Operand, name string) (godwarf.Type, *tracer.Operand) {
	typ = godwarf.ResolveTypedef(typ)
	if p, ok := typ.(*godwarf.PtrType); ok {
		typ = godwarf.ResolveTypedef(p.Type)
		o.Offs = append(o.Offs, 0)
	}
	if st, ok := typ.(*godwarf.StructType); ok {
		for _, f := range st.Field {
			if f.Name == name {
				o.Offs[len(o.Offs)-1] += f.ByteOffset
				return f.Type, o
			}
		}
	}
	return nil, nil
}

// register finds the register that an argument is still in at a function's beginning. Delve does not tell: it is the one that holds
// the pointer, if just one does. Numbers would meet by chance.
func (c *compiler) register(v *proc.Variable) (found int) {
	if _, ok := godwarf.ResolveTypedef(v.DwarfType).(*godwarf.PtrType); !ok || v.Flags&proc.VariableArgument == 0 || len(v.Children) == 0 {
		return 0
	}
	addr := v.Children[0].Addr
	if addr < 1<<16 {
		return 0
	}
	for i := range tracer.ArgRegs {
		if tracer.ArgReg(c.regs, i) != addr {
			continue
		}
		if found != 0 {
			return 0
		}
		found = i + 1
	}
	return found
}

// root finds a variable: in a register or the frame, whose size is fixed at a given PC, or among the program's static data.
func (c *compiler) root(name string) (godwarf.Type, *tracer.Operand) {
	v, err := c.scope.EvalExpression(name, proc.LoadConfig{})
	if err != nil || v.Addr == 0 || v.DwarfType == nil || v.Flags&proc.VariableEscaped != 0 {
		return nil, nil
	}
	if v.Flags&proc.VariableFakeAddress != 0 {
		if r := c.register(v); r != 0 {
			return v.DwarfType, &tracer.Operand{Reg: r}
		}
		return nil, nil
	}
	switch {
	case v.Addr >= c.sp && v.Addr < c.sp+1<<16:
		return v.DwarfType, &tracer.Operand{SP: true, Offs: []int64{int64(v.Addr - c.sp)}}
	case v.Addr < 1<<32 || c.e.sym.pie:
		return v.DwarfType, &tracer.Operand{Offs: []int64{int64(v.Addr)}}
	}
	return nil, nil
}
