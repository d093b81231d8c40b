package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Vectors are a thread's floating-point and vector registers: an XSAVE area in the standard format (Intel SDM vol. 1, 13.4). It is read when
// one of them is first asked for. A frame's caller does not have them: the ABI lets every function change them.
type Vectors struct {
	Load func() (area []byte, err error) // empty: the initial state

	area []byte
	err  error
	read bool
}

// Numbers of registers (System V ABI x86-64, figure 3.36).
const (
	xmm0 = 17
	st0  = 33
	nXMM = 16
	nST  = 8
)

// The XSAVE area: where components are, and the bits that say that they are not in their initial state.
const (
	areaST   = 32  // 16 bytes each
	areaXMM  = 160 // 16 bytes each
	areaBits = 512
	areaYMM  = 576 // the upper halves, 16 bytes each
	bitX87   = 1
	bitSSE   = 2
	bitAVX   = 4
)

var errNoVectors = errors.New("vector registers are known of a thread's innermost function alone")

func (v *Vectors) bytes() ([]byte, error) {
	switch {
	case v == nil:
		return nil, errNoVectors
	case !v.read:
		v.read = true
		v.area, v.err = v.Load()
	}
	return v.area, v.err
}

// span is where a part of a register is in the area, and the bit of its component.
type span struct {
	at, n int
	bit   byte
}

// spans lists the parts of a register in the area, by DWARF's numbers.
func spans(reg uint64) []span {
	switch {
	case reg >= xmm0 && reg < xmm0+nXMM:
		i := int(reg - xmm0)
		return []span{{areaXMM + 16*i, 16, bitSSE}, {areaYMM + 16*i, 16, bitAVX}}
	case reg >= st0 && reg < st0+nST:
		return []span{{areaST + 16*int(reg-st0), 16, bitX87}}
	}
	return nil
}

// Vector returns a vector or floating-point register: 16 bytes, or 32 of one that has as many.
func (r *Registers) Vector(reg uint64) ([]byte, error) {
	parts := spans(reg)
	if parts == nil {
		return nil, fmt.Errorf("register %d is not supported", reg)
	}
	area, err := r.Vectors.bytes()
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, s := range parts {
		part := make([]byte, s.n)
		if len(area) > areaBits && area[areaBits]&s.bit != 0 && s.at+s.n <= len(area) {
			copy(part, area[s.at:])
		}
		out = append(out, part...)
	}
	return out, nil
}

// VectorNames are the names of the registers that Vector knows.
func VectorNames() (names map[string]uint64, order []string) {
	names = map[string]uint64{}
	add := func(kind string, i int, reg uint64) {
		name := fmt.Sprint(kind, i)
		names[name] = reg
		if kind != "ymm" {
			order = append(order, name)
		}
	}
	for i := range nXMM {
		add("xmm", i, uint64(xmm0+i))
		add("ymm", i, uint64(xmm0+i))
	}
	for i := range nST {
		add("st", i, uint64(st0+i))
	}
	return names, order
}

// FormatVector shows a register as one number, and as floating-point ones.
func FormatVector(name string, b []byte) string {
	if name[0] == 's' {
		return strconv.FormatFloat(extended(b), 'g', -1, 64)
	}
	hex := "0x"
	for i := len(b) - 1; i >= 0; i-- {
		hex += fmt.Sprintf("%02x", b[i])
	}
	doubles, singles := "", ""
	for i := 0; i+8 <= len(b); i += 8 {
		doubles += " " + strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(b[i:])), 'g', -1, 64)
	}
	for i := 0; i+4 <= len(b); i += 4 {
		singles += " " + strconv.FormatFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))), 'g', -1, 32)
	}
	return fmt.Sprintf("%s  double%s  float%s", hex, doubles, singles)
}

// extended reads a number of 80 bits (Intel SDM vol. 1, 4.2.2), as exactly as 64 bits can.
func extended(b []byte) float64 {
	if len(b) < 10 {
		return math.NaN()
	}
	m, e := binary.LittleEndian.Uint64(b), int(binary.LittleEndian.Uint16(b[8:]))
	sign := 1.0
	if e&0x8000 != 0 {
		sign = -1
	}
	switch e &= 0x7fff; {
	case e == 0x7fff && m<<1 != 0:
		return math.NaN()
	case e == 0x7fff:
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(float64(m), e-16383-63)
}

// toExtended is the way back.
func toExtended(f float64, size int) []byte {
	b := make([]byte, size)
	sign := uint16(0)
	if math.Signbit(f) {
		sign, f = 0x8000, -f
	}
	m, e := uint64(0), uint16(0)
	switch {
	case math.IsNaN(f):
		m, e = 3<<62, 0x7fff
	case math.IsInf(f, 0):
		m, e = 1<<63, 0x7fff
	case f != 0:
		frac, exp := math.Frexp(f)
		m, e = uint64(math.Ldexp(frac, 64)), uint16(exp+16382)
	}
	binary.LittleEndian.PutUint64(b, m)
	binary.LittleEndian.PutUint16(b[8:], e|sign)
	return b
}
