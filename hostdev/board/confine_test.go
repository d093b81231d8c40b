package board

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine"
	"vitrine/machine/host"
	"vitrine/machine/ring"
)

// kernelConfined confines itself, tries what it may and may not do, and tells in its last message.
func kernelConfined(m *host.Machine, log *ring.Log, args []string) {
	m.OnInterrupt(func(int) {})
	if err := host.Confine(); err != nil {
		m.Halt(machine.Halt{Status: 1, Text: err.Error()})
	}
	var bad []string
	// Each on a thread of its own, too: the filter must be on all of them.
	refused := func(what string, f func() error) {
		done := make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			done <- f()
		}()
		if err := <-done; !errors.Is(err, unix.EPERM) {
			bad = append(bad, fmt.Sprintf("%s: %v", what, err))
		}
	}
	call := func(nr uintptr, args ...uintptr) func() error {
		var a [6]uintptr
		copy(a[:], args)
		return func() error {
			_, _, e := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
			return e
		}
	}
	refused("open", func() error { _, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0); return err })
	refused("socket", func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); return err })
	refused("exec", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) })
	refused("execveat by path", call(unix.SYS_EXECVEAT, 5, 0, 0, 0, 0))
	refused("fork", call(unix.SYS_FORK))
	refused("ptrace", call(unix.SYS_PTRACE))
	refused("new namespace", call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)))
	refused("unshare", call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER))
	refused("kill with SIGTERM", call(unix.SYS_KILL, uintptr(os.Getppid()), uintptr(unix.SIGTERM)))
	refused("kill everybody", call(unix.SYS_KILL, ^uintptr(0), uintptr(unix.SIGKILL)))
	refused("tgkill of others", call(unix.SYS_TGKILL, uintptr(os.Getppid()), uintptr(os.Getppid()), uintptr(unix.SIGKILL)))
	refused("terminal ioctl", call(unix.SYS_IOCTL, 2, unix.TIOCSTI))
	refused("memfd", call(unix.SYS_MEMFD_CREATE))
	refused("another filter by prctl", call(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, 2))
	refused("setsid", call(unix.SYS_SETSID))
	refused("process_vm_writev", call(unix.SYS_PROCESS_VM_WRITEV, uintptr(os.Getppid())))
	refused("io_uring", call(unix.SYS_IO_URING_SETUP, 1))

	// And the Go runtime goes on: threads, garbage collection, timers, signals to itself.
	var keep [][]byte
	for i := range 200 {
		keep = append(keep, make([]byte, 100<<10))
		if i%50 == 0 {
			runtime.GC()
		}
	}
	done := make(chan bool)
	for range 10 {
		go func() {
			runtime.LockOSThread()
			time.Sleep(time.Millisecond)
			done <- true
		}()
	}
	for range 10 {
		<-done
	}
	go func() { // preemption by SIGURG
		for n := 0; ; n++ {
		}
	}()
	time.Sleep(20 * time.Millisecond)
	m.Clock().SetAlarm(m.Clock().Now() + 1e6)
	m.Entropy(make([]byte, 64))
	m.Kick(0, 0)
	runtime.KeepAlive(keep)
	m.Halt(machine.Halt{Status: len(bad), Text: strings.Join(bad, "; ")})
}

func TestConfine(t *testing.T) {
	o := start(t, "confined", nil).Wait()
	if o.Halt == nil {
		t.Fatalf("the confined kernel died: %s\n%s", o.Died, o.Words)
	}
	if o.Halt.Status != 0 {
		t.Errorf("not refused with EPERM: %s", o.Halt.Text)
	}
}
