package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// abuses are what hostile programs try, one after the other in one machine, and how it ends for them.
var abuses = []struct{ mode, end string }{
	{"deaf", `killed by (9|15)`}, // the second if the signal that it is deaf to was sent first
	{"hog", `killed by 9`},
	{"iovecs", `exit 0`},
	{"links", `exit 0`},
	{"mounts", `exit 0`},
	{"mmaps", `exit 0`},
	{"shuffle", `(exit 0|killed by 7)`}, // SIGBUS: its file does not fit into the file system
	{"tmpfs", `exit 28`},
	{"selfmod", `exit 0`},
	{"kmsg", `exit 0`},
	{"vmhuge", `exit 0`},
	{"stack", `killed by 11`},
	{"signals", `killed by \d+`},
	{"fds", `exit (24|23|12)`},
	{"threads", `exit 11`},
	{"forkbomb", `exit 1[12]`},
	{"wildbomb", ""}, // memory may run out, and anybody in it be the victim
}

// One machine with little memory bears it all, others in it go on, and in the end nothing has leaked.
func TestAbuse(t *testing.T) {
	root := hostile(t)
	for _, smp := range []string{"1", "4"} {
		t.Run("smp"+smp, func(t *testing.T) {
			t.Parallel()
			m := start(t, "-smp", smp, "-m", "64M", "-root", root, "--", "sh", "-c", `
				while read mode; do /bin/hostile $mode; grep MemFree /proc/meminfo; ls -d /proc/[0-9]* | wc -l; done`)
			var free, tasks [2]int
			var fds [2]int
			measure := func(i int) {
				fmt.Fprintln(m.in, "selfmod")
				m.out.expect(t, "^selfmod: exit 0$")
				free[i], _ = strconv.Atoi(m.out.expect(t, `^MemFree: +(\d+) kB$`)[1])
				tasks[i], _ = strconv.Atoi(m.out.expect(t, `^(\d+)$`)[1])
				d, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.kernel))
				fds[i] = len(d)
			}
			measure(0)
			for _, a := range abuses {
				fmt.Fprintln(m.in, a.mode)
				if a.end != "" {
					m.out.expect(t, "^"+a.mode+": "+a.end+"$")
				}
				m.out.expect(t, `^MemFree`)
				m.out.expect(t, `^\d+$`)
			}
			measure(1)
			for range 100 { // the last of a bomb's processes may be on their way out
				if tasks[1] <= tasks[0]+2 {
					break
				}
				measure(1)
			}
			// Warm cells and caches may keep something, but not what a bomb took.
			if free[1] < free[0]-8<<10 {
				t.Errorf("%d KiB were free, now %d", free[0], free[1])
			}
			if tasks[1] > tasks[0]+2 {
				t.Errorf("%d processes, there were %d", tasks[1], tasks[0])
			}
			if fds[1] > fds[0]+40 {
				t.Errorf("the kernel process has %d descriptors, it had %d", fds[1], fds[0])
			}
			m.noZombies()
			m.in.Close()
			if s := m.wait(); s != 0 {
				t.Errorf("status %d", s)
			}
			m.nothingLeft()
		})
	}
}

// Programs flood all outputs and nobody reads them: the machine goes on, needs no memory for it, and can be ended.
func TestFloodWithoutReader(t *testing.T) {
	root := hostile(t)
	var unread [2]*os.File
	var readers [2]*os.File
	for i := range unread {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		defer w.Close()
		unread[i], readers[i] = w, r
	}
	dir := t.TempDir()
	cmd := command(dir, "-name", "flood", "-smp", "2", "-m", "64M", "-root", root, "--", "sh", "-c",
		`/bin/hostile flood & /bin/hostile flood >/dev/console & (while :; do dmesg >/dev/console; done) & /bin/hostile flood >&2`)
	cmd.Stdout, cmd.Stderr = unread[0], unread[1]
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	defer func() { cmd.Process.Kill(); <-done }()
	kernel := kernelOf(t, cmd.Process.Pid, done)
	client := func(args ...string) (string, error) {
		c := exec.Command(filepath.Join(parts, "vitrine"), args...)
		c.Env = cmd.Env
		out, err := c.CombinedOutput()
		return string(out), err
	}
	var out string
	var err error
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("its last answer: %v: %s", err, out)
			said := make([]byte, 64<<10)
			readers[1].SetReadDeadline(time.Now().Add(time.Second))
			n, _ := readers[1].Read(said)
			t.Logf("it ended with %v; its errors: %s", cmd.ProcessState, tail(string(said[:n])))
		}
	})
	poll(t, "the machine answers", func() bool {
		out, err = client("exec", "flood", "--", "echo", "alive")
		return err == nil && out == "alive\n"
	})
	for range 20 {
		if out, err = client("exec", "flood", "--", "sh", "-c", "echo x >/dev/null; echo alive"); err != nil || out != "alive\n" {
			t.Fatal("the machine does not answer any more")
		}
	}
	for _, pid := range []int{cmd.Process.Pid, kernel} {
		if kib := privateKiB(pid); kib > 200<<10 {
			t.Errorf("process %d has %d MiB of its own", pid, kib>>10)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	poll(t, "the supervisor ends", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	sessionGone(t, kernel)
	leftFiles(t, dir)
}

// privateKiB is the anonymous memory of a process.
func privateKiB(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}
