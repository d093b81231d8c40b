package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is an interactive shell on a pseudo-terminal and somebody typing to it.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd

	mu     sync.Mutex
	out    bytes.Buffer // all output; guarded by mu
	arrive chan struct{}
	seen   int // how much of out has been expected already
}

// startShell opens a pty and starts "sh" as the leader of a session on it.
func startShell(t *testing.T, argv ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+itoa(fd), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no /dev/pts: ", err)
	}
	unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	exe, _ := os.Executable()
	cmd := &exec.Cmd{
		Path: exe, Args: argv, Stdin: slave, Stdout: slave, Stderr: slave, Dir: t.TempDir(),
		Env:         append(testEnv(), "PS1=$> "),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	tm := &terminal{t: t, master: master, cmd: cmd, arrive: make(chan struct{}, 1)}
	go tm.read()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		master.Close()
	})
	return tm
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func (tm *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := tm.master.Read(buf)
		tm.mu.Lock()
		tm.out.Write(buf[:n])
		tm.mu.Unlock()
		select {
		case tm.arrive <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// typed sends keys.
func (tm *terminal) typed(keys string) {
	tm.t.Helper()
	if _, err := tm.master.WriteString(keys); err != nil {
		tm.t.Fatal(err)
	}
}

// expect waits until the text appears behind what was expected before.
func (tm *terminal) expect(text string) {
	tm.t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		tm.mu.Lock()
		rest := tm.out.String()[tm.seen:]
		if i := strings.Index(rest, text); i >= 0 {
			tm.seen += i + len(text)
			tm.mu.Unlock()
			return
		}
		tm.mu.Unlock()
		select {
		case <-tm.arrive:
		case <-timeout:
			tm.t.Fatalf("waited for %q, got %q", text, rest)
		}
	}
}

// run types a line, skips its echo and expects output and the next prompt.
func (tm *terminal) run(line, want string) {
	tm.t.Helper()
	tm.typed(line + "\r")
	tm.expect("\n")
	tm.expect(want)
	tm.expect("$> ")
}

// foreground waits until the terminal belongs to another group than the shell's.
func (tm *terminal) foreground(other bool) {
	tm.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		pgrp, err := unix.IoctlGetInt(int(tm.master.Fd()), unix.TIOCGPGRP)
		if err == nil && (pgrp != tm.cmd.Process.Pid) == other {
			return
		}
		syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 1000})
	}
	tm.t.Fatal("the terminal has not changed hands")
}

func TestJobControlStopContinueInterrupt(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.typed("sleep 100\r")
	tm.foreground(true)
	tm.typed("\x1a") // ^Z
	tm.expect("[1]+  Stopped                 sleep 100\r\n")
	tm.expect("$> ")
	tm.foreground(false)
	tm.run("jobs", "[1]+  Stopped                 sleep 100")
	tm.run("bg", "[1]+ sleep 100 &")
	tm.run("jobs", "[1]+  Running                 sleep 100")
	tm.typed("fg\r")
	tm.foreground(true)
	tm.typed("\x03") // ^C
	tm.expect("$> ")
	tm.run("echo status $?", "status 130")
	tm.run("jobs; echo none left", "none left")
}

func TestJobControlPipelineIsOneGroup(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.typed("cat | (cat; echo never) | cat\r")
	tm.foreground(true)
	tm.typed("line\r")
	tm.expect("line\r\n") // the terminal's echo
	tm.expect("line\r\n") // it has passed through all three, so they all run
	tm.typed("\x1a")
	tm.expect("Stopped")
	tm.expect("$> ")
	tm.run("kill %1; wait %1; echo gone", "gone")
	tm.run("sleep 100 | cat & kill -9 %%; wait; echo status $?", "status")
}

func TestBackgroundJobIsReportedWhenDone(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.run("mkfifo p; read x < p &", "[1] ")
	tm.run("echo go > p; wait", "")
	tm.run(":", "")
	if !strings.Contains(tm.all(), "[1]+  Done") {
		t.Errorf("no notice of the finished job in %q", tm.all())
	}
}

func (tm *terminal) all() string {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.out.String()
}

func TestInterruptEndsLoopOfBuiltins(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.typed("echo begin; while :; do :; done; echo never\r")
	tm.expect("\nbegin")
	tm.typed("\x03")
	tm.expect("$> ")
	tm.run("echo alive", "alive\r\n")
}

func TestInterruptEndsRead(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.typed("printf 'ask'ing; read x; echo never\r")
	tm.expect("\r\nasking")
	tm.typed("\x03")
	tm.expect("$> ")
	tm.run("echo alive", "alive")
}

func TestBackgroundReaderIsStopped(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.run("cat &", "[1] ")
	tm.run("until jobs | grep 'SIG''TTIN'; do :; done; kill -9 %1; wait; echo over", "over")
}

func TestLineEditing(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.run("echo world\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x0bhello", "hello\r\n") // ^A, five times right, ^K
	tm.run("echo x > longname", "")
	for _, tc := range []struct{ name, keys, want string }{
		{"history up", "\x1b[A\x1b[A", "hello\r\n"},
		{"delete and word kill", "echo abcX\x7f wrong\x17right", "\nabc right\r\n"},
		{"kill and yank", "one\x15echo \x19", "\none\r\n"},
		{"home and end", "cho z\x1b[He\x1b[F!", "\nz!\r\n"},
		{"search", "\x12hel", "hello\r\n"},
		{"complete command", "mkfi\t--help", "usage: mkfifo"},
		{"complete file", "cat lon\t", "\nx\r\n"},
		{"continuation", "echo 'two\rlines'", "two\r\nlines\r\n"},
		{"long line", "echo " + strings.Repeat("0123456789", 12) + " | wc -c", "\n121\r\n"},
	} {
		tm.typed(tc.keys + "\r")
		tm.expect(tc.want)
		tm.expect("$> ")
		t.Log(tc.name, "ok")
	}
}

func TestTerminalIsRestoredAfterKilledProgram(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.run("sh -c 'stty raw -echo; kill -9 $$'; stty -a", " icanon")
}

func TestExitStatusOfInteractiveShell(t *testing.T) {
	tm := startShell(t, "init", "sh")
	tm.expect("$> ")
	tm.run("false", "")
	tm.typed("exit 7\r")
	err := tm.cmd.Wait()
	if code := tm.cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit status %d (%v), want 7", code, err)
	}
}

func TestEndOfFileEndsShell(t *testing.T) {
	tm := startShell(t, "sh")
	tm.expect("$> ")
	tm.typed("\x04")
	tm.cmd.Wait()
	if code := tm.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}
