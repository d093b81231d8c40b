package guest

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"math"
)

// uint returns a scalar's bits, sign-extended if it has a sign.
func (v *Value) uint() (uint64, error) {
	if v.num != nil {
		return uint64(*v.num), nil
	}
	t := v.t.strip()
	n := int64(8)
	if t != nil {
		n = t.Size()
	}
	if n <= 0 || n > 8 {
		return 0, fmt.Errorf("%s is no number", v.t.Name())
	}
	b, err := v.bytes(n)
	if err != nil {
		return 0, err
	}
	var w [8]byte
	copy(w[:], b)
	x := binary.LittleEndian.Uint64(w[:])
	size := 8 * n
	if v.bits > 0 {
		x, size = x>>v.shift, v.bits
	}
	unused := 64 - size
	if v.signed() {
		return uint64(int64(x<<unused) >> unused), nil
	}
	return x << unused >> unused, nil
}

func (v *Value) encoding() int64 {
	t := v.t.strip()
	if t == nil {
		return 0
	}
	if t.tag() == dwarf.TagEnumerationType {
		return 5
	}
	enc, _ := t.e.Val(dwarf.AttrEncoding).(int64)
	return enc
}

// Encodings of base types (DWARF 5, 7.8).
const encFloat = 4

func (v *Value) isFloat() bool { return v.flt != nil || v.num == nil && v.encoding() == encFloat }

// float returns a number, whatever its type.
func (v *Value) float() (float64, error) {
	if v.flt != nil {
		return *v.flt, nil
	}
	if !v.isFloat() {
		u, err := v.uint()
		if v.num != nil || v.signed() {
			return float64(int64(u)), err
		}
		return float64(u), err
	}
	b, err := v.bytes(v.Size())
	switch {
	case err != nil:
		return 0, err
	case len(b) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), nil
	case len(b) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	case len(b) == 16:
		return extended(b), nil
	}
	return 0, fmt.Errorf("a %s of %d bytes", v.TypeName(), len(b))
}

func (v *Value) signed() bool { e := v.encoding(); return e == 5 || e == 6 }

// integer is the value as C converts it to an integer type.
func (v *Value) integer() (uint64, error) {
	if v.isFloat() {
		f, err := v.float()
		return uint64(int64(f)), err
	}
	return v.uint()
}
