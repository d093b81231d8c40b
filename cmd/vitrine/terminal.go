package main

import (
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// windowSize returns a terminal's size; 80×24 if it does not tell.
func windowSize(fd int) (cols, rows int) {
	ws, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// rawTerminal is this process's terminal, in raw mode: keys go to the guest as
// they are typed, ^C included.
type rawTerminal struct {
	fd int

	mu   sync.Mutex
	old  *unix.Termios // guarded by mu; nil when the terminal is as it was
	keep bool          // output processing stays on
}

// makeRaw switches the terminal to raw mode. keepOutput leaves newlines to the
// terminal, for when others than the guest write to it, too.
func makeRaw(fd int, keepOutput bool) (*rawTerminal, error) {
	t := &rawTerminal{fd: fd, keep: keepOutput}
	return t, t.raw()
}

func (t *rawTerminal) raw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.old != nil {
		return nil
	}
	old, err := unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if err != nil {
		return err
	}
	raw := *old
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if !t.keep {
		raw.Oflag &^= unix.OPOST
	}
	if err := unix.IoctlSetTermios(t.fd, unix.TCSETS, &raw); err != nil {
		return err
	}
	t.old = old
	return nil
}

// restore gives the terminal back as it was found. It may be called more than once, by anybody.
func (t *rawTerminal) restore() { t.restoreBy(unix.TCSETSF) }

// restoreNow is restore for whoever reads on: keys typed ahead stay.
func (t *rawTerminal) restoreNow() { t.restoreBy(unix.TCSETSW) }

func (t *rawTerminal) restoreBy(how uint) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.old != nil {
		// Wait until what was written is out, and forget keys that nobody has read.
		unix.IoctlSetTermios(t.fd, how, t.old)
		t.old = nil
	}
}

// sizeReporter tells of changes of a terminal's size.
type sizeReporter struct {
	fd int
	f  func(cols, rows int)

	mu         sync.Mutex
	cols, rows int // as told last; guarded by mu
}

// reportSize calls f whenever the terminal's size changes.
func reportSize(fd int, f func(cols, rows int)) *sizeReporter {
	s := &sizeReporter{fd: fd, f: f}
	s.cols, s.rows = windowSize(fd)
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGWINCH)
	go func() {
		for range c {
			s.look()
		}
	}()
	return s
}

func (s *sizeReporter) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	cols, rows := windowSize(s.fd)
	if cols != s.cols || rows != s.rows {
		s.cols, s.rows = cols, rows
		s.f(cols, rows)
	}
}

// sizedKeys are keys that come after the size that the window had when they were typed: the signal may be late.
type sizedKeys struct {
	io.Reader
	size *sizeReporter
}

func (k sizedKeys) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	k.size.look()
	return n, err
}
