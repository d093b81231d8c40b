package guest

import (
	"bytes"
	"debug/dwarf"
)

// Holding is a value of v's type that consists of these bytes.
func (v *Value) Holding(b []byte) *Value {
	return &Value{Name: v.Name, p: v.p, t: v.t, data: b, bits: v.bits, shift: v.shift}
}

// Change describes how a value of v's type has changed: where inside it, if it is in one place (".next[2].x"), and what was there and is there now.
func (v *Value) Change(before, after []byte) (path, old, now string) {
	a, b := v.Holding(before), v.Holding(after)
	var err error
	func() {
		defer guard(&err)
		for range maxChain {
			x, y := changedPart(a, b)
			if x == nil {
				break
			}
			switch {
			case a.t.strip().tag() == dwarf.TagArrayType:
				path += x.Name
			case x.Name != "":
				path += "." + x.Name
			}
			a, b = x, y
		}
	}()
	return path, a.Format(), b.Format()
}

// changedPart returns the only part of a struct or array in which a and b differ; nil: there is none, or there are more.
func changedPart(a, b *Value) (x, y *Value) {
	named, indexed := 0, 0
	switch a.t.strip().tag() {
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagArrayType:
		named, indexed = a.Children()
	}
	if a.isText() || named+indexed > maxFields {
		return nil, nil
	}
	for i := range named + indexed {
		c, d := a.child(i), b.child(i)
		n := c.t.Size()
		p, err1 := c.bytes(n)
		q, err2 := d.bytes(n)
		if err1 != nil || err2 != nil {
			return nil, nil
		}
		if bytes.Equal(p, q) {
			continue
		}
		if x != nil {
			return nil, nil
		}
		x, y = c, d
	}
	return x, y
}

// isText reports whether the value is shown as a text.
func (v *Value) isText() bool {
	t := v.t.strip()
	return t.tag() == dwarf.TagArrayType && t.elem().isChar()
}
