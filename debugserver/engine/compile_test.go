package engine

import (
	"testing"
)

func TestCompiledConditions(t *testing.T) {
	e := launch(t, "-goroutines=1")
	for _, c := range []struct {
		cond     string
		compiled bool
		n        string // at the hit; "": none
	}{
		{"n == 100", true, "100"},
		{"200 <= n", true, "200"},
		{"n > 250 && k.Sound.Name == \"snd0\"", true, "251"},
		{"n == 5 || n == 300", true, "300"},
		{"!(n < 350) && k.Sound != nil", true, "350"},
		{"n == 400 && len(k.Byname) == 5", true, "400"}, // in part
		{"len(k.Byname) == 4 || n == 450", false, "450"},
		{"k.Ticks == n - 1 && n == 500", true, "500"},
		{"k.Sound.buf[3] == 0xff || n == 550", true, "550"},
		{"k.Ticks < n && n == 600", true, "600"},
		{"*k.Sound != nil", false, "601"}, // cannot be evaluated: stops
		{"n == 700 && k.Tasks.Next.Next.Pid == 3", true, "700"},
		{"k.Sound.volume == -1 || n == 750", true, "750"},
		{"n == k.Ticks + 1 && n > 800", true, "801"},
	} {
		spec := at(t, "TICK")
		spec.Cond = c.cond
		b, err := e.Break(spec)
		must(t, err)
		s := run(t, e.Continue)
		if s.Reason != ReasonBreakpoint || len(s.Hits) == 0 || s.Hits[0].Breakpoint != b {
			t.Fatalf("%s: %+v", c.cond, s)
		}
		if got := eval(t, e, "n"); got != c.n {
			t.Errorf("%s: stopped at %s, not %s", c.cond, got, c.n)
		}
		f := b.filters[b.Locations[0].Addr]
		if got := f != nil && f.f != nil; got != c.compiled {
			t.Errorf("%s: compiled %v", c.cond, got)
		}
		must(t, e.Clear(b.ID))
	}
}

// TestSeveralBreakpointsAtOnePlace: each has its condition and its count.
func TestSeveralBreakpointsAtOnePlace(t *testing.T) {
	e := launch(t)
	var bs []*Breakpoint
	for _, cond := range []string{"n % 10 == 0", "n % 15 == 0", "n >= 60"} {
		spec := at(t, "TICK")
		spec.Cond = cond
		b, err := e.Break(spec)
		must(t, err)
		bs = append(bs, b)
	}
	bs[1].HitCond = ""
	for {
		s := run(t, e.Continue)
		if s.Reason != ReasonBreakpoint {
			t.Fatalf("%+v", s)
		}
		if s.Hits[len(s.Hits)-1].Breakpoint == bs[2] {
			break
		}
	}
	if bs[0].Hits != 7 || bs[1].Hits != 5 || bs[2].Hits != 1 {
		t.Errorf("%d %d %d hits", bs[0].Hits, bs[1].Hits, bs[2].Hits)
	}
	must(t, e.Clear(bs[2].ID))
	must(t, e.Amend(bs[0].ID, "n == 100", "", false))
	must(t, e.Enable(bs[1].ID, false))
	if s := run(t, e.Continue); len(s.Hits) != 1 || eval(t, e, "n") != "100" {
		t.Errorf("%+v", s)
	}
}

func TestHitConditions(t *testing.T) {
	for _, c := range []struct {
		cond string
		want []uint64
	}{
		{"3", []uint64{3}},
		{"== 4", []uint64{4}},
		{"% 5", []uint64{5, 10}},
		{">= 9", []uint64{9, 10}},
		{"<3", []uint64{1, 2}},
		{"!= 2", []uint64{1, 3, 4, 5, 6, 7, 8, 9, 10}},
	} {
		h, err := parseHitCond(c.cond)
		must(t, err)
		var got []uint64
		for n := uint64(1); n <= 10; n++ {
			if h.met(n) {
				got = append(got, n)
			}
		}
		if len(got) != len(c.want) || got[0] != c.want[0] {
			t.Errorf("%s: %v, not %v", c.cond, got, c.want)
		}
	}
	for _, bad := range []string{"x", "% 0", "=> 3", "-1", ">"} {
		if _, err := parseHitCond(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestNextAtAFalseCondition: a step must not be hidden by the filter of a breakpoint where it ends.
func TestNextAtAFalseCondition(t *testing.T) {
	e := launch(t)
	b, err := e.Break(at(t, "TICK"))
	must(t, err)
	next := at(t, "TICK")
	next.Line++
	next.Cond = "n == 123456789"
	_, err = e.Break(next)
	must(t, err)
	for range 5 { // the condition is compiled meanwhile
		run(t, e.Continue)
	}
	if s := run(t, e.Next); s.Reason != ReasonStep || where(t, e).Line != next.Line {
		t.Errorf("%+v in line %d, not %d", s, where(t, e).Line, next.Line)
	}
	if s := run(t, e.Continue); s.Reason != ReasonBreakpoint || s.Hits[0].Breakpoint != b {
		t.Errorf("%+v", s)
	}
}
