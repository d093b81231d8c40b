package debug

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestBreakBeforeBoot: in a machine that is held before the kernel's first step a breakpoint on a system call waits for the kernel.
func TestBreakBeforeBoot(t *testing.T) {
	cmd := exec.Command(vitrine, "run", "-S", "-name", "held", "-m", "128M", "--", "cat", "/etc/hostname")
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
	g := &guest{t: t, name: "held"}
	said, status := g.debug(`break syscall openat if path == "/etc/hostname"`, "break sysWrite task cat", "continue", "print t.comm", "bt", "delete 1", "continue",
		"delete", "continue &")
	if status != 0 {
		t.Errorf("status %d:\n%s", status, said)
	}
	expectAll(t, said, "pending: the kernel has not booted yet", "Breakpoint 2", "Breakpoint 1, system call: openat(", `"/etc/hostname"`, "sysOpenat(",
		`t.comm = "cat"`, "applets.cat at ", "Breakpoint 2", "sysWrite(")
	if err := cmd.Wait(); err != nil || out.String() != "vitrine\n" {
		t.Errorf("%v, output %q", err, out.String())
	}
}
