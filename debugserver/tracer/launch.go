package tracer

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Config describes a process to launch.
type Config struct {
	Argv   []string
	Env    []string // nil: ours
	Dir    string
	Stdin  *os.File // nil: /dev/null, as for the others
	Stdout *os.File
	Stderr *os.File
}

// Launch starts a program, stopped at its first instruction. It dies with the calling thread. Machines are not
// started so: the board starts their kernel, see Attach.
//
// It is started with PTRACE_TRACEME and seized again, because only a seized process can be stopped without a signal.
func Launch(c Config) (*Tracer, error) {
	runtime.LockOSThread()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	fd := func(f *os.File) uintptr {
		if f == nil {
			f = null
		}
		return f.Fd()
	}
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	pid, err := syscall.ForkExec(c.Argv[0], c.Argv, &syscall.ProcAttr{
		Dir: c.Dir, Env: env, Files: []uintptr{fd(c.Stdin), fd(c.Stdout), fd(c.Stderr)},
		Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL, Setpgid: true},
	})
	if err != nil {
		if err == syscall.EPERM || err == syscall.EACCES {
			if _, serr := os.Stat(c.Argv[0]); serr == nil {
				return nil, refused(os.Getpid(), os.Getpid(), err)
			}
		}
		return nil, err
	}
	t := newTracer(pid)
	t.exitKill, t.reap = true, true
	if err := t.reseize(); err != nil {
		unix.Kill(pid, unix.SIGKILL)
		unix.Wait4(pid, nil, unix.WALL, nil)
		return nil, fmt.Errorf("launch %s: %w", c.Argv[0], err)
	}
	t.threads[pid] = &Thread{ID: pid}
	return t, t.openMem()
}

func (t *Tracer) reseize() error {
	var ws unix.WaitStatus
	if _, err := unix.Wait4(t.pid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() {
		return fmt.Errorf("wait for exec: status %#x, error %v", ws, err)
	}
	if err := ptrace(unix.PTRACE_DETACH, t.pid, 0, uintptr(unix.SIGSTOP)); err != nil {
		return err
	}
	unix.Wait4(t.pid, &ws, unix.WALL|unix.WUNTRACED, nil)
	if err := t.seize(t.pid); err != nil {
		return refused(t.pid, t.pid, err)
	}
	unix.Wait4(t.pid, &ws, unix.WALL, nil)
	unix.Kill(t.pid, unix.SIGCONT)
	for ws.StopSignal() != unix.SIGCONT {
		if err := ptrace(unix.PTRACE_CONT, t.pid, 0, 0); err != nil {
			return err
		}
		if _, err := unix.Wait4(t.pid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() {
			return fmt.Errorf("wait for SIGCONT: status %#x, error %v", ws, err)
		}
	}
	return nil
}
