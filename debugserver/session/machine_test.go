package session

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vitrine/hostdev"
	"vitrine/hostdev/board"
	"vitrine/hostdev/console"
	"vitrine/hostdev/rng"
)

// parts are what every machine of these tests is made of.
var parts = struct {
	once           sync.Once
	err, noC       error
	kernel, initrd string
}{}

// prepare builds the kernel, as `vitrine run` does, and an initial archive with busybox.
func prepare(t testing.TB) (kernel, initrd string) {
	t.Helper()
	parts.once.Do(func() {
		dir, err := os.MkdirTemp("", "vitrine-session")
		if err != nil {
			parts.err = err
			return
		}
		root := filepath.Join(dir, "root")
		parts.kernel, parts.initrd = filepath.Join(dir, "vkernel"), filepath.Join(dir, "initrd")
		args := []string{"build", "-C", "../..", "-gcflags=vitrine/...=-N -l", "-gcflags=vitrine/kernel/platform/cell=", "-o", parts.kernel, "./cmd/vkernel"}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			parts.err = fmt.Errorf("%v: %s", err, out)
			return
		}
		for _, d := range []string{"bin", "tmp", "proc", "dev", "sys", "etc"} {
			os.MkdirAll(filepath.Join(root, d), 0o755)
		}
		os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0:root:/:/bin/sh\n"), 0o644)
		box, err := exec.LookPath("busybox")
		if err == nil {
			var data []byte
			if data, err = os.ReadFile(box); err == nil {
				err = os.WriteFile(filepath.Join(root, "bin/busybox"), data, 0o755)
			}
		}
		if err != nil {
			parts.err = err
			return
		}
		for _, a := range []string{"sh", "cat", "true", "sleep", "echo", "ls", "mount", "seq", "date", "uname", "hostname"} {
			os.Symlink("busybox", filepath.Join(root, "bin", a))
		}
		for _, prog := range []string{"clock", "forks", "names", "sleepers"} { // without a C compiler the tests that need them are skipped
			out, err := exec.Command("gcc", "-O1", "-static", "-pthread", "-o", filepath.Join(root, "bin", prog), "testdata/"+prog+".c").CombinedOutput()
			if err != nil {
				parts.noC = fmt.Errorf("%v: %s", err, out)
			}
		}
		pack := exec.Command(box, "sh", "-c", "busybox find . | busybox cpio -o -H newc >../initrd")
		pack.Dir = root
		if out, err := pack.CombinedOutput(); err != nil {
			parts.err = fmt.Errorf("%v: %s", err, out)
		}
	})
	if parts.err != nil {
		t.Skipf("these tests need busybox-static: %v", parts.err)
	}
	return parts.kernel, parts.initrd
}

func TestMain(m *testing.M) {
	code := m.Run()
	if parts.kernel != "" {
		os.RemoveAll(filepath.Dir(parts.kernel))
	}
	os.Exit(code)
}

// vm is a running machine whose init is a shell script.
type vm struct {
	*board.Board
	t   testing.TB
	out *transcript
	in  *console.Port
}

// Ended implements Machine.
func (m *vm) Ended() (int, string) {
	out := m.Wait()
	if out.Halt == nil {
		return -1, out.Died
	}
	return out.Halt.Status, out.Halt.Text
}

// start boots a machine that runs a busybox shell on the console.
func start(t testing.TB, cpus int, more ...string) *vm {
	t.Helper()
	_, initrd := prepare(t)
	return startOn(t, initrd, cpus, more...)
}

// startOn is start with another initial archive.
func startOn(t testing.TB, initrd string, cpus int, more ...string) *vm {
	t.Helper()
	kernel, _ := prepare(t)
	con := console.New(80, 25)
	b, err := board.New(board.Config{
		Name: "test", Kernel: kernel, KernelEnv: []string{"GOTRACEBACK=all", fmt.Sprintf("GOMAXPROCS=%d", cpus+2)},
		CommandLine: strings.Join(append([]string{"init=/bin/sh", "quiet"}, more...), " "),
		CPUs:        cpus, RAM: 256 << 20, Devices: []hostdev.Device{con, rng.New(nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &vm{Board: b, t: t, out: newTranscript(t), in: con.Ports[0]}
	con.Ports[0].Output(m.out)
	t.Cleanup(b.Close)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.LoadInitrd(f, st.Size()); err != nil {
		t.Fatal(err)
	}
	if err := b.Boot(); err != nil {
		t.Fatal(err)
	}
	return m
}

// run types a command and waits for what its output must contain.
func (m *vm) run(command, want string) {
	m.t.Helper()
	m.typed(command)
	m.out.expect(want)
}

func (m *vm) typed(command string) { m.in.Write([]byte(command + "\n")) }

// transcript is what the console has shown.
type transcript struct {
	t    testing.TB
	mu   sync.Mutex
	cond *sync.Cond
	all  bytes.Buffer
	seen int
}

func newTranscript(t testing.TB) *transcript {
	tr := &transcript{t: t}
	tr.cond = sync.NewCond(&tr.mu)
	return tr
}

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.cond.Broadcast()
	return tr.all.Write(p)
}

const patience = 60 * time.Second

// expect waits until the text has come, behind what was expected before.
func (tr *transcript) expect(want string) {
	tr.t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		late = true
		tr.cond.Broadcast()
	})
	defer timer.Stop()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for {
		rest := tr.all.Bytes()[tr.seen:]
		if i := bytes.Index(rest, []byte(want)); i >= 0 {
			tr.seen += i + len(want)
			return
		}
		if late {
			tr.t.Fatalf("%q has not come; the console shows:\n%s", want, rest)
		}
		tr.cond.Wait()
	}
}

// connect connects a client that must get its events soon.
func connect(t testing.TB, s *Session, stop bool) *Client {
	t.Helper()
	c, err := s.Connect(t.Name(), stop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// event waits for an event that ok takes.
func event(t testing.TB, c *Client, what string, ok func(Event) bool) Event {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case ev, open := <-c.Events:
			if !open {
				t.Fatalf("the client was closed; %s did not come", what)
			}
			if ok(ev) {
				return ev
			}
		case <-timer.C:
			scene(t, c)
			t.Fatalf("%s did not come", what)
		}
	}
}

func stopEvent(t testing.TB, c *Client) *Stop {
	t.Helper()
	ev := event(t, c, "a stop", func(ev Event) bool { return ev.Stopped != nil || ev.Exited != nil })
	if ev.Exited != nil {
		t.Fatalf("the kernel ended: %+v", ev.Exited)
	}
	return ev.Stopped
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var _ Machine = (*vm)(nil)

// until returns what comes before the text.
func (tr *transcript) until(end string) string {
	tr.t.Helper()
	tr.mu.Lock()
	from := tr.seen
	tr.mu.Unlock()
	tr.expect(end)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return string(tr.all.Bytes()[from : tr.seen-len(end)])
}
