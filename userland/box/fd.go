package box

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// FD is an open file descriptor with the reader and writer methods of package io.
type FD int

const (
	Stdin  FD = 0
	Stdout FD = 1
	Stderr FD = 2
)

// Out is the buffered standard output. Run flushes it when a command ends; a
// command that talks to somebody who waits for the answer flushes it itself.
var Out = &Writer{Writer: bufio.NewWriterSize(Stdout, 8192)}

// Writer is a bufio.Writer whose target the shell can exchange for a moment,
// to catch what a command prints without a pipe and without a process.
type Writer struct{ *bufio.Writer }

// Capture runs f with Out writing into w.
func Capture(w io.Writer, f func()) {
	Out.Flush()
	old := Out.Writer
	Out.Writer = bufio.NewWriterSize(w, 512)
	defer func() { Out.Flush(); Out.Writer = old }()
	f()
}

// Open opens a file for reading; "-" is standard input.
func Open(path string) (FD, error) {
	if path == "-" {
		return Stdin, nil
	}
	return OpenFile(path, unix.O_RDONLY, 0)
}

// OpenFile is open(2), repeated when a signal interrupts it.
func OpenFile(path string, flags int, mode uint32) (FD, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, mode)
		if err != unix.EINTR {
			return FD(fd), err
		}
	}
}

// Close closes the descriptor, except the three standard ones, which a command
// has got from its parent and does not own.
func (fd FD) Close() error {
	if fd <= 2 {
		return nil
	}
	return unix.Close(int(fd))
}

func (fd FD) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (fd FD) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(int(fd), p[done:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EPIPE && fd == Stdout && Lookup("sh") != nil && !InShell:
			// Nobody reads any more. Other programs die of SIGPIPE here; the Go
			// runtime catches that signal, and only package os puts it back.
			os.Stdout.Write(p[done:])
			return done, err
		case err != nil:
			return done, err
		}
		done += n
	}
	return done, nil
}

func (fd FD) WriteString(s string) (int, error) { return fd.Write([]byte(s)) }

// InShell is set by the shell: a builtin's broken pipe must not kill it.
var InShell bool

// ReadFile returns the contents of a file. It reads until the end instead of
// asking for the size, because files in /proc say their size is 0.
func ReadFile(path string) ([]byte, error) {
	fd, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	buf := make([]byte, 0, 4096)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := fd.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// WriteFile creates or truncates a file and writes data to it.
func WriteFile(path string, data []byte, mode uint32) error {
	fd, err := OpenFile(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = fd.Write(data)
	if cerr := fd.Close(); err == nil {
		err = cerr
	}
	return err
}

// Copy copies everything from r to w with one buffer and nothing clever
// (io.Copy would look for splice and friends).
func Copy(w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, 64<<10)
	var total int64
	for {
		n, err := r.Read(buf)
		if n > 0 {
			m, werr := w.Write(buf[:n])
			total += int64(m)
			if werr != nil {
				return total, werr
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
