package debug

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vitrine/test/internal/expect"
)

// guest is a machine that `vitrine run` runs, with a script whose input and output are the test's.
type guest struct {
	t    *testing.T
	name string
	in   io.WriteCloser
	out  *bufio.Reader
}

// boot starts a machine. The script's first line of output says that it is ready.
func boot(t *testing.T, cpus int, script string) *guest {
	t.Helper()
	g := &guest{t: t, name: strings.ToLower(regexp.MustCompile(`\W`).ReplaceAllString(t.Name(), "-"))}
	cmd := exec.Command(vitrine, "run", "-name", g.name, "-smp", fmt.Sprint(cpus), "-m", "128M", "--", "sh", "-c", script)
	var err error
	if g.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.out = bufio.NewReader(out)
	var stderr lockedBuffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		g.in.Close()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s", &stderr)
		}
	})
	g.line("ready")
	return g
}

// line reads the guest's next line.
func (g *guest) line(want string) {
	g.t.Helper()
	l, err := g.out.ReadString('\n')
	if err != nil || strings.TrimSpace(l) != want {
		g.t.Fatalf("the guest says %q, %v; want %q", l, err, want)
	}
}

func (g *guest) say(text string) { io.WriteString(g.in, text+"\n") }

// asleep waits until all threads of a program sleep, and do so at the next look, too.
func (g *guest) asleep(program string) {
	g.t.Helper()
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		view, _ := g.vitrine("view", g.name, "threads")
		now := ""
		for _, l := range strings.Split(view, "\n") {
			if f := strings.Fields(l); len(f) > 2 && f[len(f)-1] == program {
				now += f[0] + f[1] + " "
			}
		}
		if now != "" && now == last && !strings.Contains(now, "R ") {
			return
		}
		last = now
	}
	g.t.Fatalf("%s does not come to rest: %s", program, last)
}

// debug runs `vitrine debug -batch` with commands.
func (g *guest) debug(commands ...string) (out string, status int) {
	g.t.Helper()
	args := []string{"debug", g.name, "-batch"}
	for _, c := range commands {
		args = append(args, "-ex", c)
	}
	return g.vitrine(args...)
}

func (g *guest) vitrine(args ...string) (out string, status int) {
	g.t.Helper()
	cmd := exec.Command(vitrine, args...)
	b, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		g.t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// expectAll looks for texts in their order.
func expectAll(t *testing.T, out string, wants ...string) {
	t.Helper()
	rest := out
	for _, w := range wants {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Fatalf("%q is missing in\n%s", w, out)
		}
		rest = after
	}
}

// TestConsoleChangesAField stops a command of the guest's shell, looks, changes a field, and the command goes on with it.
func TestConsoleChangesAField(t *testing.T) {
	for _, cpus := range []int{1, 4} {
		t.Run(fmt.Sprint("smp", cpus), func(t *testing.T) {
			g := boot(t, cpus, "umask 022; echo ready; while read x; do umask; cat /etc/hostname; done")
			g.say("go")
			g.line("0022")
			g.line("vitrine")
			done := make(chan struct{})
			var out string
			var status int
			go func() {
				defer close(done)
				out, status = g.debug("break sysUmask task sh", "echo set", "continue", "bt", "print t.comm", "set t.FS.umask.v = 63",
					"info locals", "delete", "tbreak sysOpenat if t.comm == \"cat\"", "continue", "print t.FDs.files[1]",
					"finish", "view ps", "trace on", "tasks", "info state")
			}()
			// The breakpoint may be set before or after the shell has read this: it reads more until it stops.
			for stop := false; !stop; {
				select {
				case <-done:
					stop = true
				case <-time.After(20 * time.Millisecond):
					g.say("go")
				}
			}
			if status != 0 {
				t.Fatalf("status %d:\n%s", status, out)
			}
			expectAll(t, out, "Breakpoint 1: syscall.sysUmask at kernel/syscall/", "set\n", "Breakpoint 1\n", "sh: #0  syscall.sysUmask(t = *task.Task",
				">#0  syscall.sysUmask", "syscall.Dispatch", "trap.Run", `t.comm = "sh"`, "t.FS.umask.v = 63",
				"Temporary breakpoint 2: syscall.sysOpenat", "Breakpoint 2\n", "cat: #0  syscall.sysOpenat(", "openat(", " = ", "COMM\n", " cat\n", "stopped (step: openat(")
			g.say("go")
			for seen := ""; seen != "0077\n"; {
				var err error
				if seen, err = g.out.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestConsoleScripts(t *testing.T) {
	g := boot(t, 1, "echo ready; while sleep 0.05; do cat /etc/hostname >/dev/null; done")
	script := filepath.Join(t.TempDir(), "script")
	write := func(text string) {
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# what opens\nbreak syscall openat return if errno == ENOENT\n\ncontinue\ninfo args\n")
	out, status := g.vitrine("debug", g.name, "-x", script, "-ex", "delete", "-ex", "log sysOpenat {t.comm}", "-ex", "continue &", "-ex", "wait 0.5", "-batch")
	if status != 1 { // nothing stops it
		t.Errorf("status %d", status)
	}
	expectAll(t, out, "Breakpoint 1: syscall openat return if errno == ENOENT", "ENOENT (no such file or directory)", "s = ", "Logpoint 2", "[2] cat\n", "wait 0.5: no stop within")

	write("echo one\nnosuch\necho two\n")
	out, status = g.vitrine("debug", g.name, "-batch", "-x", script)
	if status != 1 || !strings.Contains(out, "one\n") || strings.Contains(out, "two") || !strings.Contains(out, script+`:2: there is no command "nosuch"`) {
		t.Errorf("status %d:\n%s", status, out)
	}

	cmd := exec.Command(vitrine, "debug", "-running", g.name)
	cmd.Stdin = strings.NewReader("info state\nnosuch\necho more\nquit\necho never\n")
	b, _ := cmd.CombinedOutput()
	if got := string(b); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(got, "the machine is running") || !strings.Contains(got, "more\n") || strings.Contains(got, "never") {
		t.Errorf("status %d:\n%s", cmd.ProcessState.ExitCode(), got)
	}
	if out, status := g.vitrine("debug", "nosuch"); status != 1 || !strings.Contains(out, "no machine called nosuch") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// TestConsoleOnATerminal types as a person does.
func TestConsoleOnATerminal(t *testing.T) {
	g := boot(t, 1, "echo ready; while sleep 0.05; do cat /etc/hostname >/dev/null; done")
	state := t.TempDir()
	open := func() *expect.Session {
		cmd := exec.Command(vitrine, "debug", g.name)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state, "TERM=xterm")
		s, err := expect.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	see := func(pattern string) {
		t.Helper()
		if _, err := s.Expect(pattern, 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	see(`Stopped(: no task runs)?\r\n`)
	see(`\(vitrine\) `)
	s.Type("bre\t")
	see(`break`)
	s.Type("\t\t") // two commands begin so
	see(`breakpoints\r\n`)
	s.Type(" sysOpenat task c\x03") // ^C empties the line
	s.Type("break sysOpenat\t\t")
	see(`sysOpenat2\r\n`)
	s.Type(" task cat\r")
	see(`Breakpoint 1: .*\r\n`)
	s.Type("c\r")
	see(`Breakpoint 1\r\n`)
	see(`\(vitrine\) `)
	s.Type("delete\r")
	see(`\(vitrine\) `)
	s.Type("continue\r")
	see(`continue`)
	g.running()
	s.Type("\x03") // a signal: a command runs
	see(`Stopped(: no task runs)?\r\n`)
	see(`\(vitrine\) `)
	s.Type("c &\r")
	see(`\(running\) `)
	s.Type("\x03") // a key: the prompt is there
	see(`Stopped(: no task runs)?\r\n`)
	see(`\(vitrine\) `)
	s.Type("\x04")
	if status, err := s.Wait(20 * time.Second); err != nil || status != 0 {
		t.Fatalf("^D: status %d, %v", status, err)
	}
	s = open()
	see(`\(vitrine\) `)
	s.Type("\x1b[A\x1b[A\r") // up to what was typed before
	see(`continue`)
	g.running()
	s.Type("\x03")
	see(`\(vitrine\) `)
	s.Type("quit\r")
	if status, err := s.Wait(20 * time.Second); err != nil || status != 0 {
		t.Fatalf("quit: status %d, %v", status, err)
	}
	g.running()
}

// running waits until the machine's state is that.
func (g *guest) running() {
	g.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, _ := g.vitrine("ps")
		if i := strings.Index(out, g.name); i >= 0 {
			if f := strings.Fields(out[i:]); f[2] == "running" {
				return
			}
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("the machine does not run:\n%s", out)
		}
	}
}

// TestTwoConsoles: what one does is told to the other; breakpoints stay their owner's; one that leaves does not resume.
func TestTwoConsoles(t *testing.T) {
	g := boot(t, 1, "echo ready; while sleep 0.05; do cat /etc/hostname >/dev/null; done")
	type console struct {
		in  io.WriteCloser
		out *bufio.Reader
		cmd *exec.Cmd
	}
	start := func() *console {
		c := &console{cmd: exec.Command(vitrine, "debug", g.name)}
		c.in, _ = c.cmd.StdinPipe()
		out, _ := c.cmd.StdoutPipe()
		c.out = bufio.NewReader(out)
		c.cmd.Stderr = c.cmd.Stdout
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.in.Close(); c.cmd.Wait() })
		return c
	}
	see := func(c *console, text string) {
		t.Helper()
		var seen strings.Builder
		for {
			l, err := c.out.ReadString('\n')
			if strings.Contains(l, text) {
				return
			}
			if err != nil {
				t.Fatalf("no %q before %v, but\n%s", text, err, seen.String())
			}
			seen.WriteString(l)
		}
	}
	a := start()
	see(a, "Stopped")
	b := start()
	see(b, "Stopped")
	io.WriteString(a.in, "break sysOpenat task cat\n")
	see(a, "Breakpoint 1")
	io.WriteString(b.in, "delete 1\n")
	see(b, "breakpoint 1 is console's")
	io.WriteString(b.in, "continue\n")
	see(a, "[console 2 lets the machine run]")
	see(a, "Breakpoint 1")
	see(b, "Breakpoint 1")
	io.WriteString(b.in, "quit\n")
	b.cmd.Wait()
	io.WriteString(a.in, "info state\nnext\ninfo state\nquit\n")
	see(a, "stopped (breakpoint)")
	see(a, "stopped (step")
	a.cmd.Wait()
	g.running()
}

// TestViewsOfAStoppedMachine: `vitrine view` shows the same of a machine whether it runs or a debugger has stopped it, and of its
// dump.
func TestViewsOfAStoppedMachine(t *testing.T) {
	g := boot(t, 1, "sleep 1000 & echo ready; cat")
	g.say("through")
	g.line("through")
	g.asleep("sleep") // the rest is silence
	names := []string{"mounts", "chardevs", "ttys", "files", "users", "syscalls", "bootparams", "devices"}
	before := map[string]string{}
	for _, n := range names {
		before[n], _ = g.vitrine("view", g.name, n)
	}
	cmd := exec.Command(vitrine, "debug", g.name)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	bufio.NewReader(out).ReadString('\n') // it is stopped
	if ps, _ := g.vitrine("ps"); !strings.Contains(ps, "stopped") {
		t.Errorf("vitrine ps:\n%s", ps)
	}
	core := filepath.Join(t.TempDir(), "core")
	if out, status := g.vitrine("core", g.name, core); status != 0 {
		t.Fatalf("core: %s", out)
	}
	irqs := regexp.MustCompile(` +\d+$`) // the last column of devices counts
	for _, n := range names {
		clean := func(s string) string {
			lines := strings.Split(s, "\n")
			for i := range lines {
				if n == "devices" {
					lines[i] = irqs.ReplaceAllString(lines[i], "")
				}
			}
			return strings.Join(lines, "\n")
		}
		stopped, _ := g.vitrine("view", g.name, n)
		dumped, _ := g.vitrine("view", "-core", core, n)
		if clean(stopped) != clean(before[n]) || clean(dumped) != clean(before[n]) {
			t.Errorf("%s, running:\n%s\nstopped:\n%s\ndumped:\n%s", n, before[n], stopped, dumped)
		}
	}
	list, _ := g.vitrine("view", g.name)
	if !slices.Contains(strings.Fields(list), "ps") {
		t.Errorf("list of views:\n%s", list)
	}
	if out, status := g.vitrine("view", g.name, "nosuch"); status != 1 || !strings.Contains(out, `there is no view "nosuch"`) {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status := g.vitrine("view", "-core", vitrine, "ps"); status != 1 || !strings.Contains(out, "core file") {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestKillFromTheConsole switches a stopped machine off.
func TestKillFromTheConsole(t *testing.T) {
	g := boot(t, 1, "echo ready; sleep 1000")
	out, status := g.debug("kill")
	if status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if ps, _ := g.vitrine("ps"); !strings.Contains(ps, g.name) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the machine is still there")
		}
	}
}

// TestManyConsoles: a dozen at once, each with its own name.
func TestManyConsoles(t *testing.T) {
	g := boot(t, 1, "echo ready; sleep 1000")
	for i := range 12 {
		cmd := exec.Command(vitrine, "debug", "-running", g.name)
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); cmd.Wait() })
		io.WriteString(in, "break on panic\n")
		want := fmt.Sprintf("Breakpoint %d: ", i+1)
		if l, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(l, want) {
			t.Fatalf("%q, %v; want %s", l, err, want)
		}
	}
	out, _ := g.debug("breakpoints")
	expectAll(t, out, " console  ", " console 2 ", " console 10 ", " console 12 ")
}

// TestGarbageToTheConsole sends what no client of ours sends, and leaves in the middle: the machine runs on.
func TestGarbageToTheConsole(t *testing.T) {
	g := boot(t, 1, "echo ready; while read x; do echo $x; done")
	frame := func(body string) string {
		return string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
	}
	hello := frame(`{"Op":"debug","Running":true}`)
	for _, garbage := range []string{
		"", "\x00", "\xff\xff\xff\xff", "\xff\xff\xff\x7fabc", frame(""), frame("{"), frame("null"), frame("[]"), frame(`"x"`),
		frame(`{"Line":5}`), frame(`{"Line":"\u0000\u001b[2J"}`), frame(`{"Complete":"\ud800"}`), frame(`{"Line":"continue"}`),
		frame(`{"Line":"pause"}`), frame(`{"Line":"break sysRead"}`) + frame(`{"Line":"next"}`) + frame(`{"Line":"next"}`) + frame(`{"Interrupt":true}`),
		frame(`{"Line":"` + strings.Repeat("x", 1<<20) + `"}`), frame(`{"Line":"x/65536xb 0"}`), frame(`{"Line":"watch *0 size 99999999999"}`),
		frame(`{"Line":"p ((((((((((((((((((((((((((((((((((((((((((((1"}`), frame(`{"Line":"wait 1000"}`), frame(`{"Interrupt":true}`),
		frame(`{"Line":"source /dev/zero"}`), frame(`{"Line":"source /proc/self/mem"}`), frame(`{"Line":"list /dev/zero:1"}`),
	} {
		conn, err := net.Dial("unix", filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "vitrine", g.name+".sock"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, hello+garbage)
		conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // some answers may come, or none
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	g.running()
	g.say("alive")
	g.line("alive")
}
