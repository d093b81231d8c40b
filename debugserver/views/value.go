package views

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"

	"vitrine/kernel/kview"
)

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// value is a variable in the kernel's memory: what a reflect.Value is inside. One without a type stands for nil.
type value struct {
	t    *rtype
	addr uint64
}

func (v value) valid() bool { return v.t != nil }

// maxDeref bounds pointers to pointers.
const maxDeref = 32

// deref goes through pointers and interfaces.
func (ev *Evaluator) deref(v value) (value, error) {
	for range maxDeref {
		if !v.valid() {
			return v, nil
		}
		var err error
		switch v.t.kind {
		case reflect.Pointer:
			var p uint64
			if p, err = ev.u64(v.addr); err != nil || p == 0 {
				return value{}, err
			}
			v.addr = p
			v.t, err = ev.typeAt(v.t.elem)
		case reflect.Interface:
			v, err = ev.dynamic(v)
		default:
			return v, nil
		}
		if err != nil {
			return value{}, err
		}
	}
	return value{}, &Fault{v.addr, "pointers without end"}
}

// dynamic returns the value of an interface.
func (ev *Evaluator) dynamic(v value) (value, error) {
	b, err := ev.bytes(v.addr, 16)
	if err != nil {
		return value{}, err
	}
	word := le64(b)
	if word == 0 {
		return value{}, nil
	}
	if !v.t.empty { // an itab
		if word, err = ev.u64(word + itabType); err != nil {
			return value{}, err
		}
	}
	t, err := ev.typeAt(word)
	if err != nil {
		return value{}, err
	}
	if t.direct {
		return value{t, v.addr + 8}, nil
	}
	return value{t, le64(b[8:])}, nil
}

// errPath is a path that doesn't fit the structures.
type errPath struct{ text string }

func (e *errPath) Error() string { return e.text }

// follow steps along a field path. A nil on the way gives the zero value. The last step is not dereferenced.
func (ev *Evaluator) follow(v value, path string) (value, error) {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		var err error
		if v, err = ev.deref(v); err == nil && v.valid() {
			v, err = ev.field(v, name)
		}
		if err != nil || !v.valid() {
			return value{}, err
		}
	}
	return v, nil
}

// field returns a field of a struct; the zero value if it is behind an embedded pointer that is nil.
func (ev *Evaluator) field(v value, name string) (value, error) {
	if v.t.kind != reflect.Struct {
		return value{}, &errPath{fmt.Sprintf("%s has no fields, so no %s", v.t, name)}
	}
	s, err := ev.stepTo(v.t, name)
	if err != nil {
		return value{}, err
	}
	if s == nil {
		return value{}, &errPath{fmt.Sprintf("%s has no field %s", v.t, name)}
	}
	addr := v.addr
	for _, m := range s.moves {
		addr += m.offset
		if m.deref {
			if addr, err = ev.u64(addr); err != nil || addr == 0 {
				return value{}, err
			}
		}
	}
	return value{s.typ, addr}, nil
}

// length returns the number of elements, and where they are, of a slice or array.
func (ev *Evaluator) length(v value) (data, n uint64, err error) {
	if v.t.kind == reflect.Array {
		return v.addr, v.t.len, nil
	}
	b, err := ev.bytes(v.addr, 16)
	if err != nil {
		return 0, 0, err
	}
	if data, n = le64(b), le64(b[8:]); n > 1<<48 {
		return 0, 0, &Fault{v.addr, fmt.Sprintf("a slice of %d elements", n)}
	}
	return data, n, nil
}

// scalar reduces a value to what kview.Column.Format takes.
func (ev *Evaluator) scalar(v value) (any, error) {
	switch v.t.kind {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		u, err := ev.uint(v)
		shift := 64 - 8*v.t.size
		return int64(u<<shift) >> shift, err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return ev.uint(v)
	case reflect.Bool:
		u, err := ev.uint(v)
		return u != 0, err
	case reflect.String:
		s, err := ev.str(v.addr)
		if ev.text += len(s); ev.text > maxText {
			return nil, errEndless
		}
		return s, err
	case reflect.Slice, reflect.Array:
		_, n, err := ev.length(v)
		return kview.Length(n), err
	case reflect.Map:
		n, err := ev.mapLen(v)
		return kview.Length(n), err
	case reflect.Struct:
		if v.t.pkg != "sync/atomic" {
			break
		}
		s, err := ev.stepTo(v.t, "v")
		if err != nil || s == nil {
			return nil, err
		}
		if s.typ.kind == reflect.Struct {
			break
		}
		x, err := ev.scalar(value{s.typ, v.addr + s.moves[0].offset})
		if u, ok := x.(uint64); ok && v.t.name == "Bool" {
			return u != 0, err
		}
		return x, err
	}
	return nil, nil
}

// uint reads the bits of a number.
func (ev *Evaluator) uint(v value) (uint64, error) {
	if v.t.size > 8 {
		return 0, &Fault{v.t.addr, fmt.Sprintf("a number of %d bytes", v.t.size)}
	}
	b, err := ev.bytes(v.addr, int(v.t.size))
	if err != nil {
		return 0, err
	}
	var u uint64
	for i, c := range b {
		u |= uint64(c) << (8 * i)
	}
	return u, nil
}

// maxDepth bounds structs in structs.
const maxDepth = 32

// zero tells what reflect.Value.IsZero does.
func (ev *Evaluator) zero(v value, depth int) (bool, error) {
	if depth == maxDepth {
		return false, &Fault{v.t.addr, "a struct without end"}
	}
	switch v.t.kind {
	case reflect.String:
		n, err := ev.u64(v.addr + 8)
		return n == 0, err
	case reflect.Slice, reflect.Interface:
		p, err := ev.u64(v.addr)
		return p == 0, err
	case reflect.Struct:
		for _, f := range v.t.fields {
			t, err := ev.typeAt(f.typ)
			if err != nil {
				return false, err
			}
			if z, err := ev.zero(value{t, v.addr + f.offset}, depth+1); err != nil || !z {
				return false, err
			}
		}
		return true, nil
	}
	if v.t.size > maxString {
		return false, &Fault{v.addr, fmt.Sprintf("%d bytes in one variable", v.t.size)}
	}
	b, err := ev.bytes(v.addr, int(v.t.size))
	for _, c := range b {
		if c != 0 {
			return false, err
		}
	}
	return true, err
}
