package tracer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ForbiddenError says that this host does not let us trace, and what to do about it.
type ForbiddenError struct {
	Pid    int
	Err    error
	Reason string // why, as far as it can be found out
	Remedy string // what to do; may be empty
}

func (e *ForbiddenError) Error() string {
	s := fmt.Sprintf("tracing process %d is not allowed: %s", e.Pid, e.Reason)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

func (e *ForbiddenError) Unwrap() error { return e.Err }

// Attach seizes a running process and stops it. It survives the tracer unless exitKill is set.
//
// The caller is locked to its thread from now on.
func Attach(pid int, exitKill bool) (*Tracer, error) {
	runtime.LockOSThread()
	t := newTracer(pid)
	t.exitKill = exitKill
	t.reap = !oursToWait(pid)
	for more := true; more; { // threads may be born while we look
		more = false
		tids, err := tasks(pid)
		if err != nil {
			t.abandon()
			return nil, fmt.Errorf("process %d: %w", pid, ErrExited)
		}
		for _, tid := range tids {
			if t.threads[tid] != nil {
				continue
			}
			switch err := t.seize(tid); {
			case err == unix.ESRCH:
				continue
			case err == unix.EPERM && len(t.threads) > 0 && tracerOf(pid, tid) == unix.Gettid(): // a clone of one that is ours
			case err != nil:
				t.abandon()
				return nil, refused(pid, tid, err)
			}
			t.threads[tid] = &Thread{ID: tid, running: true}
			more = true
		}
	}
	if len(t.threads) == 0 {
		return nil, fmt.Errorf("process %d: %w", pid, ErrExited)
	}
	if err := t.openMem(); err != nil {
		t.abandon()
		return nil, err
	}
	if err := t.stopAll(); err != nil {
		t.Detach()
		return nil, err
	}
	if t.exited {
		t.mem.Close()
		return nil, fmt.Errorf("process %d: %w", pid, ErrExited)
	}
	return t, nil
}

func newTracer(pid int) *Tracer {
	t := &Tracer{pid: pid, last: pid, threads: map[int]*Thread{}, bps: map[uint64]*breakpoint{}, writable: map[uint64]bool{}}
	t.kickTID.Store(int64(pid))
	return t
}

func (t *Tracer) seize(tid int) error {
	o := uintptr(unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACESYSGOOD)
	if t.exitKill {
		o |= unix.PTRACE_O_EXITKILL
	}
	return ptrace(unix.PTRACE_SEIZE, tid, 0, o)
}

// abandon undoes an Attach that failed midway.
func (t *Tracer) abandon() {
	if len(t.threads) > 0 && t.stopAll() == nil && !t.exited {
		t.letAllGo()
	}
}

func (t *Tracer) openMem() (err error) {
	t.mem, err = os.OpenFile(fmt.Sprintf("/proc/%d/mem", t.pid), os.O_RDWR, 0)
	return err
}

// Detach removes all traces of the tracer and lets the process run on. The process must be stopped.
func (t *Tracer) Detach() error {
	if t.exited {
		return nil
	}
	first := t.liftAll()
	for _, b := range t.bps {
		b.claims = nil
	}
	t.writeAll()
	clear(t.bps)
	t.unmapScratch()
	if err := t.letAllGo(); err != nil && first == nil {
		first = err
	}
	t.exited = true
	return errors.Join(first, t.mem.Close())
}

// letAllGo detaches from all threads, which are stopped. Those that have run on already may end the process meanwhile:
// what is left of the others is ours to reap, or the process never ends for its parent.
func (t *Tracer) letAllGo() (first error) {
	dying := false
	ths := slices.DeleteFunc(t.Threads(), func(th *Thread) bool { return th.ID == t.pid })
	if leader := t.threads[t.pid]; leader != nil { // last, as its end is that of all
		ths = append(ths, leader)
	}
	for _, th := range ths {
		t.flush(th)
		err := ptrace(unix.PTRACE_DETACH, th.ID, 0, uintptr(t.takeSig(th)))
		switch {
		case err == nil:
		case err != unix.ESRCH:
			if first == nil {
				first = fmt.Errorf("detach from thread %d: %w", th.ID, err)
			}
		case th.ID != t.pid:
			wait4(th.ID, waitOpts)
		default:
			dying = true
		}
	}
	if dying && t.reap {
		wait4(t.pid, waitOpts)
	}
	return first
}

// Kill kills the process and waits for its end; if it was launched here, it is reaped.
func (t *Tracer) Kill() error {
	if t.exited {
		return nil
	}
	unix.Kill(t.pid, unix.SIGKILL)
	t.untilGone()
	t.exited = true
	return t.mem.Close()
}

// untilGone waits for the end of a process that is being killed, or ends by itself.
func (t *Tracer) untilGone() {
	for !t.exited {
		tid, ws, err := t.wait(-1)
		if err != nil {
			return
		}
		if ws.Exited() || ws.Signaled() {
			t.handle(tid, ws)
		}
	}
}

// refused explains why a thread could not be seized.
func refused(pid, tid int, err error) error {
	if err != unix.EPERM && err != unix.EACCES && err != unix.ENOSYS {
		return fmt.Errorf("trace thread %d of process %d: %w", tid, pid, err)
	}
	e := &ForbiddenError{Pid: pid, Err: err}
	if by := tracerOf(pid, tid); by > 0 {
		e.Reason = fmt.Sprintf("process %d (%s) traces it already", by, comm(by))
		e.Remedy = "stop that debugger first"
		return e
	}
	switch scope := yamaScope(); {
	case scope == "1":
		e.Reason = "kernel.yama.ptrace_scope is 1: only ancestors may trace"
		e.Remedy = "start the machine from this program, or run `sysctl kernel.yama.ptrace_scope=0` as root"
	case scope == "2":
		e.Reason = "kernel.yama.ptrace_scope is 2: only root may trace"
		e.Remedy = "run as root, or run `sysctl kernel.yama.ptrace_scope=1` as root"
	case scope == "3":
		e.Reason = "kernel.yama.ptrace_scope is 3: nobody may trace until the next boot"
		e.Remedy = "take that setting from /etc/sysctl.d and boot this host again"
	case seccomped():
		e.Reason = "a seccomp filter forbids ptrace (" + err.Error() + "): this is a container, presumably"
		e.Remedy = "start the container with --cap-add=SYS_PTRACE --security-opt seccomp=unconfined"
	default:
		e.Reason = err.Error() + ": it is another user's, or has more rights than we have"
		e.Remedy = "run as that user, or with CAP_SYS_PTRACE"
	}
	return e
}

func yamaScope() string {
	b, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	return strings.TrimSpace(string(b))
}

func seccomped() bool {
	v, _ := statusField("/proc/self/status", "Seccomp")
	return v == "2"
}

// oursToWait tells whether the process is a child of this program, which will want to wait for it.
func oursToWait(pid int) bool {
	v, _ := statusField(fmt.Sprintf("/proc/%d/status", pid), "PPid")
	return v == strconv.Itoa(os.Getpid())
}

func tracerOf(pid, tid int) int {
	v, _ := statusField(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid), "TracerPid")
	n, _ := strconv.Atoi(v)
	return n
}

func statusField(file, name string) (string, bool) {
	b, _ := os.ReadFile(file)
	_, s, ok := strings.Cut("\n"+string(b), "\n"+name+":")
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(s), ok
}

func comm(pid int) string {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return "unknown"
	}
	return filepath.Base(exe)
}

func tasks(pid int) ([]int, error) {
	es, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	var r []int
	for _, e := range es {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			r = append(r, n)
		}
	}
	return r, err
}

func ptrace(req, tid int, addr, data uintptr) error {
	_, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
