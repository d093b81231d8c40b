// Package listen opens the sockets of debug servers, which carry no password: who can connect can command.
//
//	unix:PATH       a file of this user's alone (mode 600)
//	tcp:HOST:PORT   loopback only, and each peer must be a process of this user
//
// It does without package net, as the rest of the supervisor does: with cgo that would link it dynamically, which costs
// every start a millisecond.
package listen

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Listener waits for connections.
type Listener struct {
	f    *os.File
	addr string
	path string // of a unix socket
	tcp  bool
}

// Listen opens the socket that addr names.
func Listen(addr string) (*Listener, error) {
	kind, rest, _ := strings.Cut(addr, ":")
	switch kind {
	case "unix":
		return listenUnix(rest)
	case "tcp":
		return listenTCP(rest)
	}
	return nil, fmt.Errorf("%q is no address; unix:PATH or tcp:HOST:PORT please", addr)
}

// Addr is where it listens, as Listen takes it, with the real port.
func (l *Listener) Addr() string { return l.addr }

// Close ends the waiting and removes the socket's file.
func (l *Listener) Close() error {
	if l.path != "" {
		os.Remove(l.path)
	}
	return l.f.Close()
}

// Accept waits for the next connection of a process that may connect. Others are dropped.
func (l *Listener) Accept() (*os.File, error) {
	for {
		f, err := Accept(l.f)
		if err != nil {
			return nil, err
		}
		if !l.tcp || sameUser(f) {
			return f, nil
		}
		f.Close()
	}
}

// Accept waits for the next connection of a listening socket; its Close ends the wait.
func Accept(socket *os.File) (*os.File, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	var failed error
	err = raw.Read(func(lfd uintptr) bool {
		fd, _, failed = unix.Accept4(int(lfd), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return failed != unix.EAGAIN && failed != unix.EINTR && failed != unix.ECONNABORTED
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, os.NewSyscallError("accept", failed)
	}
	return os.NewFile(uintptr(fd), "client of "+socket.Name()), nil
}

func listenUnix(path string) (*Listener, error) {
	if path == "" {
		return nil, errors.New("unix: which file?")
	}
	sa := &unix.SockaddrUnix{Name: path}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// The mode before bind is the file's from its first moment on.
	unix.Fchmod(fd, 0o600)
	err = unix.Bind(fd, sa)
	if errors.Is(err, unix.EADDRINUSE) && dead(sa) {
		os.Remove(path)
		err = unix.Bind(fd, sa)
	}
	if err == nil {
		err = unix.Chmod(path, 0o600) // where the host ignores the socket's mode
	}
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "listen", Path: path, Err: err}
	}
	return &Listener{f: os.NewFile(uintptr(fd), path), addr: "unix:" + path, path: path}, nil
}

// dead reports whether the socket's file was left by a server that is gone.
func dead(sa *unix.SockaddrUnix) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return errors.Is(unix.Connect(fd, sa), unix.ECONNREFUSED)
}

func listenTCP(addr string) (*Listener, error) {
	ap, err := parseTCP(addr)
	if err != nil {
		return nil, err
	}
	family, sa := sockaddr(ap)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err = unix.Bind(fd, sa); err == nil {
		err = unix.Listen(fd, 16)
	}
	if err == nil {
		sa, err = unix.Getsockname(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on tcp:%s: %w", addr, err)
	}
	real := addrPort(sa)
	return &Listener{f: os.NewFile(uintptr(fd), "tcp"), addr: "tcp:" + real.String(), tcp: true}, nil
}

// parseTCP reads HOST:PORT. Without a host it is 127.0.0.1; any that is not loopback is refused.
func parseTCP(addr string) (netip.AddrPort, error) {
	host, port, ok := cutLast(addr)
	switch {
	case !ok:
		host, port = "", addr
	case host == "localhost":
		host = ""
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ap, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return ap, fmt.Errorf("tcp:%s: HOST:PORT please, with HOST 127.0.0.1, [::1] or localhost", addr)
	}
	if !ap.Addr().IsLoopback() {
		return ap, fmt.Errorf("tcp:%s is open to other machines; debug servers listen on loopback only (ssh -L reaches them)", addr)
	}
	return ap, nil
}

func cutLast(s string) (before, after string, ok bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func sockaddr(ap netip.AddrPort) (int, unix.Sockaddr) {
	if ap.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
