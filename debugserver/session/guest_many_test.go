package session

import (
	"fmt"
	"testing"
)

// TestHundredProcesses: a hundred processes come to one breakpoint: executed ones, of which each stop is counted alone, and forked ones, each of which stops
// the machine once, at the right place and with its own arguments.
func TestHundredProcesses(t *testing.T) {
	eachCPUs(t, func(t *testing.T, m *vm, c *Client) {
		p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "add", Program: true, Hits: ">= 100000"}))
		m.run("n=0; while [ $n -lt 100 ]; do both >/dev/null & n=$((n+1)); done; wait; echo all d''one", "all done")
		if b := c.Breakpoints(); b[0].Count != 300 {
			t.Errorf("%d hits of 100 programs that call it three times each", b[0].Count)
		}
		must[*Breakpoint](t)(c.Change(p.ID, Spec{}))
		m.typed("both forks 100")
		seen, args := map[int]bool{}, map[string]bool{}
		for range 100 {
			stop := stopEvent(t, c)
			if len(stop.Hits) != 1 || stop.Hits[0] != p.ID || seen[stop.Thread] {
				t.Fatalf("%+v, after %d", stop, len(seen))
			}
			seen[stop.Thread] = true
			a, err := c.Eval(stop.Thread, 0, "a")
			if b, err2 := c.Eval(stop.Thread, 0, "b"); err != nil || err2 != nil || b.Value != "1000" {
				t.Fatalf("b = %s %v %v", b.Value, err, err2)
			}
			args[a.Value] = true
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
		}
		m.out.expect("forks done")
		for i := range 100 {
			if !args[fmt.Sprint(i)] {
				t.Errorf("the child with %d has not stopped", i)
			}
		}
	})
}
