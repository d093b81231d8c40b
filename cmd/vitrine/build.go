package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// kernelPaths is what a kernel is built from.
var kernelPaths = []string{"go.mod", "go.sum", "machine", "internal", "kernel", "cmd/vkernel"}

// optimised are the packages of the kernel that are built with optimisation: leaves that every trap
// goes through and that hold nothing of the guest's state.
var optimised = []string{"kernel/platform/cell", "kernel/arch/amd64", "kernel/abi/errno", "kernel/ktime", "kernel/ktrace", "machine/..."}

// gcflags makes one build, always debuggable: our packages without optimisation, but for those, the rest with.
func gcflags() []string {
	flags := []string{"-gcflags=vitrine/...=-N -l"}
	for _, p := range optimised {
		flags = append(flags, "-gcflags=vitrine/"+p+"=") // the last pattern that matches counts
	}
	return flags
}

// builder says where a build tells of itself.
type builder struct {
	ctx    context.Context                 // a cancelled one ends the build
	begin  func(what string) func(ok bool) // what takes long begins, and ends
	errors io.Writer                       // what a failed compiler says
}

// terminalBuilder tells a person at a terminal.
var terminalBuilder = &builder{
	ctx:    context.Background(),
	begin:  func(what string) func(ok bool) { return startProgress(what).stop },
	errors: os.Stderr,
}

// silentBuilder tells nobody: a guest has the terminal by then.
var silentBuilder = &builder{
	ctx:    context.Background(),
	begin:  func(string) func(bool) { return func(bool) {} },
	errors: io.Discard,
}

// findKernel returns the file of the kernel to run, and builds it if its sources changed.
func findKernel() (string, error) {
	t, err := findTree()
	if err != nil {
		return sibling("vkernel", err)
	}
	return t.kernel()
}

func (t *tree) kernel() (string, error) {
	product := filepath.Join(t.cache, "vkernel")
	print := t.fingerprint(goSource, kernelPaths...) + " " + strings.Join(gcflags(), " ")
	if fresh(product, print) {
		return product, nil
	}
	return product, t.locked("kernel", func() error {
		if fresh(product, print) { // somebody else has built it while we waited
			return nil
		}
		tmp := product + ".new"
		defer os.Remove(tmp)
		err := t.goTool(t.dir, "building the kernel", nil, slices.Concat([]string{"build"}, gcflags(), []string{"-o", tmp, "./cmd/vkernel"})...)
		if err != nil {
			return err
		}
		return install(tmp, product, print)
	})
}

// sibling returns the file of that name beside this program.
func sibling(name string, why error) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", why
	}
	path := filepath.Join(filepath.Dir(exe), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w, and there is no %s", why, path)
	}
	return path, nil
}

// locked runs f while no other vitrine builds the same from the tree.
func (t *tree) locked(what string, f func() error) error {
	if err := os.MkdirAll(t.cache, 0o777); err != nil {
		return fmt.Errorf("cache: %w (XDG_CACHE_HOME can name another place)", err)
	}
	l, err := os.OpenFile(filepath.Join(t.cache, what+".lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer l.Close()
	if err = unix.Flock(int(l.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		end := t.builder.begin("waiting for another vitrine, which builds the " + what)
		for {
			if err = unix.Flock(int(l.Fd()), unix.LOCK_EX); err != unix.EINTR {
				break
			}
		}
		end(err == nil)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.Name(), err)
	}
	return f()
}

// errBuild says that a build failed and the compiler has said why.
var errBuild = errors.New("the build failed")

// goTool runs the go command in dir, with a progress line. What a failed one prints is shown as it is.
func (t *tree) goTool(dir, what string, env []string, args ...string) error {
	goCmd, err := exec.LookPath("go")
	if err != nil {
		if goCmd = "/usr/local/go/bin/go"; exec.Command(goCmd, "version").Run() != nil {
			return fmt.Errorf("%s: there is no go command in PATH; install Go from https://go.dev/dl, or give -kernel and -initrd", what)
		}
	}
	cmd := exec.CommandContext(t.builder.ctx, goCmd, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	end := t.builder.begin(what)
	err = cmd.Run()
	end(err == nil)
	if err := t.builder.ctx.Err(); err != nil {
		return err
	}
	if err != nil {
		t.builder.errors.Write(out.Bytes())
		if _, ok := err.(*exec.ExitError); ok && out.Len() > 0 {
			return errBuild
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// progress is the line that tells what takes long. Several builds share it.
type progress struct {
	what  string
	start time.Time
}

var progressLine struct {
	sync.Mutex
	running []*progress
	ticking bool
	done    bool // a last line must be wiped
}

// progressDelay is how long something may take before it is worth a line.
const progressDelay = 300 * time.Millisecond

func startProgress(what string) *progress {
	l := &progressLine
	l.Lock()
	defer l.Unlock()
	p := &progress{what, time.Now()}
	l.running = append(l.running, p)
	if !l.ticking {
		l.ticking = true
		go tickProgress()
	}
	return p
}

func (p *progress) stop(ok bool) {
	l := &progressLine
	l.Lock()
	defer l.Unlock()
	for i, q := range l.running {
		if q == p {
			l.running = append(l.running[:i], l.running[i+1:]...)
		}
	}
	if took := time.Since(p.start); took >= progressDelay {
		wipe := ""
		if isTerminal(2) {
			wipe = "\r\x1b[K"
		}
		end := "done"
		if !ok {
			end = "failed"
		}
		fmt.Fprintf(os.Stderr, "%svitrine: %s: %s, %.1f s\n", wipe, p.what, end, took.Seconds())
	}
}

func tickProgress() {
	l := &progressLine
	time.Sleep(progressDelay)
	for {
		l.Lock()
		if len(l.running) == 0 {
			l.ticking = false
			l.Unlock()
			return
		}
		if isTerminal(2) {
			var parts []string
			for _, p := range l.running {
				parts = append(parts, fmt.Sprintf("%s … %d s", p.what, int(time.Since(p.start).Seconds())))
			}
			fmt.Fprintf(os.Stderr, "\r\x1b[Kvitrine: %s", strings.Join(parts, ", "))
		}
		l.Unlock()
		time.Sleep(500 * time.Millisecond)
	}
}
