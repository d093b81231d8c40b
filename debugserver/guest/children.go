package guest

import (
	"debug/dwarf"
	"errors"
	"fmt"
)

// count is the number of an array's elements, of its first dimension.
func (v *Value) count(t *Type) (n int64, inner int64) {
	inner = 1
	for i, d := range t.members() {
		if d.count < 0 || d.count > 1<<40 {
			return 0, 1
		}
		if i == 0 {
			n = d.count
		} else {
			inner *= max(d.count, 1)
		}
		if inner > 1<<32 {
			return 0, 1
		}
	}
	return n, inner
}

// Children tells how many names, or elements, there are inside.
func (v *Value) Children() (named, indexed int) {
	if v.Err != nil || v.t == nil {
		return 0, 0
	}
	t := v.t.strip()
	switch t.tag() {
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
		if _, n, ok := v.elements(); ok {
			return 0, int(n)
		}
		return len(t.members()), 0
	case dwarf.TagArrayType:
		n, _ := v.count(t)
		return 0, int(n)
	case dwarf.TagPointerType, dwarf.TagReferenceType:
		if x, err := v.uint(); err != nil || x == 0 {
			return 0, 0
		}
		switch e := t.elem().strip(); e.tag() {
		case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
			return max(len(e.members()), 1), 0
		case 0, dwarf.TagSubroutineType:
			return 0, 0
		}
		return 1, 0
	}
	return 0, 0
}

// Child returns the i-th of them.
func (v *Value) Child(i int) (c *Value) {
	var err error
	func() {
		defer guard(&err)
		c = v.child(i)
	}()
	if err != nil {
		return &Value{Name: "?", Err: err}
	}
	return c
}

func (v *Value) child(i int) *Value {
	t := v.t.strip()
	if first, _, ok := v.elements(); ok {
		return first.index(int64(i))
	}
	switch t.tag() {
	case dwarf.TagArrayType:
		return v.index(int64(i))
	case dwarf.TagPointerType, dwarf.TagReferenceType:
		d := v.deref()
		if len(d.t.strip().membersOf()) > 0 {
			return d.field(i)
		}
		d.Name = "*"
		return d
	}
	return v.field(i)
}

// membersOf is members of a struct or union, nil of others.
func (t *Type) membersOf() []field {
	switch t.tag() {
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
		return t.members()
	}
	return nil
}

// field returns a member.
func (v *Value) field(i int) *Value {
	fs := v.t.strip().membersOf()
	if i < 0 || i >= len(fs) {
		return &Value{Name: "?", Err: errors.New("no such member")}
	}
	f := fs[i]
	c := &Value{Name: f.name, p: v.p, t: v.t.in.typeOf(f.e), Err: v.Err}
	off := f.offset
	if n, ok := f.e.Val(dwarf.AttrBitSize).(int64); ok && n > 0 && n <= 64 {
		at, _ := f.e.Val(dwarf.AttrDataBitOffset).(int64)
		unit := max(c.t.Size(), 1) * 8
		off += at / unit * (unit / 8)
		c.bits, c.shift = n, at%unit
	}
	v.part(c, off)
	return c
}

// part places c within v.
func (v *Value) part(c *Value, off int64) {
	switch {
	case v.Addr != 0:
		c.Addr = v.Addr + uint64(off)
	case off >= 0 && off <= int64(len(v.data)):
		c.data, c.loc, c.regs, c.off = v.data[off:], v.loc, v.regs, v.off+off
	default:
		c.Err = errOptimised
	}
}

// index returns an element of an array, or of what a pointer points to.
func (v *Value) index(i int64) *Value {
	t := v.t.strip()
	if t.tag() == dwarf.TagPointerType {
		d := v.deref()
		d.Addr += uint64(i * d.t.Size())
		d.Name = fmt.Sprintf("[%d]", i)
		return d
	}
	c := &Value{Name: fmt.Sprintf("[%d]", i), p: v.p, t: t.elem(), Err: v.Err}
	_, inner := v.count(t)
	if dims := t.members(); len(dims) > 1 { // the rest of the dimensions is an array
		c.t = &Type{in: t.in, e: t.e, fields: dims[1:], known: true}
	}
	v.part(c, i*inner*t.elem().Size())
	return c
}

// deref returns what a pointer points to.
func (v *Value) deref() *Value {
	t := v.t.strip()
	if tag := t.tag(); tag != dwarf.TagPointerType && tag != dwarf.TagReferenceType && tag != dwarf.TagRvalueReferenceType {
		return &Value{Err: fmt.Errorf("%s is no pointer", v.TypeName())}
	}
	x, err := v.uint()
	if err == nil && x == 0 {
		err = errors.New("a null pointer")
	}
	return &Value{p: v.p, t: t.elem(), Addr: x, Err: err}
}
