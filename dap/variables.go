package dap

import (
	"fmt"
	"strings"
	"sync"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// container is what a variablesReference names: something that has variables in it.
type container struct {
	place
	load func(from, n int) ([]child, error)

	mu    sync.Mutex
	known map[string]child // guarded by mu: the children that were shown, for setVariable and data breakpoints
}

// child is a variable as it is shown.
type child struct {
	dap.Variable
	expr  string // evaluates to it in the container's frame
	addr  uint64
	size  int64
	space int // process whose memory addr lies in; 0: the kernel
}

// maxChildren bounds an answer.
const maxChildren = 5000

// variables lists what is in a container.
func (c *conn) variables(_ *request, a *dap.VariablesArguments) (any, error) {
	k, err := c.h.value(a.VariablesReference)
	if err != nil {
		return nil, err
	}
	n := a.Count
	if n <= 0 || n > maxChildren {
		n = maxChildren
	}
	all, err := k.load(max(a.Start, 0), n)
	if err != nil {
		return nil, err
	}
	body := dap.VariablesResponseBody{Variables: make([]dap.Variable, 0, len(all))}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]child{}
	}
	for _, v := range all {
		k.known[v.Name] = v
		if a.Format != nil && a.Format.Hex {
			v.Value = inHex(v.Value, v.Type)
		}
		body.Variables = append(body.Variables, v.Variable)
	}
	return body, nil
}

// find returns a child by its name; all are loaded if it was not shown yet.
func (k *container) find(name string) (child, error) {
	k.mu.Lock()
	v, ok := k.known[name]
	k.mu.Unlock()
	if ok {
		return v, nil
	}
	all, err := k.load(0, maxChildren)
	if err != nil {
		return v, err
	}
	for _, v := range all {
		if v.Name == name {
			return v, nil
		}
	}
	return v, fmt.Errorf("there is no %q here", name)
}

// list is a container of variables that f returns.
func (c *conn) list(p place, f func() ([]session.Variable, error)) *container {
	return &container{place: p, load: func(from, n int) ([]child, error) {
		vs, err := f()
		if err != nil {
			return nil, err
		}
		return c.children(p, cut(vs, from, n)), nil
	}}
}

// inside is a container of what is in the value that f returns.
func (c *conn) inside(p place, f func() (session.Variable, error)) *container {
	return &container{place: p, load: func(from, n int) ([]child, error) {
		v, err := f()
		if err != nil {
			return nil, err
		}
		if v.Ref == 0 {
			return c.children(p, cut([]session.Variable{v}, from, n)), nil
		}
		vs, err := c.debugger().Children(v.Ref, from, n)
		return c.children(p, vs), err
	}}
}

// registers is the container of a frame's registers.
func (c *conn) registers(p place) *container {
	return &container{place: p, load: func(from, n int) ([]child, error) {
		regs, err := c.debugger().Registers(p.thread, p.frame)
		if err != nil {
			return nil, err
		}
		all := make([]child, 0, len(regs))
		for _, r := range cut(regs, from, n) {
			v := child{Variable: dap.Variable{Name: r.Name, Value: r.Value}, expr: r.Name}
			if r.Bits != 0 {
				v.MemoryReference = hex(r.Bits)
			}
			all = append(all, v)
		}
		return all, nil
	}}
}

func cut[T any](s []T, from, n int) []T {
	from = min(from, len(s))
	return s[from:min(len(s), from+n)]
}

func (c *conn) children(p place, vs []session.Variable) []child {
	all := make([]child, 0, len(vs))
	for i := range vs {
		all = append(all, c.child(p, &vs[i]))
	}
	return all
}

// child shows a value of the session's.
func (c *conn) child(p place, v *session.Variable) child {
	d := child{
		Variable: dap.Variable{
			Name: v.Name, Value: printable(v.Value), Type: v.Type, EvaluateName: v.Expr, NamedVariables: v.Named, IndexedVariables: v.Indexed,
			PresentationHint: hint(v),
		},
		expr: v.Expr, addr: v.Addr, size: v.Size, space: v.Space,
	}
	if v.Addr != 0 {
		d.MemoryReference = reference(v.Space, v.Addr)
	}
	d.VariablesReference = c.reference(p, v)
	return d
}

// reference gives a value that has something inside a number.
func (c *conn) reference(p place, v *session.Variable) int {
	if v.Ref == 0 {
		return 0
	}
	ref := v.Ref
	return c.h.container(&container{place: p, load: func(from, n int) ([]child, error) {
		dbg := c.debugger()
		if dbg == nil {
			return nil, errNoMachine
		}
		vs, err := dbg.Children(ref, from, n)
		return c.children(p, vs), err
	}})
}

func hint(v *session.Variable) *dap.VariablePresentationHint {
	h := &dap.VariablePresentationHint{Kind: "data"}
	if v.Expr == "" || v.Addr == 0 {
		h.Attributes = []string{"readOnly"}
	}
	return h
}

// setVariable changes one.
func (c *conn) setVariable(_ *request, a *dap.SetVariableArguments) (any, error) {
	k, err := c.h.value(a.VariablesReference)
	if err != nil {
		return nil, err
	}
	v, err := k.find(a.Name)
	if err != nil {
		return nil, err
	}
	if v.expr == "" {
		return nil, fmt.Errorf("%s can't be changed: no expression names it", a.Name)
	}
	r, err := c.assign(k.place, v.expr, a.Value)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	delete(k.known, a.Name)
	k.mu.Unlock()
	return dap.SetVariableResponseBody{
		Value: printable(r.Value), Type: r.Type, VariablesReference: c.reference(k.place, &r), NamedVariables: r.Named, IndexedVariables: r.Indexed,
	}, nil
}

// setExpression changes what an expression names.
func (c *conn) setExpression(_ *request, a *dap.SetExpressionArguments) (any, error) {
	p, err := c.h.place(a.FrameId)
	if err != nil {
		return nil, err
	}
	r, err := c.assign(p, a.Expression, a.Value)
	if err != nil {
		return nil, err
	}
	return dap.SetExpressionResponseBody{
		Value: printable(r.Value), Type: r.Type, VariablesReference: c.reference(p, &r), NamedVariables: r.Named, IndexedVariables: r.Indexed,
	}, nil
}

func (c *conn) assign(p place, expr, value string) (session.Variable, error) {
	r, err := c.debugger().Assign(p.thread, p.frame, expr, strings.TrimSpace(value))
	if err == nil {
		c.invalidate(r.Addr, int(r.Size))
	}
	return r, err
}
