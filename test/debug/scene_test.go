package debug

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// TestOops: a kernel bug stops at the scene, before anything is unwound; the machine goes on afterwards.
func TestOops(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, st := stopIn(t, "sh -c 'umask 07'; echo still here", "(*FS).SetUmask", "m == 7", smp)
		c.Do("setExceptionBreakpoints", dap.SetExceptionBreakpointsArguments{Filters: []string{"oops", "panic", "go-panic"}}, nil)
		c.Do("setExpression", dap.SetExpressionArguments{Expression: "fs", Value: "nil", FrameId: c.Stack(st.ThreadId)[0].Id}, nil)
		c.FunctionBreakpoints()
		c.Continue()
		oops := c.Stopped()
		if oops.Reason != "exception" || oops.ThreadId != st.ThreadId || !strings.Contains(oops.Text+oops.Description, "nil pointer") {
			t.Errorf("%+v", oops)
		}
		var info dap.ExceptionInfoResponseBody
		c.Do("exceptionInfo", dap.ExceptionInfoArguments{ThreadId: oops.ThreadId}, &info)
		if info.ExceptionId != "oops" || !strings.Contains(info.Details.StackTrace, "SetUmask") {
			t.Errorf("%+v", info)
		}
		c.Do("setExceptionBreakpoints", dap.SetExceptionBreakpointsArguments{Filters: []string{}}, nil)
		c.Continue()
		c.Exited()
		if out := c.Output("stdout"); !strings.Contains(out, "still here") {
			t.Errorf("output %q", out)
		}
	})
}

func TestStopAt(t *testing.T) {
	file, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
	for where, fn := range map[string]string{
		"boot": "(*Kernel).Boot", "init": "(*Kernel).ready", "syscall:umask": "", "vfs.(*FS).SetUmask": "SetUmask", file + ":" + strconv.Itoa(line): "SetUmask",
	} {
		c, _ := stdio(t)
		launch(t, c, "umask 07", map[string]any{"stopAt": where})
		c.ConfigurationDone()
		st := c.Stopped()
		f := c.Stack(st.ThreadId)[0]
		if !strings.HasSuffix(f.Name, fn) || st.Reason != "entry" && st.Reason != "system call" {
			t.Errorf("%s: %+v in %+v", where, st, f)
		}
		c.Continue()
		c.Exited()
	}
	c, _ := stdio(t)
	launch(t, c, "true", map[string]any{"stopAt": "noSuchFunction"})
	c.Refused("configurationDone", nil)
}

// TestGoto: a line is left out.
func TestGoto(t *testing.T) {
	c, st := stopIn(t, "umask 07; umask", "sysUmask", `t.Thread.Name == "sh"`, nil)
	file, line := lineOf(t, "kernel/syscall/open.go", "return open(t, a.FD(0)")
	frame := c.Stack(st.ThreadId)[0]
	var targets dap.GotoTargetsResponseBody
	c.Do("gotoTargets", dap.GotoTargetsArguments{Source: dap.Source{Path: frame.Source.Path}, Line: frame.Line + 1}, &targets)
	if len(targets.Targets) != 1 {
		t.Fatalf("%+v", targets)
	}
	c.Do("goto", dap.GotoArguments{ThreadId: st.ThreadId, TargetId: targets.Targets[0].Id}, nil)
	if st := c.Stopped(); st.Reason != "goto" || c.Stack(st.ThreadId)[0].Line != frame.Line+1 {
		t.Errorf("%+v in %+v", st, c.Stack(st.ThreadId)[0])
	}
	// Another function's line can't be gone to.
	c.Do("gotoTargets", dap.GotoTargetsArguments{Source: dap.Source{Path: file}, Line: line}, &targets)
	for _, x := range targets.Targets {
		c.Refused("goto", dap.GotoArguments{ThreadId: st.ThreadId, TargetId: x.Id})
	}
}

// TestTraceAndLog: what the kernel recorded, and its log as it grows.
func TestTraceAndLog(t *testing.T) {
	c, _ := stopIn(t, "echo hello >/dev/kmsg; umask 07; echo again >/dev/kmsg", "(*FS).SetUmask", "m == 7", map[string]any{"append": "trace"})
	var body struct{ Lines []string }
	c.Do("vitrine/trace", map[string]any{"max": 10}, &body)
	if len(body.Lines) != 10 || !strings.Contains(body.Lines[9], "=") {
		t.Errorf("%q", body.Lines)
	}
	c.Do("vitrine/dmesg", map[string]any{"follow": true}, &body)
	if !strings.Contains(strings.Join(body.Lines, "\n"), "hello") {
		t.Errorf("%q", body.Lines)
	}
	c.FunctionBreakpoints()
	c.Continue()
	for !strings.Contains(strings.Join(body.Lines, "\n"), "again") {
		body.Lines = nil
		json.Unmarshal(c.Event("vitrine/dmesg").Body, &body)
	}
}

// TestReboot: the guest reboots; the client is asked to launch anew.
func TestReboot(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, "reboot", nil)
	c.ConfigurationDone()
	var body dap.TerminatedEventBody
	json.Unmarshal(c.Event("terminated").Body, &body)
	if string(body.Restart) != "true" {
		t.Errorf("%+v", body)
	}
}

// TestManyHits: conditions are tried thousands of times while four shells fork and exec. Two breakpoints on one way
// count the same, and no program notices.
func TestManyHits(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		rounds := 250
		if smp["smp"] == 1 { // a slower way to the same
			rounds = 40
		}
		c, _ := stdio(t)
		launch(t, c, fmt.Sprintf("w() { i=0; while [ $i -lt %d ]; do umask 07; /bin/true || echo bad $?; i=$((i+1)); done; }; w & w & w & w & wait; echo done", rounds), smp)
		inner, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
		c.Breakpoints(inner, dap.SourceBreakpoint{Line: line, Condition: "m == 7", LogMessage: "inner"})
		outer, line := lineOf(t, "kernel/syscall/"+fileOf(t, "func sysUmask("), "func sysUmask(")
		c.Breakpoints(outer, dap.SourceBreakpoint{Line: line, Condition: "a[0] == 7", LogMessage: "outer"})
		c.ConfigurationDone()
		if status := c.Exited(); status != 0 || c.Output("stdout") != "done\n" {
			t.Errorf("status %d, output %q", status, c.Output("stdout"))
		}
		n, m := strings.Count(c.Output("console"), "inner"), strings.Count(c.Output("console"), "outer")
		if n < 4*rounds || n != m {
			t.Errorf("%d hits inside, %d outside", n, m)
		}
	})
}

// fileOf returns the file of kernel/syscall that contains a text.
func fileOf(t *testing.T, text string) string {
	t.Helper()
	files, _ := filepath.Glob("../../kernel/syscall/*.go")
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), text) {
			return filepath.Base(f)
		}
	}
	t.Fatalf("no file has %q", text)
	return ""
}
