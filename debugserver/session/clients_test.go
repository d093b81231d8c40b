package session

import (
	"fmt"
	"strings"
	"testing"
)

// Two clients: what one does the other sees, their breakpoints stay theirs, and one that leaves disturbs nothing.
func TestTwoClients(t *testing.T) {
	m := start(t, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	a := connect(t, s, false)
	b := connect(t, s, false)
	if a.Name == b.Name {
		t.Errorf("both are called %s", a.Name)
	}
	pa := must[*Breakpoint](t)(a.Set(Spec{Kind: Function, Func: "sysUname"}))
	pb := must[*Breakpoint](t)(b.Set(Spec{Kind: Function, Func: "sysUname"}))
	ev := event(t, b, "news of the other's breakpoint", func(ev Event) bool { return ev.Breakpoint != nil && ev.Breakpoint.ID == pa.ID })
	if ev.Breakpoint.Owner != a.Name {
		t.Errorf("owner %s", ev.Breakpoint.Owner)
	}
	if err := b.Clear(pa.ID); err == nil {
		t.Error("a client takes another's breakpoint away")
	}
	m.typed("uname -s")
	for _, c := range []*Client{a, b} {
		if st := stopEvent(t, c); len(st.Hits) != 2 {
			t.Errorf("%s: %+v", c.Name, st)
		}
	}
	if err := a.Pause(); err != ErrStopped {
		t.Errorf("pause at a stop: %v", err)
	}
	a.Close()
	if st, _ := b.State(); st != Stopped {
		t.Errorf("one client has left: %v", st)
	}
	if bps := b.Breakpoints(); len(bps) != 1 || bps[0].ID != pb.ID {
		t.Errorf("left: %+v", bps)
	}
	c := connect(t, s, false)
	if st := stopEvent(t, c); st.Reason != ReasonBreakpoint {
		t.Errorf("who comes later is told %+v", st)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if r := event(t, b, "the other's continue", func(ev Event) bool { return ev.Running != nil }); r.Running.By != c.Name {
		t.Errorf("%+v", r.Running)
	}
	m.out.expect("Linux")
	if err := b.Step(0, StepOver); err != ErrRunning {
		t.Errorf("a step while the machine runs: %v", err)
	}
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	stopEvent(t, b)
	b.Close()
	c.Close()
	// Nobody is left: the machine runs on.
	if st, _, _ := s.State(); st != Detached {
		t.Errorf("nobody is left, and it is %v", st)
	}
	m.run("uname -s; echo al''one", "alone")
}

// Attach, detach and attach again; at a stop and while it runs.
func TestAttachAgain(t *testing.T) {
	m := start(t, 2)
	s := New(m)
	m.run("echo r''eady", "ready")
	for i := range 6 {
		c, err := s.Connect("again", i%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			stopEvent(t, c)
		}
		if _, err := c.Set(Spec{Kind: Function, Func: "sysGetpid"}); err != nil {
			t.Error(err)
		}
		if i%3 == 0 {
			if st, _ := c.State(); st == Stopped {
				c.Continue()
			}
			m.typed("sh -c 'echo $$'")
		}
		c.Close()
		m.run(fmt.Sprintf("echo n%d; sh -c 'echo $$'; echo o''k%d", i, i), fmt.Sprintf("ok%d", i))
	}
	t.Cleanup(func() {})
}

// Looking at things while the machine runs.
func TestLookWhileRunning(t *testing.T) {
	m := start(t, 2)
	s := New(m)
	m.run("(while :; do true; done) & echo r''eady", "ready")
	c := connect(t, s, false)
	for range 50 {
		threads := must[[]Thread](t)(c.Threads())
		if len(threads) < 4 {
			t.Errorf("%+v", threads)
		}
		k := must[Variable](t)(c.Kernel())
		if k.Type != "*kernel.Kernel" {
			t.Errorf("%+v", k)
		}
		if tb := must[[]Thread](t)(c.Threads()); len(tb) == 0 {
			t.Error("no threads")
		}
		if st, _ := c.State(); st != Running {
			t.Errorf("a look has left it %v", st)
		}
	}
	tb, err := c.View("ps")
	if err != nil || len(tb.Rows) < 2 {
		t.Errorf("%+v, %v", tb, err)
	}
	m.run("kill %1; wait; echo o''ver", "over")
}

func TestLogpointsConditionsAndCounts(t *testing.T) {
	m := start(t, 1)
	s := New(m)
	m.run("echo r''eady", "ready")
	c := connect(t, s, false)
	log := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname", Log: "uname of {t.Thread.Name}, {{task}} {t.Thread.ID > 0}"}))
	hits := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname", Hits: "== 3"}))
	cond := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname", Cond: "t.Thread.ID == 1000"}))
	bad := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname", Cond: "t.Nothing == 1"}))
	none := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysNothing"}))
	if none.Verified || !strings.Contains(none.Message, "sysNothing") {
		t.Errorf("%+v", none)
	}
	m.typed("uname")
	if st := stopEvent(t, c); !strings.Contains(st.Text, "Nothing") {
		t.Errorf("a condition that can't be evaluated: %+v", st)
	}
	c.Clear(bad.ID)
	c.Continue()
	m.typed("uname; uname; uname")
	for range 2 {
		ev := event(t, c, "a log message", func(ev Event) bool { return ev.Output != nil })
		if want := "uname of uname, {task} true"; ev.Output.Text != want || ev.Output.Breakpoint != log.ID {
			t.Errorf("%+v", ev.Output)
		}
	}
	if st := stopEvent(t, c); len(st.Hits) != 1 || st.Hits[0] != hits.ID {
		t.Errorf("%+v", st)
	}
	for _, b := range c.Breakpoints() {
		if b.ID == cond.ID && b.Count != 0 {
			t.Errorf("%+v", b)
		}
	}
	for _, spec := range []Spec{
		{Kind: Function},
		{Kind: Line, File: "x.go"},
		{Kind: Data},
		{Kind: Syscall},
		{Kind: Exception, Exception: "x"},
		{Kind: Function, Func: "f", Hits: "often"},
		{Kind: Function, Func: "f", Log: "{"},
		{Kind: Function, Func: "f", Log: "}"},
	} {
		if _, err := c.Set(spec); err == nil {
			t.Errorf("%+v is taken", spec)
		}
	}
	c.Continue()
	m.run("echo o''ver", "over")
}
