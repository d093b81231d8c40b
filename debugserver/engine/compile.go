package engine

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"reflect"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/proc"

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
		if len(s.bp.Breaklets) == 1 && len(s.all) == 1 && s.all[0].Cond != "" {
			if c := s.all[0].filters[addr]; c != nil {
				f = c.f
			}
		}
		e.tracer.SetFilter(addr, e.owner, f)
	}
}

func (e *Engine) compileCond(t *thread, cond string) *tracer.Filter {
	x, err := parser.ParseExpr(cond)
	if err != nil {
		return nil
	}
	b, ok := x.(*ast.BinaryExpr)
	if !ok {
		return nil
	}
	y, neg := b.Y, false
	if u, ok := y.(*ast.UnaryExpr); ok && u.Op == token.SUB {
		y, neg = u.X, true
	}
	lit, ok := y.(*ast.BasicLit)
	if !ok || lit.Kind != token.INT {
		return nil
	}
	val, ok := constant.Int64Val(constant.MakeFromLiteral(lit.Value, lit.Kind, 0))
	if !ok {
		return nil
	}
	if neg {
		val = -val
	}
	e.target.SwitchThread(t.id)
	scope, err := proc.GoroutineScope(e.target, t)
	if err != nil {
		return nil
	}
	r, err := e.tracer.Regs(t.id)
	if err != nil {
		return nil
	}
	typ, sp, offs := e.path(scope, b.X, r.Rsp)
	if typ == nil {
		return nil
	}
	f := &tracer.Filter{SP: sp, Offs: offs, Size: int(typ.Size()), Op: b.Op, Val: val}
	switch k := typ.Common().ReflectKind; {
	case k >= reflect.Int && k <= reflect.Int64:
		f.Signed = true
	case k >= reflect.Uint && k <= reflect.Uintptr:
	default:
		return nil
	}
	return f
}

// path returns the type of an operand and how to reach it from SP or zero.
func (e *Engine) path(scope *proc.EvalScope, x ast.Expr, sp uint64) (godwarf.Type, bool, []int64) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return e.path(scope, x.X, sp)
	case *ast.SelectorExpr:
		if typ, onSP, offs := e.path(scope, x.X, sp); typ != nil {
			typ = godwarf.ResolveTypedef(typ)
			offs = append([]int64(nil), offs...)
			if p, ok := typ.(*godwarf.PtrType); ok {
				typ = godwarf.ResolveTypedef(p.Type)
				offs = append(offs, 0)
			}
			if st, ok := typ.(*godwarf.StructType); ok {
				for _, f := range st.Field {
					if f.Name == x.Sel.Name {
						offs[len(offs)-1] += f.ByteOffset
						return godwarf.ResolveTypedef(f.Type), onSP, offs
					}
				}
			}
			return nil, false, nil
		}
		if id, ok := x.X.(*ast.Ident); ok { // pkg.Var
			return e.root(scope, id.Name+"."+x.Sel.Name, sp)
		}
	case *ast.Ident:
		return e.root(scope, x.Name, sp)
	}
	return nil, false, nil
}

func (e *Engine) root(scope *proc.EvalScope, name string, sp uint64) (godwarf.Type, bool, []int64) {
	v, err := scope.EvalExpression(name, proc.LoadConfig{})
	if err != nil || v.Addr == 0 || v.Addr >= proc.FakeAddressBase || v.DwarfType == nil {
		return nil, false, nil
	}
	typ := godwarf.ResolveTypedef(v.DwarfType)
	if v.Addr >= sp && v.Addr < sp+1<<16 { // frames have a fixed size at a given PC
		return typ, true, []int64{int64(v.Addr - sp)}
	}
	if v.Addr < 1<<32 { // static data of a program that is not position independent
		return typ, false, []int64{int64(v.Addr)}
	}
	return nil, false, nil
}
