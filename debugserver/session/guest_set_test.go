package session

import (
	"strings"
	"testing"
)

// TestSetInRegisters: arguments of optimised code are in registers; the program goes on with what they were set to.
func TestSetInRegisters(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := startBoth(t, cpus)
		c := connect(t, New(m), false)
		stopIn := func(fn, command string) int {
			t.Helper()
			must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: fn, Program: true, Task: "both-dyn", Temporary: true}))
			m.typed("both-dyn " + command)
			return stopEvent(t, c).Thread
		}
		set := func(th int, expr, value, want string) {
			t.Helper()
			if v, err := c.Assign(th, 0, expr, value); err != nil || v.Value != want {
				t.Errorf("%s = %s: %v %v", expr, value, v.Value, err)
			}
		}
		th := stopIn("scale", "floats")
		for expr, want := range map[string]string{"x": "2", "y": "8.5", "x * y": "17"} {
			if v, err := c.Eval(th, 0, expr); err != nil || v.Value != want {
				t.Errorf("%s = %v %v", expr, v.Value, err)
			}
		}
		rs := must[[]Register](t)(c.Registers(th, 0))
		found := false
		for _, r := range rs {
			found = found || r.Name == "xmm0" && strings.Contains(r.Value, "double 2 0")
		}
		if !found {
			t.Errorf("registers %+v", rs)
		}
		set(th, "x", "-3", "-3")
		set(th, "y", "0.5", "0.5")
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("scaled -1.5")

		th = stopIn("add", "")
		step(t, c, th, StepOut)
		set(th, "$rax", "1500 + 3", "1503") // what the first call returns
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.out.expect("r 1506 total 3010")
	}
}
