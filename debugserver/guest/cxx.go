package guest

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// What the standard library of C++ has behind its common types, as GNU's writes it (libstdc++, since the ABI of GCC 5).

// stdString is the text of a std::string.
func (v *Value) stdString(t *Type) (string, bool) {
	name, _ := t.e.Val(dwarf.AttrName).(string)
	if !strings.HasPrefix(name, "basic_string<char,") {
		return "", false
	}
	at, err1 := v.inside("_M_dataplus", "_M_p").uint()
	n, err2 := v.inside("_M_string_length").uint()
	if err1 != nil || err2 != nil {
		return "", false
	}
	return v.p.quoted(at, n)
}

// stdVector is what a std::vector has in it: its first element's place, and their number.
func (v *Value) stdVector() (first *Value, n int64, ok bool) {
	t := v.t.strip()
	if tag := t.tag(); tag != dwarf.TagClassType && tag != dwarf.TagStructType {
		return nil, 0, false
	}
	name, _ := t.e.Val(dwarf.AttrName).(string)
	if !strings.HasPrefix(name, "vector<") || strings.HasPrefix(name, "vector<bool,") {
		return nil, 0, false
	}
	start, finish := v.inside("_M_impl", "_M_start"), v.inside("_M_impl", "_M_finish")
	a, err1 := start.uint()
	b, err2 := finish.uint()
	size := int64(0)
	if e := start.t.strip(); e.tag() == dwarf.TagPointerType {
		size = e.elem().Size()
	}
	if err1 != nil || err2 != nil || size <= 0 || b < a || b-a > 1<<40 {
		return nil, 0, false
	}
	return start, int64(b-a) / size, true
}

// referred is what a reference of C++ refers to; others are themselves.
func (v *Value) referred() *Value {
	if v == nil || v.t == nil || v.Err != nil {
		return v
	}
	if tag := v.t.strip().tag(); tag == dwarf.TagReferenceType || tag == dwarf.TagRvalueReferenceType {
		return v.deref()
	}
	return v
}

// inside follows members, through base classes.
func (v *Value) inside(names ...string) *Value {
	e := evaluator{p: v.p}
	for _, n := range names {
		m, err := e.member(v, n)
		if err != nil {
			return &Value{Err: err}
		}
		v = m
	}
	return v
}

// formatVector shows a std::vector, or a slice.
func (v *Value) formatVector(first *Value, n int64, depth int) string {
	if depth == maxNested {
		return "{…}"
	}
	var parts []string
	for i := range min(n, maxElems) {
		parts = append(parts, first.index(i).format(depth+1))
	}
	if n > maxElems {
		parts = append(parts, fmt.Sprintf("… %d in all", n))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
