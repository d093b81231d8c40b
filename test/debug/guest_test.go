package debug

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-dap"
)

// guestSource is the program that these tests debug.
const guestSource = "debugserver/session/testdata/both.c"

// guestRoot makes a root directory with the program, with shared libraries, and a shell.
func guestRoot(t *testing.T) string {
	t.Helper()
	src, _ := lineOf(t, guestSource, "main")
	root := t.TempDir()
	box, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("this test needs busybox-static")
	}
	script := `mkdir -p bin proc dev sys tmp etc run; cp "$BOX" bin/busybox; for i in sh echo; do ln -s busybox bin/$i; done
gcc -O0 -g -pthread -o bin/both "$SRC"
for f in $(ldd bin/both | grep -o '/lib[^ ]*'); do mkdir -p .$(dirname $f); cp -L $f .$f; done`
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "BOX="+box, "SRC="+src)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("this test needs gcc: %v: %s", err, out)
	}
	return root
}

// TestBothSides: a program with shared libraries, read from the host's directory: a breakpoint in its source, a step into write(2) in the
// kernel, the stack across the boundary, a step out, to the end.
func TestBothSides(t *testing.T) {
	root := guestRoot(t)
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		more := map[string]any{"root": root, "args": []string{"/bin/both"}}
		for k, v := range smp {
			more[k] = v
		}
		launch(t, c, "", more)
		file, line := lineOf(t, guestSource, "int length")
		bps := c.Breakpoints(file, dap.SourceBreakpoint{Line: line})
		if len(bps) != 1 || bps[0].Verified {
			t.Fatalf("%+v", bps)
		}
		c.ConfigurationDone()
		st := c.Stopped()
		frames := c.Stack(st.ThreadId)
		if st.Reason != "breakpoint" || frames[0].Name != "say" || frames[0].Line != line || frames[0].Source == nil || frames[0].Source.Path != file {
			t.Fatalf("%+v at %+v", st, frames[0])
		}
		c.Do("next", dap.NextArguments{ThreadId: st.ThreadId}, nil)
		st = c.Stopped()
		frames = c.Stack(st.ThreadId)
		_, say := lineOf(t, guestSource, "// say")
		if frames[0].Line != say {
			t.Fatalf("next: %+v", frames[0])
		}
		scopes := c.Scopes(frames[0].Id)
		if v := c.Variable(scopes["Locals"].VariablesReference, "length"); v.Value != "6" {
			t.Errorf("length %+v", v)
		}
		item := c.Variable(scopes["Arguments"].VariablesReference, "i")
		if v := c.Variable(item.VariablesReference, "name"); !strings.HasSuffix(v.Value, `"first"`) {
			t.Errorf("i->name %+v", v)
		}
		if v := c.Evaluate(frames[0].Id, "i->next->number * 21"); v.Result != "42" {
			t.Errorf("%+v", v)
		}
		var mem dap.ReadMemoryResponseBody
		c.Do("readMemory", dap.ReadMemoryArguments{MemoryReference: frames[0].InstructionPointerReference, Count: 4}, &mem)
		if b, err := base64.StdEncoding.DecodeString(mem.Data); err != nil || len(b) != 4 {
			t.Errorf("%+v", mem)
		}
		var dis dap.DisassembleResponseBody
		c.Do("disassemble", dap.DisassembleArguments{MemoryReference: frames[0].InstructionPointerReference, InstructionOffset: -2, InstructionCount: 6, ResolveSymbols: true}, &dis)
		if len(dis.Instructions) != 6 || dis.Instructions[2].Symbol != "say" {
			t.Errorf("%+v", dis)
		}
		var mods dap.ModulesResponseBody
		c.Do("modules", dap.ModulesArguments{}, &mods)
		var names []string
		for _, m := range mods.Modules {
			names = append(names, filepath.Base(m.Path)+" "+m.SymbolStatus)
		}
		if all := strings.Join(names, ", "); !strings.Contains(all, "both Symbols loaded") || !strings.Contains(all, "libc.so.6 ") || !strings.Contains(all, "vkernel") {
			t.Errorf("modules %s", all)
		}
		c.Do("stepIn", dap.StepInArguments{ThreadId: st.ThreadId}, nil)
		st = c.Stopped()
		frames = c.Stack(st.ThreadId)
		if !strings.HasSuffix(frames[0].Name, "sysWrite") {
			t.Fatalf("step into: %+v", frames[0])
		}
		var stack []string
		for _, f := range frames {
			stack = append(stack, f.Name)
		}
		if s := strings.Join(stack, "|"); !strings.Contains(s, `|── system call write(1, "hello\n", 6)|`) || !strings.Contains(s, "|say|main|") {
			t.Errorf("stack %s", s)
		}
		c.Do("stepOut", dap.StepOutArguments{ThreadId: st.ThreadId}, nil)
		st = c.Stopped()
		if frames = c.Stack(st.ThreadId); strings.Contains(frames[0].Name, "sys") || len(frames) < 3 {
			t.Errorf("step out: %+v", frames)
		}
		c.Breakpoints(file)
		c.Continue()
		if status := c.Exited(); status != 0 {
			t.Errorf("status %d", status)
		}
		if out := c.Output("stdout"); out != "hello\nr 3 total 4 number 7\n" {
			t.Errorf("output %q", out)
		}
	})
}

// TestBothSidesConsole: the same by the command line, in a program whose source is where it was compiled.
func TestBothSidesConsole(t *testing.T) {
	g, end := held(t, "bothsides", guestRoot(t), "/bin/both")
	said, status := g.debug("break program say", "continue", "bt", "next", "print length", "info locals", "x/s text", "step", "bt", "finish", "bt", "modules both",
		"delete", "continue &")
	if status != 0 {
		t.Errorf("status %d:\n%s", status, said)
	}
	expectAll(t, said, "Breakpoint 1: say, pending", "#0  say(i = 0x", `text = 0x`, "both.c:", ">#0", "main at ", "length = 6", `"hello\n"`,
		"sysWrite(", `── system call write(1, "hello\n", 6)`, "say at ", ">#0", "say at ", "main at ", "DWARF", "/bin/both")
	if out := end(); !strings.Contains(out, "number 7") {
		t.Errorf("output %q", out)
	}
}
