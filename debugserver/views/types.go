package views

import (
	"fmt"
	"reflect"
)

// rtype is what is used of a type descriptor (internal/abi.Type and those that begin with it).
type rtype struct {
	addr   uint64
	kind   reflect.Kind
	size   uint64
	direct bool // an interface's data word is the value
	name   string
	pkg    string // import path

	elem   uint64 // its type: of a pointer, slice, array or map
	key    uint64 // of a map
	group  uint64 // of a map: its groups of slots
	len    uint64 // of an array
	empty  bool   // an interface without methods
	fields []field
	slots  *slots // of a map, once it has been met
}

type field struct {
	name     string
	typ      uint64
	offset   uint64
	embedded bool
}

// Layout of internal/abi.Type and its extensions, the same since Go 1.24. A test compares the outcome with reflection's.
const (
	typeSize     = 0
	typePtrBytes = 8
	typeTFlag    = 20
	typeKind     = 23
	typeStr      = 40 // offset of the name
	typeEnd      = 48

	elemType     = typeEnd
	arrayLen     = typeEnd + 16
	mapElem      = typeEnd + 8
	mapGroup     = typeEnd + 16
	structFields = typeEnd + 8
	structEnd    = typeEnd + 32
	ifaceMethods = typeEnd + 16 // the number of them

	fieldSize   = 24
	fieldType   = 8
	fieldOffset = 16

	itabType = 8

	kindMask      = 31
	flagUncommon  = 1 << 0
	flagExtraStar = 1 << 1
	flagNamed     = 1 << 2

	nameEmbedded = 1 << 3
)

const (
	maxFields = 1 << 12
	maxName   = 1 << 12
	maxTypes  = 1 << 16
)

// typeAt returns the type at an address.
func (ev *Evaluator) typeAt(addr uint64) (*rtype, error) {
	if t, ok := ev.types[addr]; ok {
		return t, nil
	}
	if addr < ev.anchors.Types || addr >= ev.anchors.TypesEnd || addr%8 != 0 {
		return nil, &Fault{addr, "there is no type here"}
	}
	if len(ev.types) >= maxTypes {
		return nil, &Fault{addr, "too many types"}
	}
	t, err := ev.readType(addr)
	if err != nil {
		return nil, err
	}
	ev.types[addr] = t
	return t, nil
}

func (ev *Evaluator) readType(addr uint64) (*rtype, error) {
	b, err := ev.bytes(addr, typeEnd)
	if err != nil {
		return nil, err
	}
	t := &rtype{addr: addr, size: le64(b[typeSize:]), kind: reflect.Kind(b[typeKind] & kindMask)}
	t.direct = t.size == 8 && le64(b[typePtrBytes:]) == 8
	flags := b[typeTFlag]
	str := le32(b[typeStr:])
	switch t.kind {
	case reflect.Pointer, reflect.Slice:
		t.elem, err = ev.u64(addr + elemType)
	case reflect.Array:
		if t.elem, err = ev.u64(addr + elemType); err == nil {
			t.len, err = ev.u64(addr + arrayLen)
		}
	case reflect.Map:
		if b, err = ev.bytes(addr+typeEnd, 24); err == nil {
			t.key, t.elem, t.group = le64(b), le64(b[mapElem-typeEnd:]), le64(b[mapGroup-typeEnd:])
		}
	case reflect.Interface:
		var n uint64
		n, err = ev.u64(addr + ifaceMethods)
		t.empty = n == 0
	case reflect.Struct:
		t.fields, err = ev.readFields(addr)
		if err == nil && flags&flagNamed != 0 {
			err = ev.readTypeName(t, flags, str)
		}
	case reflect.Invalid:
		err = &Fault{addr, "a type of no kind"}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (ev *Evaluator) readFields(addr uint64) ([]field, error) {
	b, err := ev.bytes(addr+structFields, 16)
	if err != nil {
		return nil, err
	}
	data, n := le64(b), le64(b[8:])
	if n > maxFields {
		return nil, &Fault{addr, fmt.Sprintf("a struct of %d fields", n)}
	}
	if b, err = ev.bytes(data, int(n)*fieldSize); err != nil {
		return nil, err
	}
	fields := make([]field, n)
	for i := range fields {
		f := b[i*fieldSize:]
		name, flags, err := ev.name(le64(f))
		if err != nil {
			return nil, err
		}
		fields[i] = field{name: name, typ: le64(f[fieldType:]), offset: le64(f[fieldOffset:]), embedded: flags&nameEmbedded != 0}
	}
	return fields, nil
}

// readTypeName sets name and import path of a struct type.
func (ev *Evaluator) readTypeName(t *rtype, flags byte, str uint32) error {
	full, _, err := ev.name(ev.anchors.Types + uint64(str))
	if err != nil {
		return err
	}
	if flags&flagExtraStar != 0 && full != "" {
		full = full[1:]
	}
	t.name = unqualified(full)
	if flags&flagUncommon == 0 {
		return nil
	}
	off, err := ev.u32(t.addr + structEnd)
	if err != nil || off == 0 {
		return err
	}
	t.pkg, _, err = ev.name(ev.anchors.Types + uint64(off))
	return err
}

// unqualified cuts the package from "pkg.Name[args]".
func unqualified(s string) string {
	depth := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ']':
			depth++
		case '[':
			depth--
		case '.':
			if depth == 0 {
				return s[i+1:]
			}
		}
	}
	return s
}

// name reads an abi.Name: a byte of flags, the length as a varint, the text.
func (ev *Evaluator) name(addr uint64) (string, byte, error) {
	flags, err := ev.u8(addr)
	if err != nil {
		return "", 0, err
	}
	n := 0
	for i := range 3 {
		b, err := ev.u8(addr + 1 + uint64(i))
		if err != nil {
			return "", 0, err
		}
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			if n > maxName {
				break
			}
			text, err := ev.bytes(addr+2+uint64(i), n)
			return string(text), flags, err
		}
	}
	return "", 0, &Fault{addr, "a name without end"}
}

// String is how messages call the type.
func (t *rtype) String() string {
	if t.name != "" {
		return t.pkg + "." + t.name
	}
	return t.kind.String()
}

// step is a way from a struct to one of its fields, or to one of an embedded struct's.
type step struct {
	moves []move
	typ   *rtype
}

// move adds an offset, then goes through an embedded pointer.
type move struct {
	offset uint64
	deref  bool
}

// stepTo finds a field by Go's rules: the one at the least depth, if it is the only one there. nil: there is none.
func (ev *Evaluator) stepTo(t *rtype, name string) (*step, error) {
	k := stepKey{t, name}
	if s, ok := ev.steps[k]; ok {
		return s, nil
	}
	s, err := ev.findField(t, name)
	if err == nil {
		ev.steps[k] = s
	}
	return s, err
}

type stepKey struct {
	t    *rtype
	name string
}

func (ev *Evaluator) findField(t *rtype, name string) (*step, error) {
	type candidate struct {
		t     *rtype
		moves []move
	}
	seen := map[*rtype]bool{}
	for level := []candidate{{t: t}}; len(level) > 0; {
		var next []candidate
		var found *step
		n := 0
		for _, c := range level {
			for _, f := range c.t.fields {
				if f.name != name && !f.embedded {
					continue
				}
				ft, err := ev.typeAt(f.typ)
				if err != nil {
					return nil, err
				}
				moves := append(c.moves[:len(c.moves):len(c.moves)], move{offset: f.offset})
				if f.name == name {
					found = &step{moves, ft}
					n++
					continue
				}
				if ft.kind == reflect.Pointer {
					moves[len(moves)-1].deref = true
					if ft, err = ev.typeAt(ft.elem); err != nil {
						return nil, err
					}
				}
				if ft.kind == reflect.Struct && !seen[ft] {
					seen[ft] = true
					next = append(next, candidate{ft, moves})
				}
			}
		}
		if n == 1 {
			return found, nil
		}
		if n > 1 {
			return nil, nil // ambiguous
		}
		level = next
	}
	return nil, nil
}
