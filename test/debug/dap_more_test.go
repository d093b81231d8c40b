package debug

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"vitrine/dap/daptest"
)

// stopIn launches a machine that runs a script and stops where the function breakpoint is hit.
func stopIn(t *testing.T, script, where, cond string, more map[string]any) (*daptest.Client, dap.StoppedEventBody) {
	t.Helper()
	c, _ := stdio(t)
	launch(t, c, script, more)
	functions(t, c, where, cond)
	c.ConfigurationDone()
	return c, c.Stopped()
}

func functions(t *testing.T, c *daptest.Client, where, cond string) {
	t.Helper()
	var body dap.SetFunctionBreakpointsResponseBody
	c.Do("setFunctionBreakpoints", dap.SetFunctionBreakpointsArguments{Breakpoints: []dap.FunctionBreakpoint{{Name: where, Condition: cond}}}, &body)
	if b := body.Breakpoints[0]; !b.Verified && !strings.HasPrefix(where, "syscall:") { // these come with the kernel's structures
		t.Fatalf("%s: %s", where, b.Message)
	}
}

// TestDataBreakpoints: ten at once, one of them of 64 bytes.
func TestDataBreakpoints(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, st := stopIn(t, "read x </etc/hostname; umask 077; echo $x", "sysOpenat", `t.Thread.Name == "sh"`, smp)
		c.FunctionBreakpoints()
		frame := c.Stack(st.ThreadId)[0].Id
		var args dap.SetDataBreakpointsArguments
		add := func(expr string, bytes int) {
			var info dap.DataBreakpointInfoResponseBody
			c.Do("dataBreakpointInfo", map[string]any{"name": expr, "frameId": frame, "bytes": bytes}, &info)
			id, ok := info.DataId.(string)
			if !ok {
				t.Fatalf("%s: %+v", expr, info)
			}
			args.Breakpoints = append(args.Breakpoints, dap.DataBreakpoint{DataId: id, AccessType: "write"})
		}
		add("*t.FS", 64) // the whole structure, with the umask in it
		for i := range 9 {
			add(fmt.Sprintf("t.Sys.CallStops[%d]", 100+8*i), 8)
		}
		var body dap.SetDataBreakpointsResponseBody
		c.Do("setDataBreakpoints", args, &body)
		if len(body.Breakpoints) != 10 {
			t.Fatalf("%+v", body)
		}
		for i, b := range body.Breakpoints {
			if !b.Verified {
				t.Errorf("breakpoint %d, %s: %s", i, args.Breakpoints[i].DataId, b.Message)
			}
		}
		for n := 0; ; n++ { // its reference count is written, too
			c.Continue()
			hit := c.Stopped()
			if hit.Reason != "data breakpoint" || fmt.Sprint(hit.HitBreakpointIds) != fmt.Sprint([]int{body.Breakpoints[0].Id}) {
				t.Fatalf("%+v", hit)
			}
			if strings.Contains(fmt.Sprint(c.Stack(hit.ThreadId)), "SetUmask") {
				break
			}
			if n == 100 {
				t.Fatal("the write to the umask is missed")
			}
		}
		c.Do("setDataBreakpoints", dap.SetDataBreakpointsArguments{}, nil)
		c.Continue()
		if status := c.Exited(); status != 0 || c.Output("stdout") != "vitrine\n" {
			t.Errorf("status %d, output %q", status, c.Output("stdout"))
		}
	})
}

// TestSteps: over, into, out of, by instruction; the thread stays the same.
func TestSteps(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, st := stopIn(t, "read x </etc/hostname; echo $x", "sysOpenat", `t.Thread.Name == "sh"`, smp)
		c.FunctionBreakpoints()
		top := func(reason string) dap.StackFrame {
			t.Helper()
			s := c.Stopped()
			if s.Reason != reason || s.ThreadId != st.ThreadId {
				t.Fatalf("%+v, want a %s of thread %d", s, reason, st.ThreadId)
			}
			return c.Stack(s.ThreadId)[0]
		}
		first := c.Stack(st.ThreadId)[0]
		_, line := lineOf(t, "kernel/syscall/open.go", "return open(t, a.FD(0)")
		c.Do("next", dap.NextArguments{ThreadId: st.ThreadId}, nil)
		if f := top("step"); f.Line != line {
			t.Errorf("next: %+v, want line %d", f, line)
		}
		for { // into the function of the result, past those of the arguments
			c.Do("stepIn", dap.StepInArguments{ThreadId: st.ThreadId}, nil)
			f := top("step")
			if strings.HasSuffix(f.Name, "syscall.open") {
				break
			}
			if f.Name == first.Name && f.Line != line {
				t.Fatalf("stepIn: %+v", f)
			}
		}
		c.Do("stepOut", dap.StepOutArguments{ThreadId: st.ThreadId}, nil)
		if f := top("step"); !strings.HasSuffix(f.Name, "sysOpenat") {
			t.Errorf("stepOut: %+v", f)
		}
		pc := c.Stack(st.ThreadId)[0].InstructionPointerReference
		c.Do("next", dap.NextArguments{ThreadId: st.ThreadId, Granularity: "instruction"}, nil)
		if f := top("step"); f.InstructionPointerReference == pc {
			t.Errorf("by instruction: %+v", f)
		}
		c.Continue()
		if status := c.Exited(); status != 0 || c.Output("stdout") != "vitrine\n" {
			t.Errorf("status %d, output %q", status, c.Output("stdout"))
		}
	})
}

// TestWhileRunning: requests while the kernel runs, and pause.
func TestWhileRunning(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, "while true; do echo tick; sleep 0.05; done", nil)
	c.ConfigurationDone()
	c.WaitOutput("stdout", "tick\n")
	if ts := c.Threads(); len(ts) < 2 {
		t.Errorf("%+v", ts)
	}
	if v := c.Evaluate(0, "len(kernel.The.Sched.CPUs)"); v.Result != "1" {
		t.Errorf("%+v", v)
	}
	var table struct{ Rows [][]string }
	c.Do("vitrine/view", map[string]any{"name": "ps"}, &table)
	if len(table.Rows) < 2 {
		t.Errorf("%+v", table)
	}
	file, line := lineOf(t, "kernel/syscall/write.go", "func sysWrite(")
	if bps := c.Breakpoints(file, dap.SourceBreakpoint{Line: line + 1}); !bps[0].Verified {
		t.Errorf("%+v", bps)
	}
	c.Stopped()
	c.Breakpoints(file)
	c.Continue()
	n := strings.Count(c.Output("stdout"), "tick")
	c.WaitOutput("stdout", strings.Repeat("tick\n", n+3))
	c.Do("pause", dap.PauseArguments{}, nil)
	st := c.Stopped()
	if st.Reason != "pause" {
		t.Errorf("%+v", st)
	}
	if len(c.Threads()) < 2 {
		t.Error("no threads")
	}
	c.Do("terminate", nil, nil)
	c.Exited()
}

// TestConditions: hit counts, conditions that are false many times, logpoints.
func TestConditions(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, "i=0; while [ $i -lt 100 ]; do umask 0$((i % 8)); i=$((i+1)); done; echo done", smp)
		file, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
		bps := c.Breakpoints(file,
			dap.SourceBreakpoint{Line: line, Condition: "m == 7", HitCondition: "% 4"},
			dap.SourceBreakpoint{Line: line, Condition: "m == 7", LogMessage: "seven"})
		if !bps[0].Verified || !bps[1].Verified {
			t.Fatalf("%+v", bps)
		}
		c.ConfigurationDone()
		stops := 0
		for {
			e := c.Event("stopped", "exited")
			if e.Event.Event == "exited" {
				break
			}
			stops++
			var st dap.StoppedEventBody
			json.Unmarshal(e.Body, &st)
			if v := c.Evaluate(c.Stack(st.ThreadId)[0].Id, "m"); v.Result != "7" {
				t.Errorf("m is %s", v.Result)
			}
			c.Continue()
		}
		if n := strings.Count(c.Output("console"), "seven"); n < 12 || stops != n/4 {
			t.Errorf("%d times, and %d stops", n, stops)
		}
		if out := c.Output("stdout"); out != "done\n" {
			t.Errorf("output %q", out)
		}
	})
}

func TestLogpoint(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, "umask 05; umask 06; echo done", nil)
	file, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
	c.Breakpoints(file, dap.SourceBreakpoint{Line: line, LogMessage: "umask is {m} now"})
	c.ConfigurationDone()
	c.WaitOutput("console", "umask is 5 now\n")
	c.WaitOutput("console", "umask is 6 now\n")
	if status := c.Exited(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestSyscalls: by name, entry and return, condition on a result, only in one program.
func TestSyscalls(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, "cat /nothing; cat /etc/hostname", smp)
		functions(t, c, "syscall:openat:return", `comm == "cat" && errno == 2 && path == "/nothing"`)
		c.ConfigurationDone()
		st := c.Stopped()
		if st.Reason != "system call" {
			t.Errorf("%+v", st)
		}
		var set dap.SetFunctionBreakpointsResponseBody
		c.Do("vitrine/setSyscallBreakpoints", map[string]any{"breakpoints": []any{map[string]any{"name": "write", "task": "cat"}}}, &set)
		if !set.Breakpoints[0].Verified {
			t.Errorf("%+v", set)
		}
		c.FunctionBreakpoints()
		for range 2 { // the complaint, and the file
			c.Continue()
			if st := c.Stopped(); st.Reason != "system call" {
				t.Errorf("%+v", st)
			}
		}
		c.Continue()
		c.Exited()
		if out := c.Output("stdout"); out != "vitrine\n" {
			t.Errorf("output %q", out)
		}
	})
}

// TestMemory: an integer is read and written as memory; code is disassembled; an instruction breakpoint is hit.
func TestMemory(t *testing.T) {
	c, st := stopIn(t, "umask 0123; umask 0; umask", "(*FS).SetUmask", "m == 0123", nil)
	frame := c.Stack(st.ThreadId)[0]
	v := c.Evaluate(frame.Id, "fs.umask.v")
	var m dap.ReadMemoryResponseBody
	c.Do("readMemory", dap.ReadMemoryArguments{MemoryReference: v.MemoryReference, Count: 2}, &m)
	b, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil || len(b) != 2 || binary.LittleEndian.Uint16(b) != 0o22 {
		t.Fatalf("%+v of %+v", m, v)
	}
	c.Do("writeMemory", dap.WriteMemoryArguments{MemoryReference: v.MemoryReference, Data: base64.StdEncoding.EncodeToString([]byte{0o45, 0})}, nil)
	c.Event("memory")
	if v := c.Evaluate(frame.Id, "fs.umask.v"); v.Result != strconv.Itoa(0o45) {
		t.Errorf("it is %s", v.Result)
	}
	var d dap.DisassembleResponseBody
	c.Do("disassemble", dap.DisassembleArguments{MemoryReference: frame.InstructionPointerReference, InstructionOffset: -3, InstructionCount: 8, ResolveSymbols: true}, &d)
	if len(d.Instructions) != 8 || d.Instructions[3].Address != frame.InstructionPointerReference || !strings.Contains(d.Instructions[4].Symbol, "SetUmask") {
		t.Errorf("%+v", d)
	}
	var set dap.SetInstructionBreakpointsResponseBody
	c.Do("setInstructionBreakpoints", dap.SetInstructionBreakpointsArguments{Breakpoints: []dap.InstructionBreakpoint{{InstructionReference: d.Instructions[4].Address}}}, &set)
	c.FunctionBreakpoints()
	c.Continue()
	hit := c.Stopped()
	if f := c.Stack(hit.ThreadId)[0]; hit.Reason != "instruction breakpoint" || f.InstructionPointerReference != d.Instructions[4].Address {
		t.Errorf("%+v in %+v", hit, f)
	}
	c.Do("setInstructionBreakpoints", dap.SetInstructionBreakpointsArguments{}, nil)
	c.Continue()
	c.Exited()
	if out := c.Output("stdout"); out != "0000\n" {
		t.Errorf("output %q", out)
	}
}

// TestSources: what an editor asks for.
func TestSources(t *testing.T) {
	c, st := stopIn(t, "umask 07", "(*FS).SetUmask", "", map[string]any{"stopOnEntry": true})
	if st.Reason != "entry" {
		t.Errorf("%+v", st)
	}
	if f := c.Stack(st.ThreadId)[0]; !strings.HasSuffix(f.Name, "(*Kernel).Boot") {
		t.Errorf("%+v", f)
	}
	c.Continue()
	st = c.Stopped()
	file, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
	var sources dap.LoadedSourcesResponseBody
	c.Do("loadedSources", nil, &sources)
	found := false
	for _, s := range sources.Sources {
		found = found || s.Path == file
	}
	if !found {
		t.Errorf("%s is not among %d sources", file, len(sources.Sources))
	}
	var text dap.SourceResponseBody
	c.Do("source", dap.SourceArguments{Source: &dap.Source{Path: file}}, &text)
	if !strings.Contains(text.Content, "SetUmask") {
		t.Errorf("%q", text.Content)
	}
	c.Refused("source", dap.SourceArguments{Source: &dap.Source{Path: "/etc/passwd"}})
	var where dap.BreakpointLocationsResponseBody
	c.Do("breakpointLocations", dap.BreakpointLocationsArguments{Source: dap.Source{Path: file}, Line: line - 1, EndLine: line + 1}, &where)
	if len(where.Breakpoints) == 0 || where.Breakpoints[0].Line != line {
		t.Errorf("%+v, want line %d", where, line)
	}
	var mods dap.ModulesResponseBody
	c.Do("modules", nil, &mods)
	if len(mods.Modules) != 1 || mods.Modules[0].Name != "vkernel" {
		t.Errorf("%+v", mods)
	}
	var done dap.CompletionsResponseBody
	frame := c.Stack(st.ThreadId)[0].Id
	c.Do("completions", dap.CompletionsArguments{FrameId: frame, Text: "fs.um", Column: 6}, &done)
	if len(done.Targets) != 1 || done.Targets[0].Label != "umask" {
		t.Errorf("%+v", done)
	}
	var log struct{ Lines []string }
	c.Do("vitrine/dmesg", nil, &log)
	if !strings.Contains(strings.Join(log.Lines, "\n"), "Command line") {
		t.Errorf("%q", log)
	}
	c.Do("vitrine/trace", nil, &log)
}
