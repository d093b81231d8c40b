package guest

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"math/rand/v2"
	"os"
	"testing"
)

// openSelf opens this test's own program, of which Go's library can tell the same.
func openSelf(t *testing.T) *File {
	t.Helper()
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open("self", bytes.NewReader(exe), nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.goFuncs() == nil {
		t.Fatal("no table of functions")
	}
	return f
}

func TestGoTable(t *testing.T) {
	f := openSelf(t)
	text := f.elf.Section(".text")
	want, err := gosym.NewTable(nil, gosym.NewLineTable(section(f.elf, ".gopclntab"), text.Addr))
	if err != nil {
		t.Fatal(err)
	}
	names := symbols{tables: []symbolTable{tableOf(f.goSymbols())}}
	rnd := rand.New(rand.NewPCG(1, 2))
	known := 0
	for range 20_000 {
		a := text.Addr + rnd.Uint64N(text.Size)
		wantFile, wantLine, fn := want.PCToLine(a)
		file, line, r := f.goLine(a)
		if fn == nil || wantLine <= 0 {
			continue
		}
		known++
		if file != wantFile || line != wantLine || !r.has(a) {
			t.Fatalf("%#x is %s:%d, code %#x; want %s:%d", a, file, line, r, wantFile, wantLine)
		}
		if y := names.at(a); y == nil || y.Name != fn.Name || y.Addr != fn.Entry {
			t.Fatalf("%#x lies in %+v, want %s", a, y, fn.Name)
		}
		for _, b := range []uint64{r.Lo, r.Hi - 1} {
			if _, n, same := f.goLine(b); n != line || same != r {
				t.Fatalf("%#x is line %d, code %#x; %#x of the same code is line %d", a, line, r, b, n)
			}
		}
	}
	if known < 10_000 {
		t.Errorf("only %d places are known", known)
	}
}

// A table that lies costs nothing but its answers.
func TestHostileGoTable(t *testing.T) {
	f := openSelf(t)
	good, text := section(f.elf, ".gopclntab"), f.elf.Section(".text")
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		b := bytes.Clone(good[:1<<16+rnd.IntN(len(good)-1<<16)])
		for range 1 << rnd.IntN(12) {
			at := rnd.IntN(len(b))
			if rnd.IntN(3) == 0 {
				at = 8 + rnd.IntN(64) // the header
			}
			b[at] = byte(rnd.Uint32())
		}
		g := &File{Name: "hostile", elf: &elf.File{}, goLines: &goTable{}}
		var err error
		func() {
			defer guard(&err)
			if tb := readGoTable(b, text.Addr); tb != nil {
				g.goLines = tb
			}
		}()
		if n := len(g.goSymbols()); n > len(b) {
			t.Errorf("%d functions in %d bytes", n, len(b))
		}
		for range 100 {
			g.goLine(text.Addr + rnd.Uint64N(text.Size))
		}
	}
}
