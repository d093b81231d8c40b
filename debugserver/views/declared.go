package views

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"vitrine/kernel/kview"
)

// ErrNotBooted is returned before the kernel's structures are there.
var ErrNotBooted = errors.New("the kernel is not put together yet")

// ifaceSize is the size of an interface.
const ifaceSize = 16

// anchored returns what an element of kview.debugger points to, or an element of the other interface{} variables.
func (ev *Evaluator) anchored(i uint64) (value, error) {
	eface := &rtype{kind: reflect.Interface, size: ifaceSize, empty: true}
	return ev.dynamic(value{eface, ev.anchors.Debugger + i*ifaceSize})
}

// root returns the kernel and the expression for it.
func (ev *Evaluator) root() (string, value, error) {
	v, err := ev.anchored(1)
	if err == nil {
		v, err = ev.deref(v)
	}
	if err != nil {
		return "", value{}, err
	}
	if !v.valid() {
		return "", value{}, ErrNotBooted
	}
	expr := ""
	if ev.anchors.RootExpr != 0 {
		expr, err = ev.str(ev.anchors.RootExpr)
	}
	return expr, v, err
}

// declared reads the declarations of the kernel's views.
func (ev *Evaluator) declared() ([]kview.View, error) {
	v, err := ev.anchored(0)
	if err == nil {
		v, err = ev.deref(v)
	}
	if err != nil {
		return nil, fmt.Errorf("declarations of views: %w", err)
	}
	if !v.valid() {
		return nil, ErrNotBooted
	}
	var all []kview.View
	if err := ev.decode(v, reflect.ValueOf(&all).Elem()); err != nil {
		return nil, fmt.Errorf("declarations of views: %w", err)
	}
	slices.SortFunc(all, func(a, b kview.View) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// maxDeclared bounds the slices of the declarations.
const maxDeclared = 1 << 12

// decode copies a variable of the kernel's to one of ours, fields by name: the kernel may be of another version.
func (ev *Evaluator) decode(v value, to reflect.Value) error {
	switch {
	case to.Kind() == reflect.String && v.t.kind == reflect.String:
		s, err := ev.str(v.addr)
		to.SetString(s)
		return err
	case to.Kind() == reflect.Bool && v.t.kind == reflect.Bool:
		b, err := ev.u8(v.addr)
		to.SetBool(b != 0)
		return err
	case to.Kind() == reflect.Slice && v.t.kind == reflect.Slice:
		data, n, err := ev.length(v)
		if err != nil || n == 0 {
			return err
		}
		if n > maxDeclared {
			return &Fault{v.addr, fmt.Sprintf("%d declarations", n)}
		}
		t, err := ev.typeAt(v.t.elem)
		if err != nil {
			return err
		}
		s := reflect.MakeSlice(to.Type(), int(n), int(n))
		for i := range int(n) {
			if err := ev.decode(value{t, data + uint64(i)*t.size}, s.Index(i)); err != nil {
				return err
			}
		}
		to.Set(s)
		return nil
	case to.Kind() == reflect.Struct && v.t.kind == reflect.Struct:
		for i := range to.NumField() {
			s, err := ev.stepTo(v.t, to.Type().Field(i).Name)
			if err != nil {
				return err
			}
			if s == nil {
				continue
			}
			if err := ev.decode(value{s.typ, v.addr + s.moves[0].offset}, to.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return &Fault{v.addr, fmt.Sprintf("a %s where a %s should be", v.t.kind, to.Kind())}
}
