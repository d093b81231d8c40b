package board

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/machine/ctl"
)

// parent runs functions on one OS thread that lives as long as this process:
// PR_SET_PDEATHSIG fires when the thread that spawned a child ends, not the process.
var parent = sync.OnceValue(func() chan<- func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread() // and never unlock
		// Children of this thread gain no rights by exec. (The attribute is the thread's.)
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		// Cells whose kernel has died become this process's children, which reaps them: not everybody's process 1 does.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
		dropCapabilities()
		for f := range c {
			f()
		}
	}()
	return c
})

// dropCapabilities sees to it that the thread's children have none after exec, though their user be root: the kernel
// process works on its descriptors alone. Where this fails the thread has no capabilities to hand on.
func dropCapabilities() {
	for c := uintptr(0); c < 64; c++ {
		unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if unix.Capget(&h, &d[0]) == nil {
		d[0].Inheritable, d[1].Inheritable = 0, 0
		unix.Capset(&h, &d[0])
	}
}

// keepDescriptors keeps from the kernel process what this one has inherited from its own parent.
func keepDescriptors() {
	if unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) == nil { // Linux 5.11
		return
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// Start switches the machine on: the kernel process begins. It waits for the boot record, which
// Boot sends: so a slow initrd is loaded while the kernel starts.
func (b *Board) Start() error {
	ours, theirs, err := socketpair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	wordsR, wordsW, err := os.Pipe()
	if err != nil {
		ours.Close()
		return err
	}
	defer wordsW.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.Close()
		return err
	}
	defer null.Close()
	b.started = time.Now()
	if b.cfg.WallTime == 0 {
		b.boot.WallTime = b.started.UnixNano()
	} else {
		b.boot.WallTime = b.cfg.WallTime
	}
	b.clock.Freeze(0) // virtual time 0 …
	b.clock.Thaw(monotonic())

	keepDescriptors()
	kernel, err := filepath.Abs(b.cfg.Kernel) // it starts in another directory
	if err != nil {
		return err
	}
	var pid int
	pidfd := -1
	done := make(chan struct{})
	parent() <- func() {
		defer close(done)
		pid, err = syscall.ForkExec(kernel, []string{"vkernel", b.cfg.Name}, &syscall.ProcAttr{
			Dir: "/",
			Env: b.cfg.KernelEnv,
			Files: []uintptr{null.Fd(), null.Fd(), wordsW.Fd(), // then as package host numbers them
				theirs.Fd(), b.file.Fd(), uintptr(b.pin), b.bell.Fd()},
			Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd},
		})
	}
	<-done
	// Fd made the descriptor blocking; the bell's reader wants it otherwise.
	unix.SetNonblock(int(b.bell.Fd()), true)
	if err != nil {
		ours.Close()
		wordsR.Close()
		return fmt.Errorf("start %s: %w", b.cfg.Kernel, err)
	}
	b.mu.Lock()
	b.pid, b.sock, b.conn = pid, ours, ctl.NewConn(ours)
	b.mu.Unlock()
	go b.words.copy(wordsR)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		b.answer()
	}()
	go b.reap(pidfd, answered)
	go b.watchdog()
	b.ResumeDevices() // before the first CPU runs
	return nil
}

// Boot gives the kernel the boot record, and with that the machine.
func (b *Board) Boot() error { return b.conn.Send(&ctl.Message{Boot: &b.boot}) }

// socketpair makes the control channel; the kernel's end blocks, ours is in Go's poller.
func socketpair() (ours, theirs *os.File, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	unix.SetNonblock(p[0], true)
	return os.NewFile(uintptr(p[0]), "control"), os.NewFile(uintptr(p[1]), "control"), nil
}

// reap waits for the kernel process and sees that nothing of it is left. It must not sit in wait4: a debugger in this
// process traces the kernel's threads, and Linux would tell the parent of their stops as well. The pidfd tells of the end alone.
func (b *Board) reap(pidfd int, answered <-chan struct{}) {
	if pidfd >= 0 {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); err != unix.EINTR {
				break
			}
		}
		unix.Close(pidfd)
	}
	for {
		_, err := unix.Wait4(b.pid, &b.status, 0, nil)
		if err != unix.EINTR {
			break
		}
	}
	b.killCells()
	b.words.wait()
	<-answered // its last message may still be on the way
	b.mu.Lock()
	for id, c := range b.requests {
		delete(b.requests, id)
		close(c)
	}
	b.mu.Unlock()
	close(b.exited)
}

// Outcome is how a machine ended.
type Outcome struct {
	Halt *ctl.Halt // what the kernel said; nil: it died without a word

	// When it died: how, and what it wrote to its standard error (the Go runtime's last words).
	Died  string
	Words string
}

// Wait waits for the machine's end.
func (b *Board) Wait() Outcome {
	<-b.exited
	b.mu.Lock()
	defer b.mu.Unlock()
	o := Outcome{Halt: b.halt, Words: b.words.String()}
	switch {
	case o.Halt != nil:
	case b.status.Signaled():
		o.Died = "killed by " + unix.SignalName(b.status.Signal())
	default:
		o.Died = fmt.Sprintf("exit status %d", b.status.ExitStatus())
	}
	return o
}

// Done is closed when the machine has ended.
func (b *Board) Done() <-chan struct{} { return b.exited }

// Kill switches the machine off at once.
func (b *Board) Kill() {
	b.mu.Lock()
	pid := b.pid
	b.mu.Unlock()
	select {
	case <-b.exited: // the number may be somebody else's by now
	default:
		if pid != 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// PID is the kernel process.
func (b *Board) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pid
}

// answer takes the kernel's messages until it is gone.
func (b *Board) answer() {
	for {
		m, err := b.conn.Receive()
		if err != nil {
			return
		}
		switch {
		case m.Halt != nil:
			b.mu.Lock()
			b.halt = m.Halt
			b.mu.Unlock()
			continue
		case m.Reply != nil:
			b.mu.Lock()
			c := b.requests[m.ID]
			delete(b.requests, m.ID)
			b.mu.Unlock()
			if c != nil {
				c <- m
				continue
			}
		}
		if b.cfg.Message != nil {
			b.cfg.Message(m)
		}
	}
}

// Errors of Request.
var (
	ErrOff     = errors.New("the machine is off")
	ErrTimeout = errors.New("the kernel does not answer")
)

// Post sends m as Request does. What the kernel answers, when it does, is nobody's concern.
func (b *Board) Post(m *ctl.Message, timeout time.Duration) error { return b.post(m, nil, timeout) }

// post sends m, with an ID of its own. The reply goes to the channel, if there is one.
func (b *Board) post(m *ctl.Message, reply chan *ctl.Message, timeout time.Duration) error {
	b.mu.Lock()
	if b.conn == nil {
		b.mu.Unlock()
		return ErrOff
	}
	b.lastID++
	m.ID = b.lastID
	if reply != nil {
		b.requests[m.ID] = reply
	}
	b.mu.Unlock()
	select {
	case <-b.exited:
		return ErrOff
	default:
	}
	// A kernel that reads nothing must not hold us either.
	b.sock.SetWriteDeadline(time.Now().Add(timeout))
	if err := b.conn.Send(m); err != nil {
		return ErrOff
	}
	return nil
}

// Request sends m, with an ID of its own, and waits for the reply.
func (b *Board) Request(m *ctl.Message, timeout time.Duration) (*ctl.Reply, error) {
	c := make(chan *ctl.Message, 1)
	defer func() {
		b.mu.Lock()
		delete(b.requests, m.ID)
		b.mu.Unlock()
	}()
	if err := b.post(m, c, timeout); err != nil {
		return nil, err
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case r, ok := <-c:
		if !ok {
			return nil, ErrOff
		}
		if r.Reply.Error != "" {
			return nil, errors.New(r.Reply.Error)
		}
		return r.Reply, nil
	case <-b.exited:
		return nil, ErrOff
	case <-t.C:
		return nil, ErrTimeout
	}
}

// interrupt raises a line.
func (b *Board) interrupt(line int) {
	if b.bells.Raise(line) {
		one := [8]byte{1}
		unix.Write(b.pin, one[:])
	}
}

// ring serves the doorbells until the board is closed.
func (b *Board) ring() {
	var count [8]byte
	for {
		if _, err := b.bell.Read(count[:]); err != nil {
			return
		}
		b.bells.TakeKicks(func(slot, queue int) {
			if slot < len(b.cfg.Devices) {
				b.cfg.Devices[slot].Kick(queue)
			}
		})
	}
}

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("clock_gettime: " + err.Error())
	}
	return ts.Nano()
}
