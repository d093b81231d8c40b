package guest

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// Type is a type as DWARF describes it. What it is made of is read when asked for: a description without end does no harm.
type Type struct {
	in     *info
	e      *dwarf.Entry
	fields []field
	known  bool // fields are read
}

// field is a member, an enumerator, or a dimension of an array.
type field struct {
	name   string
	e      *dwarf.Entry
	offset int64
	value  int64 // of an enumerator
	count  int64 // of a dimension; -1 unknown
}

const (
	maxFields = 1 << 14
	maxChain  = 64
)

// typeOf returns the type that an entry has; nil: void, or broken.
func (in *info) typeOf(e *dwarf.Entry) *Type {
	for range 8 {
		if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
			return in.typeAt(off)
		}
		o := in.origin(e)
		if o == nil {
			break
		}
		e = o
	}
	return nil
}

func (in *info) typeAt(off dwarf.Offset) *Type {
	if t, ok := in.types[off]; ok {
		return t
	}
	e := in.entryAt(off)
	if e == nil || len(in.types) > maxPerUnit {
		return nil
	}
	t := &Type{in: in, e: e}
	in.types[off] = t
	return t
}

// elem is what a pointer points to, an array consists of, a typedef names.
func (t *Type) elem() *Type { return t.in.typeOf(t.e) }

// strip goes through typedefs and qualifiers.
func (t *Type) strip() *Type {
	for range maxChain {
		if t == nil {
			return nil
		}
		switch t.e.Tag {
		case dwarf.TagTypedef, dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType:
			t = t.elem()
		default:
			return t
		}
	}
	return nil
}

func (t *Type) tag() dwarf.Tag {
	if t == nil {
		return 0
	}
	return t.e.Tag
}

// Size is the size in bytes; 0 unknown.
func (t *Type) Size() int64 {
	n := int64(1)
	for range maxChain {
		if t = t.strip(); t == nil {
			return 0
		}
		if size, ok := t.e.Val(dwarf.AttrByteSize).(int64); ok {
			return n * size
		}
		switch t.tag() {
		case dwarf.TagPointerType, dwarf.TagReferenceType, dwarf.TagRvalueReferenceType:
			return n * 8
		case dwarf.TagArrayType:
			for _, d := range t.members() {
				if d.count < 0 || d.count > 1<<32 || n > 1<<32 {
					return 0
				}
				n *= d.count
			}
			t = t.elem()
		default:
			return 0
		}
	}
	return 0
}

// members reads what the type is made of.
func (t *Type) members() []field {
	if t.known {
		return t.fields
	}
	t.known = true
	if !t.e.Children {
		return nil
	}
	r := t.in.d.Reader()
	r.Seek(t.e.Offset)
	if _, err := r.Next(); err != nil {
		return nil
	}
	for len(t.fields) < maxFields {
		e, err := r.Next()
		if err != nil || e == nil || e.Tag == 0 {
			break
		}
		f := field{e: e}
		f.name, _ = e.Val(dwarf.AttrName).(string)
		switch e.Tag {
		case dwarf.TagMember, dwarf.TagInheritance:
			if e.Val(dwarf.AttrExternal) != nil { // a static one lies elsewhere
				break
			}
			switch v := e.Val(dwarf.AttrDataMemberLoc).(type) {
			case int64:
				f.offset = v
			case []byte:
				b := buf{b: v}
				if b.u8() == 0x23 {
					f.offset = int64(b.uleb())
				}
			}
			if e.Tag == dwarf.TagInheritance {
				if b := t.in.typeOf(e); b != nil {
					f.name = b.Name()
				}
			}
			t.fields = append(t.fields, f)
		case dwarf.TagEnumerator:
			f.value, _ = e.Val(dwarf.AttrConstValue).(int64)
			t.fields = append(t.fields, f)
		case dwarf.TagSubrangeType:
			f.count = -1
			if n, ok := e.Val(dwarf.AttrCount).(int64); ok {
				f.count = n
			} else if n, ok := e.Val(dwarf.AttrUpperBound).(int64); ok {
				f.count = n + 1
			}
			t.fields = append(t.fields, f)
		}
		if e.Children {
			r.SkipChildren()
		}
	}
	return t.fields
}

// Name is the type as C writes it.
func (t *Type) Name() string { return t.name(0) }

func (t *Type) name(depth int) string {
	if t == nil {
		return "void"
	}
	if depth == 16 {
		return "…"
	}
	name, _ := t.e.Val(dwarf.AttrName).(string)
	switch t.tag() {
	case dwarf.TagPointerType:
		if e := t.elem(); e.strip().tag() == dwarf.TagSubroutineType && e.tag() != dwarf.TagTypedef {
			return e.strip().elem().name(depth+1) + " (*)()"
		}
		if name != "" {
			return name // Go's
		}
		return star(t.elem().name(depth+1), "*")
	case dwarf.TagReferenceType:
		return star(t.elem().name(depth+1), "&")
	case dwarf.TagRvalueReferenceType:
		return star(t.elem().name(depth+1), "&&")
	case dwarf.TagConstType:
		return "const " + t.elem().name(depth+1)
	case dwarf.TagVolatileType:
		return "volatile " + t.elem().name(depth+1)
	case dwarf.TagRestrictType, dwarf.TagAtomicType:
		return t.elem().name(depth + 1)
	case dwarf.TagArrayType:
		if name != "" {
			return name
		}
		var b strings.Builder
		b.WriteString(t.elem().name(depth + 1))
		for _, d := range t.members() {
			if d.count < 0 {
				b.WriteString("[]")
				continue
			}
			fmt.Fprintf(&b, "[%d]", d.count)
		}
		return b.String()
	case dwarf.TagSubroutineType:
		if name != "" {
			return name
		}
		return t.elem().name(depth+1) + " ()"
	case dwarf.TagStructType:
		return keyword(name, "struct", t)
	case dwarf.TagUnionType:
		return keyword(name, "union", t)
	case dwarf.TagEnumerationType:
		return keyword(name, "enum", t)
	}
	if name == "" {
		return "?"
	}
	return name
}

// keyword puts C's keyword before a tag; types of Go and C++ have none.
func keyword(name, word string, t *Type) string {
	switch {
	case name == "":
		return word + " {…}"
	case strings.ContainsAny(name, ".:[<") || name == "string":
		return name
	}
	return word + " " + name
}

func star(name, mark string) string {
	if strings.HasSuffix(name, "*") {
		return name + mark
	}
	return name + " " + mark
}

// isChar reports whether the type is a character.
func (t *Type) isChar() bool {
	t = t.strip()
	if t.tag() != dwarf.TagBaseType {
		return false
	}
	enc, _ := t.e.Val(dwarf.AttrEncoding).(int64)
	return (enc == 6 || enc == 8) && t.Size() == 1
}
