package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A breakpoint in a system call is hit by a guest's command; what is changed there changes what the command says.
func TestBreakpointInSystemCall(t *testing.T) {
	m := start(t, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	c := connect(t, s, false)
	bp := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname"}))
	if !bp.Verified || bp.Line == 0 || !strings.HasSuffix(bp.File, "kernel/syscall/uname.go") {
		t.Fatalf("%+v", bp)
	}
	m.typed("uname -n; echo go''ne")
	stop := stopEvent(t, c)
	if stop.Reason != ReasonBreakpoint || len(stop.Hits) != 1 || stop.Hits[0] != bp.ID {
		t.Errorf("stop %+v", stop)
	}
	frames, _, err := c.Stack(0, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(frames[0].Func, ".sysUname") || !strings.HasSuffix(frames[1].Func, ".Dispatch") {
		t.Errorf("stopped in %s under %s", frames[0].Func, frames[1].Func)
	}
	for _, th := range must[[]Thread](t)(c.Threads()) {
		if th.ID == stop.Thread && (!strings.HasSuffix(th.Name, " uname") || th.State != "R" || !th.Current) {
			t.Errorf("thread %+v", th)
		}
	}
	task := must[Variable](t)(c.Task(0))
	if task.Type != "*task.Task" || task.Ref == 0 {
		t.Errorf("task %+v", task)
	}
	fields := map[string]Variable{}
	for _, v := range must[[]Variable](t)(c.Children(task.Ref, 0, 0)) {
		fields[v.Name] = v
	}
	if v := fields["comm"]; v.Value != `"uname"` {
		t.Errorf("comm %+v", v)
	}
	if _, err := c.Assign(0, 0, "t.Sys.hostname", `"changed"`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Children(task.Ref, 0, 0); err != ErrStale {
		t.Errorf("a value that was looked up before: %v", err)
	}
	if err := c.Clear(bp.ID); err != nil {
		t.Error(err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("changed")
	m.out.expect("gone")
}

func TestStepping(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := start(t, cpus)
		s := New(m)
		m.run("echo r''eady", "ready")
		c := connect(t, s, false)
		bp := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname"}))
		// An early SIGTERM would be lost: the shell ignores it, and so does its child until it has come so far.
		m.typed("while :; do true; done & uname -n; echo do''ne; kill -9 %1; wait; echo ov''er")
		first := stopEvent(t, c)
		at := func() Frame {
			t.Helper()
			frames, _, err := c.Stack(0, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			return frames[0]
		}
		from := at()
		step := func(how Step) Frame {
			t.Helper()
			if err := c.Step(0, how); err != nil {
				t.Fatal(err)
			}
			st := stopEvent(t, c)
			if st.Reason != ReasonStep || st.Thread != first.Thread {
				t.Errorf("step %d: %+v", how, st)
			}
			return at()
		}
		if f := step(StepOver); f.Line <= from.Line || f.Func != from.Func {
			t.Errorf("next: from %+v to %+v", from, f)
		}
		if f := step(StepInstruction); f.Func != from.Func {
			t.Errorf("stepi: %+v", f)
		}
		for range 10 {
			step(StepOver)
		}
		c.Clear(bp.ID)
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("done")
		m.out.expect("over")
	}
}

// A system call by name, argument and result; the stop is at the beginning of its handler.
func TestBreakOnSystemCall(t *testing.T) {
	m := start(t, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	c := connect(t, s, false)
	for _, x := range []struct {
		spec    Spec
		command string
		fn      string
		text    string
	}{
		{Spec{Syscall: "uname"}, "uname -r", ".sysUname", "uname("},
		{Spec{Syscall: "openat", When: OnReturn, Cond: `errno == ENOENT && comm == "cat"`}, "cat /none", "syscall.Returned", `"/none"`},
		{Spec{Syscall: "openat", Cond: `path == "/etc/passwd"`}, "cat /none /etc/passwd", ".sysOpenat", `"/etc/passwd"`},
		{Spec{Syscall: "write", Cond: `fd == 1 && count > 3`, Task: "echo"}, "true; sh -c 'exec echo hello'", ".sysWrite", "hello"},
		{Spec{Syscall: "*", When: OnReturn, Cond: `ret == -9`}, "cat <&7", "", "EBADF"},
	} {
		x.spec.Kind = Syscall
		bp := must[*Breakpoint](t)(c.Set(x.spec))
		if !bp.Verified {
			t.Errorf("%+v", bp)
			continue
		}
		m.typed(x.command)
		stop := stopEvent(t, c)
		if stop.Reason != ReasonSyscall || !strings.Contains(stop.Text, x.text) || len(stop.Hits) != 1 {
			t.Errorf("%v: %+v", x.spec, stop)
		}
		frames, _, err := c.Stack(0, 0, 3)
		if err != nil || x.fn != "" && !strings.HasSuffix(frames[0].Func, x.fn) {
			t.Errorf("%v: %v %+v", x.spec, err, frames)
		}
		c.Clear(bp.ID)
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.run("echo n''ext", "next")
	}
}

// Functions of the kernel are called at a stop; what is no call is just evaluated; what sleeps is given up.
func TestCall(t *testing.T) {
	m := start(t, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	c := connect(t, s, false)
	bp := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname"}))
	m.typed("uname; echo do''ne")
	stop := stopEvent(t, c)
	for _, x := range []struct{ expr, want string }{
		{"t.PID()", fmt.Sprint(stop.Thread)},
		{"t.Thread.ID + 1", fmt.Sprint(stop.Thread + 1)},
		{"t.Now() > 0", "true"},
	} {
		vs, err := c.Call(0, 0, x.expr)
		if err != nil || len(vs) != 1 || vs[0].Value != x.want {
			t.Errorf("%s: %+v, %v; want %s", x.expr, vs, err, x.want)
		}
	}
	if _, err := c.Call(0, 1, "t.PID()"); err == nil {
		t.Error("a call in an outer frame")
	}
	if _, err := c.Call(2, 0, "t.PID()"); err == nil {
		t.Error("a call on a thread that holds no CPU")
	}
	if _, err := c.Eval(0, 0, "t.PID()"); err == nil {
		t.Error("Eval calls functions")
	}
	if st, _ := c.State(); st != Stopped {
		t.Errorf("after calls the machine is %v", st)
	}
	where := must[*Breakpoint](t)(c.Locate(Spec{Kind: Function, Func: "sysUname"}))
	if where.Line != bp.Line || where.ID != 0 {
		t.Errorf("located %+v, set %+v", where, bp)
	}
	c.Clear(bp.ID)
	c.Continue()
	m.out.expect("done")
	// A pause of an idle machine says that it is: the shell soon waits for more.
	for begin := time.Now(); ; c.Continue() {
		c.Pause()
		if st := stopEvent(t, c); st.Text != "" {
			break
		} else if time.Since(begin) > patience {
			t.Fatalf("%+v", st)
		}
	}
}
