package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func buildCxx(t *testing.T, flags ...string) string {
	t.Helper()
	cxx, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("this test needs g++")
	}
	out := filepath.Join(t.TempDir(), "cxx")
	if b, err := exec.Command(cxx, append(flags, "-o", out, "testdata/cxx.cpp")...).CombinedOutput(); err != nil {
		t.Skipf("g++ %v: %v\n%s", flags, err, b)
	}
	return out
}

// TestCxx: names in frames, members of this, strings, vectors and references.
func TestCxx(t *testing.T) {
	p, regs := scene(t, buildCxx(t, "-O0", "-g"))
	fs, _, err := p.Stack(regs, 20)
	if err != nil || len(fs) < 2 || fs[0].Func != "shapes::Box::draw" || fs[1].Func != "main" {
		t.Fatalf("%v %v", names(fs), err)
	}
	for expr, want := range map[string]string{
		"how": `"twice"`, "how == \"twice\"": "1", "times": "2", "words": `{"one", "twice"}`, "words[1]": `"twice"`, "label": `"a box, and its label is long enough to be elsewhere"`,
		"sizes": "{4, 5, 6}", "sizes[2] + 1": "7", "area": "2.5", "id": "9", "this->area * 2": "5", "shapes::drawn": "3",
	} {
		v, err := p.Eval(&fs[0], expr)
		if err != nil || v.Format() != want {
			t.Errorf("%s = %v %v, want %s", expr, v.Format(), err, want)
		}
	}
	v, err := p.Eval(&fs[0], "sizes")
	if err != nil {
		t.Fatal(err)
	}
	if named, indexed := v.Children(); named != 0 || indexed != 3 || v.Child(1).Format() != "5" {
		t.Errorf("%d, %d children", named, indexed)
	}
	if v, err := p.Eval(&fs[0], "nothing"); err == nil {
		t.Errorf("nothing = %v", v.Format())
	}
}

// TestCxxNames: functions by their names, with DWARF and without.
func TestCxxNames(t *testing.T) {
	for _, flags := range [][]string{{"-O0", "-g"}, {"-O0"}, {"-O2", "-g"}} {
		name := buildCxx(t, flags...)
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
			name, full string
			places     int
		}{
			{"shapes::Box::draw", "shapes::Box::draw", 2},
			{"Box::draw", "shapes::Box::draw", 2},
			{"shapes::Box::draw(long)", "shapes::Box::draw", 1},
			{"biggest", "shapes::biggest<", 2},
			{"shapes::biggest<double>", "shapes::biggest<double>", 1},
			{"shapes::(anonymous namespace)::hidden", "shapes::(anonymous namespace)::hidden", 1},
			{"shapes::Box::drawn", "", 0},
			{"shapes::", "", 0},
		} {
			ls := f.Function(c.name)
			if len(ls) != c.places && !(flags[0] == "-O2" && len(ls) > 0) {
				t.Errorf("%v: %s: %+v", flags, c.name, ls)
				continue
			}
			for _, l := range ls {
				if !strings.HasPrefix(strings.TrimPrefix(l.Func, "int "), c.full) && !strings.Contains(l.Func, " "+c.full) {
					t.Errorf("%v: %s is %s", flags, c.name, l.Func)
				}
			}
		}
	}
}

// TestHostileNames: what looks mangled and is not, or comes to too much.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"_Z", "_ZN", "_R", "_Z1" + strings.Repeat("9", 2000), "_Z" + strings.Repeat("N", 2000), "_Z" + strings.Repeat("P", 2000) + "v", "_ZSt" + strings.Repeat("I", 1500), "plain"} {
		if got := demangled(name); len(got) > 1<<16 {
			t.Errorf("%.20s…: %d bytes", name, len(got))
		}
		means(name, "x::y")
	}
}
