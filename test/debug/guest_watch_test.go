package debug

import (
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// TestWatchBothSides: data breakpoints on a global and a local variable of a program, by DAP.
func TestWatchBothSides(t *testing.T) {
	root := guestRoot(t)
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		more := map[string]any{"root": root, "args": []string{"/bin/both"}}
		for k, v := range smp {
			more[k] = v
		}
		launch(t, c, "", more)
		file, line := lineOf(t, guestSource, "int sum")
		c.Breakpoints(file, dap.SourceBreakpoint{Line: line})
		c.ConfigurationDone()
		st := c.Stopped()
		frame := c.Stack(st.ThreadId)[0]
		info := func(a map[string]any) string {
			t.Helper()
			var r struct {
				DataID      *string `json:"dataId"`
				Description string
			}
			c.Do("dataBreakpointInfo", a, &r)
			if r.DataID == nil {
				t.Fatalf("%v: %s", a, r.Description)
			}
			return *r.DataID
		}
		total := info(map[string]any{"name": "total", "frameId": frame.Id})
		sum := info(map[string]any{"name": "sum", "variablesReference": c.Scopes(frame.Id)["Locals"].VariablesReference})
		var set dap.SetDataBreakpointsResponseBody
		c.Do("setDataBreakpoints", dap.SetDataBreakpointsArguments{Breakpoints: []dap.DataBreakpoint{{DataId: total}, {DataId: sum, AccessType: "write"}}}, &set)
		if len(set.Breakpoints) != 2 || !set.Breakpoints[0].Verified || !set.Breakpoints[1].Verified {
			t.Fatalf("%+v", set)
		}
		c.Breakpoints(file)
		// The first call adds 0 and 0, the second 0 and 1; a sum that stays what it was is no change.
		hits := ""
		for range 4 {
			c.Continue()
			st = c.Stopped()
			hits += st.Reason + " " + st.Text + " " + st.Description + "\n"
		}
		for _, want := range []string{"data breakpoint", "sum is gone", "total: 0 → 1", "total: 1 → 4"} {
			if !strings.Contains(hits, want) {
				t.Errorf("no %q in\n%s", want, hits)
			}
		}
		c.Do("setDataBreakpoints", dap.SetDataBreakpointsArguments{Breakpoints: []dap.DataBreakpoint{}}, nil)
		c.Continue()
		if status := c.Exited(); status != 0 {
			t.Errorf("status %d", status)
		}
	})
}

// TestWatchConsole: the same by the command line; and what is set there.
func TestWatchConsole(t *testing.T) {
	g, end := held(t, "watchsides", guestRoot(t), "/bin/both")
	said, status := g.debug("break program say", "continue", "watch i->number", "rwatch *text size 1", "breakpoints", "continue", "delete 3", "continue",
		"print i->number", "set i->number = 40", "info registers all", "delete", "continue &")
	if status != 0 {
		t.Errorf("status %d:\n%s", status, said)
	}
	expectAll(t, said, "Data breakpoint 2: watch i->number (4 bytes)", "Data breakpoint 3: rwatch *text (1 bytes)", "*text was accessed", "i->number: 1 → 7",
		"i->number = 7", "i->number = 40", "xmm0")
	if out := end(); !strings.Contains(out, "number 40") {
		t.Errorf("output %q", out)
	}
}
