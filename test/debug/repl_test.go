package debug

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// TestREPL: commands and expressions in the debug console.
func TestREPL(t *testing.T) {
	c, st := stopIn(t, "umask 05; umask 06; echo done", "(*FS).SetUmask", "m == 5 || m == 6", nil)
	frames := c.Stack(st.ThreadId)
	repl := func(frame int, line string) string {
		t.Helper()
		var body dap.EvaluateResponseBody
		c.Do("evaluate", dap.EvaluateArguments{Expression: line, FrameId: frames[frame].Id, Context: "repl"}, &body)
		return body.Result
	}
	for _, x := range []struct {
		frame      int
		line, want string
	}{
		{0, "m", ""},
		{0, "fs.umask.v + 1", "19"},
		{0, "bt", "SetUmask"},
		{0, "view ps", "COMM"},
		{0, "p fs.umask.v", "18"},
		{1, "-exec print t", ""},
		{0, "print fs.umask.v", "18"},
		{0, "help", "break"},
		{0, "breakpoints", "SetUmask"},
		{0, "dmesg", "Command line"},
		{0, "x/4i " + frames[0].InstructionPointerReference, "SetUmask"},
	} {
		if got := repl(x.frame, x.line); !strings.Contains(got, x.want) {
			t.Errorf("%s: %q has no %q", x.line, got, x.want)
		}
	}
	for _, bad := range []string{"nothing", "-exec nothing", "p nothing"} {
		c.Refused("evaluate", dap.EvaluateArguments{Expression: bad, FrameId: frames[0].Id, Context: "repl"})
	}
	for text, want := range map[string]string{"tbrea": "tbreak", "break on pan": "panic", "-exec vie": "view"} {
		var done dap.CompletionsResponseBody
		c.Do("completions", dap.CompletionsArguments{FrameId: frames[0].Id, Text: text, Column: len(text) + 1}, &done)
		if !slices.ContainsFunc(done.Targets, func(i dap.CompletionItem) bool { return i.Label == want && strings.HasPrefix(want, text[i.Start-1:]) }) {
			t.Errorf("%q: no %q among %+v", text, want, done.Targets)
		}
	}
	repl(0, "next")
	c.Event("continued")
	if st := c.Stopped(); st.Reason != "step" {
		t.Errorf("%+v", st)
	}
	frames = c.Stack(st.ThreadId)
	repl(0, "continue")
	c.Event("continued")
	if st := c.Stopped(); st.Reason != "function breakpoint" {
		t.Errorf("%+v", st)
	}
}

// TestExceptions: the scene of an oops and of a fatal signal.
func TestExceptions(t *testing.T) {
	c, _ := stdio(t)
	// A guest that is written in Go dies of the signal only if it is told to.
	launch(t, c, "sh -c 'kill -SEGV $$'; echo status $?", map[string]any{"env": map[string]string{"GOTRACEBACK": "crash"}})
	var set dap.SetExceptionBreakpointsResponseBody
	c.Do("setExceptionBreakpoints", dap.SetExceptionBreakpointsArguments{Filters: []string{"oops", "panic", "go-panic", "lockup", "fatal-signal"}}, &set)
	for i, b := range set.Breakpoints {
		if !b.Verified {
			t.Errorf("filter %d: %s", i, b.Message)
		}
	}
	c.ConfigurationDone()
	st := c.Stopped()
	if st.Reason != "exception" || !strings.Contains(st.Text, "SIGABRT") {
		t.Errorf("%+v", st)
	}
	var info dap.ExceptionInfoResponseBody
	c.Do("exceptionInfo", dap.ExceptionInfoArguments{ThreadId: st.ThreadId}, &info)
	if info.ExceptionId != "fatal-signal" || info.Details.StackTrace == "" {
		t.Errorf("%+v", info)
	}
	c.Do("setExceptionBreakpoints", dap.SetExceptionBreakpointsArguments{Filters: []string{"oops"}}, nil)
	c.Continue()
	c.Exited()
}
