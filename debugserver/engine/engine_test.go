package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vitrine/debugserver/tracer"
)

var toyDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		panic(err)
	}
	toyDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const toyPkg = "../tracer/testdata/toy"

// toy builds the debuggee.
var toy = sync.OnceValues(func() (string, error) { return build("toy") })

func build(name string, flags ...string) (string, error) {
	path := filepath.Join(toyDir, name)
	args := append([]string{"build", "-gcflags=vitrine/...=-N -l", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, toyPkg)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
}

// cache is shared, as a session's is by its restarts.
var cache Cache

// launch starts the toy and runs it to main.main.
func launch(t testing.TB, args ...string) *Engine {
	t.Helper()
	path, err := toy()
	must(t, err)
	return launchProgram(t, path, args...)
}

func launchProgram(t testing.TB, path string, args ...string) *Engine {
	t.Helper()
	tr, err := tracer.Launch(tracer.Config{Argv: append([]string{path}, args...)})
	var f *tracer.ForbiddenError
	if errors.As(err, &f) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { tr.Kill() })
	e, err := Attach(tr, &cache)
	must(t, err)
	t.Cleanup(func() { e.Kill() })
	b, err := e.Break(Spec{Function: "main.main"})
	must(t, err)
	if s := run(t, e.Continue); s.Reason != ReasonBreakpoint {
		t.Fatalf("to main.main: %+v", s)
	}
	must(t, e.Clear(b.ID))
	return e
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, f func() (Stop, error)) Stop {
	t.Helper()
	s, err := f()
	must(t, err)
	return s
}

// eval evaluates to one line.
func eval(t testing.TB, e *Engine, expr string) string {
	t.Helper()
	v, err := e.Eval(Where{}, expr, DefaultLoad)
	must(t, err)
	return Format(v)
}

// line returns the number of the toy's line that ends in a mark.
func line(t testing.TB, mark string) int {
	t.Helper()
	b, err := os.ReadFile(toyPkg + "/main.go")
	must(t, err)
	for i, l := range strings.Split(string(b), "\n") {
		if strings.HasSuffix(l, "// "+mark) {
			return i + 1
		}
	}
	t.Fatalf("no line is marked %s", mark)
	return 0
}

func at(t testing.TB, mark string) Spec { return Spec{File: "toy/main.go", Line: line(t, mark)} }

func where(t testing.TB, e *Engine) Frame {
	t.Helper()
	fs, err := e.Stack(Where{}, 1)
	must(t, err)
	return fs[0]
}

func TestBreakAndLook(t *testing.T) {
	e := launch(t, "-goroutines=3", "-spin=1", "-sigs=200")
	b, err := e.Break(Spec{File: "toy/main.go", Line: line(t, "TICK"), Cond: "n == 500"})
	must(t, err)
	s := run(t, e.Continue)
	if s.Reason != ReasonBreakpoint || len(s.Hits) != 1 || s.Hits[0].Breakpoint != b || b.Hits != 1 {
		t.Fatalf("%+v, %d hits", s, b.Hits)
	}
	if e.tracer.Stats.Filtered < 400 {
		t.Errorf("the condition was not compiled: %+v", e.tracer.Stats)
	}
	if e.tracer.Stats.Displaced < 400 { // the engine was attached before the program's start had run
		t.Errorf("no dead code was found: %+v", e.tracer.Stats)
	}
	for _, c := range []struct{ expr, want string }{
		{"n", "500"},
		{"k.Sound.Name", `"snd0"`},
		{"The.Tasks.Next.Name", `"task3"`},
		{`The.Byname["task3"].Pid`, "4"},
		{"len(The.Byname)", "5"},
		{"ratio > 1.5", "true"},
		{"any_", `interface {}(*main.Task) *{Pid: 77, Name: "boxed", State: 0, Next: nil}`},
	} {
		if got := eval(t, e, c.expr); got != c.want {
			t.Errorf("%s is %s, not %s", c.expr, got, c.want)
		}
	}
	must(t, e.Set(Where{}, "The.Jiffies", "42"))
	must(t, e.Set(Where{}, "ratio", "2.25"))
	if a, b := eval(t, e, "k.Jiffies"), eval(t, e, "ratio"); a != "42" || b != "2.25" {
		t.Errorf("set: %s %s", a, b)
	}
	gs, _, err := e.Goroutines(0, 0)
	must(t, err)
	labels := map[string]bool{}
	for _, g := range gs {
		labels[g.Labels["task"]] = true
	}
	if !labels["kthread 0"] || !labels["kthread 2"] {
		t.Errorf("labels %v", labels)
	}
	fs, err := e.Stack(Where{}, 10)
	must(t, err)
	if len(fs) < 2 || fs[0].Function != tick || fs[1].Function != "main.main" {
		t.Errorf("stack %+v", fs)
	}
	must(t, e.Clear(b.ID))
}

const tick = "main.(*Kernel).tick"

func TestStepping(t *testing.T) {
	e := launch(t, "-spin=1", "-sigs=500", "-workers=2", "-ticks=1000000")
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	first := run(t, e.Continue)
	must(t, e.Clear(b.ID))
	l := line(t, "TICK")
	for _, c := range []struct {
		name string
		do   func() (Stop, error)
		fn   string
		line int
	}{
		{"next", e.Next, tick, l + 1},
		{"next", e.Next, tick, l + 2},
		{"step", e.Step, "main.(*Device).touch", 0},
		{"stepout", e.StepOut, tick, l + 3}, // nothing is left of the call's line
		{"next", e.Next, tick, l + 4},
	} {
		s := run(t, c.do)
		f := where(t, e)
		if s.Reason != ReasonStep || s.Goroutine != first.Goroutine || f.Function != c.fn || c.line != 0 && f.Line != c.line {
			t.Fatalf("%s: %v in %s:%d of goroutine %d (%d)", c.name, s.Reason, f.Function, f.Line, s.Goroutine, first.Goroutine)
		}
	}
	pc := where(t, e).PC
	if s := run(t, func() (Stop, error) { return e.StepInstruction(false) }); s.Reason != ReasonStep || where(t, e).PC == pc {
		t.Errorf("stepi: %+v", s)
	}
}

func TestHalt(t *testing.T) {
	e := launch(t, "-spin=1")
	for range 20 {
		go e.Halt()
		if s := run(t, e.Continue); s.Reason != ReasonHalt {
			t.Fatalf("%+v", s)
		}
	}
}

func TestExit(t *testing.T) {
	e := launch(t, "-ticks=3")
	if s := run(t, e.Continue); s.Reason != ReasonExited || s.Status != 7 {
		t.Errorf("%+v", s)
	}
	if s := run(t, e.Continue); s.Reason != ReasonExited || s.Status != 7 {
		t.Errorf("again: %+v", s)
	}
}

func TestPanicAndFatal(t *testing.T) {
	for _, c := range []struct {
		die  string
		want Reason
		text string
	}{
		{"panic", ReasonPanic, `interface {}(string) "the toy is broken"`},
		{"segv", ReasonPanic, ""},
		{"fatal", ReasonFatal, `"sync: unlock of unlocked mutex"`},
		{"break", ReasonHardcoded, ""},
	} {
		t.Run(c.die, func(t *testing.T) {
			e := launch(t, "-ticks=1", "-die="+c.die)
			s := run(t, e.Continue)
			if s.Reason != c.want || c.text != "" && s.Text != c.text {
				t.Errorf("%v %s, %+v", s.Reason, s.Text, s)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	e := launch(t)
	b, err := e.Watch(WatchSpec{Expr: "The.Sound.volume"}, "", "")
	must(t, err)
	for i := range 3 {
		s := run(t, e.Continue)
		if s.Reason != ReasonWatch || s.Hits[0].Breakpoint != b || eval(t, e, "The.Sound.volume") != fmt.Sprint(i) {
			t.Fatalf("%+v, volume %s", s, eval(t, e, "The.Sound.volume"))
		}
	}
	must(t, e.Clear(b.ID))
}

func TestCall(t *testing.T) {
	e := launch(t, "-spin=1", "-sigs=200")
	_, err := e.Break(at(t, "TICK"))
	must(t, err)
	run(t, e.Continue)
	s := run(t, func() (Stop, error) { return e.Call(`hello("you")`, DefaultLoad) })
	if s.Reason != ReasonCall || len(s.Results) != 1 || Format(s.Results[0]) != `"hello you"` {
		t.Errorf("%+v", s)
	}
}
