package session

import "testing"

// TestThreadLocal: each thread has a variable of its own, in static programs and in those with shared libraries.
func TestThreadLocal(t *testing.T) {
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	for _, prog := range []string{"both", "both-0dyn"} {
		p := must[*Breakpoint](t)(c.Set(Spec{Kind: Line, File: "both.c", Line: lineOf(t, "return sum;"), Program: true, Task: prog}))
		m.typed(prog + " threads")
		seen := map[int]int{}
		for range 12 {
			stop := stopEvent(t, c)
			seen[stop.Thread]++
			v, err := c.Eval(stop.Thread, 0, "calls - 100")
			if frames, _, ferr := c.Stack(stop.Thread, 0, 2); err != nil || ferr != nil || v.Value != string(rune('0'+seen[stop.Thread])) {
				t.Errorf("%s: thread %d: calls %s %v %+v, want %d", prog, stop.Thread, v.Value, err, frames, seen[stop.Thread])
			}
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
		}
		m.out.expect("total 30")
		if err := c.Clear(p.ID); err != nil {
			t.Fatal(err)
		}
	}
}
