package session

import (
	"os/exec"
	"testing"
)

// TestProgramCxx: a method is found by its name, overloads are told apart, and expressions see the object.
func TestProgramCxx(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("this test needs g++")
	}
	m := startBoth(t, 1)
	c := connect(t, New(m), false)
	p := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "shapes::Box::draw", Program: true, Cond: `how == "twice" && times == 2`}))
	m.typed("cxx")
	stop := stopEvent(t, c)
	wantStack(t, stackText(t, c, stop.Thread), `#0 shapes::Box::draw at cxx.cpp`, `main at cxx.cpp`)
	if len(stop.Hits) != 1 || stop.Hits[0] != p.ID {
		t.Errorf("%+v", stop)
	}
	for expr, want := range map[string]string{"how": `"twice"`, "sizes": "{4, 5, 6}", "label == \"a box\"": "0", "area": "2.5", "shapes::drawn": "3"} {
		if v, err := c.Eval(stop.Thread, 0, expr); err != nil || v.Value != want {
			t.Errorf("%s = %s %v", expr, v.Value, err)
		}
	}
	if v, err := c.Assign(stop.Thread, 0, "area", "area * 2"); err != nil || v.Value != "5" {
		t.Errorf("area = %s %v", v.Value, err)
	}
}
