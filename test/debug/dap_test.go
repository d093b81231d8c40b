package debug

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// each runs a test with one processor and with four.
func each(t *testing.T, f func(t *testing.T, smp map[string]any)) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprintf("smp%d", n), func(t *testing.T) { f(t, map[string]any{"smp": n}) })
	}
}

// TestOpenat: a breakpoint in sysOpenat, hit by a shell command; task, file and inode looked at; a field changed; the
// command's output is right.
func TestOpenat(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, "read x </etc/hostname; cat /etc/hostname; echo $x $?; umask", smp)
		file, line := lineOf(t, "kernel/syscall/open.go", "return open(t, a.FD(0)")
		bps := c.Breakpoints(file, dap.SourceBreakpoint{Line: line, Condition: `t.Thread.Name == "sh"`})
		if len(bps) != 1 || !bps[0].Verified || bps[0].Line != line {
			t.Fatalf("%+v", bps)
		}
		c.ConfigurationDone()
		st := c.Stopped()
		if st.Reason != "breakpoint" || len(st.HitBreakpointIds) != 1 || st.HitBreakpointIds[0] != bps[0].Id {
			t.Fatalf("%+v", st)
		}
		var name string
		for _, th := range c.Threads() {
			if th.Id == st.ThreadId {
				name = th.Name
			}
		}
		if !strings.Contains(name, "sh") {
			t.Errorf("thread %d is called %q", st.ThreadId, name)
		}
		frames := c.Stack(st.ThreadId)
		if len(frames) < 3 || !strings.HasSuffix(frames[0].Name, "sysOpenat") || frames[0].Line != line || frames[0].Source.Path != file {
			t.Fatalf("%+v", frames)
		}
		scopes := c.Scopes(frames[0].Id)
		task := c.Variable(scopes["Arguments"].VariablesReference, "t")
		if task.Type != "*task.Task" || task.VariablesReference == 0 {
			t.Errorf("%+v", task)
		}
		if vs := c.Variables(scopes["Task"].VariablesReference); len(vs) < 3 {
			t.Errorf("the scope Task: %+v", vs)
		}
		// The file that is standard output, and the inode of the root directory.
		for expr, want := range map[string]string{
			"t.Group.ID == t.Thread.ID": "true", "t.FDs.files[1].File.Inode.mode.v > 0": "true", "t.FS.root.Dentry.parent == t.FS.root.Dentry": "true",
		} {
			if v := c.Evaluate(frames[0].Id, expr); v.Result != want {
				t.Errorf("%s is %s, want %s", expr, v.Result, want)
			}
		}
		views := scopes["Views"].VariablesReference
		if rows := c.Variables(c.Variable(views, "ps").VariablesReference); len(rows) < 2 {
			t.Errorf("the view ps: %+v", rows)
		}
		// A field is changed: the shell's umask, which it asks for later.
		c.Do("setExpression", dap.SetExpressionArguments{Expression: "t.FS.umask.v", Value: "63", FrameId: frames[0].Id}, nil)
		if v := c.Evaluate(frames[0].Id, "t.FS.umask.v"); v.Result != "63" {
			t.Errorf("umask %+v", v)
		}
		c.Breakpoints(file)
		c.Continue()
		if status := c.Exited(); status != 0 {
			t.Errorf("status %d", status)
		}
		if out := c.Output("stdout"); out != "vitrine\nvitrine 0\n0077\n" {
			t.Errorf("output %q", out)
		}
	})
}
