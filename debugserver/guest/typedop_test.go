package guest

import (
	"bytes"
	"testing"
)

// TestTypedOperations: integers that are narrower than the stack.
func TestTypedOperations(t *testing.T) {
	var regs Registers
	regs.Set(RAX, 0x1234_5678_9abc_deff)
	c := &context{regs: &regs, mem: fakeMemory{0x80, 0xff, 1, 2, 3, 4, 5, 6}, baseType: func(off uint64) (baseType, bool) {
		types := map[uint64]baseType{1: {1, 6}, 2: {1, 8}, 3: {4, 5}, 4: {8, encFloat}}
		b, ok := types[off]
		return b, ok
	}}
	for _, x := range []struct {
		name string
		code []byte
		want uint64
		bad  bool
	}{
		{"convert to a signed byte", []byte{0x70, 0, 0xa8, 1, 0x9f}, ^uint64(0), false},
		{"convert to an unsigned byte", []byte{0x70, 0, 0xa8, 2, 0x9f}, 0xff, false},
		{"convert to int", []byte{0x70, 0, 0xa8, 3, 0x9f}, 0xffffffff_9abcdeff, false},
		{"convert to the generic type", []byte{0x70, 0, 0xa8, 0, 0x9f}, 0x1234_5678_9abc_deff, false},
		{"regval_type", []byte{0xa5, 0, 2, 0x9f}, 0xff, false},
		{"const_type", []byte{0xa4, 1, 1, 0x80, 0x9f}, 0xffffffff_ffffff80, false},
		{"const_type of a float", append(append([]byte{0xa4, 4, 8}, le8(0x3ff8_0000_0000_0000)...), 0x9f), 0x3ff8_0000_0000_0000, false},
		{"deref_type", []byte{0x30, 0xa6, 1, 1, 0x9f}, 0xffffffff_ffffff80, false},
		{"convert to a float", []byte{0x31, 0xa8, 4, 0x9f}, 0, true},
		{"no such type", []byte{0x31, 0xa8, 9, 0x9f}, 0, true},
		{"cut off", []byte{0xa4, 1, 200, 1}, 0, true},
		{"deref of too much", []byte{0x30, 0xa6, 99, 1, 0x9f}, 0, true},
		{"nothing to convert", []byte{0xa8, 1}, 0, true},
	} {
		l, err := c.eval(x.code)
		if x.bad != (err != nil) || !x.bad && !bytes.Equal(l.value, le8(x.want)) {
			t.Errorf("%s: %x, %v", x.name, l.value, err)
		}
	}
}

// fakeMemory begins at 0.
type fakeMemory []byte

func (m fakeMemory) Read(b []byte, addr uint64) (int, error) {
	if addr+uint64(len(b)) > uint64(len(m)) {
		return 0, &NotMapped{addr}
	}
	return copy(b, m[addr:]), nil
}
