package session

import (
	"strings"
	"testing"
	"time"
)

// TestGoProgram: a Go program, with goroutines, and signals of its own runtime in between.
func TestGoProgram(t *testing.T) {
	m := startBoth(t, 4)
	c := connect(t, New(m), false)
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "main.add", Program: true, Cond: "n == 2"}))
	m.typed("gobit")
	stop := stopEvent(t, c)
	if got := at(t, c, stop.Thread); !strings.HasPrefix(got, "main.add:") {
		t.Fatalf("at %s", got)
	}
	for expr, want := range map[string]string{"p.name": `"gopher"`, "p.count": "1", "n": "2", `p.name == "gopher"`: "1"} {
		if v, err := c.Eval(stop.Thread, 0, expr); err != nil || v.Value != want {
			t.Errorf("%s = %s, %v; want %s", expr, v.Value, err, want)
		}
	}
	wantStack(t, stackText(t, c, stop.Thread), `main.add at main.go`, `main.main.func1 at main.go`, `runtime.goexit`)
	got := at(t, c, stop.Thread)
	for i := 0; strings.HasPrefix(got, "main.add") && i < 6; i++ {
		got, stop.Thread = stepThread(t, c, stop.Thread, StepOver)
	}
	if !strings.HasPrefix(got, "main.main.func1:") {
		t.Errorf("after add: %s", got)
	}
	if err := c.Clear(p.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("gobit 6 1")
}

// TestStepAcrossFork: a step over fork(2) stays with the parent, and the child is not hurt.
func TestStepAcrossFork(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Line, File: "both.c", Line: lineOf(t, "if (!fork())")}))
	m.typed("both forks 2")
	stop := stopEvent(t, c)
	th := stop.Thread
	if err := c.Clear(p.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := step(t, c, th, StepOver)
		if !strings.HasPrefix(got, "main:") {
			t.Fatalf("at %s", got)
		}
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("forks done")
}

// TestInstructionSteps: single instructions, also into a system call.
func TestInstructionSteps(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	must[*Breakpoint](t)(c.Set(Spec{Kind: Line, File: "both.c", Line: lineOf(t, "// say"), Program: true, Temporary: true}))
	m.typed("both")
	stop := stopEvent(t, c)
	seen := map[uint64]bool{}
	for range 60 {
		fs, _, err := c.Stack(stop.Thread, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(fs[0].Func, "sysWrite") {
			if len(seen) < 5 {
				t.Errorf("only %d instructions", len(seen))
			}
			if got := step(t, c, stop.Thread, StepOut); strings.Contains(got, "sys") {
				t.Errorf("out: %s", got)
			}
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			m.out.expect("number 7")
			return
		}
		seen[fs[0].PC] = true
		step(t, c, stop.Thread, StepInstruction)
	}
	t.Error("no system call within 60 instructions")
}

// TestRunningProgram: a breakpoint in a program that runs already, whose CPU the kernel does not get by itself for a while.
func TestRunningProgram(t *testing.T) {
	m := startBoth(t, 1)
	m.typed("both sleep &")
	m.out.expect("asleep")
	c := connect(t, New(m), false)
	ms := must[[]Module](t)(c.Modules())
	if len(ms) < 2 {
		t.Errorf("modules %+v", ms)
	}
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "add", Program: true}))
	if !p.Verified {
		t.Errorf("%+v", p)
	}
	// It says that it will sleep, and does so a moment later.
	for deadline := time.Now().Add(patience); ; {
		if err := c.Pause(); err != nil {
			t.Fatal(err)
		}
		stopEvent(t, c)
		for _, x := range must[[]Thread](t)(c.Threads()) {
			if strings.HasSuffix(x.Name, " both") && x.State == "S" {
				wantStack(t, stackText(t, c, x.ID), `sysClockNanosleep`, `── system call clock_nanosleep`, `sleep`, `main at both.c`)
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("both does not sleep")
		}
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPageFaultStack: in the kernel's handler of a page fault the stack shows the line of the program that faults.
func TestPageFaultStack(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "mm.HandleFault", Task: "both", Cond: "addr == 0"}))
	m.typed("both crash")
	stop := stopEvent(t, c)
	wantStack(t, stackText(t, c, stop.Thread), `mm.HandleFault`, `trap.pageFault`, `── page fault at 0x0 write`, `crash at both.c:`, `main at both.c`)
}

// TestSharedLibrary: a breakpoint in a library's function that several programs use, in one of them only; a variable is changed.
func TestSharedLibrary(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "printf", Program: true, Task: "both-0dyn"}))
	m.run("both-dyn", "number 7")
	m.typed("both-0dyn")
	stop := stopEvent(t, c)
	wantStack(t, stackText(t, c, stop.Thread), `#0 .*printf`, `main at both.c`)
	f := frameOf(t, c, stop.Thread, "main")
	if v, err := c.Assign(stop.Thread, f, "first.number", "r + 96"); err != nil || v.Value != "99" {
		t.Errorf("%+v %v", v, err)
	}
	if v, err := c.Assign(stop.Thread, f, "first", "1"); err == nil {
		t.Errorf("a struct was set: %+v", v)
	}
	if v, err := c.Eval(stop.Thread, f, "kernel.The.Tasks.initPID"); err != nil || v.Value != "1" {
		t.Errorf("the kernel's from a program's frame: %+v %v", v, err)
	}
	if err := c.Clear(p.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	m.out.expect("number 7") // its arguments were made before
	m.run("both", "number 7")
}

// TestBusyProgram: a breakpoint in a program that computes, and never enters the kernel by itself.
func TestBusyProgram(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := startBoth(t, cpus)
		m.typed("both spin")
		m.out.expect("spinning")
		c := connect(t, New(m), false)
		p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "add", Program: true}))
		stop := stopEvent(t, c)
		if got := at(t, c, stop.Thread); !strings.HasPrefix(got, "add:") || len(stop.Hits) != 1 || stop.Hits[0] != p.ID {
			t.Errorf("at %s, %+v", got, stop)
		}
		if got := step(t, c, stop.Thread, StepOut); !strings.HasPrefix(got, "main:") {
			t.Errorf("out: %s", got)
		}
	}
}
