package debug

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// held starts a machine that is held before the kernel's first step, with a directory as root or "". end waits for its command and returns what
// that said.
func held(t *testing.T, name, root string, command ...string) (g *guest, end func() string) {
	t.Helper()
	args := []string{"run", "-S", "-name", name, "-m", "128M"}
	if root != "" {
		args = append(args, "-root", root)
	}
	cmd := exec.Command(vitrine, append(append(args, "--"), command...)...)
	var out lockedBuffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	words := bufio.NewReader(stderr)
	for said := ""; !strings.Contains(said, "waits for a debugger"); {
		l, err := words.ReadString('\n')
		if said += l; err != nil {
			t.Fatalf("%v after %q", err, said)
		}
	}
	go io.Copy(io.Discard, words)
	return &guest{t: t, name: name}, func() string {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		return out.String()
	}
}

// TestBreakBeforeBoot: a breakpoint on a system call waits for the kernel.
func TestBreakBeforeBoot(t *testing.T) {
	g, end := held(t, "held", "", "cat", "/etc/hostname")
	said, status := g.debug(`break syscall openat if path == "/etc/hostname"`, "break sysWrite task cat", "continue", "print t.comm", "bt", "delete 1", "continue",
		"delete", "continue &")
	if status != 0 {
		t.Errorf("status %d:\n%s", status, said)
	}
	expectAll(t, said, "pending: the kernel has not booted yet", "Breakpoint 2", "Breakpoint 1, system call: openat(", `"/etc/hostname"`, "sysOpenat(",
		`t.comm = "cat"`, "applets.cat at ", "Breakpoint 2", "sysWrite(")
	if out := end(); out != "vitrine\n" {
		t.Errorf("output %q", out)
	}
}

// TestDefaultUserland: its commands are stepped through, though the program in the archive is stripped.
func TestDefaultUserland(t *testing.T) {
	g, end := held(t, "userland", "", "cat", "/etc/hostname")
	said, status := g.debug("break program applets.cat", "continue", "until program box.EachFile", "print name", "bt", "until program cat.go:21", "info args", "next",
		"delete", "continue &")
	if status != 0 {
		t.Errorf("status %d:\n%s", status, said)
	}
	expectAll(t, said, "Breakpoint 1: applets.cat, pending", `applets.cat(args = {"cat", "/etc/hostname"})`, "userland/applets/cat.go:", "box.EachFile(", `name = "cat"`,
		"vitrine/userland/applets.cat at ", "main.main at ", "applets.cat.func1(", `path = "/etc/hostname"`, "cat.go:23")
	if out := end(); out != "vitrine\n" {
		t.Errorf("output %q", out)
	}
}
