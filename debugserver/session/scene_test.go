package session

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// scene tells where everything stands, for a test that waits for what does not come: the session's state, views of
// the stopped kernel, the stack of each thread and of each cell's host threads.
func scene(t testing.TB, c *Client) {
	t.Helper()
	state, stop := c.State()
	t.Logf("state %v, stop %+v", state, stop)
	for _, b := range c.Breakpoints() {
		t.Logf("breakpoint %+v", b)
	}
	for _, l := range hostThreads(os.Getpid()) {
		t.Log(l)
	}
	if err := c.Pause(); err != nil {
		t.Logf("pause: %v", err)
	}
	for range 200 {
		if state, _ = c.State(); state == Stopped {
			break
		}
		ev := <-c.Events
		t.Logf("event %+v", ev)
	}
	for _, name := range []string{"cpus", "runqueue", "threads", "waitqueues", "ports", "virtqueues", "timers"} {
		tb, err := c.View(name)
		var w strings.Builder
		tb.Write(&w)
		t.Logf("%s %v\n%s", name, err, w.String())
	}
	for _, expr := range []string{"The.Sched.CPUs", "The.Sched.mu", "The.Sched.unplaced", "The.Sched.ticking"} {
		v, err := c.EvalLong(0, 0, "kernel."+expr)
		t.Logf("%s = %s, %v", expr, v.Value, err)
	}
	threads, err := c.Threads()
	t.Logf("%d threads, %v", len(threads), err)
	for _, th := range threads {
		fs, _, err := c.Stack(th.ID, 0, 40)
		t.Logf("thread %+v, %v", th, err)
		for _, f := range fs {
			t.Logf("\t%s %s:%d %#x", f.Func, f.File, f.Line, f.PC)
		}
	}
}

// hostThreads lists the processes below this one and where each of their threads waits in the host.
func hostThreads(pid int) (lines []string) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		dir := fmt.Sprintf("/proc/%d/task/%s/", pid, task.Name())
		read := func(name string) string {
			b, _ := os.ReadFile(dir + name)
			return strings.TrimSpace(string(b))
		}
		st := read("stat")
		if i := strings.LastIndexByte(st, ')'); i > 0 && i+3 < len(st) {
			st = st[:i+3]
		}
		lines = append(lines, fmt.Sprintf("host %d %s %s: %s", pid, st, read("wchan"), read("syscall")))
		for _, f := range strings.Fields(read("children")) {
			child := 0
			fmt.Sscan(f, &child)
			lines = append(lines, hostThreads(child)...)
		}
	}
	return lines
}
