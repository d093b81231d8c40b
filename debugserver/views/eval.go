package views

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"vitrine/kernel/kview"
)

// Evaluator evaluates views in one kernel. Types last as long as it does: it is good for one build and one process, over any
// number of stops.
type Evaluator struct {
	pages
	anchors Anchors
	types   map[uint64]*rtype
	steps   map[stepKey]*step

	limit    time.Duration
	deadline time.Time
	count    int   // elements met
	text     int   // bytes of strings read
	fault    error // the first
}

// Bounds of one table.
const (
	maxTime     = 2 * time.Second
	maxElements = 1 << 20
	maxText     = 64 << 20
)

// New makes an evaluator.
func New(m Memory, a Anchors) *Evaluator {
	return &Evaluator{pages: newPages(m), anchors: a, types: map[uint64]*rtype{}, steps: map[stepKey]*step{}, limit: maxTime}
}

// Views returns the views that the kernel declares, by name.
func (ev *Evaluator) Views() ([]kview.View, error) {
	ev.begin()
	return ev.declared()
}

// Table evaluates the view of that name. With an error there may be a part of the table.
func (ev *Evaluator) Table(name string) (kview.Table, error) {
	all, err := ev.Views()
	if err != nil {
		return kview.Table{View: name}, err
	}
	i := slices.IndexFunc(all, func(v kview.View) bool { return v.Name == name })
	if i < 0 {
		return kview.Table{View: name}, fmt.Errorf("there is no view %q", name)
	}
	return ev.Rows(all[i])
}

// Rows evaluates a view, as kview.Rows does.
func (ev *Evaluator) Rows(v kview.View) (tb kview.Table, err error) {
	ev.begin()
	tb = kview.Table{View: v.Name}
	for _, c := range v.Columns {
		tb.Head = append(tb.Head, c.Head)
	}
	expr, root, err := ev.root()
	if err != nil {
		return tb, fmt.Errorf("view %s: %w", v.Name, err)
	}
	start, err := ev.follow(root, v.Root)
	if err != nil {
		return tb, fmt.Errorf("view %s: root: %w", v.Name, err)
	}
	w := walker{ev, v, &tb}
	w.walk(start, v.Next, kview.FieldExpr(expr, v.Root), w.outer)
	if ev.fault != nil {
		return tb, fmt.Errorf("view %s: %w", v.Name, ev.fault)
	}
	return tb, nil
}

// begin starts anew: with the memory as it is now.
func (ev *Evaluator) begin() {
	ev.forget()
	ev.deadline, ev.count, ev.text, ev.fault = time.Now().Add(ev.limit), 0, 0, nil
}

var errEndless = errors.New("too large, or without end")

// expired counts an element and returns an error when it is time to give up.
func (ev *Evaluator) expired() error {
	ev.count++
	if ev.count > maxElements || ev.count%64 == 0 && time.Now().After(ev.deadline) {
		return errEndless
	}
	return nil
}

// walker fills a table.
type walker struct {
	ev *Evaluator
	kview.View
	tb *kview.Table
}

// element is one structure of a walk.
type element struct {
	v    value
	key  string
	expr string
	run  *kview.Translation // instead of v: it is made here, not read
}

// failed notes an error; the table lacks something then. A path that doesn't fit is no error: kview.Rows passes over it.
func (w *walker) failed(err error) {
	if _, ok := err.(*errPath); ok {
		return
	}
	w.tb.Truncated = true
	if w.ev.fault == nil {
		w.ev.fault = err
	}
}

func (w *walker) outer(outer element) bool {
	if w.Each == "" {
		return w.skip(outer) || w.add(outer, outer)
	}
	in, err := w.ev.follow(outer.v, w.Each)
	if err != nil {
		w.failed(err)
		return true
	}
	if w.Table.Root != "" {
		return w.table(outer, in)
	}
	more := true
	w.walk(in, w.EachNext, kview.FieldExpr(outer.expr, w.Each), func(inner element) bool {
		more = w.skip(inner) || w.add(outer, inner)
		return more
	})
	return more
}

// skip reports whether an element has no row.
func (w *walker) skip(e element) bool {
	if w.Skip == "" {
		return false
	}
	f, err := w.ev.follow(e.v, w.Skip)
	if err != nil || !f.valid() {
		return true
	}
	zero, err := w.ev.zero(f, 0)
	return err != nil || zero
}

func (w *walker) add(outer, inner element) bool {
	if len(w.tb.Rows) == kview.MaxRows {
		w.tb.Truncated = true
		return false
	}
	row := make([]string, len(w.Columns))
	for i, c := range w.Columns {
		e, path := inner, c.Path
		if strings.HasPrefix(path, "^") {
			e, path = outer, path[1:]
		}
		if path == "#" {
			row[i] = e.key
			continue
		}
		row[i] = w.cell(c, e, path)
	}
	w.tb.Rows = append(w.tb.Rows, row)
	w.tb.Exprs = append(w.tb.Exprs, inner.expr)
	return true
}

func (w *walker) cell(c kview.Column, e element, path string) string {
	if e.run != nil {
		return c.Cell(*e.run)
	}
	f, err := w.ev.follow(e.v, path)
	if err == nil {
		f, err = w.ev.deref(f)
	}
	if _, ok := err.(*errPath); ok || err == nil && !f.valid() {
		return kview.None
	}
	var x any
	if err == nil {
		x, err = w.ev.scalar(f)
	}
	if err != nil {
		if w.ev.fault == nil {
			w.ev.fault = err
		}
		return "?"
	}
	return c.Format(x)
}

// walk calls f for each element of a slice, array, map or list until it returns false.
func (w *walker) walk(v value, next, expr string, f func(element) bool) {
	v, err := w.ev.deref(v)
	if err != nil {
		w.failed(err)
		return
	}
	if !v.valid() {
		return
	}
	switch {
	case next != "":
		err = w.list(v, next, expr, f)
	case v.t.kind == reflect.Map:
		err = w.mapped(v, expr, f)
	case v.t.kind == reflect.Slice || v.t.kind == reflect.Array:
		err = w.indexed(v, expr, f)
	default:
		err = fmt.Errorf("%s is a %s, not something to walk", expr, v.t)
	}
	if err != nil {
		w.failed(err)
	}
}

func (w *walker) list(v value, next, expr string, f func(element) bool) error {
	seen := map[uint64]bool{}
	for i := 0; v.valid(); i++ {
		if seen[v.addr] {
			return nil // a cycle
		}
		seen[v.addr] = true
		if err := w.ev.expired(); err != nil {
			return err
		}
		if !f(element{v: v, key: strconv.Itoa(i), expr: expr}) {
			return nil
		}
		n, err := w.ev.follow(v, next)
		if err != nil {
			return err
		}
		if v, err = w.ev.deref(n); err != nil {
			return err
		}
		expr = kview.FieldExpr(expr, next)
		if v.valid() && len(expr) > kview.MaxExpr {
			expr = kview.AddrExpr(v.t.pkg, v.t.name, v.addr)
		}
	}
	return nil
}

func (w *walker) mapped(v value, expr string, f func(element) bool) error {
	entries, keys, err := w.ev.sortedEntries(v)
	for i, e := range entries {
		if err := w.ev.expired(); err != nil {
			return err
		}
		if !f(element{v: e.elem, key: kview.KeyText(keys[i]), expr: kview.KeyExpr(expr, keys[i])}) {
			break
		}
	}
	return err
}

func (w *walker) indexed(v value, expr string, f func(element) bool) error {
	data, n, err := w.ev.length(v)
	if err != nil {
		return err
	}
	t, err := w.ev.typeAt(v.t.elem)
	if err != nil {
		return err
	}
	for i := range n {
		if err := w.ev.expired(); err != nil {
			return err
		}
		e := value{t, data + i*t.size}
		if t.kind == reflect.Pointer || t.kind == reflect.Interface {
			p, err := w.ev.u64(e.addr)
			if err != nil {
				return err
			}
			if p == 0 {
				continue
			}
		} else if _, err := w.ev.bytes(e.addr, int(min(t.size, 1))); err != nil {
			return err
		}
		if !f(element{v: e, key: strconv.Itoa(int(i)), expr: kview.IndexExpr(expr, int(i))}) {
			return nil
		}
	}
	return nil
}
