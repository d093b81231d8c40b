package guest

import (
	"debug/dwarf"
	"strings"
)

// elements is what a std::vector or a slice of Go's has in it: a pointer to the first, and their number.
func (v *Value) elements() (first *Value, n int64, ok bool) {
	if first, n, ok = v.stdVector(); ok {
		return first, n, ok
	}
	return v.goSlice()
}

// goSlice is what a slice has in it (reflect.SliceHeader, with DWARF's names).
func (v *Value) goSlice() (first *Value, n int64, ok bool) {
	t := v.t.strip()
	fs := t.membersOf()
	if name, _ := t.e.Val(dwarf.AttrName).(string); len(fs) != 3 || !strings.HasPrefix(name, "[]") || fs[0].name != "array" || fs[1].name != "len" {
		return nil, 0, false
	}
	first = v.field(0)
	if e := first.t.strip(); e.tag() != dwarf.TagPointerType || e.elem() == nil || e.elem().Size() <= 0 {
		return nil, 0, false
	}
	at, err1 := first.uint()
	k, err2 := v.field(1).uint()
	if err1 != nil || err2 != nil || k > 1<<40 || at == 0 && k > 0 {
		return nil, 0, false
	}
	return first, int64(k), true
}
