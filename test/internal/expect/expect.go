// Package expect drives a program on a terminal as a person would: it types
// and waits for what the screen shows.
package expect

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Session is a program on a pseudo terminal.
type Session struct {
	cmd *exec.Cmd
	pty *os.File

	mu   sync.Mutex
	cond *sync.Cond
	out  bytes.Buffer // all output
	pos  int          // where the next Expect looks
	eof  bool
	done chan error
}

// Start runs cmd on a terminal of 24 rows and 80 columns.
func Start(cmd *exec.Cmd) (*Session, error) {
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	var n, zero int32
	if err := ioctl(m, syscall.TIOCSPTLCK, unsafe.Pointer(&zero)); err != nil {
		return nil, err
	}
	if err := ioctl(m, syscall.TIOCGPTN, unsafe.Pointer(&n)); err != nil {
		return nil, err
	}
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	size := [4]uint16{24, 80}
	if err := ioctl(m, syscall.TIOCSWINSZ, unsafe.Pointer(&size)); err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s, s, s
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.Close()
	x := &Session{cmd: cmd, pty: m, done: make(chan error, 1)}
	x.cond = sync.NewCond(&x.mu)
	go x.read()
	go func() { x.done <- cmd.Wait() }()
	return x, nil
}

func ioctl(f *os.File, req uintptr, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), req, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

func (s *Session) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.pty.Read(buf)
		s.mu.Lock()
		s.out.Write(buf[:n])
		s.eof = s.eof || err != nil
		s.cond.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type sends text as typed keys.
func (s *Session) Type(text string) error {
	_, err := s.pty.WriteString(text)
	return err
}

// Resize changes the terminal's size; the program gets SIGWINCH.
func (s *Session) Resize(rows, cols int) error {
	size := [4]uint16{uint16(rows), uint16(cols)}
	return ioctl(s.pty, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

// ErrTimeout says that what was expected did not come in time.
var ErrTimeout = errors.New("timed out")

// Expect waits until the output since the last Expect matches re, and returns the
// match and its groups. The limit only bounds a failure.
func (s *Session) Expect(re string, limit time.Duration) ([]string, error) {
	r, err := regexp.Compile(re)
	if err != nil {
		return nil, err
	}
	timer := time.AfterFunc(limit, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cond.Broadcast()
	})
	defer timer.Stop()
	deadline := time.Now().Add(limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		rest := s.out.Bytes()[s.pos:]
		if m := r.FindSubmatchIndex(rest); m != nil {
			var groups []string
			for i := 0; i < len(m); i += 2 {
				if m[i] < 0 {
					groups = append(groups, "")
				} else {
					groups = append(groups, string(rest[m[i]:m[i+1]]))
				}
			}
			s.pos += m[1]
			return groups, nil
		}
		if s.eof {
			return nil, fmt.Errorf("the program ended before %q came; its last words:\n%s", re, tail(rest))
		}
		if !time.Now().Before(deadline) {
			return nil, fmt.Errorf("%w waiting for %q; the screen since the last match:\n%s", ErrTimeout, re, tail(rest))
		}
		s.cond.Wait()
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// Output returns everything the program wrote.
func (s *Session) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// Wait waits for the program's end and returns its exit status, 128+n for a signal.
func (s *Session) Wait(limit time.Duration) (int, error) {
	select {
	case err := <-s.done:
		s.done <- err
		ws := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return ws.ExitStatus(), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("%w waiting for the program to end; its last words:\n%s", ErrTimeout, tail([]byte(s.Output())))
	}
}

// Process is the program.
func (s *Session) Process() *os.Process { return s.cmd.Process }

// Close ends the program if it still runs.
func (s *Session) Close() {
	s.cmd.Process.Kill()
	err := <-s.done
	s.done <- err
	s.pty.Close()
}
