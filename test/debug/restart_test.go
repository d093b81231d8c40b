package debug

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-dap"
)

// copyTree copies what a kernel and its userland are built from.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vitrine")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"go.mod", "go.sum", "machine", "internal", "kernel", "cmd", "userland"} {
		from := filepath.Join("../..", p)
		if _, err := os.Stat(from); err != nil {
			continue
		}
		if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
	}
	return dir
}

// edit replaces a text in a file, once.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), from, to, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// builtInitrd returns the userland that earlier tests have built, so that a copied tree need not.
func builtInitrd(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var newest string
	var when time.Time
	all, _ := filepath.Glob(filepath.Join(cache, "vitrine", "*", "initramfs.cpio"))
	for _, f := range all {
		if st, err := os.Stat(f); err == nil && st.ModTime().After(when) {
			newest, when = f, st.ModTime()
		}
	}
	return newest // "": it is built
}

// TestRestart: the source is edited, restart, the new code runs; a build that fails changes nothing and says why.
func TestRestart(t *testing.T) {
	tree := copyTree(t)
	c, _ := stdio(t)
	launch(t, c, "echo name $(uname -n); umask 05; echo end", map[string]any{"program": tree, "machine": "again", "initrd": builtInitrd(t)})
	c.Event("progressStart")
	file := filepath.Join(tree, "kernel/vfs/path.go")
	_, line := lineOf(t, "kernel/vfs/path.go", "func (fs *FS) SetUmask")
	if bps := c.Breakpoints(file, dap.SourceBreakpoint{Line: line, Condition: "m == 5"}); !bps[0].Verified {
		t.Fatalf("%+v", bps)
	}
	functions(t, c, "syscall:uname", "")
	c.ConfigurationDone()
	st := c.Stopped()
	if st.Reason != "system call" {
		t.Errorf("%+v", st)
	}
	functions(t, c, "syscall:uname", `comm == "nobody"`) // kept for later: it must not stop again
	c.Continue()
	if st := c.Stopped(); st.Reason != "breakpoint" {
		t.Errorf("%+v", st)
	}
	functions(t, c, "syscall:uname", "")
	first := c.Output("stdout")

	// An error first: the machine stays where it is.
	edit(t, file, "func (fs *FS) SetUmask(m Mode) Mode {", "func (fs *FS) SetUmask(m Mode) Mode { fault := 1;")
	if why := c.Refused("restart", nil); !strings.Contains(why, "build failed") {
		t.Error(why)
	}
	c.WaitOutput("stderr", "declared and not used: fault")
	c.Threads()
	if c.Pending("terminated") > 0 {
		t.Fatal("a failed build ends the machine")
	}

	edit(t, file, "fault := 1;", `fs.v.hello("new code");`)
	more := filepath.Join(tree, "kernel/vfs/greeting.go")
	if err := os.WriteFile(more, []byte("package vfs\n\nvar greeting string\n\nfunc (v *VFS) hello(s string) { greeting = s }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c.Do("restart", nil, nil)
	c.Event("continued")
	if st := c.Stopped(); st.Reason != "system call" {
		t.Errorf("%+v", st)
	}
	t.Logf("one-line edit to the first stop: %v", time.Since(start).Round(time.Millisecond))
	c.FunctionBreakpoints()
	c.Continue()
	st = c.Stopped()
	c.Do("stepOut", dap.StepOutArguments{ThreadId: st.ThreadId}, nil)
	st = c.Stopped()
	if v := c.Evaluate(c.Stack(st.ThreadId)[0].Id, "vfs.greeting"); v.Result != `"new code"` {
		t.Errorf("%+v", v)
	}
	c.Continue()
	if status := c.Exited(); status != 0 {
		t.Errorf("status %d", status)
	}
	if out := strings.TrimPrefix(c.Output("stdout"), first); !strings.HasSuffix(out, "end\n") {
		t.Errorf("output of the second: %q", out)
	}

	// And again, with nothing to build.
	c2, _ := stdio(t)
	start = time.Now()
	launch(t, c2, "true", map[string]any{"program": tree, "initrd": builtInitrd(t)})
	functions(t, c2, "sysOpenat", "")
	c2.ConfigurationDone()
	c2.Stopped()
	t.Logf("launch to first stop: %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	c2.Do("restart", nil, nil)
	c2.Stopped()
	t.Logf("restart to first stop: %v", time.Since(start).Round(time.Millisecond))
}

// TestBuildFails: launch shows what the compiler says.
func TestBuildFails(t *testing.T) {
	tree := copyTree(t)
	edit(t, filepath.Join(tree, "kernel/boot.go"), "package kernel", "package kernel\n\nvar x int = \"text\"")
	c, _ := stdio(t)
	why := c.Refused("launch", map[string]any{"program": tree, "initrd": builtInitrd(t)})
	if !strings.Contains(why, "build failed") {
		t.Error(why)
	}
	c.WaitOutput("stderr", "kernel/boot.go:5:1: syntax error")
	c.Refused("launch", map[string]any{"program": "/nothing"})
	c.Refused("launch", map[string]any{"program": t.TempDir()})
	c.Refused("launch", map[string]any{"memory": "lots"})
	c.Refused("launch", map[string]any{"root": "/nothing"})
}
