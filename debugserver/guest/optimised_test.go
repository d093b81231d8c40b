package guest

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

// optimised runs the program of that name to where it stops, with its vector registers.
func optimised(t *testing.T) (*Process, []Frame) {
	t.Helper()
	lines := make(chan string, 1)
	p, regs := sceneWith(t, build(t, "optimised", "-O2", "-g", "-mno-avx512f"), func(next func() string) { lines <- next() })
	area, err := hex.DecodeString(strings.TrimSpace(<-lines))
	if err != nil {
		t.Fatal(err)
	}
	regs.Vectors = &Vectors{Load: func() ([]byte, error) { return area, nil }}
	fs, _, err := p.Stack(regs, 20)
	if err != nil || len(fs) < 3 || fs[0].Func != "here" || fs[1].Func != "lost" || fs[2].Func != "main" {
		t.Fatalf("%v %v", names(fs), err)
	}
	return p, fs
}

// TestOptimised: arguments in vector registers, structs in pieces, and what only the caller knows.
func TestOptimised(t *testing.T) {
	p, fs := optimised(t)
	for _, c := range []struct {
		frame      int
		expr, want string
	}{
		{0, "f", "2.25"},
		{0, "p.ratio", "1.5"},
		{0, "p.count", "7"},
		{0, "p", "{ratio = 1.5, count = 7}"},
		{0, "n", "5"},
		{0, "f * 2 + p.count", "11.5"},
		{0, "p.ratio > 1.25", "1"},
		{0, "-f", "-2.25"},
		{1, "n", "42"},
		{1, "also", "2"},
		{2, "argc", "1"},
	} {
		v, err := p.Eval(&fs[c.frame], c.expr)
		if err != nil || v.Format() != c.want {
			t.Errorf("frame %d: %s = %v %v, want %s", c.frame, c.expr, v.Format(), err, c.want)
		}
	}
	if v, err := p.Eval(&fs[0], "$xmm15"); err != nil || !strings.HasPrefix(v.Format(), "0x") {
		t.Errorf("%v %v", v, err)
	}
	if _, err := p.Eval(&fs[1], "$xmm0"); err == nil {
		t.Error("a caller's vector registers are known")
	}
}

// TestAssign: what must be written for variables in registers, in memory and in bit fields.
func TestAssign(t *testing.T) {
	p, fs := optimised(t)
	one := func(frame int, expr, value string) Store {
		t.Helper()
		s, err := p.Assign(&fs[frame], expr, value)
		if err != nil || len(s) == 0 {
			t.Fatalf("%s: %v", expr, err)
		}
		return s[0]
	}
	if s := one(0, "p.count", "p.count + 0x100"); s.Kind != ToRegister || !bytes.Equal(s.Data, le8(0x107)) {
		t.Errorf("%+v", s)
	}
	if s := one(0, "f", "0.5"); s.Kind != ToVectors || !bytes.Equal(s.Data[:4], le8(uint64(math.Float32bits(0.5)))[:4]) {
		t.Errorf("%+v", s)
	}
	if s := one(0, "p.ratio", "3"); s.Kind != ToVectors || !bytes.Equal(s.Data[:8], le8(math.Float64bits(3))) {
		t.Errorf("%+v", s)
	}
	if s := one(0, "$rbx", "-1"); s.Kind != ToRegister || s.Addr != RBX || !bytes.Equal(s.Data, le8(^uint64(0))) {
		t.Errorf("%+v", s)
	}
	if s, err := p.Assign(&fs[0], "p", "p"); err != nil || len(s) < 2 {
		t.Errorf("a whole struct: %+v %v", s, err)
	}
	for _, c := range [][2]string{{"p", "5"}, {"5", "6"}, {"p.count", "nothing"}} {
		if s, err := p.Assign(&fs[0], c[0], c[1]); err == nil {
			t.Errorf("%s = %s: %+v", c[0], c[1], s)
		}
	}
	if s, err := p.Assign(&fs[1], "$rip", "0"); err != nil || s[0].Kind != ToMemory { // the return address
		t.Errorf("%+v %v", s, err)
	}

	p, regs := scene(t, build(t, "scene", "-O0", "-g"))
	fs, _, err := p.Stack(regs, 20)
	if err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string]struct {
		value string
		data  []byte
	}{
		"p->small":  {"2", []byte{5&^7 | 2, 0, 0, 0}},
		"p->colour": {"RED", []byte{0, 0, 0, 0}},
		"p->weight": {"1e3", le8(math.Float64bits(1000))},
		"buffer":    {`"other"`, append([]byte("other"), make([]byte, 11)...)},
	} {
		s, err := p.Assign(&fs[1], expr, want.value)
		if err != nil || len(s) != 1 || s[0].Kind != ToMemory || expr != "p->small" && !bytes.Equal(s[0].Data, want.data) {
			t.Errorf("%s: %+v %v", expr, s, err)
		}
		if expr == "p->small" && s[0].Data[0]&7 != 2 {
			t.Errorf("%+v", s)
		}
	}
}

// TestExtended: the numbers of 80 bits there and back.
func TestExtended(t *testing.T) {
	for _, f := range []float64{0, 1, -1.5, math.Pi, 1e300, 5e-324, math.Inf(1), math.Inf(-1)} {
		if got := extended(toExtended(f, 16)); got != f {
			t.Errorf("%g: %g", f, got)
		}
	}
	if !math.IsNaN(extended(toExtended(math.NaN(), 10))) {
		t.Error("NaN")
	}
}
