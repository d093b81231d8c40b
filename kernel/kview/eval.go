package kview

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"vitrine/kernel/arch/amd64"
)

// Rows evaluates v on root, a pointer to the kernel, by reflection. The caller
// makes sure that the structures don't change meanwhile.
func Rows(root any, v View) (tb Table, err error) {
	tb = Table{View: v.Name}
	for _, c := range v.Columns {
		tb.Head = append(tb.Head, c.Head)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("view %s: %v", v.Name, r)
		}
	}()
	start, err := follow(reflect.ValueOf(root), v.Root)
	if err != nil {
		return tb, fmt.Errorf("view %s: root: %w", v.Name, err)
	}
	walk(start, v.Next, FieldExpr(rootExpr, v.Root), func(outer element) bool {
		if v.Each == "" {
			return skip(v, outer) || tb.add(v, outer, outer)
		}
		in, err := follow(outer.v, v.Each)
		if err != nil {
			return true
		}
		if v.Table.Root != "" {
			return tb.addTable(v, outer, in)
		}
		more := true
		walk(in, v.EachNext, FieldExpr(outer.expr, v.Each), func(inner element) bool {
			more = skip(v, inner) || tb.add(v, outer, inner)
			return more
		})
		return more
	})
	return tb, nil
}

// skip reports whether an element has no row.
func skip(v View, e element) bool {
	if v.Skip == "" {
		return false
	}
	f, err := follow(e.v, v.Skip)
	return err != nil || !f.IsValid() || f.IsZero()
}

// element is one structure of a walk.
type element struct {
	v    reflect.Value
	key  string
	expr string
}

func (tb *Table) add(v View, outer, inner element) bool {
	if len(tb.Rows) == MaxRows {
		tb.Truncated = true
		return false
	}
	row := make([]string, len(v.Columns))
	for i, c := range v.Columns {
		e, path := inner, c.Path
		if strings.HasPrefix(path, "^") {
			e, path = outer, path[1:]
		}
		if path == "#" {
			row[i] = e.key
			continue
		}
		row[i] = c.cell(e.v, path)
	}
	tb.Rows = append(tb.Rows, row)
	tb.Exprs = append(tb.Exprs, inner.expr)
	return true
}

// addTable adds a row for each run of a page table.
func (tb *Table) addTable(v View, outer element, pt reflect.Value) bool {
	root, err := follow(pt, v.Table.Root)
	if err != nil || !root.IsValid() || root.IsZero() {
		return true
	}
	at, err := follow(pt, v.Table.RAM)
	if err != nil || !at.IsValid() {
		return true
	}
	n, ram, more := 0, at.Bytes(), true
	err = v.Table.Translations(root.Uint(), func(frame uint64) ([]byte, error) {
		if frame >= uint64(len(ram))/amd64.PageSize {
			return nil, fmt.Errorf("frame %#x lies beyond the RAM", frame)
		}
		return ram[frame*amd64.PageSize:][:amd64.PageSize], nil
	}, func(r Translation) bool {
		more = tb.add(v, outer, element{reflect.ValueOf(r), strconv.Itoa(n), FieldExpr(outer.expr, v.Each)})
		n++
		return more
	})
	tb.Truncated = tb.Truncated || err != nil
	return more
}

// walk calls f for each element of a slice, array, map or list until it returns false.
func walk(v reflect.Value, next, expr string, f func(element) bool) {
	v = deref(v)
	if !v.IsValid() {
		return
	}
	switch {
	case next != "":
		seen := map[uintptr]bool{}
		for i := 0; v.IsValid(); i++ {
			if v.CanAddr() {
				p := v.Addr().Pointer()
				if seen[p] {
					return // a cycle
				}
				seen[p] = true
			}
			if !f(element{v, strconv.Itoa(i), expr}) {
				return
			}
			n, err := follow(v, next)
			if err != nil {
				return
			}
			v = deref(n)
			expr = FieldExpr(expr, next)
			if v.IsValid() && v.CanAddr() && len(expr) > MaxExpr {
				expr = AddrExpr(v.Type().PkgPath(), v.Type().Name(), uint64(v.Addr().Pointer()))
			}
		}
	case v.Kind() == reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return CompareKeys(scalar(a), scalar(b)) })
		for _, k := range keys {
			key := scalar(k)
			if !f(element{v.MapIndex(k), KeyText(key), KeyExpr(expr, key)}) {
				return
			}
		}
	default:
		for i := range v.Len() {
			e := v.Index(i)
			if (e.Kind() == reflect.Pointer || e.Kind() == reflect.Interface) && e.IsNil() {
				continue
			}
			if !f(element{e, strconv.Itoa(i), IndexExpr(expr, i)}) {
				return
			}
		}
	}
}

// deref goes through pointers and interfaces; the zero Value stands for nil.
func deref(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

// follow steps along a field path. A nil on the way gives the zero Value. The
// last step is not dereferenced.
func follow(v reflect.Value, path string) (reflect.Value, error) {
	if path == "" {
		return v, nil
	}
	for _, name := range strings.Split(path, ".") {
		v = deref(v)
		if !v.IsValid() {
			return v, nil
		}
		if v.Kind() != reflect.Struct {
			return reflect.Value{}, fmt.Errorf("%s: %s has no fields", path, v.Type())
		}
		sf, ok := v.Type().FieldByName(name)
		if !ok {
			return reflect.Value{}, fmt.Errorf("%s: %s has no field %s", path, v.Type(), name)
		}
		f, err := v.FieldByIndexErr(sf.Index)
		if err != nil {
			return reflect.Value{}, nil // a nil embedded pointer
		}
		v = f
	}
	return v, nil
}

// Cell shows the field of a variable of this process.
func (c Column) Cell(x any) string { return c.cell(reflect.ValueOf(x), c.Path) }

func (c Column) cell(v reflect.Value, path string) string {
	f, err := follow(v, path)
	if err != nil || !f.IsValid() {
		return None
	}
	return c.format(f)
}

// format shows a field.
func (c Column) format(v reflect.Value) string {
	if v = deref(v); !v.IsValid() {
		return None
	}
	return c.Format(scalar(v))
}

// scalar reduces a value to what Column.Format takes; a struct like atomic.Int64 counts by its field v.
func scalar(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint()
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Slice, reflect.Map, reflect.Array:
		return Length(v.Len())
	case reflect.Struct:
		if f := v.FieldByName("v"); f.IsValid() && v.Type().PkgPath() == "sync/atomic" {
			if v.Type().Name() == "Bool" {
				return f.Uint() != 0
			}
			return scalar(f)
		}
	}
	return nil
}
