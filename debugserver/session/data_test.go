package session

import (
	"strings"
	"testing"
)

// Ten data breakpoints at once, one of them 64 bytes wide.
func TestTenDataBreakpoints(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		m := start(t, cpus)
		s := New(m)
		m.run("echo r''eady", "ready")
		c := connect(t, s, false)
		bp := must[*Breakpoint](t)(c.Set(Spec{Kind: Function, Func: "sysUname"}))
		m.typed("uname")
		stopEvent(t, c)
		var ids []int
		// What nobody writes, in the task and in the system, and one wide place.
		for i, expr := range []string{
			"t.Sys.initPID", "t.Sys.hostname", "t.Sys.domainname", "t.Group.ID", "t.Group.Sys", "t.Group.exitSignal",
			"t.setTID", "t.ClearTID", "t.Group.parentTID",
		} {
			b := must[*Breakpoint](t)(c.Set(Spec{Kind: Data, Expr: expr}))
			if !b.Verified {
				t.Errorf("%d %s: %s", i, expr, b.Message)
			}
			ids = append(ids, b.ID)
		}
		wide := must[*Breakpoint](t)(c.Set(Spec{Kind: Data, Size: 64, Addr: must[Variable](t)(c.Eval(0, 0, "t.Sys.CallStops")).Addr + 64}))
		if !wide.Verified || wide.Spec.Size != 64 {
			t.Errorf("wide: %+v", wide)
		}
		c.Clear(bp.ID)
		if err := c.Continue(); err != nil {
			t.Fatal(err)
		}
		m.run("uname; echo n''ot hit", "not hit")
		m.typed("hostname new; echo do''ne")
		st := stopEvent(t, c)
		if st.Reason != ReasonData || len(st.Hits) != 1 || st.Hits[0] != ids[1] || !strings.Contains(st.Text, "hostname") {
			t.Errorf("%+v; want a hit of %d", st, ids[1])
		}
		if frames, _, err := c.Stack(0, 0, 1); err != nil || !strings.Contains(frames[0].Func, "ostname") && !strings.Contains(frames[0].Func, "runtime") {
			t.Errorf("%+v, %v", frames, err)
		}
		// A byte of the wide one.
		if err := c.Clear(ids[1]); err != nil {
			t.Error(err)
		}
		c.Continue()
		m.out.expect("done")
	}
}
