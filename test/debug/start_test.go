// Package debug tests debugging from outside: `vitrine dap` and its clients, on real kernels.
package debug

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/dap/daptest"
)

// vitrine is the program under test.
var vitrine string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vitrine-debug-")
	if err != nil {
		panic(err)
	}
	vitrine = filepath.Join(dir, "bin", "vitrine")
	cmd := exec.Command("go", "build", "-o", vitrine, "vitrine/cmd/vitrine")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	// Machines of these tests are nobody else's.
	os.Setenv("XDG_RUNTIME_DIR", dir)
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// adapter is a `vitrine dap` process.
type adapter struct {
	io.Reader
	io.WriteCloser
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

// Close ends its input, and it with that.
func (a *adapter) Close() error { return a.WriteCloser.Close() }

// start starts `vitrine dap` on standard input and output.
func start(t testing.TB, args ...string) *adapter {
	t.Helper()
	cmd := exec.Command(vitrine, append([]string{"dap"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &adapter{Reader: out, WriteCloser: in, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		in.Close()
		select {
		case <-a.done:
		case <-time.After(20 * time.Second):
			cmd.Process.Signal(unix.SIGQUIT) // its stacks say where it hangs
			<-a.done
			t.Errorf("vitrine dap does not end with its client")
		}
		if strings.Contains(said.String(), "DATA RACE") || strings.Contains(said.String(), "panic: ") { // built with -race, if at all
			t.Error("vitrine dap has a bug")
		}
		if s := said.String(); s != "" && t.Failed() {
			t.Logf("vitrine dap says:\n%s", s)
		}
	})
	return a
}

// stdio starts an adapter and is its client.
func stdio(t testing.TB) (*daptest.Client, *adapter) {
	t.Helper()
	a := start(t)
	return daptest.New(t, a), a
}

// launch launches a machine that runs a shell script. Keys in more come on top.
func launch(t testing.TB, c *daptest.Client, script string, more map[string]any) {
	t.Helper()
	args := map[string]any{"args": []string{"sh", "-c", script}}
	for k, v := range more {
		args[k] = v
	}
	c.Launch(args)
}

// lockedBuffer collects what a process writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lineOf returns the number of the first line of a file of the tree that contains a text.
func lineOf(t testing.TB, file, text string) (path string, line int) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(data), "\n") {
		if strings.Contains(l, text) {
			return path, i + 1
		}
	}
	t.Fatalf("%s has no %q", file, text)
	return "", 0
}
