package guest

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Store is a part of what is to be written so that a variable has a value.
type Store struct {
	Kind StoreKind
	Addr uint64 // in memory, in the XSAVE area, or a register's number
	Data []byte
}

// StoreKind says where a Store goes.
type StoreKind uint8

// Kinds of Store.
const (
	ToMemory StoreKind = iota
	ToRegister
	ToVectors // the XSAVE area
)

// Assign returns what is to be written so that an expression has a value, which is an expression, too. Structs take values of their own type,
// arrays of characters also texts.
func (p *Process) Assign(f *Frame, expr, value string) (stores []Store, err error) {
	defer guard(&err)
	v, err := p.Eval(f, expr)
	if err != nil {
		return nil, err
	}
	x, err := p.Eval(f, value)
	var unknown *UnknownName
	if errors.As(err, &unknown) {
		if n, ok := v.enumerator(value); ok {
			x, err = number(n), nil
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := v.converted(x)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	if v.Addr != 0 {
		return []Store{{ToMemory, v.Addr, b}}, nil
	}
	if v.loc == nil {
		return nil, fmt.Errorf("%s is no variable", expr)
	}
	return v.loc.stores(v.regs, v.off, b)
}

// enumerator finds a name of v's type.
func (v *Value) enumerator(name string) (int64, bool) {
	if t := v.t.strip(); t.tag() == dwarf.TagEnumerationType {
		for _, f := range t.members() {
			if f.name == name {
				return f.value, true
			}
		}
	}
	return 0, false
}

// converted returns the bytes of x as a value of v's type.
func (v *Value) converted(x *Value) ([]byte, error) {
	if v.reg { // a register
		u, err := x.integer()
		return le8(u), err
	}
	t := v.t.strip()
	n := v.Size()
	switch tag := t.tag(); {
	case n <= 0 || n > maxValue:
		return nil, fmt.Errorf("a %s can't be set", v.TypeName())
	case v.isText() && x.text != nil:
		if int64(len(*x.text)) > n {
			return nil, fmt.Errorf("the text is longer than %d bytes", n)
		}
		return append([]byte(*x.text), make([]byte, n-int64(len(*x.text)))...), nil
	case tag == dwarf.TagArrayType || t.membersOf() != nil:
		if x.t == nil || x.t.strip().Name() != t.Name() || x.Size() != n {
			return nil, fmt.Errorf("it takes another %s, not a %s", t.Name(), x.TypeName())
		}
		return x.bytes(n)
	case v.encoding() == encFloat:
		f, err := x.float()
		if err != nil {
			return nil, err
		}
		switch {
		case n == 4:
			return le8(uint64(math.Float32bits(float32(f))))[:4], nil
		case n == 8:
			return le8(math.Float64bits(f)), nil
		case n >= 10:
			return toExtended(f, int(n)), nil
		}
	case n > 8:
		return nil, fmt.Errorf("a %s can't be set", v.TypeName())
	}
	u, err := x.integer()
	if err != nil || v.bits == 0 {
		return le8(u)[:n], err
	}
	old, err := v.bytes(n) // a bit field: the bits around it stay
	if err != nil {
		return nil, err
	}
	var w [8]byte
	copy(w[:], old)
	mask := (uint64(1)<<v.bits - 1) << v.shift
	return le8(binary.LittleEndian.Uint64(w[:])&^mask | u<<v.shift&mask)[:n], nil
}

// stores returns what must be written for b to be at off in what is at the location.
func (l *location) stores(regs *Registers, off int64, b []byte) ([]Store, error) {
	switch l.kind {
	case locMemory:
		return []Store{{ToMemory, l.addr + uint64(off), b}}, nil
	case locRegister:
		return regs.stores(l.reg, off, b)
	case locParts:
		var all []Store
		for i := range l.parts {
			p := &l.parts[i]
			n := int64(p.size)
			if off >= n {
				off -= n
				continue
			}
			k := min(int64(len(b)), n-off)
			s, err := p.stores(regs, off, b[:k])
			if err != nil {
				return nil, err
			}
			if all, b, off = append(all, s...), b[k:], 0; len(b) == 0 {
				return all, nil
			}
		}
	}
	return nil, errors.New("it is nowhere: the compiler knows what it is, and has left it out")
}

// stores is that of a register.
func (r *Registers) stores(reg uint64, off int64, b []byte) ([]Store, error) {
	if reg < numRegs {
		old, known := r.Get(reg)
		switch {
		case !known || off < 0 || off+int64(len(b)) > 8:
			return nil, errOptimised
		case r.saved[reg] == notSaved:
			return nil, errors.New("the register's place is not known in this frame")
		case r.saved[reg] != 0:
			return []Store{{ToMemory, r.saved[reg] + uint64(off), b}}, nil
		}
		whole := le8(old)
		copy(whole[off:], b)
		return []Store{{ToRegister, reg, whole}}, nil
	}
	area, err := r.Vectors.bytes()
	if err != nil {
		return nil, err
	}
	if len(area) <= areaBits {
		return nil, errors.New("the thread has not used its vector registers yet")
	}
	var all []Store
	bits := area[areaBits]
	for _, s := range spans(reg) {
		if n := int64(s.n); off >= n {
			off -= n
			continue
		}
		k := min(len(b), s.n-int(off))
		if s.at+s.n > len(area) {
			break
		}
		part := make([]byte, s.n) // of one that was in its initial state, all
		if bits&s.bit != 0 {
			copy(part, area[s.at:])
		}
		copy(part[off:], b[:k])
		all, bits, b, off = append(all, Store{ToVectors, uint64(s.at), part}), bits|s.bit, b[k:], 0
		if len(b) == 0 {
			return append(all, Store{ToVectors, areaBits, []byte{bits}}), nil
		}
	}
	return nil, errors.New("the register is not that wide")
}
