package session

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"vitrine/debugserver/views"
)

// TestCoreShowsWhatWasThere compares a core dump with the machine that it is of.
func TestCoreShowsWhatWasThere(t *testing.T) {
	m := start(t, 1)
	m.run("echo r''eady", "ready")
	live := connect(t, New(m), false)
	must[*Breakpoint](t)(live.Set(Spec{Kind: Function, Func: "sysUname"}))
	m.typed("uname")
	stopEvent(t, live)
	path := filepath.Join(t.TempDir(), "core")
	if err := live.Core(path); err != nil {
		t.Fatal(err)
	}
	core, err := OpenCore(parts.kernel, path)
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	if st := stopEvent(t, core); st.Thread == 0 || st.Text == "" {
		t.Errorf("%+v", st)
	}

	threads := must[[]Thread](t)(live.Threads())
	got := must[[]Thread](t)(core.Threads())
	if len(got) != len(threads) {
		t.Errorf("%d threads in the core, %d in the machine", len(got), len(threads))
	}
	for i, th := range threads {
		if i < len(got) && (got[i].ID != th.ID || got[i].Name != th.Name || got[i].State != th.State || got[i].Wait != th.Wait) {
			t.Errorf("thread %+v in the core, %+v in the machine", got[i], th)
		}
		want, _, err := live.Stack(th.ID, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		frames, _, err := core.Stack(th.ID, 0, 10)
		if err != nil || len(frames) == 0 {
			t.Errorf("thread %s: %v", th.Name, err)
		}
		for j := range frames {
			if want[j].Func != frames[j].Func || want[j].Line != frames[j].Line {
				t.Errorf("thread %s, frame %d: %+v in the core, %+v in the machine", th.Name, j, frames[j], want[j])
			}
			if want[j].Boundary || want[j].Program {
				break // what programs do is not in it
			}
		}
	}
	for _, expr := range []string{"t.Name", "t.comm", "kernel.The.Sched.CPUs[0].Curr.ID", "len(kernel.The.Syscalls)"} {
		a, b := must[Variable](t)(live.Eval(0, 0, expr)), must[Variable](t)(core.Eval(0, 0, expr))
		if a.Value != b.Value {
			t.Errorf("%s is %s in the core, %s in the machine", expr, b.Value, a.Value)
		}
	}
	a, b := must[[]Process](t)(live.Processes()), must[[]Process](t)(core.Processes())
	if len(a) != len(b) || len(a) < 2 || a[0].Comm != b[0].Comm || a[1].CPU != b[1].CPU {
		t.Errorf("processes: %+v in the core, %+v in the machine", b, a)
	}

	for what, f := range map[string]func() error{
		"Continue":    core.Continue,
		"Step":        func() error { return core.Step(0, StepOver) },
		"Set":         func() error { _, err := core.Set(Spec{Kind: Function, Func: "sysUname"}); return err },
		"Call":        func() error { _, err := core.Call(0, 0, "t.TID()"); return err },
		"Assign":      func() error { _, err := core.Assign(0, 0, "t.comm", `"x"`); return err },
		"WriteMemory": func() error { return core.WriteMemory(0x1000, []byte{1}) },
		"Core":        func() error { return core.Core(path + "2") },
	} {
		if f() == nil {
			t.Errorf("%s works on a core dump", what)
		}
	}
	if err := core.Continue(); !errors.Is(err, ErrCore) {
		t.Errorf("%v", err)
	}
}

func TestOpenCoreOfOtherThings(t *testing.T) {
	kernel, _ := prepare(t)
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range [][2]string{{kernel, empty}, {kernel, kernel}, {kernel, dir + "/none"}, {empty, kernel}, {dir, dir}} {
		if c, err := OpenCore(x[0], x[1]); err == nil || errors.Is(err, views.ErrOtherBuild) {
			t.Errorf("OpenCore(%s, %s): %v", x[0], x[1], err)
			if c != nil {
				c.Close()
			}
		}
	}
}
