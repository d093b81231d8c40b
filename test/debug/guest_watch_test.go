package debug

import (
	"os/exec"
	"strings"
	"testing"
	"time"

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
	root := guestRoot(t)
	cmd := exec.Command(vitrine, "run", "-name", "watchsides", "-m", "128M", "-root", root, "-S", "--", "/bin/both")
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var said []byte
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) { // until the machine can be named
		var err error
		script := []string{
			"debug", "watchsides", "-batch", "-ex", "break program say", "-ex", "continue", "-ex", "watch i->number", "-ex", "rwatch *text size 1", "-ex", "breakpoints",
			"-ex", "continue", "-ex", "delete 3", "-ex", "continue", "-ex", "print i->number", "-ex", "set i->number = 40", "-ex", "info registers all", "-ex", "delete", "-ex", "continue &",
		}
		if said, err = exec.Command(vitrine, script...).CombinedOutput(); err == nil {
			break
		}
		if time.Now().After(deadline) || strings.Contains(string(said), "Breakpoint 1") {
			t.Fatalf("%v\n%s\n%s", err, said, out.String())
		}
	}
	rest := string(said)
	for _, want := range []string{
		"Data breakpoint 2: watch i->number (4 bytes)", "Data breakpoint 3: rwatch *text (1 bytes)", "*text was accessed", "i->number: 1 → 7", "i->number = 7", "i->number = 40", "xmm0",
	} {
		i := strings.Index(rest, want)
		if i < 0 {
			t.Fatalf("no %q (in this order) in\n%s", want, said)
		}
		rest = rest[i+len(want):]
	}
	t.Logf("%s", said)
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "number 40") {
		t.Errorf("%v, output %q", err, out.String())
	}
}
