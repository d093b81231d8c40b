package session

import (
	"testing"
	"time"
)

// BenchmarkProgramHit: a breakpoint in a program is hit, clients are told, and it goes on.
func BenchmarkProgramHit(b *testing.B) {
	m := startBoth(b, 1)
	c := connect(b, New(m), false)
	must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "add", Program: true}))
	m.typed("both loop 100000000")
	stopEvent(b, c)
	for b.Loop() {
		if err := c.Continue(); err != nil {
			b.Fatal(err)
		}
		stopEvent(b, c)
	}
}

// BenchmarkProgramFalse: the same with a condition that is not true.
func BenchmarkProgramFalse(b *testing.B) {
	m := startBoth(b, 1)
	c := connect(b, New(m), false)
	p := must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "add", Program: true, Hits: ">= 1000000000"}))
	m.typed("both loop 100000000")
	count := func() int {
		for _, q := range c.Breakpoints() {
			if q.ID == p.ID {
				return q.Count
			}
		}
		return 0
	}
	for count() == 0 {
		time.Sleep(time.Millisecond)
	}
	from, begin := count(), time.Now()
	time.Sleep(time.Second)
	n := count() - from
	each := float64(time.Since(begin).Microseconds()) / float64(max(n, 1))
	for b.Loop() {
	}
	b.ReportMetric(each, "µs/hit")
}

// BenchmarkProgramNext steps over lines.
func BenchmarkProgramNext(b *testing.B) { benchStep(b, StepOver) }

// BenchmarkProgramStepi steps over instructions.
func BenchmarkProgramStepi(b *testing.B) { benchStep(b, StepInstruction) }

func benchStep(b *testing.B, how Step) {
	m := startBoth(b, 1)
	c := connect(b, New(m), false)
	must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "add", Program: true, Temporary: true}))
	m.typed("both loop 100000000")
	th := stopEvent(b, c).Thread
	for b.Loop() {
		if err := c.Step(th, how); err != nil {
			b.Fatal(err)
		}
		stopEvent(b, c)
	}
}

// BenchmarkProgramStack shows the whole stack of a program at a stop.
func BenchmarkProgramStack(b *testing.B) {
	m := startBoth(b, 1)
	s := New(m)
	c := connect(b, s, false)
	must[*Breakpoint](b)(c.Set(Spec{Kind: Function, Func: "sysWrite", Task: "both"}))
	m.typed("both")
	th := stopEvent(b, c).Thread
	for b.Loop() {
		c.do(func(s *Session) error { s.standstillOver(); return nil })
		if _, _, err := c.Stack(th, 0, 100); err != nil {
			b.Fatal(err)
		}
	}
}
