package guest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// noise is a memory that answers everything.
type noise struct{ r *rand.Rand }

func (m noise) Read(b []byte, addr uint64) (int, error) {
	for i := range b {
		b[i] = byte(m.r.Uint32())
	}
	return len(b), nil
}

// lookAt asks everything of a file that a debugger might.
func lookAt(data []byte, r *rand.Rand) {
	f, err := Open("hostile", bytes.NewReader(data), nil)
	if err != nil {
		return
	}
	f.Function("compare")
	f.Line("scene.c", 50)
	f.Sources()
	p := NewProcess(noise{r}, []Region{{Start: 0x400000, End: 0x500000, Exec: true, File: f}})
	if len(p.Images) == 0 {
		return
	}
	f.loadSymbols().at(0)
	for _, e := range f.loadSymbols().funcs {
		y := f.symbols.tables[e.table].symbol(int(e.entry))
		if r.IntN(4) > 0 && y.Name != "inner" && y.Name != "compare" {
			continue
		}
		var regs Registers
		for i := range numRegs {
			regs.Set(i, 0x400000+uint64(r.IntN(1<<20)))
		}
		regs.Set(RIP, y.Addr+p.Images[0].Bias+uint64(r.IntN(int(y.Size%1000)+1)))
		fs, _, _ := p.Stack(regs, 20)
		for i := range fs {
			for _, get := range []func(*Frame) ([]*Value, error){p.Arguments, p.Locals} {
				vs, _ := get(&fs[i])
				for _, v := range vs {
					v.Format()
					named, indexed := v.Children()
					for i := range min(named+indexed, 3) {
						v.Child(i).Format()
					}
				}
			}
			p.Eval(&fs[i], "p->x + counter")
			p.LineRange(fs[i].PC)
		}
	}
}

// TestBrokenFiles: whatever is changed in a file, looking at it ends, soon and without harm.
func TestBrokenFiles(t *testing.T) {
	for _, flags := range [][]string{{"-O2", "-g"}, {"-O0", "-g", "-gdwarf-4"}, {"-O1", "-g", "-gz"}} {
		data, err := os.ReadFile(build(t, "scene", flags...))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open("scene", bytes.NewReader(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		// Most of what is parsed lies in these; elsewhere a change would do little.
		var ranges []Range
		for _, s := range f.elf.Sections {
			if strings.HasPrefix(s.Name, ".debug_") || s.Name == ".eh_frame" || strings.HasSuffix(s.Name, "tab") {
				ranges = append(ranges, Range{s.Offset, s.Offset + s.FileSize})
			}
		}
		ranges = append(ranges, Range{0, 64 * 14}, Range{uint64(len(data)) - 64*30, uint64(len(data))})
		deadline := time.Now().Add(2 * time.Second)
		for seed := uint64(0); seed < 200 && time.Now().Before(deadline); seed++ {
			r := rand.New(rand.NewPCG(seed, 7))
			bad := bytes.Clone(data)
			for range 1 + r.IntN(20) {
				s := ranges[r.IntN(len(ranges))]
				if s.Hi > s.Lo {
					bad[s.Lo+r.Uint64N(s.Hi-s.Lo)] = byte(r.Uint32())
				}
			}
			begin := time.Now()
			lookAt(bad, r)
			if d := time.Since(begin); d > 20*time.Second {
				t.Fatalf("%v seed %d: %v", flags, seed, d)
			}
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	if exe, err := os.ReadFile("/bin/true"); err == nil {
		f.Add(exe)
	}
	f.Fuzz(func(t *testing.T, data []byte) { lookAt(data, rand.New(rand.NewPCG(1, 2))) })
}

func FuzzLocation(f *testing.F) {
	f.Add([]byte{0x30, 0x12, 0x22, 0x2f, 0xfc, 0xff})
	f.Fuzz(func(t *testing.T, code []byte) {
		c := context{mem: noise{rand.New(rand.NewPCG(1, 2))}, regs: &Registers{Known: 1<<numRegs - 1}}
		c.eval(code, 1)
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x14, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 0x10, 1, 0x1b, 0xc, 7, 8, 0x90, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, eh := range []bool{true, false} {
			var c cfi
			c.parse(data, 0x1000, eh)
			for i := range min(len(c.fdes), 100) {
				c.fdes[i].rules(c.fdes[i].lo + 5)
			}
		}
	})
}

// TestSpace: page tables that lead nowhere, or in circles.
func TestSpace(t *testing.T) {
	ram := make([]byte, 16*pageSize)
	entry := func(table, index int, frame uint64, bits uint64) {
		copy(ram[table*pageSize+8*index:], le8(frame<<pageShift|bits))
	}
	entry(1, 0, 2, 7)
	entry(2, 0, 3, 7)
	entry(3, 2, 4, 7)
	entry(4, 0, 5, 7)
	entry(4, 1, 999, 7)         // beyond RAM
	entry(4, 2, 6, 1<<11)       // not present, but held: PROT_NONE
	entry(1, 1, 1, 1<<63|0xfff) // a circle
	copy(ram[5*pageSize:], "hello")
	copy(ram[6*pageSize:], "held")
	s := &Space{RAM: ram, Root: 1}
	for _, c := range []struct {
		addr uint64
		want string
	}{{0x400000, "hello"}, {0x401000, ""}, {0x402000, "held"}, {0x403000, ""}, {0x500000, ""}, {1 << 47, ""}, {1<<64 - 4, ""}} {
		b := make([]byte, max(len(c.want), 1))
		n, err := s.Read(b, c.addr)
		if string(b[:n]) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%#x: %q %v", c.addr, b[:n], err)
		}
	}
	if n, err := s.Read(make([]byte, 10), 0x400ffa); n != 6 || err == nil {
		t.Errorf("across the end: %d %v", n, err)
	}
	s.Read(make([]byte, 8), 1<<39)
	if err := s.Write(0x400001, []byte("a")); err != nil || string(ram[5*pageSize:5*pageSize+5]) != "hallo" {
		t.Errorf("write: %v", err)
	}
	if err := s.Write(0x400ffe, []byte("abcd")); err == nil || ram[6*pageSize-1] != 0 { // the rest is not mapped
		t.Errorf("a write across the end: %v", err)
	}
	s.Absent = func(page []byte, addr uint64) bool { copy(page, "absent"); return addr == 0x403000 }
	b := make([]byte, 6)
	if _, err := s.Read(b, 0x403000); err != nil || string(b) != "absent" {
		t.Errorf("%q %v", b, err)
	}
}
