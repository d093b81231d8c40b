package host

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit bounds a wait that fails.
const limit = 60 * time.Second

// parts has vitrine, vkernel, initramfs.cpio and a directory root with bin/hostile.
var parts string

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		helper()
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "vitrine-host")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o755) // for tests as another user
		parts = dir
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		// What a killed machine leaves comes to this process, so that it can be seen and reaped.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
		return m.Run()
	}())
}

// build makes the programs, and copies kernel and initial archive, which others may rebuild meanwhile.
func build() error {
	cmd := exec.Command("go", "build", "-o", parts, "./cmd/vitrine")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %v\n%s", err, out)
	}
	out, err := exec.Command(filepath.Join(parts, "vitrine"), "run", "-v", "--", "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("a first run: %v\n%s", err, out)
	}
	kernel := regexp.MustCompile(`vitrine: kernel (/.*)`).FindSubmatch(out)
	if kernel == nil {
		return fmt.Errorf("no kernel is named in\n%s", out)
	}
	from := filepath.Dir(string(kernel[1]))
	for _, name := range []string{"vkernel", "initramfs.cpio"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(parts, name), data, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// hostile builds the hostile program and returns a root directory that has it.
func hostile(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no C compiler: apt-get install gcc libc6-dev")
	}
	root, err := hostileRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var hostileRoot = sync.OnceValues(func() (string, error) {
	root := filepath.Join(parts, "root")
	for _, d := range []string{"bin", "proc", "sys", "dev", "tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return "", err
		}
	}
	out, err := exec.Command("gcc", "-O1", "-static", "-w", "-pthread", "-o", filepath.Join(root, "bin/hostile"), "testdata/hostile.c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v\n%s", err, out)
	}
	// The default userland, to have a shell at hand.
	dir := filepath.Join(parts, "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	box, err := command(dir, "--", "cat", "/bin/box").Output()
	if err != nil {
		return "", fmt.Errorf("the default userland's program: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	names, err := command(dir, "--", "ls", "/bin").Output()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(root, "bin/box"), box, 0o755); err != nil {
		return "", err
	}
	for _, name := range strings.Fields(string(names)) {
		os.Symlink("box", filepath.Join(root, "bin", name))
	}
	os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"), 0o644)
	return root, nil
})

// output keeps what a program writes, for others to wait for.
type output struct {
	mu   sync.Mutex
	cond *sync.Cond
	buf  bytes.Buffer
	pos  int
	end  bool
}

func newOutput() *output {
	o := &output{}
	o.cond = sync.NewCond(&o.mu)
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	o.cond.Broadcast()
	return len(p), nil
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = true
	o.cond.Broadcast()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// expect waits for re in what came since the last expect.
func (o *output) expect(t testing.TB, re string) []string {
	t.Helper()
	r := regexp.MustCompile("(?m)" + re)
	timer := time.AfterFunc(limit, o.cond.Broadcast)
	defer timer.Stop()
	deadline := time.Now().Add(limit)
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		rest := o.buf.Bytes()[o.pos:]
		if m := r.FindSubmatchIndex(rest); m != nil {
			var groups []string
			for i := 0; i < len(m); i += 2 {
				groups = append(groups, string(rest[max(m[i], 0):max(m[i+1], 0)]))
			}
			o.pos += m[1]
			return groups
		}
		if o.end || time.Now().After(deadline) {
			t.Fatalf("%q did not come; there is:\n%s", re, rest[max(0, len(rest)-3000):])
		}
		o.cond.Wait()
	}
}

// vm is a machine under test.
type vm struct {
	t        testing.TB
	cmd      *exec.Cmd
	in       io.WriteCloser
	out, err *output
	dir      string // its XDG_RUNTIME_DIR
	kernel   int    // the kernel process, which leads a session
	done     chan struct{}
}

// command prepares `vitrine run` with the copied parts.
func command(dir string, args ...string) *exec.Cmd {
	args = append([]string{"run", "-kernel", filepath.Join(parts, "vkernel"), "-initrd", filepath.Join(parts, "initramfs.cpio")}, args...)
	cmd := exec.Command(filepath.Join(parts, "vitrine"), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "XDG_CACHE_HOME=" + dir, "TERM=xterm"}
	cmd.Dir = dir
	return cmd
}

// start starts a machine with pipes for streams. The kernel process is there when it returns.
func start(t testing.TB, args ...string) *vm {
	t.Helper()
	dir := t.TempDir()
	return startCommand(t, dir, command(dir, args...))
}

func startCommand(t testing.TB, dir string, cmd *exec.Cmd) *vm {
	t.Helper()
	m := &vm{t: t, cmd: cmd, dir: dir, out: newOutput(), err: newOutput(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = m.out, m.err
	var err error
	if m.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		m.out.close()
		m.err.close()
		close(m.done)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-m.done
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", tail(m.out.String()), tail(m.err.String()))
		}
	})
	m.kernel = kernelOf(t, cmd.Process.Pid, m.done)
	return m
}

// kernelOf waits for the kernel process of a supervisor.
func kernelOf(t testing.TB, supervisor int, done <-chan struct{}) (kernel int) {
	t.Helper()
	poll(t, "the kernel process", func() bool {
		select {
		case <-done:
			t.Fatal("the supervisor ended")
		default:
		}
		for _, p := range processes() {
			if p.ppid == supervisor && p.session == p.pid && p.comm == "vkernel" {
				kernel = p.pid
			}
		}
		return kernel != 0
	})
	return kernel
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// wait waits for the supervisor's end and returns its status, 128+n for a signal.
func (m *vm) wait() int {
	m.t.Helper()
	select {
	case <-m.done:
	case <-time.After(limit):
		m.t.Fatalf("the machine does not end\nstdout:\n%s\nstderr:\n%s", tail(m.out.String()), tail(m.err.String()))
	}
	ws := m.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// run runs a machine to its end.
func run(t testing.TB, args ...string) (status int, out, err string) {
	t.Helper()
	m := start(t, args...)
	m.in.Close()
	status = m.wait()
	m.nothingLeft()
	return status, m.out.String(), m.err.String()
}

// nothingLeft makes sure that after the supervisor's end no process of the machine is there, and no file.
func (m *vm) nothingLeft() {
	m.t.Helper()
	m.noProcesses()
	leftFiles(m.t, m.dir)
}

func (m *vm) noProcesses() {
	m.t.Helper()
	sessionGone(m.t, m.kernel)
}

// sessionGone waits until no process of the kernel's session is there. Orphans come to this process, and are reaped.
func sessionGone(t testing.TB, kernel int) {
	t.Helper()
	var left []process
	pollOr(t, func() bool {
		left = nil
		for _, p := range processes() {
			if p.session != kernel {
				continue
			}
			if p.ppid == os.Getpid() && p.state == 'Z' {
				unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
			}
			left = append(left, p)
		}
		return len(left) == 0
	}, func() { t.Fatalf("processes are left: %+v", left) })
}

// leftFiles makes sure that the directory of sockets holds nothing.
func leftFiles(t testing.TB, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".lock" {
			t.Errorf("%s is left", path)
		}
		return nil
	})
}

// cells returns the host processes of the machine that run programs, or wait to.
func (m *vm) cells() (pids []int) {
	for _, p := range processes() {
		if p.session == m.kernel && p.pid != m.kernel && p.state != 'Z' {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// process is one of the host's.
type process struct {
	pid, ppid, session int
	state              byte
	comm               string
	ticks              int // processor time
}

// processes lists the host's processes.
func processes() (all []process) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, ok := processOf(pid); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

func processOf(pid int) (process, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if err != nil || open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(string(data[end+1:]))
	num := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	return process{pid: pid, state: f[0][0], ppid: num(1), session: num(3), comm: string(data[open+1 : end]), ticks: num(11) + num(12)}, true
}

// poll waits until cond holds.
func poll(t testing.TB, what string, cond func() bool) {
	t.Helper()
	pollOr(t, cond, func() { t.Fatalf("waited in vain: %s", what) })
}

func pollOr(t testing.TB, cond func() bool, fail func()) {
	t.Helper()
	for deadline := time.Now().Add(limit); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			fail()
			return
		}
	}
}
