package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"

	"vitrine/debugserver/tracer"
)

// The tests of this file are about what this package takes for granted in pkg/proc. A new version of Delve that fails
// one of them needs a look at the code that is named there.

// TestEveryHitIsCountedOnce: Delve asks a breaklet's callback once for each thread at each stop. (site.hit)
func TestEveryHitIsCountedOnce(t *testing.T) {
	e := launch(t, "-ticks=100", "-workers=3", "-sigs=500", "-spin=1")
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	told := 0
	for {
		s := run(t, e.Continue)
		if s.Reason == ReasonExited {
			break
		}
		for _, h := range s.Hits {
			if h.Breakpoint == b {
				told++
			}
		}
	}
	if b.Hits != 400 || told != 400 {
		t.Errorf("%d hits counted, %d told, not 400", b.Hits, told)
	}
}

// TestStepIntoTellsOfOthers: Delve goes on at a call that Step has come to, whatever other threads have hit.
// (group.ContinueOnce)
func TestStepIntoTellsOfOthers(t *testing.T) {
	e := launch(t, "-workers=3", "-ticks=1000000")
	first, err := e.Break(at(t, "TICK"))
	must(t, err)
	g := run(t, e.Continue).Goroutine
	must(t, e.Clear(first.ID))
	other := at(t, "TICK")
	other.Cond = fmt.Sprintf("runtime.curg.goid != %d", g)
	b, err := e.Break(other)
	must(t, err)
	told := uint64(0)
	count := func(s Stop) Stop {
		for _, h := range s.Hits {
			if h.Breakpoint == b {
				told++
			}
		}
		return s
	}
	for range 60 {
		s := count(run(t, e.Step))
		for !s.Done {
			if told == 100 { // who stops all the time may keep g from ever running
				must(t, e.Enable(b.ID, false))
			}
			s = count(run(t, e.Proceed))
		}
		if s.Goroutine != g {
			t.Fatalf("%+v, not goroutine %d", s, g)
		}
	}
	if b.Hits != told {
		t.Errorf("%d hits, %d told of", b.Hits, told)
	}
}

// TestHaltLeavesStepPending: HaltKeepsSteppingBreakpoints. (Proceed)
func TestHaltLeavesStepPending(t *testing.T) {
	e := launch(t, "-deep=2000")
	leaf, err := e.Break(Spec{Function: "main.leaf"})
	must(t, err)
	run(t, e.Continue)
	must(t, e.Clear(leaf.ID))
	g := run(t, e.StepOut).Goroutine
	pending := false
	for range 200 {
		go e.Halt()
		s := run(t, e.Next)
		for s.Pending && s.Reason == ReasonHalt {
			pending = true
			s = run(t, e.Proceed)
		}
		if s.Goroutine != g || s.Reason != ReasonStep && s.Reason != ReasonHalt {
			t.Fatalf("%+v", s)
		}
		if pending && s.Reason == ReasonStep {
			return
		}
	}
	t.Skip("every halt came too late")
}

// TestNextStaysOnItsGoroutine: others' hits cut it short, and Proceed finishes it. (Stop.Pending)
func TestNextStaysOnItsGoroutine(t *testing.T) {
	e := launch(t, "-workers=3", "-ticks=1000000")
	first, err := e.Break(at(t, "TICK"))
	must(t, err)
	g := run(t, e.Continue).Goroutine
	must(t, e.Clear(first.ID))
	other := at(t, "AFTER")
	other.Cond = fmt.Sprintf("runtime.curg.goid != %d", g)
	b, err := e.Break(other)
	must(t, err)
	cut := 0
	for range 30 {
		s := run(t, e.Next)
		for s.Reason == ReasonBreakpoint {
			if s.Goroutine == g || !s.Pending {
				t.Fatalf("%+v", s)
			}
			if cut++; cut == 50 { // who stops all the time may keep g from ever running
				must(t, e.Enable(b.ID, false))
			}
			s = run(t, e.Proceed)
		}
		if s.Reason != ReasonStep || s.Goroutine != g {
			t.Fatalf("%+v, not goroutine %d", s, g)
		}
	}
	if cut == 0 {
		t.Log("no other goroutine came between")
	}
}

// TestTracepointLeavesStepPending: TracepointKeepsSteppingBreakpoints. (Spec.Trace)
func TestTracepointLeavesStepPending(t *testing.T) {
	e := launch(t)
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	run(t, e.Continue)
	spec := Spec{Function: "main.(*Device).touch", Trace: true}
	trace, err := e.Break(spec)
	must(t, err)
	must(t, e.Clear(b.ID))
	run(t, e.Next)
	run(t, e.Next)
	s := run(t, e.Next) // over the call
	if s.Reason != ReasonBreakpoint || s.Hits[0].Breakpoint != trace || !s.Pending {
		t.Fatalf("%+v", s)
	}
	if s = run(t, e.Proceed); s.Reason != ReasonStep || where(t, e).Function != tick {
		t.Errorf("%+v in %s", s, where(t, e).Function)
	}
}

// TestForeignStopEndsContinue: Delve goes on by itself where it knows no reason, unless a stop was requested.
// (group.ContinueOnce)
func TestForeignStopEndsContinue(t *testing.T) {
	e := launch(t)
	o := tracer.NewOwner()
	fs, err := e.Stack(Where{}, 1)
	must(t, err)
	addr := fs[0].PC
	touch := e.sym.bi.LookupFunc()["main.(*Device).touch"][0].Entry
	must(t, e.tracer.Insert(touch, o))
	s := run(t, e.Continue)
	if s.Reason != ReasonForeign || !s.Foreign || len(s.Hits) != 1 || !s.Hits[0].Raw.By(o) || where(t, e).PC == addr {
		t.Fatalf("%+v", s)
	}
	must(t, e.tracer.Remove(touch, o))
	// Together with one of the engine's, both know.
	b, err := e.Break(Spec{Addrs: []uint64{touch}})
	must(t, err)
	must(t, e.tracer.Insert(touch, o))
	s = run(t, e.Continue)
	if s.Reason != ReasonBreakpoint || !s.Foreign || s.Hits[0].Breakpoint != b || !s.Hits[0].Raw.By(o) {
		t.Errorf("%+v", s)
	}
	// Who leaves takes only what is his.
	must(t, e.tracer.RemoveAll(o))
	if s = run(t, e.Continue); s.Reason != ReasonBreakpoint || s.Foreign {
		t.Errorf("%+v", s)
	}
}

// TestSymbolsAreKept: addTarget does not load an image again that has the same path and entry point. (Cache)
func TestSymbolsAreKept(t *testing.T) {
	a := launch(t)
	bi := a.sym.bi
	b := launch(t) // in use: another set
	if b.sym.bi == bi {
		t.Error("two engines share symbols")
	}
	must(t, a.Kill())
	must(t, b.Kill())
	c := launch(t)
	if c.sym.bi != bi && c.sym.bi != b.sym.bi {
		t.Error("symbols were loaded again")
	}
	if n := len(c.sym.bi.Images); n != 1 {
		t.Errorf("%d images", n)
	}
}

// TestCallLeavesTheHitBehind: when a call has returned the thread stands at its breakpoint again, which is not hit a
// second time. (tracer.SetRegs)
func TestCallLeavesTheHitBehind(t *testing.T) {
	e := launch(t, "-sigs=200", "-spin=1")
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	for range 10 {
		run(t, e.Continue)
	}
	n := eval(t, e, "n")
	for i := range 5 {
		s := run(t, func() (Stop, error) { return e.Call(fmt.Sprintf("double(%d)", i), DefaultLoad) })
		if s.Reason != ReasonCall || len(s.Results) != 1 || Format(s.Results[0]) != fmt.Sprint(2*i) {
			t.Fatalf("%+v", s)
		}
	}
	if b.Hits != 10 || eval(t, e, "n") != n {
		t.Errorf("%d hits, n is %s", b.Hits, eval(t, e, "n"))
	}
	if run(t, e.Continue); b.Hits != 11 || eval(t, e, "n") != "10" {
		t.Errorf("%d hits, n is %s", b.Hits, eval(t, e, "n"))
	}
	// A breakpoint in the called function cuts the call short.
	in, err := e.Break(Spec{Function: "main.double"})
	must(t, err)
	s := run(t, func() (Stop, error) { return e.Call("double(21)", DefaultLoad) })
	if s.Reason != ReasonBreakpoint || s.Hits[0].Breakpoint != in {
		t.Fatalf("%+v", s)
	}
	must(t, e.Clear(in.ID))
	if s = run(t, e.Proceed); s.Reason != ReasonCall || Format(s.Results[0]) != "42" {
		t.Errorf("%+v", s)
	}
	if _, err := e.Call("nosuch(1)", DefaultLoad); err == nil {
		t.Error("a function that does not exist")
	}
}

// TestWatchOfALocalEndsWithItsFunction. (stackWatch, ReasonScope)
func TestWatchOfALocalEndsWithItsFunction(t *testing.T) {
	e := launch(t, "-locals")
	b, err := e.Break(at(t, "LOCAL"))
	must(t, err)
	run(t, e.Continue)
	run(t, e.Next)
	must(t, e.Clear(b.ID))
	w, err := e.Watch(WatchSpec{Expr: "x"}, "", "")
	must(t, err)
	writes := 0
	for {
		s := run(t, e.Continue)
		if s.Reason == ReasonWatch && s.Hits[0].Breakpoint == w {
			writes++
			continue
		}
		if s.Reason != ReasonScope || !slices.Contains(s.Gone, w) {
			t.Fatalf("after %d writes: %+v", writes, s)
		}
		break
	}
	if writes == 0 || e.Breakpoint(w.ID) != nil {
		t.Errorf("%d writes; %+v", writes, e.Breakpoint(w.ID))
	}
}

// TestMissingThingsAreErrors: neither typed nils nor panics. (process.FindThread)
func TestMissingThingsAreErrors(t *testing.T) {
	e := launch(t)
	if th, ok := e.proc.FindThread(1); ok || th != nil {
		t.Error("a thread that is none")
	}
	for name, err := range map[string]error{
		"eval":        second(e.Eval(Where{}, "nosuch", DefaultLoad)),
		"syntax":      second(e.Eval(Where{}, "1 +", DefaultLoad)),
		"frame":       second(e.Eval(Where{Frame: 99}, "1", DefaultLoad)),
		"goroutine":   second(e.Eval(Where{Goroutine: 99999}, "1", DefaultLoad)),
		"thread":      second(e.Eval(Where{TID: 1}, "1", DefaultLoad)),
		"function":    second(e.Break(Spec{Function: "main.nosuch"})),
		"line":        second(e.Break(Spec{File: "toy/main.go", Line: 100000})),
		"file":        second(e.Break(Spec{File: "nosuch.go", Line: 1})),
		"nothing":     second(e.Break(Spec{})),
		"condition":   second(e.Break(Spec{Function: "main.double", Cond: "1 +"})),
		"clear":       e.Clear(4711),
		"watch":       second(e.Watch(WatchSpec{Expr: "1 + 1"}, "", "")),
		"watch none":  second(e.Watch(WatchSpec{Addr: 8, Size: 8}, "", "")),
		"disassemble": second(e.Disassemble(Where{}, 8, 16, GoFlavour)),
		"memory":      second(e.ReadMemory(make([]byte, 8), 8)),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		}
		var internal *InternalError
		if errors.As(err, &internal) {
			t.Errorf("%s: %v\n%s", name, err, internal.Stack)
		}
	}
	if n := len(e.Breakpoints()); n != 2 {
		t.Errorf("%d breakpoints are left, not the 2 that are always there", n)
	}
}

func second[T any](_ T, err error) error { return err }

// TestOddValuesAreBounded: lengths in the debuggee's memory are not believed.
func TestOddValuesAreBounded(t *testing.T) {
	e := launch(t)
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	run(t, e.Continue)
	must(t, e.Clear(b.ID))
	v, err := e.Eval(Where{}, "&badSize", LoadConfig{})
	must(t, err)
	addr := v.Children[0].Addr
	huge := []byte{0, 0, 0, 0, 0, 0, 0x40, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
	huge = append(huge, huge[:16]...)
	if _, err := e.WriteMemory(addr, huge); err != nil {
		t.Fatal(err)
	}
	big := LoadConfig{FollowPointers: true, MaxVariableRecurse: 1 << 30, MaxStringLen: 1 << 40, MaxArrayValues: 1 << 40, MaxStructFields: -1}
	for _, expr := range []string{"badSize", "badSize.s", "badSize.n"} {
		v, err := e.Eval(Where{}, expr, big)
		if err == nil && len(Format(v)) > 1<<20 {
			t.Errorf("%s: %d characters", expr, len(Format(v)))
		}
	}
	// A list that bites its tail.
	must(t, e.Set(Where{}, "The.Tasks.Next.Next", "The.Tasks"))
	v, err = e.Eval(Where{}, "The.Tasks", big)
	if s := Format(v); err != nil || !strings.Contains(s, "Next") || len(s) > 1<<20 {
		t.Error(len(s), err)
	}
}

// TestPanicsAreErrors: of Delve's panics none gets out.
func TestPanicsAreErrors(t *testing.T) {
	err := func() (err error) {
		defer guard(&err)
		var v *proc.Variable
		_ = v.Name
		return nil
	}()
	var internal *InternalError
	if !errors.As(err, &internal) || internal.Stack == "" {
		t.Error(err)
	}
}
