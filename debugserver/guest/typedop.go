package guest

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
)

// Operations with types of their own (DWARF 5, 2.5.1; GNU's extensions for DWARF 4 have other numbers). The stack has 64 bits an entry: an integer of
// fewer is kept as it is in 64. Floating-point numbers can be taken from where they are, but not computed with.

// baseType is what they refer to.
type baseType struct {
	size     int
	encoding int64
}

var errFloatOp = errors.New("location operations with floating-point numbers are not supported")

// baseType reads the base type at an offset from the unit's beginning.
func (u *unit) baseType(off uint64) (t baseType, ok bool) {
	if off > maxSection {
		return t, false
	}
	e := u.in.entryAt(u.start + dwarf.Offset(off))
	if e == nil || e.Tag != dwarf.TagBaseType {
		return t, false
	}
	size, _ := e.Val(dwarf.AttrByteSize).(int64)
	t.encoding, _ = e.Val(dwarf.AttrEncoding).(int64)
	t.size = int(size)
	return t, size > 0 && size <= 16
}

// extend makes 64 bits of an integer.
func (t baseType) extend(v uint64) uint64 {
	if t.size >= 8 {
		return v
	}
	unused := 64 - 8*uint(t.size)
	if t.encoding == 5 || t.encoding == 6 { // signed, signed_char
		return uint64(int64(v<<unused) >> unused)
	}
	return v << unused >> unused
}

func (m *opMachine) typed(op uint8) error {
	var v uint64
	size := 0
	switch op {
	case 0xa5, 0xf5: // regval_type
		reg := m.b.uleb()
		if reg >= numRegs {
			b, err := m.c.regs.Vector(reg)
			if err != nil {
				return err
			}
			v = binary.LittleEndian.Uint64(b)
			break
		}
		var ok bool
		if v, ok = m.c.regs.Get(reg); !ok {
			return errOptimised
		}
	case 0xa6, 0xf6: // deref_type
		size = int(m.b.u8())
	case 0xa8, 0xa9, 0xf7, 0xf9: // convert, reinterpret
		v = m.pop()
	}
	off := m.b.uleb()
	t, ok := baseType{size: 8}, true
	if off != 0 {
		if m.c.baseType == nil {
			return errOp
		}
		t, ok = m.c.baseType(off)
	}
	if !ok {
		return errOp
	}
	switch op {
	case 0xa4, 0xf4: // const_type
		b := m.b.take(int(m.b.u8()))
		var w [8]byte
		copy(w[:], b)
		v = binary.LittleEndian.Uint64(w[:])
	case 0xa6, 0xf6:
		var err error
		if v, err = readUint(m.c.mem, m.pop(), size); err != nil {
			return err
		}
	case 0xa8, 0xf7:
		if t.encoding == encFloat {
			return errFloatOp
		}
	}
	if t.encoding != encFloat {
		v = t.extend(v)
	}
	m.push(v)
	return nil
}
