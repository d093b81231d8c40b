package session

import (
	"fmt"
	"strings"
	"testing"
)

// at describes where a thread stands: function and line.
func at(t testing.TB, c *Client, thread int) string {
	t.Helper()
	fs, _, err := c.Stack(thread, 0, 1)
	if err != nil || len(fs) == 0 {
		t.Fatalf("no stack: %v", err)
	}
	return fmt.Sprintf("%s:%d", fs[0].Func[strings.LastIndexByte(fs[0].Func, '/')+1:], fs[0].Line)
}

func step(t testing.TB, c *Client, thread int, how Step) string {
	t.Helper()
	got, _ := stepThread(t, c, thread, how)
	return got
}

// stepThread is step of a program that may change threads.
func stepThread(t testing.TB, c *Client, thread int, how Step) (string, int) {
	t.Helper()
	if err := c.Step(thread, how); err != nil {
		t.Fatal(err)
	}
	stop := stopEvent(t, c)
	if stop.Reason != ReasonStep {
		t.Errorf("reason %s (%s)", stop.Reason, stop.Text)
	}
	return at(t, c, stop.Thread), stop.Thread
}

func where(t testing.TB, fn, text string) string { return fmt.Sprintf("%s:%d", fn, lineOf(t, text)) }

// TestProgramBreakpoint: pending until the program is loaded; hit; stepped; into the kernel and back; to the end.
func TestProgramBreakpoint(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprint(cpus), func(t *testing.T) {
			m := startBoth(t, cpus)
			c := connect(t, New(m), false)
			p := must[*Breakpoint](t)(c.Set(Spec{Kind: Line, File: "both.c", Line: lineOf(t, "int length")}))
			if p.Verified {
				t.Fatalf("verified before the program runs: %+v", p)
			}
			m.typed("both")
			stop := stopEvent(t, c)
			if got := at(t, c, stop.Thread); got != where(t, "say", "int length") || len(stop.Hits) != 1 || stop.Hits[0] != p.ID {
				t.Fatalf("at %s, %+v", got, stop)
			}
			if bs := c.Breakpoints(); !bs[0].Verified || bs[0].Count != 1 || bs[0].Func != "say" {
				t.Errorf("%+v", bs)
			}
			th := stop.Thread
			if got := step(t, c, th, StepOver); got != where(t, "say", "// say") {
				t.Fatalf("next: %s", got)
			}
			if v, err := c.Eval(th, 0, "length"); err != nil || v.Value != "6" {
				t.Errorf("length %v %v", v.Value, err)
			}
			got := step(t, c, th, StepInto)
			if !strings.HasPrefix(got, "syscall.sysWrite:") {
				t.Fatalf("into the system call: %s\n%s", got, stackText(t, c, th))
			}
			wantStack(t, stackText(t, c, th), `sysWrite`, `── system call write\(1, "hello\\n", 6\)`, `say at both.c`, `main at`)
			got = step(t, c, th, StepOut)
			wantStack(t, stackText(t, c, th), `#0 `, `say at both.c`, `main at`)
			if strings.Contains(got, "sys") {
				t.Fatalf("out of it: %s", got)
			}
			if got := step(t, c, th, StepOut); !strings.HasPrefix(got, "say:") {
				t.Fatalf("out of write: %s", got)
			}
			for i := 0; !strings.HasPrefix(got, "main:") && i < 5; i++ {
				got = step(t, c, th, StepOver)
			}
			if got != where(t, "main", `printf("r %d`) {
				t.Errorf("back in main: %s", got)
			}
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			m.out.expect("hello") // a console does not write while everything stands still
			m.out.expect("number 7")
			m.run("echo al; echo ive", "ive")
		})
	}
}

// TestProgramFunction: by name, with a condition, a log text, in one of several programs; a step into a function and out of it.
func TestProgramFunction(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "add", Cond: "a == 1 && b == 2", Program: true}))
	m.typed("both")
	stop := stopEvent(t, c)
	if v, err := c.Eval(stop.Thread, 0, "a + b"); err != nil || v.Value != "3" {
		t.Errorf("a + b = %v %v", v.Value, err)
	}
	if got := step(t, c, stop.Thread, StepOut); got != where(t, "main", "r = add(r, i)") {
		t.Errorf("out: %s", got)
	}
	must[*Breakpoint](t)(c.Change(p.ID, Spec{Log: "{a}+{b}", Cond: "b < 2"}))
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("number 7")
	m.run("both-dyn", "number 7")
	m.run("both-0dyn", "number 7")
	var said []string
	for len(said) < 2 {
		ev := event(t, c, "output", func(ev Event) bool { return ev.Output != nil || ev.Stopped != nil })
		if ev.Stopped != nil {
			t.Fatalf("stopped: %+v", ev.Stopped)
		}
		said = append(said, ev.Output.Text)
	}
	if strings.Join(said, " ") != "0+0 0+1" && strings.Join(said, " ") != "0+0 0+0" {
		t.Errorf("said %q", said)
	}
	must[*Breakpoint](t)(c.Change(p.ID, Spec{Task: "both-0dyn"}))
	m.run("both", "number 7")
	m.typed("both-0dyn")
	stop = stopEvent(t, c)
	if got := at(t, c, stop.Thread); !strings.HasPrefix(got, "add:") {
		t.Fatalf("at %s", got)
	}
	got := step(t, c, stop.Thread, StepOut)
	if err := c.Clear(p.ID); err != nil {
		t.Fatal(err)
	}
	for i := 0; got != where(t, "main", "say(&first") && i < 20; i++ {
		got = step(t, c, stop.Thread, StepOver)
	}
	if got != where(t, "main", "say(&first") {
		t.Fatalf("at %s", got)
	}
	if got := step(t, c, stop.Thread, StepInto); got != where(t, "say", "int length") {
		t.Errorf("into: %s", got)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("number 7")
}

// TestThreadsAndForks: every thread and every child hits, none is lost, and none is hurt.
func TestThreadsAndForks(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := startBoth(t, cpus)
		c := connect(t, New(m), false)
		p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "add", Program: true, Hits: ">= 100000"}))
		m.run("both threads", "total 30")
		m.run("both forks 50", "forks done")
		bs := c.Breakpoints()
		if len(bs) != 1 || bs[0].Count != 4*3+50 {
			t.Errorf("%d CPUs: %d hits, want %d", cpus, bs[0].Count, 4*3+50)
		}
		if err := c.Clear(p.ID); err != nil {
			t.Fatal(err)
		}
		m.run("both forks 5", "forks done")
		c.Close()
		m.run("both", "number 7")
	}
}

// TestFinishFromHandler: out of a handler in which a breakpoint has stopped, as out of one that was stepped into: back to the program, with the result.
func TestFinishFromHandler(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := startBoth(t, cpus)
		c := connect(t, New(m), false)
		out := func(fn, inside string) (*Stop, string) {
			t.Helper()
			p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: fn, Task: "both", Temporary: true}))
			m.typed("both")
			th := stopEvent(t, c).Thread
			wantStack(t, stackText(t, c, th), inside, `── `, `in both|at both.c|_start`)
			if err := c.Step(th, StepOut); err != nil {
				t.Fatal(err)
			}
			stop := stopEvent(t, c)
			if stop.Thread != th || stop.Reason != ReasonStep || len(stop.Hits) > 0 {
				t.Errorf("%d CPUs, out of %s: %+v", cpus, fn, stop)
			}
			if err := c.Clear(p.ID); err == nil {
				t.Error("it was temporary")
			}
			stack := stackText(t, c, th)
			if strings.Contains(stack, "trap.") || !strings.HasPrefix(stack, "#0 ") {
				t.Errorf("%d CPUs, out of %s:\n%s", cpus, fn, stack)
			}
			return stop, stack
		}
		stop, stack := out("sysWrite", `sysWrite`)
		wantStack(t, stack, `#0 .*write`, `say at both.c`, `main at both.c`)
		if stop.Text != `write(1, "hello\n", 6) = 6` {
			t.Errorf("%q", stop.Text)
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("number 7")
		if stop, _ = out("mm.HandleFault", `HandleFault`); stop.Text != "" {
			t.Errorf("%q", stop.Text)
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("number 7")
	}
}
