package views

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vitrine/kernel/kview"
)

// moving are columns of views that change from one moment to the next though nothing happens but being looked at: the
// live evaluator runs on a kernel thread.
var moving = map[string][]string{
	"cpus":       {"TID", "CURRENT", "SWITCHES", "IRQS"},
	"irqs":       {"COUNT"},
	"devices":    {"IRQS"},
	"virtqueues": {"ADDED", "USED", "KICKS", "NOKICKS"},
	"waitqueues": {"SINCE"},
	"threads":    {"S", "CPU", "WCHAN"},
	"timers":     {"DEADLINE", "SEQ"},
	"ps":         {"S", "CPU", "WCHAN", "NR"}, // the Go programs of the userland wake now and then
	"runqueue":   {"TID", "VRUNTIME", "NI", "NAME"},
	"futexes":    {"OFFSET", "MASK"},
	"ports":      {"IN", "OUT"},
}

// TestStoppedRowsAreLiveRows boots a kernel and compares every view as the kernel evaluates it with what this
// package reads from its memory, while the guest sleeps.
func TestStoppedRowsAreLiveRows(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a kernel")
	}
	m := bootMachine(t)
	ev := m.evaluator(t)
	all, err := ev.Views()
	if err != nil || len(all) < 20 {
		t.Fatalf("%d views, %v", len(all), err)
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			m.sameRows(t, ev, v)
		})
	}
	start := time.Now()
	ps, err := ev.Table("ps")
	t.Logf("ps: %d rows in %v, %v", len(ps.Rows), time.Since(start), err)
}

// sameRows compares a view. What moves just then is compared again.
func (m *machine) sameRows(t *testing.T, ev *Evaluator, v kview.View) {
	const tries = 20
	for i := 1; ; i++ {
		live := m.vitrine(t, "view", m.name, v.Name)
		tb, err := ev.Table(v.Name)
		var b strings.Builder
		tb.Write(&b)
		again := m.vitrine(t, "view", m.name, v.Name)
		want, got := still(v.Name, live), still(v.Name, b.String())
		if err == nil && got == want {
			return
		}
		if i == tries || want == still(v.Name, again) && i > 3 {
			t.Fatalf("%v\nstopped:\n%s\nlive:\n%s", err, got, want)
		}
	}
}

// still returns a table's text without what moves. Columns are found by the heads' places.
func still(view, text string) string {
	cut := moving[view]
	if cut == nil {
		return text
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	heads := strings.Fields(lines[0])
	var out []string
	if view == "runqueue" || view == "timers" || view == "cpus" {
		lines = lines[:1] // how many there are, moves too
	}
	for _, l := range lines {
		f := strings.Fields(l)
		if view == "waitqueues" && f[len(f)-1] == "kctl" {
			continue // it evaluates the live view, so it does not sleep then
		}
		var keep []string
		for i, h := range heads {
			if !slices.Contains(cut, h) && i < len(f) {
				keep = append(keep, f[i])
			}
		}
		out = append(out, strings.Join(keep, " "))
	}
	return strings.Join(out, "\n")
}

// machine is a running machine of the test's.
type machine struct {
	dir, name string
	pid       int // of the kernel process
}

func bootMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{dir: t.TempDir(), name: "views"}
	os.Chmod(m.dir, 0o700)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(m.dir, "bin")+"/", "../../cmd/vitrine").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// The guest tells by a line that it has come to rest: three processes in a pipe, one asleep.
	cmd := m.command("run", "-name", m.name, "-smp", "2", "-m", "128M", "--", "sh", "-c", "sleep 1000 & echo ready; cat | cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		stdin.Close()
		cmd.Wait()
	})
	line := make([]byte, 6)
	if _, err := stdout.Read(line); err != nil {
		t.Fatalf("the machine says nothing: %v\n%s", err, &stderr)
	}
	// What goes in comes out at the end of the pipe: all of it waits for input then.
	stdin.Write([]byte("through\n"))
	if _, err := stdout.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(strings.Split(m.vitrine(t, "ps"), "\n")[1])
	fmt.Sscan(fields[1], &m.pid)
	return m
}

func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(m.dir, "bin", "vitrine"), args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+m.dir)
	return cmd
}

func (m *machine) vitrine(t *testing.T, args ...string) string {
	t.Helper()
	cmd := m.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("vitrine %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

func (m *machine) evaluator(t *testing.T) *Evaluator {
	t.Helper()
	exe, err := os.Open(fmt.Sprintf("/proc/%d/exe", m.pid))
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	start := time.Now()
	a, err := Find(exe)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("symbols: %v", time.Since(start))
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", m.pid))
	if err != nil {
		t.Skipf("this host does not let a parent read its child's memory: %v", err)
	}
	t.Cleanup(func() { mem.Close() })
	return New(func(b []byte, addr uint64) (int, error) { return mem.ReadAt(b, int64(addr)) }, a)
}
