package guest

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Value is a variable of a program, or what an expression came to.
type Value struct {
	Name string
	Addr uint64 // 0: not in memory
	Err  error  // why it can't be had

	p    *Process
	t    *Type
	data []byte // what it is, if it is not in memory or was read already

	loc  *location // where data is, if that is not in memory; nil: nowhere
	regs *Registers
	off  int64 // of data in it

	bits, shift int64 // of a bit field; bits 0: none
	num         *int64
	flt         *float64
	text        *string
	reg         bool    // it is a register; num is what it holds
	shown       *string // all that there is, of a vector register
}

// Bounds of what is shown of a value.
const (
	maxValue  = 64 << 10
	maxElems  = 16
	maxFormat = 512
	maxNested = 3
)

// value makes a value of a declaration.
func (p *Process) value(f *Frame, name string, e *dwarf.Entry) *Value {
	in := f.unit.in
	v := &Value{Name: name, p: p, t: in.typeOf(e)}
	if fld := e.AttrField(dwarf.AttrConstValue); fld != nil {
		v.setConst(fld.Val)
		return v
	}
	l, err := p.locate(f.Image, f.unit, f, e, dwarf.AttrLocation)
	if err == nil {
		err = v.place(l, &f.Regs)
	}
	v.Err = err
	return v
}

func (v *Value) setConst(x any) {
	switch x := x.(type) {
	case int64:
		v.data = le8(uint64(x))
	case uint64:
		v.data = le8(x)
	case []byte:
		v.data = x
	case string:
		v.text = &x
	default:
		v.Err = errOptimised
	}
}

// place takes the value from where it is.
func (v *Value) place(l location, regs *Registers) error {
	switch l.kind {
	case locMemory:
		v.Addr = l.addr
		return nil
	case locNone:
		return errOptimised
	}
	v.loc, v.regs = &l, regs
	b, err := v.collect(l, regs)
	v.data = b
	return err
}

func (v *Value) collect(l location, regs *Registers) ([]byte, error) {
	switch l.kind {
	case locRegister:
		if l.reg >= numRegs {
			return regs.Vector(l.reg)
		}
		x, ok := regs.Get(l.reg)
		if !ok {
			return nil, errOptimised
		}
		return le8(x), nil
	case locValue:
		return l.value, nil
	case locMemory:
		b := make([]byte, min(l.size, maxValue))
		_, err := v.p.Mem.Read(b, l.addr)
		return b, err
	case locParts:
		var out []byte
		for _, part := range l.parts {
			b, err := v.collect(part, regs)
			if err != nil {
				return nil, err
			}
			for uint64(len(b)) < part.size && part.size <= maxValue {
				b = append(b, 0)
			}
			if len(out) > maxValue {
				return nil, errOp
			}
			out = append(out, b[:min(uint64(len(b)), part.size)]...)
		}
		return out, nil
	}
	return nil, errOptimised
}

// bytes returns the first n bytes of the value.
func (v *Value) bytes(n int64) ([]byte, error) {
	if v.Err != nil {
		return nil, v.Err
	}
	if n < 0 || n > maxValue {
		n = maxValue
	}
	if v.Addr == 0 {
		if int64(len(v.data)) < n {
			return nil, errOptimised
		}
		return v.data[:n], nil
	}
	b := make([]byte, n)
	k, err := v.p.Mem.Read(b, v.Addr)
	if err != nil {
		return b[:k], err
	}
	return b, nil
}

// TypeName is the type as C writes it.
func (v *Value) TypeName() string {
	switch {
	case v.num != nil:
		return "long"
	case v.flt != nil:
		return "double"
	case v.text != nil:
		return "char *"
	}
	return v.t.Name()
}

// Size is the value's size in bytes; 0 unknown.
func (v *Value) Size() int64 {
	if v.t == nil {
		return 0
	}
	return v.t.Size()
}

// Format shows the value in a line.
func (v *Value) Format() (text string) {
	var err error
	func() {
		defer guard(&err)
		text = v.format(0)
	}()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	if len(text) > maxFormat {
		text = strings.ToValidUTF8(text[:maxFormat], "") + "…"
	}
	return text
}

func (v *Value) format(depth int) string {
	switch {
	case v.Err != nil:
		return "(" + v.Err.Error() + ")"
	case v.num != nil:
		return strconv.FormatInt(*v.num, 10)
	case v.flt != nil:
		return strconv.FormatFloat(*v.flt, 'g', -1, 64)
	case v.text != nil:
		return strconv.Quote(*v.text)
	case v.shown != nil:
		return *v.shown
	}
	t := v.t.strip()
	switch t.tag() {
	case dwarf.TagBaseType, dwarf.TagEnumerationType:
		return v.scalar(t)
	case dwarf.TagReferenceType, dwarf.TagRvalueReferenceType:
		if depth == maxNested {
			return v.pointer(t)
		}
		return v.deref().format(depth + 1)
	case dwarf.TagPointerType, dwarf.TagSubroutineType:
		return v.pointer(t)
	case dwarf.TagArrayType:
		return v.array(t, depth)
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
		return v.structure(t, depth)
	}
	x, err := v.uint()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return fmt.Sprintf("%#x", x)
}

func (v *Value) scalar(t *Type) string {
	if v.encoding() == encFloat {
		f, err := v.float()
		if err != nil {
			return "(" + err.Error() + ")"
		}
		return strconv.FormatFloat(f, 'g', -1, int(min(t.Size(), 8))*8)
	}
	x, err := v.uint()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	if t.tag() == dwarf.TagEnumerationType {
		for _, f := range t.members() {
			if f.value == int64(x) {
				return f.name
			}
		}
		return strconv.FormatInt(int64(x), 10)
	}
	switch e := v.encoding(); {
	case e == 2:
		return strconv.FormatBool(x != 0)
	case v.t.isChar() && x&0xff >= 0x20 && x&0xff < 0x7f:
		return fmt.Sprintf("%d %q", int64(x), rune(x&0xff))
	case v.signed():
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatUint(x, 10)
}

func (v *Value) pointer(t *Type) string {
	x, err := v.uint()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	text := fmt.Sprintf("%#x", x)
	e := t.elem()
	switch {
	case x == 0:
	case e.isChar():
		if s, whole, err := readText(v.p.Mem, x, 200); err == nil {
			text += " " + strconv.Quote(s)
			if !whole {
				text += "…"
			}
		}
	case e.strip().tag() == dwarf.TagSubroutineType:
		if l := v.p.Where(x); l.Func != "" {
			text += " <" + l.Func + ">"
		}
	}
	return text
}

func (v *Value) array(t *Type, depth int) string {
	n, _ := v.count(t)
	if t.elem().isChar() && len(t.members()) == 1 {
		b, err := v.bytes(min(n, 200))
		if err != nil && len(b) == 0 {
			return "(" + err.Error() + ")"
		}
		s, _, _ := strings.Cut(string(b), "\x00")
		return strconv.Quote(s)
	}
	if depth == maxNested {
		return "{…}"
	}
	var parts []string
	for i := range min(n, maxElems) {
		parts = append(parts, v.index(i).format(depth+1))
	}
	if n > maxElems {
		parts = append(parts, "…")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (v *Value) structure(t *Type, depth int) string {
	if s, ok := v.goString(t); ok {
		return s
	}
	if s, ok := v.stdString(t); ok {
		return s
	}
	if first, n, ok := v.elements(); ok {
		return v.formatVector(first, n, depth)
	}
	if depth == maxNested {
		return "{…}"
	}
	var parts []string
	for i := range t.members() {
		if i == maxElems {
			parts = append(parts, "…")
			break
		}
		f := v.field(i)
		parts = append(parts, fmt.Sprintf("%s = %s", f.Name, f.format(depth+1)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// goString is the text of one of Go's strings.
func (v *Value) goString(t *Type) (string, bool) {
	if name, _ := t.e.Val(dwarf.AttrName).(string); name != "string" || len(t.members()) != 2 {
		return "", false
	}
	b, err := v.bytes(16)
	if err != nil {
		return "", false
	}
	return v.p.quoted(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]))
}

// quoted is a text of n bytes in memory as it is shown: its beginning, if it is long.
func (p *Process) quoted(at, n uint64) (string, bool) {
	text := make([]byte, min(n, 200))
	k, err := p.Mem.Read(text, at)
	if err != nil && k == 0 && n > 0 {
		return "", false
	}
	s := strconv.Quote(string(text[:k]))
	if n > uint64(k) {
		s += "…"
	}
	return s, true
}
