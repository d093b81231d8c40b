package debug

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestDebugACore looks at a core dump with the debugger's command line.
func TestDebugACore(t *testing.T) {
	g := boot(t, 1, "sleep 1000 & echo ready; cat")
	g.say("through")
	g.line("through")
	core := filepath.Join(t.TempDir(), "core")
	if out, status := g.vitrine("core", g.name, core); status != 0 {
		t.Fatalf("core: %s", out)
	}
	live, status := g.debug("view chardevs")
	if status != 0 {
		t.Fatalf("status %d: %s", status, live)
	}
	debug := func(commands ...string) (string, int) {
		args := []string{"debug", "-core", core, "-batch"}
		for _, c := range commands {
			args = append(args, "-ex", c)
		}
		return g.vitrine(args...)
	}
	out, status := debug("tasks", "bt", "print kernel.The.Tasks.first.Leader.comm", "view chardevs", "x/2gx &kernel.The.started", "info locals")
	if status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	expectAll(t, out, "sleep", "#0", `= "`, "MAJOR", "0x")
	_, want, _ := strings.Cut(live, "MAJOR")
	if _, devices, _ := strings.Cut(out, "MAJOR"); !strings.HasPrefix(devices, strings.TrimRight(want, "\n")) {
		t.Errorf("devices in the core:\n%s\nin the machine:\n%s", devices, want)
	}
	for _, command := range []string{"continue", "next", "break sysOpenat", "call kernel.The.Sched.Stopped()"} {
		if out, status := debug(command); status != 1 || !strings.Contains(out, "core dump") {
			t.Errorf("%s, status %d: %s", command, status, out)
		}
	}
	if out, status := g.vitrine("debug", "-core", vitrine, "-batch"); status != 1 || !strings.Contains(out, "core file") {
		t.Errorf("status %d: %s", status, out)
	}
}
