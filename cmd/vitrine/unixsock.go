package main

import (
	"os"

	"golang.org/x/sys/unix"

	sockets "vitrine/dap/listen"
)

// Unix sockets without package net, which would make a dynamically linked program of this one
// wherever cgo is on: that costs every start a millisecond.

// listener waits for connections.
type listener struct{ f *os.File }

func listenUnix(path string) (*listener, error) {
	fd, err := unixSocket()
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "bind", Path: path, Err: err}
	}
	if err := unix.Listen(fd, 16); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "listen", Path: path, Err: err}
	}
	return &listener{os.NewFile(uintptr(fd), path)}, nil
}

func unixSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return fd, os.NewSyscallError("socket", err)
}

// Accept waits for the next connection; Close ends the wait.
func (l *listener) Accept() (*os.File, error) { return sockets.Accept(l.f) }

func (l *listener) Close() error { return l.f.Close() }

// dialUnix connects. Nobody listening is ECONNREFUSED; a listener with too many in front of us, EAGAIN.
func dialUnix(path string) (*os.File, error) {
	fd, err := unixSocket()
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "connect", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
