package syscall_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktest/guest"
	"vitrine/kernel/platform/fakeuser"
)

// Numbers of the calls that the tests make.
const (
	nrRead, nrWrite, nrOpen, nrClose, nrPoll, nrMmap     = 0, 1, 2, 3, 7, 9
	nrSigaction, nrSigprocmask, nrIoctl, nrPipe          = 13, 14, 16, 22
	nrSelect, nrNanosleep, nrGetpid, nrSocket, nrConnect = 23, 35, 39, 41, 42
	nrAccept, nrSendto, nrRecvfrom, nrSendmsg, nrRecvmsg = 43, 44, 45, 46, 47
	nrShutdown, nrBind, nrListen, nrSocketpair           = 48, 49, 50, 53
	nrGetsockopt, nrFork, nrExit, nrWait4, nrKill        = 55, 57, 60, 61, 62
	nrMkdir, nrSetpgid, nrSetsid, nrMount                = 83, 109, 112, 165
	nrEpollWait, nrEpollCtl, nrPselect6, nrPpoll         = 232, 233, 270, 271
	nrEpollPwait, nrTimerfdCreate, nrTimerfdSettime      = 281, 283, 286
	nrSignalfd4, nrEventfd2, nrEpollCreate1              = 289, 290, 291
	nrStat, nrGetdents64                                 = 4, 217
)

// user is a user program with memory to work in.
type user struct {
	*fakeuser.User
	t    *testing.T
	mem  uint64
	used uint64
}

// boot runs init on a whole kernel.
func boot(t *testing.T, cpus int, init func(u *user)) {
	t.Helper()
	s := guest.Boot(t, guest.Options{CPUs: cpus, Init: func(u *fakeuser.User) int {
		init(newUser(t, u))
		return 0
	}})
	if h := s.Wait(); h.Status != 0 {
		t.Errorf("%+v\n%s", h, s.Dmesg())
	}
}

func newUser(t *testing.T, u *fakeuser.User) *user {
	return &user{User: u, t: t, mem: uint64(u.Syscall(nrMmap, 0, 1<<20, 3, 0x22, ^uint64(0), 0))}
}

// fork runs f in a child and returns its process ID.
func (u *user) fork(f func(c *user) int) uint64 {
	return uint64(u.Fork(func(c *fakeuser.User) int {
		return f(&user{User: c, t: u.t, mem: u.mem + 1<<18})
	}, nrFork))
}

// buf returns n bytes of the program's memory, cleared.
func (u *user) buf(n int) uint64 {
	p := u.mem + u.used
	u.used = (u.used + uint64(n) + 15) &^ 15
	u.Store(p, make([]byte, n))
	return p
}

func (u *user) put(b []byte) uint64 {
	p := u.buf(len(b) + 1)
	u.Store(p, b)
	return p
}

// words stores 64-bit words.
func (u *user) words(w ...uint64) uint64 {
	var b []byte
	for _, x := range w {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return u.put(b)
}

func (u *user) get(p uint64, n int) []byte {
	b := make([]byte, n)
	u.Load(p, b)
	return b
}

func (u *user) int32(p uint64) int { return int(int32(binary.LittleEndian.Uint32(u.get(p, 4)))) }

// ok makes a call that must succeed.
func (u *user) ok(nr uint64, args ...uint64) uint64 {
	u.t.Helper()
	r := u.Syscall(nr, args...)
	if r < 0 {
		u.t.Errorf("call %d%v: %v", nr, args, errno.Errno(-r))
	}
	return uint64(r)
}

// fails makes a call that must fail with e.
func (u *user) fails(e errno.Errno, nr uint64, args ...uint64) {
	u.t.Helper()
	if r := u.Syscall(nr, args...); r != -int64(e) {
		u.t.Errorf("call %d%v = %d, want %s", nr, args, r, e.Name())
	}
}

// returns makes a call that must return want.
func (u *user) returns(want int64, nr uint64, args ...uint64) {
	u.t.Helper()
	if r := u.Syscall(nr, args...); r != want {
		u.t.Errorf("call %d%v = %d, want %d", nr, args, r, want)
	}
}

func (u *user) pipe() (r, w uint64) {
	p := u.buf(8)
	u.ok(nrPipe, p)
	return uint64(u.int32(p)), uint64(u.int32(p + 4))
}

func (u *user) write(fd uint64, s string) {
	u.t.Helper()
	u.returns(int64(len(s)), nrWrite, fd, u.put([]byte(s)), uint64(len(s)))
}

func (u *user) read(fd uint64) string {
	u.t.Helper()
	p := u.buf(1000)
	n := u.Syscall(nrRead, fd, p, 1000)
	if n < 0 {
		u.t.Errorf("read of %d: %v", fd, errno.Errno(-n))
		return "error"
	}
	return string(u.get(p, int(n)))
}

func pollfds(p ...abi.PollFD) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, p)
	return b.Bytes()
}

func TestPoll(t *testing.T) {
	boot(t, 1, func(u *user) {
		r, w := u.pipe()
		fds := u.put(pollfds(abi.PollFD{FD: int32(r), Events: abi.POLLIN}, abi.PollFD{FD: int32(w), Events: abi.POLLIN},
			abi.PollFD{FD: -5, Events: abi.POLLIN}))
		u.returns(0, nrPoll, fds, 3, 0)
		u.returns(0, nrPoll, fds, 3, 50)
		u.returns(0, nrPoll, 0, 0, 10)
		u.fails(errno.EFAULT, nrPoll, 8, 3, 0)
		u.fails(errno.EINVAL, nrPoll, fds, 1<<30, 0)
		revents := func(i uint64) int { return u.int32(fds+8*i+4) >> 16 }
		pid := u.fork(func(c *user) int {
			c.ok(nrNanosleep, c.words(1, 0), 0)
			c.write(w, "x")
			return 0
		})
		u.returns(1, nrPoll, fds, 3, ^uint64(0))
		if revents(0) != abi.POLLIN || revents(1) != 0 || revents(2) != 0 {
			t.Errorf("revents %#x %#x %#x", revents(0), revents(1), revents(2))
		}
		u.ok(nrWait4, pid, 0, 0, 0)
		u.ok(nrClose, w)
		u.returns(2, nrPoll, fds, 3, 1000)
		if revents(0) != abi.POLLIN|abi.POLLHUP || revents(1) != abi.POLLNVAL {
			t.Errorf("revents %#x %#x", revents(0), revents(1))
		}
	})
}

func TestPollInterrupted(t *testing.T) {
	boot(t, 1, func(u *user) {
		ran := 0
		h := u.Handler(func(*fakeuser.User, int) { ran++ })
		restorer := u.Handler(func(*fakeuser.User, int) {})
		u.ok(nrSigaction, 10, u.words(h, 0x04000000|0x10000000, restorer, 0), 0, 8) // SA_RESTART does not help poll
		kick := func(sig uint64) uint64 {
			me := u.ok(nrGetpid)
			return u.fork(func(c *user) int {
				c.ok(nrNanosleep, c.words(1, 0), 0)
				c.ok(nrKill, me, sig)
				return 0
			})
		}
		r, w := u.pipe()
		fds := u.put(pollfds(abi.PollFD{FD: int32(r), Events: abi.POLLIN}))
		pid := kick(10)
		u.fails(errno.EINTR, nrPoll, fds, 1, 5000)
		u.ok(nrWait4, pid, 0, 0, 0)
		// The mask of ppoll lets in what is blocked otherwise, for its duration.
		u.ok(nrSigprocmask, 0, u.words(1<<9), 0, 8)
		pid = kick(10)
		limit := u.words(5, 0)
		u.fails(errno.EINTR, nrPpoll, fds, 1, limit, u.words(0), 8)
		if left := u.Load64(limit); left != 3 && left != 4 {
			t.Errorf("%d s are left", left)
		}
		if ran != 2 {
			t.Errorf("the handler ran %d times", ran)
		}
		u.ok(nrWait4, pid, 0, 0, 0)
		pid = kick(10)
		u.returns(0, nrPpoll, fds, 1, u.words(2, 0), 0, 8)
		u.ok(nrWait4, pid, 0, 0, 0)
		// A signal without a handler does not end poll: it goes on with the rest of its time.
		pid = kick(18)
		u.returns(0, nrPoll, fds, 1, 2000)
		u.ok(nrWait4, pid, 0, 0, 0)
		u.write(w, "x")
		u.returns(1, nrPpoll, fds, 1, 0, 0, 8)
	})
}

func TestSelect(t *testing.T) {
	boot(t, 1, func(u *user) {
		r, w := u.pipe()
		n := max(r, w) + 1
		rd, wr := u.words(1<<r), u.words(1<<w|1<<r)
		zero := u.words(0, 0)
		u.returns(1, nrSelect, n, rd, wr, 0, zero)
		if u.Load64(rd) != 0 || u.Load64(wr) != 1<<w {
			t.Errorf("sets %#x %#x", u.Load64(rd), u.Load64(wr))
		}
		u.write(w, "x")
		u.Store64(rd, 1<<r)
		u.Store64(wr, 1<<w)
		u.returns(2, nrPselect6, n, rd, wr, 0, 0, 0)
		u.returns(0, nrSelect, 0, 0, 0, 0, u.words(0, 1000))
		u.fails(errno.EBADF, nrSelect, 40, u.words(1<<39), 0, 0, zero)
		u.fails(errno.EINVAL, nrSelect, ^uint64(0), 0, 0, 0, zero)
		u.fails(errno.EINVAL, nrSelect, 0, 0, 0, 0, u.words(^uint64(0), 0))
		u.Store64(rd, 1<<r)
		u.returns(1, nrSelect, 1<<20, rd, 0, 0, zero) // more than any table has
	})
}

func (u *user) epollCtl(ep uint64, op int, fd uint64, events uint32) int64 {
	b := binary.LittleEndian.AppendUint32(nil, events)
	return u.Syscall(nrEpollCtl, ep, uint64(op), fd, u.put(binary.LittleEndian.AppendUint64(b, fd|0xabc<<32)))
}

func TestEpoll(t *testing.T) {
	boot(t, 2, func(u *user) {
		ep := u.ok(nrEpollCreate1, abi.EPOLL_CLOEXEC)
		r, w := u.pipe()
		for _, c := range []struct {
			fd   uint64
			want errno.Errno
		}{{r, 0}, {r, errno.EEXIST}, {ep, errno.EINVAL}, {99, errno.EBADF}} {
			if got := u.epollCtl(ep, abi.EPOLL_CTL_ADD, c.fd, abi.EPOLLIN); got != -int64(c.want) {
				t.Errorf("add %d: %d, want %v", c.fd, got, c.want)
			}
		}
		file := u.ok(nrOpen, u.put([]byte("/tmp/f")), 0o102, 0o600)
		if got := u.epollCtl(ep, abi.EPOLL_CTL_ADD, file, abi.EPOLLIN); got != -int64(errno.EPERM) {
			t.Errorf("add a regular file: %d", got)
		}
		evs := u.buf(12 * 10)
		u.returns(0, nrEpollWait, ep, evs, 10, 0)
		u.returns(0, nrEpollWait, ep, evs, 10, 20)
		u.fails(errno.EINVAL, nrEpollWait, ep, evs, 0, 0)
		pid := u.fork(func(c *user) int {
			c.ok(nrNanosleep, c.words(1, 0), 0)
			c.write(w, "x")
			return 0
		})
		u.returns(1, nrEpollPwait, ep, evs, 10, ^uint64(0), 0, 8)
		if got := u.get(evs, 12); binary.LittleEndian.Uint32(got) != abi.EPOLLIN || binary.LittleEndian.Uint64(got[4:]) != r|0xabc<<32 {
			t.Errorf("event % x", got)
		}
		u.ok(nrWait4, pid, 0, 0, 0)
		u.fails(errno.EFAULT, nrEpollWait, ep, 8, 10, 0)
		u.returns(1, nrEpollWait, ep, evs, 10, 0)
		u.ok(nrClose, r) // the last descriptor: the item goes
		u.returns(0, nrEpollWait, ep, evs, 10, 0)
	})
}

func TestEventTimerSignalFD(t *testing.T) {
	boot(t, 1, func(u *user) {
		e := u.ok(nrEventfd2, 5, abi.EFD_SEMAPHORE|abi.EFD_NONBLOCK)
		if s := u.read(e); s != "\x01\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("eventfd: %q", s)
		}
		u.fails(errno.EINVAL, nrRead, e, u.buf(4), 4)
		u.fails(errno.EINVAL, nrWrite, e, u.words(^uint64(0)), 8)

		tfd := u.ok(nrTimerfdCreate, abi.CLOCK_MONOTONIC, 0)
		u.ok(nrTimerfdSettime, tfd, 0, u.words(0, 100e6, 0, 250e6), 0)
		if s := u.read(tfd); s != "\x01\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("timerfd: %q", s)
		}
		u.ok(nrNanosleep, u.words(0, 350e6), 0)
		if s := u.read(tfd); s != "\x03\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("timerfd: %q", s)
		}
		u.fails(errno.EINVAL, nrTimerfdSettime, tfd, 0, u.words(0, 1e9, 0, 0), 0)
		u.fails(errno.EINVAL, nrTimerfdSettime, e, 0, u.words(0, 0, 0, 0), 0)

		mask := u.words(1<<9 | 1<<11)
		u.ok(nrSigprocmask, 0, mask, 0, 8)
		sfd := u.ok(nrSignalfd4, ^uint64(0), mask, 8, 0)
		me := u.ok(nrGetpid)
		ep := u.ok(nrEpollCreate1, 0)
		u.epollCtl(ep, abi.EPOLL_CTL_ADD, sfd, abi.EPOLLIN)
		evs := u.buf(12)
		u.returns(0, nrEpollWait, ep, evs, 1, 0)
		pid := u.fork(func(c *user) int {
			c.ok(nrNanosleep, c.words(1, 0), 0)
			c.ok(nrKill, me, 12)
			return 0
		})
		u.returns(1, nrEpollWait, ep, evs, 1, ^uint64(0))
		info := []byte(u.read(sfd))
		if len(info) != 128 || info[0] != 12 || binary.LittleEndian.Uint32(info[12:]) != uint32(pid) {
			t.Errorf("signalfd: % x", info)
		}
		u.ok(nrWait4, pid, 0, 0, 0)
		u.fails(errno.EINVAL, nrRead, sfd, u.buf(100), 100)
	})
}

func (u *user) addr(path string) (p, size uint64) {
	b := append([]byte{abi.AF_UNIX, 0}, path...)
	return u.put(b), uint64(len(b))
}

func TestSockets(t *testing.T) {
	boot(t, 2, func(u *user) {
		u.fails(errno.EAFNOSUPPORT, nrSocket, abi.AF_INET, abi.SOCK_STREAM, 0)
		u.fails(errno.EAFNOSUPPORT, nrSocket, abi.AF_NETLINK, abi.SOCK_RAW, 0)
		u.fails(errno.ENOTSOCK, nrListen, u.ok(nrEventfd2, 0, 0), 1)
		s := u.ok(nrSocket, abi.AF_UNIX, abi.SOCK_STREAM, 0)
		p, n := u.addr("/tmp/sock")
		c := u.ok(nrSocket, abi.AF_UNIX, abi.SOCK_STREAM|abi.SOCK_CLOEXEC, 0)
		u.fails(errno.ENOENT, nrConnect, c, p, n)
		u.ok(nrBind, s, p, n)
		u.fails(errno.ECONNREFUSED, nrConnect, c, p, n)
		u.ok(nrListen, s, 5)
		u.fails(errno.EADDRINUSE, nrBind, c, p, n)
		pid := u.fork(func(k *user) int {
			k.ok(nrConnect, c, p, n)
			k.write(c, "request")
			if got := k.read(c); got != "reply" {
				t.Errorf("client got %q", got)
			}
			// The pipe's end that came with it works.
			k.ok(nrShutdown, c, abi.SHUT_WR)
			return 0
		})
		from, size := u.buf(110), u.words(110)
		a := u.ok(nrAccept, s, from, size)
		if u.int32(size) != 2 {
			t.Errorf("the client's address has %d bytes", u.int32(size))
		}
		if got := u.read(a); got != "request" {
			t.Errorf("server got %q", got)
		}
		cred, len := u.buf(12), u.words(12)
		u.ok(nrGetsockopt, a, abi.SOL_SOCKET, abi.SO_PEERCRED, cred, len)
		if u.int32(cred) != int(pid) {
			t.Errorf("SO_PEERCRED: process %d, want %d", u.int32(cred), pid)
		}
		u.write(a, "reply")
		if got := u.read(a); got != "" {
			t.Errorf("after shutdown: %q", got)
		}
		u.ok(nrWait4, pid, 0, 0, 0)
		u.ok(nrClose, c)
		u.fails(errno.EPIPE, nrSendto, a, p, 1, abi.MSG_NOSIGNAL, 0, 0)
		pid = u.fork(func(k *user) int {
			k.Syscall(nrWrite, a, p, 1)
			return 0
		})
		st := u.buf(4)
		u.ok(nrWait4, pid, st, 0, 0)
		if u.int32(st) != 13 {
			t.Errorf("writing to a closed socket ended with %#x, want SIGPIPE", u.int32(st))
		}
	})
}

// msghdr makes a struct msghdr with one buffer.
func (u *user) msghdr(buf uint64, n int, control uint64, size int) uint64 {
	return u.words(0, 0, u.words(buf, uint64(n)), 1, control, uint64(size), 0)
}

func TestPassDescriptors(t *testing.T) {
	boot(t, 1, func(u *user) {
		sv := u.buf(8)
		u.ok(nrSocketpair, abi.AF_UNIX, abi.SOCK_DGRAM, 0, sv)
		a, b := uint64(u.int32(sv)), uint64(u.int32(sv+4))
		r, w := u.pipe()
		cmsg := func(fds ...uint64) (uint64, int) {
			le := binary.LittleEndian
			c := le.AppendUint64(nil, uint64(16+4*len(fds)))
			c = le.AppendUint32(le.AppendUint32(c, abi.SOL_SOCKET), abi.SCM_RIGHTS)
			for _, fd := range fds {
				c = le.AppendUint32(c, uint32(fd))
			}
			return u.put(c), len(c)
		}
		c, n := cmsg(r, w)
		u.returns(2, nrSendmsg, a, u.msghdr(u.put([]byte("hi")), 2, c, n), 0)
		u.ok(nrClose, r)
		u.ok(nrClose, w)
		control := u.buf(64)
		h := u.msghdr(u.buf(10), 10, control, 64)
		u.returns(2, nrRecvmsg, b, h, 0)
		if got := u.Load64(h + 40); got != 24 {
			t.Errorf("msg_controllen %d", got)
		}
		r, w = uint64(u.int32(control+16)), uint64(u.int32(control+20))
		u.write(w, "through")
		if got := u.read(r); got != "through" {
			t.Errorf("%q", got)
		}
		// Room for one of two: the other is closed, and the program is told.
		c, n = cmsg(r, w)
		u.ok(nrSendmsg, a, u.msghdr(u.put([]byte("hi")), 2, c, n), 0)
		u.ok(nrClose, w)
		h = u.msghdr(u.buf(10), 10, control, 20)
		u.ok(nrRecvmsg, b, h, 0)
		if flags := u.int32(h + 48); flags&abi.MSG_CTRUNC == 0 {
			t.Errorf("msg_flags %#x", flags)
		}
		if got := u.read(r); got != "" { // the last writer is gone
			t.Errorf("%q", got)
		}
		bad, n := cmsg(77)
		u.fails(errno.EBADF, nrSendmsg, a, u.msghdr(u.put([]byte("x")), 1, bad, n), 0)
		u.fails(errno.EINVAL, nrSendmsg, a, u.msghdr(u.put([]byte("x")), 1, u.words(5, 1|1<<32), 16), 0)
	})
}

func TestPseudoTerminal(t *testing.T) {
	boot(t, 2, func(u *user) {
		dir := u.put([]byte("/dev/pts"))
		u.Syscall(nrMkdir, dir, 0o755)
		u.ok(nrMount, dir, dir, u.put([]byte("devpts")), 0, u.put([]byte("gid=5,mode=620")))
		m := u.ok(nrOpen, u.put([]byte("/dev/ptmx")), abi.O_RDWR|abi.O_NOCTTY)
		num := u.buf(4)
		u.ok(nrIoctl, m, abi.TIOCGPTN, num)
		path := fmt.Sprintf("/dev/pts/%d", u.int32(num))
		u.fails(errno.EIO, nrOpen, u.put([]byte(path)), abi.O_RDWR)
		u.ok(nrIoctl, m, abi.TIOCSPTLCK, u.words(0))
		u.ok(nrIoctl, m, abi.TIOCSWINSZ, u.words(0x0050_0018))

		fd := u.ok(nrOpen, dir, 0o200000)
		ents := u.buf(512)
		list := string(u.get(ents, int(u.ok(nrGetdents64, fd, ents, 512))))
		for _, name := range []string{".", "..", "ptmx", path[len("/dev/pts/"):]} {
			if !strings.Contains(list, name+"\x00") {
				t.Errorf("/dev/pts lacks %s", name)
			}
		}
		st := u.buf(144)
		u.ok(nrStat, u.put([]byte(path)), st)
		if mode, gid := u.int32(st+24), u.int32(st+32); mode != 0o20620 || gid != 5 {
			t.Errorf("%s has mode %#o, group %d", path, mode, gid)
		}

		// A shell: a session with the slave as its terminal, and a job in the background.
		shell := u.fork(func(c *user) int {
			c.ok(nrSetsid)
			tty := c.ok(nrOpen, c.put([]byte(path)), abi.O_RDWR)
			ws := c.buf(8)
			c.ok(nrIoctl, tty, abi.TIOCGWINSZ, ws)
			if c.int32(ws) != 0x0050_0018 {
				t.Errorf("window %#x", c.int32(ws))
			}
			pg := c.buf(4)
			c.ok(nrIoctl, tty, abi.TIOCGPGRP, pg)
			if c.int32(pg) != int(c.ok(nrGetpid)) {
				t.Errorf("foreground group %d", c.int32(pg))
			}
			dev := c.ok(nrOpen, c.put([]byte("/dev/tty")), abi.O_RDWR)
			c.write(dev, "$ ")
			if got := c.read(tty); got != "job\n" {
				t.Errorf("the shell read %q", got)
			}
			job := c.fork(func(j *user) int {
				j.ok(nrSetpgid, 0, 0)
				if got := j.read(tty); got != "input\n" { // stops here, with SIGTTIN
					t.Errorf("the job read %q", got)
				}
				return 7
			})
			st := c.buf(4)
			c.returns(int64(job), nrWait4, ^uint64(0), st, 2, 0) // WUNTRACED
			if c.int32(st) != 21<<8|0x7f {
				t.Errorf("the job's status %#x", c.int32(st))
			}
			c.ok(nrIoctl, tty, abi.TIOCSPGRP, c.words(job))
			c.ok(nrKill, -job, 18)
			c.ok(nrWait4, job, st, 0, 0)
			if c.int32(st) != 7<<8 {
				t.Errorf("the job's status %#x", c.int32(st))
			}
			// ^C kills what is in the foreground.
			job = c.fork(func(j *user) int {
				j.ok(nrSetpgid, 0, 0)
				j.ok(nrSigprocmask, 0, j.words(1<<21), 0, 8) // SIGTTOU
				j.ok(nrIoctl, tty, abi.TIOCSPGRP, j.words(j.ok(nrGetpid)))
				j.write(dev, "ready")
				j.read(tty)
				return 0
			})
			c.ok(nrWait4, job, st, 0, 0)
			if c.int32(st) != 2 {
				t.Errorf("the interrupted job's status %#x", c.int32(st))
			}
			return 0
		})
		expect := func(want string) {
			t.Helper()
			got := ""
			for len(got) < len(want) {
				if s := u.read(m); s != "error" {
					got += s
					continue
				}
				u.Syscall(nrExit, 9)
			}
			if got != want {
				t.Errorf("the screen shows %q, want %q", got, want)
			}
		}
		expect("$ ")
		u.write(m, "job\r")
		expect("job\r\n")
		u.write(m, "input\r")
		expect("input\r\nready")
		u.write(m, "\x03")
		expect("^C")
		u.ok(nrWait4, shell, st, 0, 0)
		if u.int32(st) != 0 {
			t.Errorf("the shell's status %#x", u.int32(st))
		}
		u.fails(errno.EIO, nrRead, m, st, 4)
		peer := u.ok(nrIoctl, m, abi.TIOCGPTPEER, abi.O_RDWR|abi.O_NOCTTY)
		u.write(peer, "peer")
		expect("peer")
		u.ok(nrClose, m)
		u.fails(errno.ENOENT, nrOpen, u.put([]byte(path)), abi.O_RDWR)
		u.fails(errno.EIO, nrWrite, peer, st, 1)
	})
}
