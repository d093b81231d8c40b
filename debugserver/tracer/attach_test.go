package tracer

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// board is the toy's parent as a machine's board is: it spawns on a thread of its own, and waits by a pidfd.
type board struct {
	pid    int
	stdin  *os.File
	stdout *os.File
	status unix.WaitStatus
	done   chan struct{} // closed when the toy was reaped
}

func newBoard(t *testing.T, args ...string) (*board, *program) {
	t.Helper()
	p, err := toy()
	must(t, err)
	inR, inW, err := os.Pipe()
	must(t, err)
	outR, outW, err := os.Pipe()
	must(t, err)
	b := &board{stdin: inW, stdout: outR, done: make(chan struct{})}
	started := make(chan error)
	quit := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		var err error
		b.pid, err = syscall.ForkExec(p.path, append([]string{p.path}, args...), &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{inR.Fd(), outW.Fd(), 2},
			Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
		})
		started <- err
		<-quit
	}()
	must(t, <-started)
	inR.Close()
	outW.Close()
	fd, err := unix.PidfdOpen(b.pid, 0)
	must(t, err)
	go func() {
		defer close(b.done)
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); err != unix.EINTR {
				break
			}
		}
		for {
			if _, err := unix.Wait4(b.pid, &b.status, 0, nil); err != unix.EINTR {
				break
			}
		}
		unix.Close(fd)
	}()
	t.Cleanup(func() {
		unix.Kill(b.pid, unix.SIGKILL)
		b.stdin.Close()
		close(quit)
	})
	return b, p
}

func (b *board) attach(t *testing.T) *Tracer {
	t.Helper()
	tr, err := Attach(b.pid, false)
	skipForbidden(t, err)
	must(t, err)
	t.Cleanup(func() { tr.Kill() })
	return tr
}

func TestAttachDetachAttach(t *testing.T) {
	b, p := newBoard(t, "-ticks=1000000000", "-workers=2", "-spin=1", "-sigs=300", "-clones=1")
	f, err := elf.Open(p.path)
	must(t, err)
	defer f.Close()
	text, err := f.Section(".text").Data()
	must(t, err)
	at := p.mark(t, "TICK")
	for round := range 5 {
		tr := b.attach(t)
		dead := p.syms["runtime.rt0_go.abi0"]
		if dead.Value == 0 {
			dead = p.syms["runtime.rt0_go"]
		}
		must(t, tr.SetScratch(dead.Value, dead.Value+dead.Size))
		o := NewOwner()
		must(t, tr.Insert(at, o))
		must(t, tr.SetWatch(Watch{Addr: p.addr(t, "main.ratio"), Size: 8}, o))
		for i := range 100 {
			if s := resume(t, tr); s.Kind != StopHit {
				t.Fatalf("round %d, hit %d: %+v", round, i, s)
			}
		}
		must(t, tr.Detach())
		got := make([]byte, len(text))
		mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", b.pid))
		if err != nil {
			<-b.done
			t.Fatalf("round %d: the process has ended: %#x", round, b.status)
		}
		n, err := mem.ReadAt(got, int64(f.Section(".text").Addr))
		mem.Close()
		if err != nil || n != len(text) || !bytes.Equal(got, text) {
			t.Fatal("the tracer has left something in the program's text")
		}
		if tids, _ := tasks(b.pid); len(tids) == 0 || tracerOf(b.pid, tids[0]) != 0 {
			t.Fatal("still traced")
		}
	}
	// It runs on: a word that it writes all the time changes between two visits.
	calls := func() uint64 {
		tr := b.attach(t)
		n := peek(t, tr, peek(t, tr, p.addr(t, "main.The"))+24)
		must(t, tr.Detach())
		return n
	}
	for before := calls(); calls() == before; {
		runtime.Gosched()
	}
}

func TestProgramRunsOnAfterDetach(t *testing.T) {
	b, p := newBoard(t, "-wait", "-ticks=500", "-workers=3", "-sigs=1000")
	tr := b.attach(t)
	must(t, tr.Insert(p.mark(t, "TICK"), NewOwner()))
	b.stdin.Write([]byte("x"))
	for range 50 {
		resume(t, tr)
	}
	must(t, tr.Detach())
	out, _ := io.ReadAll(b.stdout)
	<-b.done
	if string(out) != "calls 2000\n" || b.status.ExitStatus() != 7 {
		t.Errorf("%q, status %#x", out, b.status)
	}
}

// TestBothLearnTheStatus: the parent and the tracer wait for the same process.
func TestBothLearnTheStatus(t *testing.T) {
	for i := range 20 {
		b, _ := newBoard(t, "-wait", "-ticks=3")
		tr := b.attach(t)
		s, err := tr.Resume(func() { b.stdin.Write([]byte("x")) })
		if err != nil || s.Kind != StopExited || s.Status != 7 && s.Status != StatusUnknown {
			t.Errorf("round %d: the tracer sees %+v %v", i, s, err)
		}
		<-b.done
		if !b.status.Exited() || b.status.ExitStatus() != 7 {
			t.Errorf("round %d: the parent sees %#x", i, b.status)
		}
	}
	for i := range 20 {
		b, _ := newBoard(t, "-idle=1h", "-threads=5")
		tr := b.attach(t)
		s, err := tr.Resume(func() { unix.Kill(b.pid, unix.SIGKILL) })
		if err != nil || s.Kind != StopExited || s.Status != -int(unix.SIGKILL) && s.Status != StatusUnknown {
			t.Errorf("round %d: the tracer sees %+v %v", i, s, err)
		}
		<-b.done
		if !b.status.Signaled() || b.status.Signal() != unix.SIGKILL {
			t.Errorf("round %d: the parent sees %#x", i, b.status)
		}
	}
}

func TestKilledWhileStopped(t *testing.T) {
	b, _ := newBoard(t, "-idle=1h", "-threads=20")
	tr := b.attach(t)
	if tr.Poll() {
		t.Fatal("gone already")
	}
	unix.Kill(b.pid, unix.SIGKILL)
	for !tr.Poll() {
		runtime.Gosched()
	}
	if gone, status := tr.Exited(); !gone || status != -int(unix.SIGKILL) && status != StatusUnknown {
		t.Errorf("%v %d", gone, status)
	}
	<-b.done
	if b.status.Signal() != unix.SIGKILL {
		t.Errorf("the parent sees %#x", b.status)
	}
}

// TestChildrenOfOthers: the tracer takes nobody's children.
func TestChildrenOfOthers(t *testing.T) {
	stop := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			err := exec.Command("/bin/sh", "-c", "exit 3").Run()
			if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 3 {
				failed <- err
				return
			}
		}
	}()
	b, p := newBoard(t, "-spin=1")
	tr := b.attach(t)
	must(t, tr.Insert(p.mark(t, "TICK"), NewOwner()))
	for range 300 {
		resume(t, tr)
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

// TestChildOfTheSameThread: not even one that this OS thread has started itself.
func TestChildOfTheSameThread(t *testing.T) {
	b, p := newBoard(t, "-spin=1")
	tr := b.attach(t)
	must(t, tr.Insert(p.mark(t, "TICK"), NewOwner()))
	for range 20 {
		c := exec.Command("/bin/sh", "-c", "exit 3")
		must(t, c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for waiting := true; waiting; {
			resume(t, tr)
			select {
			case err := <-ended:
				if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 3 {
					t.Fatal(err)
				}
				waiting = false
			default:
			}
		}
	}
}

func TestExitKill(t *testing.T) {
	b, _ := newBoard(t, "-idle=1h")
	done := make(chan error)
	go func() { // a goroutine that ends locked takes its thread along
		tr, err := Attach(b.pid, true)
		if err == nil {
			tr.stopReq.Store(true)
			_, err = tr.Resume(nil)
		}
		done <- err
	}()
	err := <-done
	skipForbidden(t, err)
	must(t, err)
	<-b.done
	if b.status.Signal() != unix.SIGKILL {
		t.Errorf("%#x", b.status)
	}
}

func TestForbiddenSaysWhatToDo(t *testing.T) {
	err := refused(os.Getpid(), os.Getpid(), unix.EPERM)
	if !strings.Contains(err.Error(), "; ") {
		t.Errorf("no remedy: %v", err)
	}
}
