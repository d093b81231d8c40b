package guest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// build compiles a program of testdata; without a compiler the test is skipped.
func build(t testing.TB, name string, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("this test needs gcc")
	}
	out := filepath.Join(t.TempDir(), name)
	if b, err := exec.Command(gcc, append(flags, "-o", out, "testdata/"+name+".c")...).CombinedOutput(); err != nil {
		t.Skipf("gcc %v: %v\n%s", flags, err, b)
	}
	return out
}

// hostMemory is the memory of a process of the host's.
type hostMemory struct{ f *os.File }

func (m hostMemory) Read(b []byte, addr uint64) (int, error) { return m.f.ReadAt(b, int64(addr)) }

// scene runs a program that writes its registers and waits.
func scene(t *testing.T, program string) (*Process, Registers) {
	t.Helper()
	return sceneWith(t, program, func(func() string) {})
}

// sceneWith is scene for a program that writes more: more gets the lines behind the registers.
func sceneWith(t *testing.T, program string, more func(next func() string)) (*Process, Registers) {
	t.Helper()
	cmd := exec.Command(program)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this host can't run it: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var regs Registers
	for i, w := range strings.Fields(line) {
		v, err := strconv.ParseUint(w, 16, 64)
		if err != nil || i >= numRegs {
			t.Fatalf("registers %q", line)
		}
		regs.Set(i, v)
	}
	more(func() string { s, _ := lines.ReadString('\n'); return s })
	regs.R[RIP]-- // at the int3, as a debugger has it
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
	if err != nil {
		t.Skipf("memory of a child can't be read: %v", err)
	}
	t.Cleanup(func() { mem.Close() })
	return NewProcess(hostMemory{mem}, hostRegions(t, cmd.Process.Pid)), regs
}

func hostRegions(t *testing.T, pid int) (rs []Region) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*File{}
	for l := range strings.Lines(string(maps)) {
		w := strings.Fields(l)
		if len(w) < 6 || w[5][0] != '/' {
			continue
		}
		var r Region
		fmt.Sscanf(w[0], "%x-%x", &r.Start, &r.End)
		fmt.Sscanf(w[2], "%x", &r.Offset)
		r.Exec, r.Path = strings.Contains(w[1], "x"), w[5]
		if _, ok := files[r.Path]; !ok {
			if f, err := os.Open(r.Path); err == nil {
				files[r.Path], _ = Open(r.Path, f, nil)
			}
		}
		r.File = files[r.Path]
		rs = append(rs, r)
	}
	return rs
}

func names(fs []Frame) (r []string) {
	for _, f := range fs {
		n := f.Func
		if f.Doubtful {
			n += "?"
		}
		r = append(r, n)
	}
	return r
}

// TestStackThroughLibc: the stack goes from the program through libc's qsort, without DWARF there, to main, and beyond.
func TestStackThroughLibc(t *testing.T) {
	for _, flags := range [][]string{{"-O0", "-g"}, {"-O2", "-g"}, {"-O0", "-g", "-static"}, {"-O2", "-g", "-gdwarf-4"}, {"-O1", "-g", "-gz"}} {
		t.Run(strings.Join(flags, ""), func(t *testing.T) {
			p, regs := scene(t, build(t, "scene", flags...))
			fs, _, err := p.Stack(regs, 100)
			if err != nil {
				t.Fatal(err)
			}
			got := names(fs)
			want := []string{"twice", "inner", "compare"}
			if len(got) < 5 || !slices.Equal(got[:3], want) || !slices.Contains(got, "main") {
				t.Fatalf("stack %q", got)
			}
			if !strings.HasSuffix(fs[0].File, "scene.c") || fs[0].Line != 36 {
				t.Errorf("innermost at %s:%d", fs[0].File, fs[0].Line)
			}
			i := slices.Index(got, "main")
			if fs[i].Line != 59 {
				t.Errorf("main at line %d", fs[i].Line)
			}
			values := map[string]string{"doubled": "6"}
			checkLocals(t, p, &fs[0], values)
			if v, err := p.Eval(&fs[1], "text"); err != nil || !strings.HasSuffix(v.Format(), `"hello"`) {
				if flags[0] == "-O0" {
					t.Errorf("text: %v %v", v, err)
				}
			}
			if flags[0] != "-O0" {
				return
			}
			for expr, want := range map[string]string{
				"p->x": "3", "p->name": `"origin"`, "p->small": "5", "p->wide": "300", "p->colour": "GREEN", "p->weight": "1.5",
				"buffer": `"a buffer"`, "buffer[2]": "98 'b'", "p->x + 2 == 5 && buffer == \"a buffer\"": "1", "counter": "41",
				"numbers": "{10, 20, 30, -40}", "numbers[3]": "-40", "*text": "104 'h'", "*p": "GREEN", "(p->y - 10) * 2": "-6",
				"text == \"hello\"": "1", "$rip != 0": "1", "counter > 41": "0",
			} {
				v, err := p.Eval(&fs[1], expr)
				if err != nil || !strings.Contains(v.Format(), want) {
					t.Errorf("%s = %v, %v; want %s", expr, v, err, want)
				}
			}
		})
	}
}

func checkLocals(t *testing.T, p *Process, f *Frame, want map[string]string) {
	t.Helper()
	vs, err := p.Locals(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		if w, ok := want[v.Name]; ok {
			if v.Format() != w {
				t.Errorf("%s = %s, want %s", v.Name, v.Format(), w)
			}
			delete(want, v.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("no variables %v in %v", want, f.Place)
	}
}

// TestStripped: without symbols there are addresses, and the stack goes on.
func TestStripped(t *testing.T) {
	p, regs := scene(t, build(t, "scene", "-O2", "-s"))
	fs, _, err := p.Stack(regs, 100)
	if err != nil || len(fs) < 4 {
		t.Fatalf("%v %v", names(fs), err)
	}
	if fs[0].Func != "" || fs[0].Image == nil {
		t.Errorf("%+v", fs[0].Place)
	}
}

// TestPlaces: lines and functions as breakpoints want them.
func TestPlaces(t *testing.T) {
	name := build(t, "scene", "-O0", "-g")
	r, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Open(name, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got  []Location
		fn   string
		line int
	}{
		{f.Function("compare"), "compare", 50},
		{f.Line("scene.c", 51), "compare", 51},
		{f.Line("testdata/scene.c", 42), "inner", 42},
		{f.Function("main"), "main", 57},
	} {
		if len(c.got) != 1 || c.got[0].Func != c.fn || c.got[0].Line < c.line-1 || c.got[0].Line > c.line+1 {
			t.Errorf("%+v, want %s:%d", c.got, c.fn, c.line)
		}
	}
	if l := f.Line("other.c", 10); l != nil {
		t.Errorf("%v", l)
	}
	if l := f.Function("nothing"); l != nil {
		t.Errorf("%v", l)
	}
	if f.BuildID == "" {
		t.Error("no build ID")
	}
}
