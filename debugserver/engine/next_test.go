package engine

import (
	"fmt"
	"slices"
	"testing"
)

// TestNextGoesWhereDelves compares every line that Next comes to with those of Delve's own.
func TestNextGoesWhereDelvesDoes(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		from  Spec
		steps int
	}{
		"calls":                     {[]string{"-workers=2", "-sigs=300", "-spin=1"}, at(t, "TICK"), 40},
		"recursion":                 {[]string{"-deep=12"}, at(t, "LEAF"), 14},
		"to the end of a goroutine": {[]string{"-workers=1", "-ticks=1"}, Spec{Function: "main.main.func1"}, 5},
		"deferred functions":        {[]string{"-odd=4"}, at(t, "RESCUED"), 40},
		"loops over functions":      {[]string{"-odd=4"}, at(t, "ODD"), 60},
	} {
		t.Run(name, func(t *testing.T) {
			trace := func(next func(*Engine) func() error) (lines []string) {
				e := launch(t, c.args...)
				b, err := e.Break(c.from)
				must(t, err)
				run(t, e.Continue)
				must(t, e.Clear(b.ID))
				for range c.steps {
					s := run(t, func() (Stop, error) { return e.run(true, next(e)) })
					if s.Reason == ReasonExited {
						return append(lines, "exited")
					}
					f := where(t, e)
					lines = append(lines, fmt.Sprintf("%v %s:%d", s.Reason, f.Function, f.Line))
				}
				return lines
			}
			want := trace(func(e *Engine) func() error { return e.group.Next })
			got := trace(func(e *Engine) func() error { return e.next })
			if !slices.Equal(got, want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
			planned := func(e *Engine) bool { _, ok := e.planNext(); return ok }
			e := launch(t, c.args...)
			b, err := e.Break(c.from)
			must(t, err)
			run(t, e.Continue)
			must(t, e.Clear(b.ID))
			if planned(e) == (name == "loops over functions") {
				t.Error("the comparison was with Delve's Next itself, or the plan lacks something")
			}
		})
	}
}
