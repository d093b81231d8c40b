package host

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/test/internal/expect"
)

// busy is a machine with programs in all states: one that spins, one that sleeps, one that waits for input, and a process that forks all the time.
func busy(t *testing.T, args ...string) *vm {
	args = append(args, "--", "sh", "-c", `
		(while :; do :; done) &
		sleep 1000 &
		(while :; do /bin/true; done) &
		echo started
		cat
		echo end of input
		kill -9 -1`)
	m := start(t, args...)
	m.out.expect(t, "started")
	return m
}

func TestSupervisorKilled(t *testing.T) {
	t.Run("running", func(t *testing.T) { supervisorKilled(t, busy(t)) })
	t.Run("stopped", func(t *testing.T) {
		m := busy(t)
		m.stopped()
		supervisorKilled(t, m)
	})
}

// stopped has a debugger stop the machine. It holds it until the machine's end.
func (m *vm) stopped() {
	m.t.Helper()
	cmd := exec.Command(filepath.Join(parts, "vitrine"), "debug", "vitrine")
	cmd.Env = m.cmd.Env
	commands, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { commands.Close(); cmd.Process.Kill(); cmd.Wait() })
	for b := bufio.NewScanner(out); b.Scan(); {
		if strings.HasPrefix(b.Text(), "Stopped") {
			return
		}
	}
	m.t.Fatal("the debugger does not stop the machine")
}

func supervisorKilled(t *testing.T, m *vm) {
	fds := []int{pidfd(t, m.kernel)}
	for _, pid := range m.cells() {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			fds = append(fds, fd)
		}
	}
	m.cmd.Process.Kill()
	if s := m.wait(); s != 128+9 {
		t.Errorf("status %d", s)
	}
	for _, fd := range fds {
		waitPidfd(t, fd)
	}
	m.noProcesses()
	// Its socket is left: there was nobody to remove it. The name can be used again.
	cmd := command(m.dir, "-name", "vitrine", "--", "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the name of a killed machine can't be used again: %v\n%s", err, out)
	}
	leftFiles(t, m.dir)
}

func pidfd(t *testing.T, pid int) int {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// waitPidfd waits for a process's end.
func waitPidfd(t *testing.T, fd int) {
	t.Helper()
	defer unix.Close(fd)
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(limit); ; {
		n, err := unix.Poll(p, int(time.Until(deadline).Milliseconds()))
		if n == 1 {
			return
		}
		if err != unix.EINTR {
			t.Fatal("a process of the machine lives on")
		}
	}
}

func TestKernelKilled(t *testing.T) {
	for _, smp := range []string{"1", "4"} {
		t.Run("smp"+smp, func(t *testing.T) {
			m := busy(t, "-smp", smp)
			syscall.Kill(m.kernel, syscall.SIGKILL)
			if s := m.wait(); s != 125 {
				t.Errorf("status %d, want 125", s)
			}
			for _, want := range []string{"the kernel died: killed by SIGKILL", "last lines of dmesg", "initramfs"} {
				if !strings.Contains(m.err.String(), want) {
					t.Errorf("the supervisor does not say %q:\n%s", want, m.err)
				}
			}
			m.nothingLeft()
		})
	}
}

// A kernel whose Go runtime gives up says so.
func TestKernelAborts(t *testing.T) {
	m := busy(t)
	syscall.Kill(m.kernel, syscall.SIGQUIT)
	if s := m.wait(); s != 125 {
		t.Errorf("status %d, want 125", s)
	}
	for _, want := range []string{"the kernel died: exit status 2", "SIGQUIT", "goroutine", "kernel/trap.Run"} {
		if !strings.Contains(m.err.String(), want) {
			t.Errorf("the supervisor does not say %q:\n%s", want, tail(m.err.String()))
		}
	}
	m.nothingLeft()
}

func TestSupervisorSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			m := busy(t)
			m.cmd.Process.Signal(sig)
			if s := m.wait(); s != 128+int(sig) {
				t.Errorf("status %d, want %d", s, 128+int(sig))
			}
			m.nothingLeft()
		})
	}
}

// The host kills a cell: its process has died of SIGKILL, and nothing else happens.
func TestCellKilled(t *testing.T) {
	for _, smp := range []string{"1", "4"} {
		t.Run("smp"+smp, func(t *testing.T) {
			m := start(t, "-smp", smp, "--", "sh", "-c", `
				sleep 1000 &
				s=$!
				echo marker
				read x
				(while :; do :; done) &
				p=$!
				echo spinning
				wait $p
				echo died of $?
				kill $s; wait $s; echo sleeper $?
				ls /proc | grep -c '^[0-9]'
				exec cat`)
			m.out.expect(t, "^marker$")
			// The spinner's cell is the one that uses the processor.
			base := map[int]int{}
			for _, pid := range m.cells() {
				p, _ := processOf(pid)
				base[pid] = p.ticks
			}
			fmt.Fprintln(m.in, "go")
			m.out.expect(t, "^spinning$")
			spinner := 0
			poll(t, "a cell that spins", func() bool {
				for _, pid := range m.cells() {
					if p, ok := processOf(pid); ok && p.ticks-base[pid] > 30 {
						spinner = pid
					}
				}
				return spinner != 0
			})
			syscall.Kill(spinner, syscall.SIGKILL)
			m.out.expect(t, "^died of 137$")
			m.out.expect(t, "^sleeper 143$")
			m.noZombies()
			fmt.Fprintln(m.in, "still here")
			m.out.expect(t, "^still here$")
			m.in.Close()
			if s := m.wait(); s != 0 {
				t.Errorf("status %d", s)
			}
			m.nothingLeft()
		})
	}
}

// All cells die at once, the template and the warm ones included; the kernel makes new ones. Init's is the one that may not die.
func TestSpareCellsKilled(t *testing.T) {
	m := start(t, "--", "sh", "-c", `echo ready; while read x; do /bin/echo "got $x"; done`)
	m.out.expect(t, "^ready$")
	for round := range 5 {
		// What has never run, or sleeps without a program, has used no user time: kill all cells that wait in the pool.
		var spare []int
		poll(t, "warm cells", func() bool { spare = m.spareCells(); return len(spare) > 0 })
		for _, pid := range spare {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		fmt.Fprintln(m.in, round)
		m.out.expect(t, fmt.Sprintf("^got %d$", round))
	}
	m.noZombies()
	m.in.Close()
	if s := m.wait(); s != 0 {
		t.Errorf("status %d", s)
	}
	m.nothingLeft()
}

// spareCells returns cells without a program: they have no mapping of RAM below the cell's own.
func (m *vm) spareCells() (pids []int) {
	for _, pid := range m.cells() {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if err == nil && len(maps) > 0 && !strings.Contains(string(maps), "vitrine-ram") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// noZombies makes sure that the machine's dead cells get reaped.
func (m *vm) noZombies() {
	m.t.Helper()
	poll(m.t, "zombies are reaped", func() bool {
		for _, p := range processes() {
			if p.session == m.kernel && p.state == 'Z' {
				return false
			}
		}
		return true
	})
}

// Whatever the end, the terminal is as it was before.
func TestTerminalIsRestored(t *testing.T) {
	const prompt = `[#$] $`
	cases := []struct {
		name   string
		append string
		end    func(t *testing.T, s *expect.Session, kernel int)
		status int
	}{
		{"exit", "", func(t *testing.T, s *expect.Session, _ int) { s.Type("exit 3\r") }, 3},
		{"end of file", "", func(t *testing.T, s *expect.Session, _ int) { s.Type("\x04") }, 0},
		{"escape", "", func(t *testing.T, s *expect.Session, _ int) { s.Type("\x01x") }, 0},
		{"SIGTERM", "", func(t *testing.T, s *expect.Session, _ int) { s.Process().Signal(syscall.SIGTERM) }, 143},
		{"SIGHUP", "", func(t *testing.T, s *expect.Session, _ int) { s.Process().Signal(syscall.SIGHUP) }, 129},
		{"SIGINT", "", func(t *testing.T, s *expect.Session, _ int) { s.Process().Signal(syscall.SIGINT) }, 130},
		{"kernel killed", "", func(t *testing.T, s *expect.Session, kernel int) { syscall.Kill(kernel, syscall.SIGKILL) }, 125},
		{"panic", "debug.oops=1", func(t *testing.T, s *expect.Session, _ int) { s.Type("echo lock >/proc/vitrine/oops\r") }, 255},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := expect.Start(command(dir, "-append", c.append))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			// The supervisor changes it only when the machine is complete: this is as it was, or nearly always.
			before, err := expect.NewTermios()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Expect(prompt, limit); err != nil {
				t.Fatal(err)
			}
			kernel := kernelOf(t, s.Process().Pid, nil)
			if now, err := s.Termios(); err != nil || now == before {
				t.Fatalf("the terminal is not raw while the machine runs: %v", err)
			}
			c.end(t, s, kernel)
			status, err := s.Wait(limit)
			if err != nil || status != c.status {
				t.Errorf("status %d, %v; want %d\n%s", status, err, c.status, tail(s.Output()))
			}
			if after, err := s.Termios(); err != nil || after != before {
				t.Errorf("the terminal was %+v, is %+v, %v", before, after, err)
			}
			sessionGone(t, kernel)
			leftFiles(t, dir)
		})
	}
}

func (m *vm) kill9Kernel() { syscall.Kill(m.kernel, syscall.SIGKILL) }
