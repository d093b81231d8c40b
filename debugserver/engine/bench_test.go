package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/native"

	"vitrine/debugserver/tracer"
)

// subject is a target group over our tracer, or over Delve's native backend.
type subject struct {
	*proc.TargetGroup
	e *Engine // nil: native
}

// run runs a command of pkg/proc, as Engine.run does.
func (s subject) run(b *testing.B, f func() error) {
	if s.e != nil {
		s.e.forget()
	}
	must(b, f())
}

// benchBoth runs f on the engine and, with the same calls of pkg/proc, on Delve's native backend.
func benchBoth(b *testing.B, args []string, f func(b *testing.B, g subject)) {
	b.Run("ours", func(b *testing.B) {
		e := launch(b, args...)
		f(b, subject{e.group, e})
	})
	b.Run("native", func(b *testing.B) {
		path, err := toy()
		must(b, err)
		g, err := native.Launch(append([]string{path}, args...), "", 0, nil, "", "", proc.OutputRedirect{Path: "/dev/null"}, proc.OutputRedirect{Path: "/dev/null"})
		if err != nil {
			b.Skip(err)
		}
		defer g.Detach(true)
		l := plant(b, g, proc.SetBreakpoint{FunctionName: "main.main"}, 1000)
		must(b, g.Continue())
		must(b, g.SetBreakpointEnabled(l, false))
		f(b, subject{g, nil})
	})
}

func plant(b *testing.B, g *proc.TargetGroup, s proc.SetBreakpoint, id int) *proc.LogicalBreakpoint {
	l := &proc.LogicalBreakpoint{LogicalID: id, Set: s, HitCount: map[int64]uint64{}}
	g.LogicalBreakpoints[id] = l
	must(b, g.SetBreakpointEnabled(l, true))
	return l
}

// toTick stops at the toy's marked line.
func toTick(b *testing.B, g subject) *proc.LogicalBreakpoint {
	for _, f := range g.Selected.BinInfo().Sources {
		if strings.HasSuffix(f, "/toy/main.go") {
			l := plant(b, g.TargetGroup, proc.SetBreakpoint{File: f, Line: line(b, "TICK")}, 1001)
			g.run(b, g.Continue)
			return l
		}
	}
	b.Fatal("no source")
	return nil
}

func BenchmarkHitAndContinue(b *testing.B) {
	benchBoth(b, nil, func(b *testing.B, g subject) {
		toTick(b, g)
		for b.Loop() {
			g.run(b, g.Continue)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	benchBoth(b, nil, func(b *testing.B, g subject) {
		must(b, g.SetBreakpointEnabled(toTick(b, g), false))
		next := g.Next
		if g.e != nil {
			next = g.e.next
		}
		for b.Loop() {
			g.run(b, next)
		}
	})
}

func BenchmarkStepInstruction(b *testing.B) {
	benchBoth(b, nil, func(b *testing.B, g subject) {
		toTick(b, g)
		for b.Loop() {
			g.run(b, func() error { return g.StepInstruction(false) })
		}
	})
}

func BenchmarkStack20(b *testing.B) {
	benchBoth(b, []string{"-deep=30"}, func(b *testing.B, g subject) {
		plant(b, g.TargetGroup, proc.SetBreakpoint{FunctionName: "main.leaf"}, 1001)
		g.run(b, g.Continue)
		for b.Loop() {
			g.Selected.ClearCaches()
			fs, err := proc.ThreadStacktrace(g.Selected, g.Selected.CurrentThread(), 20)
			if err != nil || len(fs) < 20 {
				b.Fatal(len(fs), err)
			}
		}
	})
}

func BenchmarkGoroutines1000(b *testing.B) {
	benchBoth(b, []string{"-goroutines=1000"}, func(b *testing.B, g subject) {
		toTick(b, g)
		for b.Loop() {
			g.Selected.ClearCaches()
			gs, _, err := proc.GoroutinesInfo(g.Selected, 0, 0)
			must(b, err)
			for _, x := range gs {
				x.Labels()
				x.UserCurrent()
			}
		}
	})
	b.Run("engine", func(b *testing.B) {
		e := launch(b, "-goroutines=1000")
		toTick(b, subject{e.group, e})
		for b.Loop() {
			e.target.ClearCaches()
			gs, _, err := e.Goroutines(0, 0)
			if err != nil || len(gs) < 1000 {
				b.Fatal(len(gs), err)
			}
		}
	})
}

func BenchmarkFalseCondition(b *testing.B) {
	for _, c := range []struct{ name, cond string }{
		{"compiled", "n == %d"},
		{"and", "k.Sound.Name == \"snd0\" && n == %d"},
		{"in part", "len(k.Byname) == 5 && n == %d"},
		{"delve", "len(k.Byname) == 4 || n == %d"},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := launch(b)
			bp, err := e.Break(at(b, "TICK"))
			must(b, err)
			run(b, e.Continue)
			n, round := 0, 200
			for b.Loop() {
				n += round
				must(b, e.Amend(bp.ID, fmt.Sprintf(c.cond, n), "", false))
				run(b, e.Continue)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "conditions/s")
		})
	}
}

func BenchmarkAttach(b *testing.B) {
	path, err := toy()
	must(b, err)
	for _, c := range []struct {
		name string
		keep bool
	}{{"symbols kept", true}, {"symbols read", false}} {
		b.Run(c.name, func(b *testing.B) {
			c1 := new(Cache)
			must(b, c1.Preload(path))
			for b.Loop() {
				if !c.keep {
					c1 = new(Cache)
				}
				tr, err := tracer.Launch(tracer.Config{Argv: []string{path}})
				must(b, err)
				e, err := Attach(tr, c1)
				must(b, err)
				bp, err := e.Break(Spec{Function: "main.main"})
				must(b, err)
				run(b, e.Continue)
				must(b, e.Clear(bp.ID))
				must(b, e.Kill())
			}
		})
	}
}
