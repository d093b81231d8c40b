package views

import (
	"bytes"
	"errors"
	"reflect"
)

// Object is a variable of the kernel's, for those who want other things than tables of it. It is good until the kernel runs: whoever
// keeps one longer must find out whether it still is what it was.
type Object struct {
	ev *Evaluator
	v  value
}

// ErrNil is a nil, or nothing of that name, on the way to what was wanted.
var ErrNil = errors.New("there is none")

// Kernel returns the root of everything: kernel.The. What was read before is forgotten.
func (ev *Evaluator) Kernel() (Object, error) {
	ev.begin()
	_, v, err := ev.root()
	return Object{ev, v}, err
}

// Again makes an object usable after the kernel has run: what was read before is forgotten.
func (o Object) Again() { o.ev.begin() }

// Addr is where it is; behind pointers and interfaces.
func (o Object) Addr() uint64 {
	v, err := o.ev.deref(o.v)
	if err != nil {
		return 0
	}
	return v.addr
}

// At is an object of the same type elsewhere.
func (o Object) At(addr uint64) (Object, error) {
	v, err := o.ev.deref(o.v)
	if err == nil && !v.valid() {
		err = ErrNil
	}
	v.addr = addr
	return Object{o.ev, v}, err
}

// Field follows a path of fields, through pointers and interfaces.
func (o Object) Field(path string) (Object, error) {
	v, err := o.ev.follow(o.v, path)
	if err == nil && !v.valid() {
		err = ErrNil
	}
	return Object{o.ev, v}, err
}

// Deref goes through pointers and interfaces.
func (o Object) Deref() (Object, error) {
	v, err := o.ev.deref(o.v)
	if err == nil && !v.valid() {
		err = ErrNil
	}
	return Object{o.ev, v}, err
}

// Type is the type's import path and name; "" if it has none.
func (o Object) Type() string {
	if !o.v.valid() || o.v.t.name == "" {
		return ""
	}
	return o.v.t.String()
}

// Uint is a number behind a path; of an atomic what it holds.
func (o Object) Uint(path string) (uint64, error) {
	f, err := o.Field(path)
	if err != nil {
		return 0, err
	}
	x, err := o.ev.scalar(f.v)
	if err != nil {
		return 0, err
	}
	switch x := x.(type) {
	case int64:
		return uint64(x), nil
	case uint64:
		return x, nil
	case bool:
		if x {
			return 1, nil
		}
		return 0, nil
	}
	return 0, &errPath{path + " is no number"}
}

// Text is a string behind a path.
func (o Object) Text(path string) (string, error) {
	f, err := o.Field(path)
	if err != nil {
		return "", err
	}
	if f.v.t.kind != reflect.String {
		return "", &errPath{path + " is no string"}
	}
	return o.ev.str(f.v.addr)
}

// Bytes reads what lies behind it, n bytes at most of its size.
func (o Object) Bytes(n int) ([]byte, error) {
	b, err := o.ev.bytes(o.v.addr, min(n, int(o.v.t.size)))
	return bytes.Clone(b), err
}

// Each calls f for the elements of a slice or array, or, with a field's name, of a list, until it returns false.
func (o Object) Each(next string, f func(Object) bool) error {
	w := walker{ev: o.ev}
	v, err := o.ev.deref(o.v)
	if err != nil || !v.valid() {
		return err
	}
	each := func(e element) bool { return f(Object{o.ev, e.v}) }
	if next != "" {
		return w.list(v, next, "", each)
	}
	if v.t.kind != reflect.Slice && v.t.kind != reflect.Array {
		return &errPath{v.t.String() + " is nothing to walk"}
	}
	return w.indexed(v, "", each)
}
