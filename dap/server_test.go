package dap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"vitrine/dap/daptest"
	"vitrine/debugserver/session"
)

func launched(t *testing.T) (*Server, *fakeHost, *daptest.Client) {
	t.Helper()
	h := &fakeHost{run: map[string]*fakeKernel{}}
	s := NewServer(Options{Host: h})
	c := newClient(t, s)
	c.Launch(map[string]any{"args": []string{"ls"}})
	return s, h, c
}

// stoppedAt brings the machine to a stop in sysOpenat.
func stoppedAt(t *testing.T) (*Server, *fakeHost, *daptest.Client) {
	t.Helper()
	s, h, c := launched(t)
	c.FunctionBreakpoints("sysOpenat")
	c.ConfigurationDone()
	h.last().hit("sysOpenat")
	if st := c.Stopped(); st.ThreadId != 7 || st.Reason != "function breakpoint" || !st.AllThreadsStopped || fmt.Sprint(st.HitBreakpointIds) != "[1]" {
		t.Fatalf("%+v", st)
	}
	return s, h, c
}

// TestPauseAtOnce: the stop in the middle of booting, which no client sees, is not taken for the one that a client wants.
func TestPauseAtOnce(t *testing.T) {
	for range 100 {
		_, _, c := launched(t)
		c.ConfigurationDone()
		c.Do("pause", dap.PauseArguments{}, nil)
		if st := c.Stopped(); st.Reason != "pause" {
			t.Fatalf("%+v", st)
		}
		c.Do("terminate", nil, nil)
		c.Exited()
	}
}

func TestLaunch(t *testing.T) {
	_, h, c := launched(t)
	c.Event("progressStart")
	c.Event("progressEnd")
	if h.last().booted {
		t.Error("it boots before configurationDone")
	}
	bps := c.FunctionBreakpoints("sysOpenat", "missing", "nonsense(", "syscall:openat", "syscall:read:return", "syscall:x:never", "syscall:")
	var got []string
	for _, b := range bps {
		got = append(got, fmt.Sprint(b.Verified))
	}
	if fmt.Sprint(got) != "[true false false false false false false]" {
		t.Errorf("verified: %v", got)
	}
	c.ConfigurationDone()
	for range 2 { // the system calls, now that the kernel has its structures
		var e dap.BreakpointEventBody
		json.Unmarshal(c.Event("breakpoint").Body, &e)
		if !e.Breakpoint.Verified || e.Breakpoint.Id != 4 && e.Breakpoint.Id != 5 {
			t.Errorf("%+v", e)
		}
	}
	k := h.last()
	if !k.booted {
		t.Error("it does not boot after configurationDone")
	}
	if h.cfg.SMP != 1 {
		t.Errorf("smp %d", h.cfg.SMP)
	}
	k.watch("stdout", []byte("héllo\r\n"[:2]))
	k.watch("stdout", []byte("héllo\r\n"[2:]))
	c.WaitOutput("stdout", "héllo\n")
	k.hit("sysOpenat")
	c.Stopped()
	if n := c.Pending("stopped"); n != 0 {
		t.Errorf("%d more stops: the one before boot is shown", n)
	}
	c.Continue()
	k.exit(3)
	if status := c.Exited(); status != 3 {
		t.Errorf("status %d", status)
	}
}

func TestBuildFails(t *testing.T) {
	h := &fakeHost{fail: errors.New("the build failed")}
	c := newClient(t, NewServer(Options{Host: h}))
	if why := c.Refused("launch", map[string]any{}); !strings.Contains(why, "the build failed") {
		t.Error(why)
	}
	c.WaitOutput("stderr", "syntax error")
	h.mu.Lock()
	h.fail = nil
	h.mu.Unlock()
	c.Launch(nil)
}

func TestInspect(t *testing.T) {
	_, h, c := stoppedAt(t)
	if ts := c.Threads(); len(ts) != 2 || ts[1].Name != "7 sh  [R]" || ts[0].Name != "1 init  [S wait4]" {
		t.Errorf("%+v", ts)
	}
	frames := c.Stack(7)
	if len(frames) != 3 || frames[0].Name != "syscall.sysOpenat" || frames[0].Line != 40 || frames[2].PresentationHint != "subtle" {
		t.Fatalf("%+v", frames)
	}
	scopes := c.Scopes(frames[0].Id)
	for _, name := range []string{"Locals", "Arguments", "Registers", "Task", "Kernel", "Views"} {
		if scopes[name].VariablesReference == 0 {
			t.Errorf("no scope %s", name)
		}
	}
	locals := scopes["Locals"].VariablesReference
	task := c.Variable(locals, "t")
	if v := c.Variable(task.VariablesReference, "TGID"); v.Value != "7" || v.EvaluateName != "t.TGID" {
		t.Errorf("%+v", v)
	}
	if v := c.Variable(scopes["Task"].VariablesReference, "TGID"); v.Value != "7" {
		t.Errorf("%+v", v)
	}
	if v := c.Variable(scopes["Registers"].VariablesReference, "Rip"); v.Value != "0x401000" {
		t.Errorf("%+v", v)
	}
	ps := c.Variable(scopes["Views"].VariablesReference, "ps")
	row := c.Variable(ps.VariablesReference, "7")
	if !strings.Contains(row.Value, `COMM=sh\x1b[2J`) {
		t.Errorf("%q", row.Value)
	}
	if v := c.Variable(row.VariablesReference, "TGID"); v.Value != "7" {
		t.Errorf("%+v", v)
	}

	var set dap.SetVariableResponseBody
	c.Do("setVariable", dap.SetVariableArguments{VariablesReference: locals, Name: "x", Value: "42"}, &set)
	if set.Value != "42" || h.last().values["x"] != "42" {
		t.Errorf("%+v", set)
	}
	c.Event("memory")
	c.Do("setExpression", dap.SetExpressionArguments{Expression: "t.TGID", Value: "9", FrameId: frames[0].Id}, nil)
	if v := c.Evaluate(frames[0].Id, "t.TGID"); v.Result != "9" {
		t.Errorf("%+v", v)
	}
	var done dap.CompletionsResponseBody
	c.Do("completions", dap.CompletionsArguments{FrameId: frames[0].Id, Text: "1 + t.T", Column: 8}, &done)
	if len(done.Targets) != 2 || done.Targets[0].Label != "TGID" || done.Targets[0].Start != 5 || done.Targets[0].Length != 3 {
		t.Errorf("%+v", done)
	}

	c.Continue()
	for command, args := range map[string]any{
		"variables": dap.VariablesArguments{VariablesReference: locals}, "scopes": dap.ScopesArguments{FrameId: frames[0].Id},
	} {
		if why := c.Refused(command, args); !strings.Contains(why, session.ErrStale.Error()) {
			t.Errorf("%s after continue: %s", command, why)
		}
	}
	if v := c.Evaluate(0, "x"); v.Result != "42" {
		t.Errorf("while it runs: %+v", v)
	}
}

func TestMemory(t *testing.T) {
	_, _, c := stoppedAt(t)
	var m dap.ReadMemoryResponseBody
	c.Do("readMemory", dap.ReadMemoryArguments{MemoryReference: "0x1008", Offset: -8, Count: 20}, &m)
	if m.Data != "MDEyMzQ1Njc4OWFiY2RlZg==" || m.UnreadableBytes != 4 || m.Address != "0x1000" {
		t.Errorf("%+v", m)
	}
	c.Do("writeMemory", dap.WriteMemoryArguments{MemoryReference: "0x1000", Data: "WFg="}, nil)
	c.Event("memory")
	c.Do("readMemory", dap.ReadMemoryArguments{MemoryReference: "4096", Count: 2}, &m)
	if m.Data != "WFg=" {
		t.Errorf("%+v", m)
	}
	var d dap.DisassembleResponseBody
	c.Do("disassemble", dap.DisassembleArguments{MemoryReference: "0x401000", InstructionCount: 3, ResolveSymbols: true}, &d)
	if len(d.Instructions) != 3 || d.Instructions[0].Instruction != "NOP" || d.Instructions[0].Location == nil || d.Instructions[0].Symbol != "syscall.sysOpenat" {
		t.Errorf("%+v", d)
	}
	for command, args := range map[string]any{
		"readMemory":  dap.ReadMemoryArguments{MemoryReference: "zz", Count: 1},
		"writeMemory": dap.WriteMemoryArguments{MemoryReference: "0x1000", Data: "%"},
		"disassemble": dap.DisassembleArguments{MemoryReference: "0x1000", InstructionCount: 1 << 30},
	} {
		c.Refused(command, args)
	}
}

func TestDataBreakpoints(t *testing.T) {
	_, h, c := stoppedAt(t)
	frame := c.Stack(7)[0].Id
	var info dap.DataBreakpointInfoResponseBody
	c.Do("dataBreakpointInfo", dap.DataBreakpointInfoArguments{VariablesReference: c.Scopes(frame)["Locals"].VariablesReference, Name: "t"}, &info)
	if info.DataId != "0x1000 64 t" {
		t.Errorf("%+v", info)
	}
	c.Do("dataBreakpointInfo", dap.DataBreakpointInfoArguments{FrameId: frame, Name: "nothing"}, &info)
	if info.DataId != nil {
		t.Errorf("%+v", info)
	}
	args := dap.SetDataBreakpointsArguments{Breakpoints: []dap.DataBreakpoint{{DataId: "0x1000 64 t", AccessType: "readWrite"}, {DataId: "rubbish"}, {DataId: "0x1000 -1 t"}}}
	var set dap.SetDataBreakpointsResponseBody
	c.Do("setDataBreakpoints", args, &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified || set.Breakpoints[2].Verified {
		t.Errorf("%+v", set)
	}
	for _, b := range (&fakeClient{k: h.last()}).Breakpoints() {
		if b.Spec.Kind == session.Data && (b.Spec.Addr != 0x1000 || b.Spec.Size != 64 || b.Spec.Access != session.ReadWrite) {
			t.Errorf("%+v", b.Spec)
		}
	}
}

func TestBreakpointsStay(t *testing.T) {
	_, h, c := launched(t)
	file := "/src/kernel/boot.go"
	first := c.Breakpoints(file, dap.SourceBreakpoint{Line: 10}, dap.SourceBreakpoint{Line: 20, Condition: "x > 1"})
	second := c.Breakpoints(file, dap.SourceBreakpoint{Line: 20, Condition: "x > 1"}, dap.SourceBreakpoint{Line: 30, LogMessage: "x is {x}"})
	if first[1].Id != second[0].Id || first[0].Id == second[1].Id {
		t.Errorf("%+v, then %+v", first, second)
	}
	c.Breakpoints("/src/other.go", dap.SourceBreakpoint{Line: 1})
	var specs []string
	for _, b := range (&fakeClient{k: h.last()}).Breakpoints() {
		specs = append(specs, fmt.Sprintf("%s:%d %s%s", b.Spec.File, b.Spec.Line, b.Spec.Cond, b.Spec.Log))
	}
	if got, want := strings.Join(specs, ", "), "/src/kernel/boot.go:20 x > 1, /src/kernel/boot.go:30 x is {x}, /src/other.go:1 "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestExceptions(t *testing.T) {
	_, h, c := launched(t)
	var set dap.SetExceptionBreakpointsResponseBody
	c.Do("setExceptionBreakpoints", dap.SetExceptionBreakpointsArguments{Filters: []string{"oops", "nothing"}}, &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified {
		t.Errorf("%+v", set)
	}
	c.ConfigurationDone()
	h.last().hit("oops")
	if st := c.Stopped(); st.Reason != "exception" || st.Description != "BUG: oops" {
		t.Errorf("%+v", st)
	}
	var info dap.ExceptionInfoResponseBody
	c.Do("exceptionInfo", dap.ExceptionInfoArguments{ThreadId: 7}, &info)
	if info.ExceptionId != "oops" || info.Details.TypeName != "Kernel oops" || !strings.Contains(info.Details.StackTrace, "sysOpenat") {
		t.Errorf("%+v", info)
	}
}

func TestSteps(t *testing.T) {
	_, _, c := stoppedAt(t)
	for _, s := range []struct {
		command string
		args    any
		how     session.Step
	}{
		{"next", dap.NextArguments{ThreadId: 7}, session.StepOver},
		{"stepIn", dap.StepInArguments{ThreadId: 7}, session.StepInto},
		{"stepOut", dap.StepOutArguments{ThreadId: 7}, session.StepOut},
		{"next", dap.NextArguments{ThreadId: 7, Granularity: "instruction"}, session.StepOverInstruction},
		{"stepIn", dap.StepInArguments{ThreadId: 7, Granularity: "instruction"}, session.StepInstruction},
	} {
		c.Do(s.command, s.args, nil)
		if st := c.Stopped(); st.Reason != "step" || st.Text != fmt.Sprint(s.how) {
			t.Errorf("%s: %+v, want %v", s.command, st, s.how)
		}
	}
	var targets dap.GotoTargetsResponseBody
	c.Do("gotoTargets", dap.GotoTargetsArguments{Source: dap.Source{Path: "/src/a.go"}, Line: 5}, &targets)
	c.Do("goto", dap.GotoArguments{ThreadId: 7, TargetId: targets.Targets[0].Id}, nil)
	if st := c.Stopped(); st.Reason != "goto" || st.Text != "/src/a.go:5" {
		t.Errorf("%+v", st)
	}
	if n := c.Pending("continued"); n != 0 {
		t.Errorf("%d continued events for the client's own steps", n)
	}
}

func TestCancel(t *testing.T) {
	_, h, c := stoppedAt(t)
	slow := c.Send("evaluate", dap.EvaluateArguments{Expression: "slow"})
	queued := c.Send("threads", nil)
	c.Do("cancel", dap.CancelArguments{RequestId: queued}, nil)
	c.Do("cancel", dap.CancelArguments{RequestId: slow}, nil)
	for _, seq := range []int{slow, queued} {
		if a, err := c.Await(seq); err != nil || a.Success || a.Message != "cancelled" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	close(h.last().slow)
	c.Threads()
	c.Do("cancel", dap.CancelArguments{RequestId: 99999}, nil)
}

func TestCancelLaunch(t *testing.T) {
	h := &fakeHost{}
	c := newClient(t, NewServer(Options{Host: h}))
	seq := c.Send("launch", map[string]any{"program": "/never"})
	c.Event("progressEnd")
	c.Do("cancel", dap.CancelArguments{RequestId: seq}, nil)
	if a, err := c.Await(seq); err != nil || a.Success {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestHandlerPanics(t *testing.T) {
	_, h, c := stoppedAt(t)
	if why := c.Refused("stackTrace", dap.StackTraceArguments{ThreadId: 666}); !strings.Contains(why, "internal error") {
		t.Error(why)
	}
	c.Threads()
	if h.last().ended() {
		t.Error("the machine has ended")
	}
}

func TestCommands(t *testing.T) {
	h := &fakeHost{}
	s := NewServer(Options{Host: h, Command: func(_ context.Context, _ Machine, _ *session.Client, thread, frame int, line string, forced bool) (string, bool, error) {
		if forced || strings.HasPrefix(line, "bt") {
			return fmt.Sprintf("ran %q in %d,%d\n", line, thread, frame), true, nil
		}
		return "", false, nil
	}})
	c := newClient(t, s)
	c.Launch(nil)
	c.FunctionBreakpoints("sysOpenat")
	c.ConfigurationDone()
	h.last().hit("sysOpenat")
	c.Stopped()
	frame := c.Stack(7)[1].Id
	for expr, want := range map[string]string{"bt 3": `ran "bt 3" in 7,1`, "-exec x": `ran "x" in 7,1`, "x": "1"} {
		var body dap.EvaluateResponseBody
		c.Do("evaluate", dap.EvaluateArguments{Expression: expr, Context: "repl", FrameId: frame}, &body)
		if body.Result != want {
			t.Errorf("%s: %q, want %q", expr, body.Result, want)
		}
	}
}

func TestViewsRequests(t *testing.T) {
	_, _, c := stoppedAt(t)
	var views ViewsBody
	c.Do("vitrine/views", nil, &views)
	if len(views.Views) != 1 || fmt.Sprint(views.Views[0].Columns) != "[PID COMM]" {
		t.Errorf("%+v", views)
	}
	var table TableBody
	c.Do("vitrine/view", ViewArguments{Name: "ps"}, &table)
	if len(table.Rows) != 2 || table.Rows[1][1] != `sh\x1b[2J` || table.Exprs[0] != "t" {
		t.Errorf("%+v", table)
	}
	c.Refused("vitrine/view", ViewArguments{Name: "nothing"})
	var set dap.SetFunctionBreakpointsResponseBody
	c.Do("vitrine/setSyscallBreakpoints", json.RawMessage(`{"breakpoints":[{"name":"openat","when":"both","task":"sh","condition":"ret < 0"},{"name":""}]}`), &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified {
		t.Errorf("%+v", set)
	}
}

func TestConfig(t *testing.T) {
	var cfg LaunchConfig
	err := json.Unmarshal([]byte(`{"memory":256,"sourceMap":[{"from":"/me/src","to":"/src"}],"root":"r","cwd":"/w","stopOnEntry":true}`), &cfg)
	if err == nil {
		err = cfg.check()
	}
	if err != nil || cfg.Memory != "256" || cfg.Root != "/w/r" || cfg.StopAt != "boot" || cfg.Program != "" {
		t.Errorf("%+v, %v", cfg, err)
	}
	if p := cfg.SourceMap.toKernel("/me/src/a.go"); p != "/src/a.go" {
		t.Error(p)
	}
	if p := cfg.SourceMap.toClient("/src/a.go"); p != "/me/src/a.go" {
		t.Error(p)
	}
	if p := cfg.SourceMap.toKernel("/me/srcs/a.go"); p != "/me/srcs/a.go" {
		t.Error(p)
	}
	for _, bad := range []string{`{"console":"x"}`, `{"smp":-1}`, `{"memory":{}}`, `{"sourceMap":5}`} {
		var cfg LaunchConfig
		if json.Unmarshal([]byte(bad), &cfg) == nil && cfg.check() == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\r\n": "plain\ttext\n", "\x1b[1;31mred\x1b[0m": "\x1b[1;31mred\x1b[0m", "\x1b]52;c;QQ\a": `\x1b]52;c;QQ`, "\x1b[2J": `\x1b[2J`, "a\u009bb": `a\x9bb`,
	} {
		if got := harmless(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
