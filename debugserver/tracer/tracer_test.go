package tracer

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

var toyDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tracer")
	if err != nil {
		panic(err)
	}
	toyDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// toy builds the debuggee and reads its symbols.
var toy = sync.OnceValues(func() (*program, error) {
	p := &program{path: filepath.Join(toyDir, "toy"), syms: map[string]elf.Symbol{}}
	out, err := exec.Command("go", "build", "-gcflags=vitrine/...=-N -l", "-o", p.path, "./testdata/toy").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	f, err := elf.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if p.dwarf, err = f.DWARF(); err != nil {
		return nil, err
	}
	all, err := f.Symbols()
	for _, s := range all {
		p.syms[s.Name] = s
	}
	return p, err
})

type program struct {
	path  string
	syms  map[string]elf.Symbol
	dwarf *dwarf.Data
}

func (p *program) addr(t testing.TB, name string) uint64 {
	t.Helper()
	s, ok := p.syms[name]
	if !ok {
		t.Fatalf("no symbol %s", name)
	}
	return s.Value
}

// mark returns the first address of the toy's line that ends in a mark. (A function's first instruction is executed
// twice when its stack grows.)
func (p *program) mark(t testing.TB, mark string) uint64 {
	t.Helper()
	b, err := os.ReadFile("testdata/toy/main.go")
	must(t, err)
	want := 0
	for i, l := range strings.Split(string(b), "\n") {
		if strings.HasSuffix(l, "// "+mark) {
			want = i + 1
		}
	}
	r := p.dwarf.Reader()
	for e, err := r.Next(); e != nil && err == nil; e, err = r.Next() {
		if e.Tag == dwarf.TagCompileUnit && e.Val(dwarf.AttrName) == "main" {
			lr, err := p.dwarf.LineReader(e)
			must(t, err)
			for le := (dwarf.LineEntry{}); lr.Next(&le) == nil; {
				if le.Line == want && le.IsStmt && strings.HasSuffix(le.File.Name, "toy/main.go") {
					return le.Address
				}
			}
		}
		r.SkipChildren()
	}
	t.Fatalf("no code for the line %s", mark)
	return 0
}

// launch starts the toy, stopped at its first instruction.
func launch(t testing.TB, args ...string) (*Tracer, *program) {
	t.Helper()
	p, err := toy()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Launch(Config{Argv: append([]string{p.path}, args...), Stderr: os.Stderr})
	skipForbidden(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Kill() })
	return tr, p
}

func skipForbidden(t testing.TB, err error) {
	t.Helper()
	var f *ForbiddenError
	if errors.As(err, &f) {
		t.Skip(err)
	}
}

// toMain runs the toy to main.main and gives the tracer dead code to use.
func toMain(t testing.TB, tr *Tracer, p *program) {
	t.Helper()
	o := NewOwner()
	main := p.addr(t, "main.main")
	must(t, tr.Insert(main, o))
	if s := resume(t, tr); s.Kind != StopHit || tr.Thread(s.TID).Hit.Addr != main {
		t.Fatalf("to main.main: %+v", s)
	}
	must(t, tr.Remove(main, o))
	dead := p.syms["runtime.rt0_go"]
	if dead.Value == 0 {
		dead = p.syms["runtime.rt0_go.abi0"]
	}
	must(t, tr.SetScratch(dead.Value, dead.Value+dead.Size))
}

func resume(t testing.TB, tr *Tracer) Stop {
	t.Helper()
	s, err := tr.Resume(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// peek reads a word of the toy's.
func peek(t testing.TB, tr *Tracer, addr uint64) uint64 {
	t.Helper()
	var b [8]byte
	if n, err := tr.Read(b[:], addr); err != nil || n != 8 {
		t.Fatalf("read %#x: %d %v", addr, n, err)
	}
	return binary.LittleEndian.Uint64(b[:])
}

// hits counts what Resume has found at addr.
func hits(tr *Tracer, addr uint64) (n int) {
	for _, th := range tr.Threads() {
		if th.Hit.Kind == HitBreakpoint && th.Hit.Addr == addr {
			n++
		}
	}
	return n
}

func TestHitsAreExact(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		scratch bool
		want    int
	}{
		"one thread":            {[]string{"-ticks=300"}, true, 300},
		"in place":              {[]string{"-ticks=200"}, false, 200},
		"workers":               {[]string{"-ticks=100", "-workers=5"}, true, 600},
		"workers in place":      {[]string{"-ticks=50", "-workers=5"}, false, 300},
		"signals":               {[]string{"-ticks=100", "-workers=3", "-sigs=2000", "-spin=1"}, true, 400},
		"signals in place":      {[]string{"-ticks=50", "-workers=3", "-sigs=2000", "-spin=1"}, false, 200},
		"threads come and go":   {[]string{"-ticks=200", "-clones=2", "-sigs=500"}, true, -1},
		"processes come and go": {[]string{"-ticks=50", "-forks=20"}, true, 50},
	} {
		t.Run(name, func(t *testing.T) {
			tr, p := launch(t, c.args...)
			toMain(t, tr, p)
			if !c.scratch {
				tr.unmapScratch()
			}
			at, o := p.mark(t, "TICK"), NewOwner()
			must(t, tr.Insert(at, o))
			n := 0
			var calls uint64
			for {
				s := resume(t, tr)
				if s.Kind == StopExited {
					if s.Status != 7 {
						t.Errorf("exit status %d", s.Status)
					}
					break
				}
				if s.Kind != StopHit {
					t.Fatalf("%+v", s)
				}
				n += hits(tr, at)
				calls = peek(t, tr, peek(t, tr, p.addr(t, "main.The"))+24)
			}
			switch {
			case c.want >= 0 && n != c.want:
				t.Errorf("%d hits, not %d; %+v", n, c.want, tr.Stats)
			case c.want < 0 && uint64(n) < calls: // calls were counted before the last stop's hits
				t.Errorf("%d hits for %d calls; %+v", n, calls, tr.Stats)
			}
		})
	}
}

func TestOwnersShareABreakpoint(t *testing.T) {
	tr, p := launch(t, "-ticks=10")
	toMain(t, tr, p)
	at, a, b := p.mark(t, "TICK"), NewOwner(), NewOwner()
	must(t, tr.Insert(at, a))
	must(t, tr.Insert(at, b))
	s := resume(t, tr)
	if h := tr.Thread(s.TID).Hit; !h.By(a) || !h.By(b) {
		t.Errorf("%+v", h)
	}
	must(t, tr.Remove(at, a))
	s = resume(t, tr)
	if h := tr.Thread(s.TID).Hit; h.By(a) || !h.By(b) {
		t.Errorf("%+v", h)
	}
	must(t, tr.RemoveAll(b))
	if s = resume(t, tr); s.Kind != StopExited || s.Status != 7 {
		t.Errorf("%+v", s)
	}
}

func TestReadsDoNotShowTheTracer(t *testing.T) {
	tr, p := launch(t)
	toMain(t, tr, p)
	f, err := elf.Open(p.path)
	must(t, err)
	defer f.Close()
	text := f.Section(".text")
	want, err := text.Data()
	must(t, err)
	o := NewOwner()
	at := p.mark(t, "TICK")
	must(t, tr.Insert(at, o))
	for range 3 {
		resume(t, tr)
	}
	got := make([]byte, len(want))
	if n, err := tr.Read(got, text.Addr); err != nil || n != len(want) || string(got) != string(want) {
		t.Error("text differs from the file's")
	}
	live, err := tr.Live()
	must(t, err)
	defer live.Close()
	if n, err := live.Read(got[:1], at); err != nil || n != 1 || got[0] != 0xcc {
		t.Errorf("there is no int3 at all: %x", got[0])
	}
}

// TestSlotsAreUsedAgain: breakpoints at more places than there are slots, a few at a time.
func TestSlotsAreUsedAgain(t *testing.T) {
	tr, p := launch(t, "-workers=2", "-ticks=100000")
	toMain(t, tr, p)
	lo := tr.scratch.lo
	must(t, tr.SetScratch(lo, lo+4*slotSize))
	o := NewOwner()
	places := []uint64{p.mark(t, "TICK"), p.mark(t, "AFTER"), p.mark(t, "VOLUME")}
	for a := places[0]; a < places[0]+400 && len(places) < 20; { // instructions of tick and what follows
		b := &breakpoint{addr: a}
		in := tr.decode(b)
		if in.Len == 0 {
			break
		}
		if in.Op.String() == "RET" {
			break
		}
		places = append(places, a)
		a += uint64(in.Len)
	}
	for round := range 200 {
		at := places[round%len(places)]
		must(t, tr.Insert(at, o))
		must(t, tr.Insert(places[0], o))
		for range 3 {
			if s := resume(t, tr); s.Kind != StopHit {
				t.Fatalf("%+v", s)
			}
		}
		must(t, tr.RemoveAll(o))
	}
	if tr.Stats.InPlace > tr.Stats.Displaced/4 {
		t.Errorf("%+v", tr.Stats)
	}
}

func TestInterrupt(t *testing.T) {
	tr, p := launch(t, "-spin=1", "-idle=1h")
	toMain(t, tr, p)
	for range 100 {
		s, err := tr.Resume(func() { go tr.Interrupt() })
		if err != nil || s.Kind != StopInterrupted {
			t.Fatalf("%+v %v", s, err)
		}
	}
	tr.Interrupt() // before the run
	if s := resume(t, tr); s.Kind != StopInterrupted {
		t.Fatalf("%+v", s)
	}
}

func TestExitStatus(t *testing.T) {
	tr, _ := launch(t, "-ticks=1")
	if s := resume(t, tr); s.Kind != StopExited || s.Status != 7 {
		t.Errorf("%+v", s)
	}
	if _, err := tr.Resume(nil); !errors.Is(err, ErrExited) {
		t.Errorf("resume after the end: %v", err)
	}
	tr, _ = launch(t, "-idle=1h")
	s, err := tr.Resume(func() { unix.Kill(tr.Pid(), unix.SIGKILL) })
	if err != nil || s.Kind != StopExited || s.Status != -int(unix.SIGKILL) {
		t.Errorf("%+v %v", s, err)
	}
}

func TestErrors(t *testing.T) {
	_, err := Attach(1<<22-1, false)
	if !errors.Is(err, ErrExited) {
		t.Errorf("attach to nobody: %v", err)
	}
	tr, _ := launch(t)
	_, err = Attach(tr.Pid(), false)
	var f *ForbiddenError
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "traces it already") {
		t.Errorf("attach twice: %v", err)
	}
	if err := tr.Insert(8, NewOwner()); err == nil {
		t.Error("a breakpoint in page 0")
	}
	if _, err := tr.Read(make([]byte, 8), ^uint64(0)-3); err == nil {
		t.Error("read at the end of the address space")
	}
}
