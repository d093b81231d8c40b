package ipc

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

func (w *world) socket(tb testing.TB, t *sched.Thread, kind int) *Unix {
	s, err := w.tab.New(t, kind)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (w *world) open(t *sched.Thread, s *Unix) *vfs.File {
	return w.vfs.NewAnonFile(t, "socket:[1]", s, abi.O_RDWR)
}

func send(t *sched.Thread, s *Unix, data string, o SendOptions) (int, error) {
	return s.Send(t, mm.KernelIO([]byte(data)), o)
}

func recv(t *sched.Thread, s *Unix, n int, o RecvOptions) (string, Received, error) {
	b := make([]byte, n)
	r, err := s.Recv(t, mm.KernelIO(b), o)
	return string(b[:r.N]), r, err
}

func (w *world) pair(tb testing.TB, t *sched.Thread, kind int) (a, b *Unix) {
	a, b, err := w.tab.Pair(t, kind)
	if err != nil {
		tb.Fatal(err)
	}
	return a, b
}

var now = RecvOptions{Nonblock: true}

func TestStreamPair(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		a, b := w.pair(t, th, abi.SOCK_STREAM)
		if _, _, err := recv(th, b, 10, now); errno.Of(err) != errno.EAGAIN {
			t.Errorf("empty: %v", err)
		}
		send(th, a, "hello ", SendOptions{})
		send(th, a, "world", SendOptions{})
		if n, _ := b.Unread(th); n != 11 {
			t.Errorf("FIONREAD %d", n)
		}
		if s, _, _ := recv(th, b, 100, RecvOptions{Peek: true}); s != "hello world" {
			t.Errorf("peek %q", s)
		}
		if s, _, _ := recv(th, b, 8, now); s != "hello wo" {
			t.Errorf("%q", s)
		}
		if s, _, _ := recv(th, b, 8, now); s != "rld" {
			t.Errorf("%q", s)
		}
		w.later(ktime.Second, func(th *sched.Thread) { send(th, a, "12345", SendOptions{}) })
		w.later(2*ktime.Second, func(th *sched.Thread) { send(th, a, "67890", SendOptions{}) })
		if s, _, _ := recv(th, b, 8, RecvOptions{WaitAll: true}); s != "12345678" {
			t.Errorf("MSG_WAITALL %q", s)
		}
		// Half closed: what was sent is read, then the end of file; the other way still works.
		a.Shutdown(th, abi.SHUT_WR)
		if e := b.Poll(th, nil, nil); e&abi.POLLRDHUP == 0 || e&abi.POLLHUP != 0 {
			t.Errorf("poll %#x", e)
		}
		if s, _, err := recv(th, b, 8, RecvOptions{}); s != "90" || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		if s, _, err := recv(th, b, 8, RecvOptions{}); s != "" || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		_, err := send(th, a, "x", SendOptions{})
		wantErr(t, "send after shutdown", err, errno.EPIPE)
		if n, err := send(th, b, "back", SendOptions{}); n != 4 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		// Closed with unread data: the other end hears of it.
		a.Release(th, nil)
		_, _, err = recv(th, b, 8, RecvOptions{})
		wantErr(t, "recv after a close with unread data", err, errno.ECONNRESET)
		_, err = send(th, b, "x", SendOptions{})
		wantErr(t, "send after close", err, errno.EPIPE)
		if e := b.Poll(th, nil, nil); e&abi.POLLHUP == 0 {
			t.Errorf("poll %#x", e)
		}
	})
}

func TestStreamBackPressure(t *testing.T) {
	w := newWorld(t, 4)
	var a, b *Unix
	w.Run(func(th *sched.Thread) {
		a, b = w.pair(t, th, abi.SOCK_STREAM)
		a.SetIntOption(th, abi.SO_SNDBUF, 3000)
	})
	text := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	var got []byte
	w.RunAll(func(th *sched.Thread) {
		if n, err := a.Send(th, mm.KernelIO(text), SendOptions{}); n != len(text) || err != nil {
			t.Errorf("sent %d, %v", n, err)
		}
		a.Shutdown(th, abi.SHUT_WR)
	}, func(th *sched.Thread) {
		for i := 1; ; i++ {
			s, _, err := recv(th, b, i%5000+1, RecvOptions{})
			if err != nil {
				t.Error(err)
			}
			if s == "" {
				return
			}
			got = append(got, s...)
		}
	})
	if !bytes.Equal(got, text) {
		t.Errorf("%d of %d bytes, or others", len(got), len(text))
	}
	w.Run(func(th *sched.Thread) {
		x, _ := w.pair(t, th, abi.SOCK_STREAM)
		n, err := x.Send(th, mm.KernelIO(text), SendOptions{Nonblock: true})
		if err != nil || n <= 0 || n > defaultBuf {
			t.Errorf("sent %d, %v at once", n, err)
		}
		_, err = send(th, x, "y", SendOptions{Nonblock: true})
		wantErr(t, "full", err, errno.EAGAIN)
		if e := x.Poll(th, nil, nil); e&abi.POLLOUT != 0 {
			t.Errorf("poll %#x", e)
		}
		x.SetSendTimeout(ktime.Second)
		from := th.Now()
		_, err = send(th, x, "y", SendOptions{})
		wantErr(t, "SO_SNDTIMEO", err, errno.EAGAIN)
		if th.Now()-from != ktime.Second {
			t.Errorf("after %d ms", (th.Now()-from)/1e6)
		}
	})
}

func TestListenConnectAccept(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		server, client := w.socket(t, th, abi.SOCK_STREAM), w.socket(t, th, abi.SOCK_STREAM)
		const name = "\x00server"
		wantErr(t, "connect to nobody", client.Connect(th, nil, name, false), errno.ECONNREFUSED)
		wantErr(t, "bind", server.Bind(th, nil, name), 0)
		wantErr(t, "bind twice", server.Bind(th, nil, name+"2"), errno.EINVAL)
		wantErr(t, "name taken", client.Bind(th, nil, name), errno.EADDRINUSE)
		wantErr(t, "connect before listen", client.Connect(th, nil, name, false), errno.ECONNREFUSED)
		_, err := server.Accept(th, true)
		wantErr(t, "accept before listen", err, errno.EINVAL)
		wantErr(t, "listen without name", client.Listen(th, 1), errno.EINVAL)
		wantErr(t, "listen", server.Listen(th, 1), 0)
		_, err = server.Accept(th, true)
		wantErr(t, "accept nobody", err, errno.EAGAIN)
		wantErr(t, "connect", client.Connect(th, nil, name, false), 0)
		wantErr(t, "connect twice", client.Connect(th, nil, name, false), errno.EISCONN)
		if e := server.Poll(th, nil, nil); e&abi.POLLIN == 0 {
			t.Error("the listener is not readable")
		}
		// What is sent before the accept waits.
		if n, err := send(th, client, "early", SendOptions{}); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		conn, err := server.Accept(th, false)
		if err != nil {
			t.Fatal(err)
		}
		if s, _, _ := recv(th, conn, 10, now); s != "early" {
			t.Errorf("%q", s)
		}
		if n := conn.Name(th); n != name {
			t.Errorf("name %q", n)
		}
		if n, err := client.PeerName(th); n != name || err != nil {
			t.Errorf("peer %q, %v", n, err)
		}
		send(th, conn, "reply", SendOptions{})
		if s, _, _ := recv(th, client, 10, now); s != "reply" {
			t.Errorf("%q", s)
		}
		// The backlog is bounded.
		var more []*Unix
		for range 2 {
			c := w.socket(t, th, abi.SOCK_STREAM)
			wantErr(t, "connect", c.Connect(th, nil, name, true), 0)
			more = append(more, c)
		}
		late := w.socket(t, th, abi.SOCK_STREAM)
		wantErr(t, "backlog full", late.Connect(th, nil, name, true), errno.EAGAIN)
		w.later(ktime.Second, func(th *sched.Thread) { server.Accept(th, false) })
		wantErr(t, "connect, waiting", late.Connect(th, nil, name, false), 0)
		// A listener that goes resets who waits in its backlog.
		server.Release(th, nil)
		_, _, err = recv(th, more[1], 10, RecvOptions{})
		if err != nil {
			t.Errorf("recv: %v", err)
		}
		_, err = send(th, more[1], "x", SendOptions{})
		wantErr(t, "send to a dead listener's backlog", err, errno.EPIPE)
		wantErr(t, "connect to a closed one", w.socket(t, th, abi.SOCK_STREAM).Connect(th, nil, name, false), errno.ECONNREFUSED)
		again := w.socket(t, th, abi.SOCK_STREAM)
		wantErr(t, "name free again", again.Bind(th, nil, name), 0)
		auto := w.socket(t, th, abi.SOCK_DGRAM)
		if err := auto.Bind(th, nil, ""); err != nil || len(auto.Name(th)) != 6 {
			t.Errorf("autobind: %q, %v", auto.Name(th), err)
		}
	})
}

func TestDatagrams(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		a, b := w.socket(t, th, abi.SOCK_DGRAM), w.socket(t, th, abi.SOCK_DGRAM)
		to := "\x00b"
		b.Bind(th, nil, to)
		a.Bind(th, nil, "\x00a")
		for _, s := range []string{"one", "", "three"} {
			if n, err := send(th, a, s, SendOptions{To: &to}); n != len(s) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		s, r, err := recv(th, b, 2, now)
		if s != "on" || !r.Truncated || r.Length != 3 || r.From != "\x00a" || err != nil {
			t.Errorf("%q, %+v, %v", s, r, err)
		}
		if s, r, err := recv(th, b, 10, now); s != "" || !r.Named || err != nil {
			t.Errorf("%q, %+v, %v", s, r, err)
		}
		if s, _, _ := recv(th, b, 10, now); s != "three" {
			t.Errorf("%q", s)
		}
		_, err = send(th, a, "x", SendOptions{})
		wantErr(t, "no peer", err, errno.ENOTCONN)
		wantErr(t, "connect", a.Connect(th, nil, to, false), 0)
		for range maxDgrams {
			if _, err := send(th, a, "x", SendOptions{Nonblock: true}); err != nil {
				t.Fatal(err)
			}
		}
		_, err = send(th, a, "x", SendOptions{Nonblock: true})
		wantErr(t, "full", err, errno.EAGAIN)
		w.later(ktime.Second, func(th *sched.Thread) { recv(th, b, 1, now) })
		_, err = send(th, a, "x", SendOptions{})
		wantErr(t, "send, waiting", err, 0)
		_, err = send(th, a, strings.Repeat("x", defaultBuf), SendOptions{})
		wantErr(t, "too long", err, errno.EMSGSIZE)
		b.Release(th, nil)
		_, err = send(th, a, "x", SendOptions{})
		wantErr(t, "peer closed", err, errno.ECONNREFUSED)
	})
}

func TestSeqpacket(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		a, b := w.pair(t, th, abi.SOCK_SEQPACKET)
		send(th, a, "one", SendOptions{})
		send(th, a, "two", SendOptions{})
		if s, _, _ := recv(th, b, 100, now); s != "one" {
			t.Errorf("%q", s)
		}
		a.Release(th, nil)
		if s, _, _ := recv(th, b, 100, now); s != "two" {
			t.Errorf("%q", s)
		}
		if s, _, err := recv(th, b, 100, RecvOptions{}); s != "" || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		_, err := send(th, b, "x", SendOptions{})
		wantErr(t, "send", err, errno.EPIPE)
	})
}

func TestRights(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		a, b := w.pair(t, th, abi.SOCK_STREAM)
		f := w.vfs.NewAnonFile(th, "anon_inode:[eventfd]", NewEventFD(0, false), abi.O_RDWR)
		send(th, a, "plain", SendOptions{})
		if _, err := send(th, a, "files", SendOptions{Files: []*vfs.File{f, f}}); err != nil {
			t.Fatal(err)
		}
		send(th, a, "more", SendOptions{})
		if n := f.Refs(); n != 3 {
			t.Errorf("%d references in flight", n)
		}
		s, r, _ := recv(th, b, 100, RecvOptions{Peek: true})
		if s != "plainfiles" || len(r.Files) != 2 || f.Refs() != 5 {
			t.Errorf("peek: %q, %d files, %d references", s, len(r.Files), f.Refs())
		}
		for _, x := range r.Files {
			x.DecRef(th)
		}
		s, r, _ = recv(th, b, 100, now)
		if s != "plainfiles" || len(r.Files) != 2 || f.Refs() != 3 {
			t.Errorf("recv: %q, %d files, %d references", s, len(r.Files), f.Refs())
		}
		for _, x := range r.Files {
			x.DecRef(th)
		}
		if s, r, _ = recv(th, b, 100, now); s != "more" || r.Files != nil {
			t.Errorf("%q", s)
		}
		// Files that nobody takes are closed.
		send(th, a, "x", SendOptions{Files: []*vfs.File{f}})
		recv(th, b, 1, RecvOptions{DropFiles: true})
		send(th, a, "x", SendOptions{Files: []*vfs.File{f}})
		b.Release(th, nil)
		_, err := send(th, a, "x", SendOptions{Files: []*vfs.File{f}})
		wantErr(t, "send", err, errno.EPIPE)
		if n := f.Refs(); n != 1 {
			t.Errorf("%d references are left", n)
		}
		if n := w.tab.inFlight.Load(); n != 0 {
			t.Errorf("%d files in flight", n)
		}
		_, err = send(th, a, "x", SendOptions{Files: make([]*vfs.File, abi.SCM_MAX_FD+1)})
		wantErr(t, "too many", err, errno.EINVAL)
	})
}

// Sockets that are only in their own or each other's queues are freed.
func TestGarbage(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		t.Run("itself", func(t *testing.T) {
			a, b := w.pair(t, th, abi.SOCK_STREAM)
			fa, fb := w.open(th, a), w.open(th, b)
			send(th, b, "x", SendOptions{Files: []*vfs.File{fa}}) // a waits in its own queue
			fa.DecRef(th)
			fb.DecRef(th)
		})
		t.Run("each other", func(t *testing.T) {
			a, b := w.pair(t, th, abi.SOCK_STREAM)
			fa, fb := w.open(th, a), w.open(th, b)
			send(th, a, "x", SendOptions{Files: []*vfs.File{fa}})
			send(th, b, "x", SendOptions{Files: []*vfs.File{fb}})
			fa.DecRef(th)
			fb.DecRef(th)
			w.open(th, w.socket(t, th, abi.SOCK_STREAM)).DecRef(th) // the next close looks
		})
		t.Run("alive", func(t *testing.T) {
			a, b := w.pair(t, th, abi.SOCK_STREAM)
			c, d := w.pair(t, th, abi.SOCK_STREAM)
			fa, fb, fc, fd := w.open(th, a), w.open(th, b), w.open(th, c), w.open(th, d)
			send(th, a, "x", SendOptions{Files: []*vfs.File{fc}}) // c waits in b's queue
			send(th, d, "y", SendOptions{Files: []*vfs.File{fa}}) // a waits in c's
			fc.DecRef(th)
			fa.DecRef(th)
			fd.DecRef(th)
			_, r, err := recv(th, b, 1, now)
			if err != nil || len(r.Files) != 1 {
				t.Fatalf("%v", err)
			}
			s, r2, err := recv(th, r.Files[0].Impl.(*Unix), 1, now)
			if s != "y" || err != nil || len(r2.Files) != 1 {
				t.Fatalf("%q, %v", s, err)
			}
			r.Files[0].DecRef(th)
			r2.Files[0].DecRef(th)
			fb.DecRef(th)
		})
		t.Run("long chain", func(t *testing.T) {
			var last *vfs.File
			for range 5000 {
				a, b := w.pair(t, th, abi.SOCK_STREAM)
				fa, fb := w.open(th, a), w.open(th, b)
				if last != nil {
					if _, err := send(th, a, "x", SendOptions{Files: []*vfs.File{last}}); err != nil {
						t.Fatal(err)
					}
					last.DecRef(th)
				}
				a.Shutdown(th, abi.SHUT_WR)
				fa.DecRef(th)
				last = fb
			}
			last.DecRef(th)
		})
		if n := w.vfs.OpenFiles(); n != 0 {
			t.Errorf("%d files are open", n)
		}
		if n := w.tab.inFlight.Load(); n != 0 || len(w.tab.flights) != 0 {
			t.Errorf("%d files, %d sockets in flight", n, len(w.tab.flights))
		}
	})
}

func TestCredentials(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		a, b := w.pair(t, th, abi.SOCK_STREAM)
		b.SetIntOption(th, abi.SO_PASSCRED, 1)
		send(th, a, "one", SendOptions{Cred: &abi.Ucred{PID: 7, UID: 8, GID: 9}})
		send(th, a, "two", SendOptions{Cred: &abi.Ucred{PID: 1}})
		s, r, _ := recv(th, b, 100, now)
		if s != "one" || r.Cred == nil || *r.Cred != (abi.Ucred{PID: 7, UID: 8, GID: 9}) {
			t.Errorf("%q, %v", s, r.Cred)
		}
		if s, _, _ := recv(th, b, 100, now); s != "two" {
			t.Errorf("%q", s)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, name := range []string{"", "/run/x", "\x00abstract\x00name"} {
		got, err := DecodeAddr(EncodeAddr(name))
		if got != name || err != nil {
			t.Errorf("%q becomes %q, %v", name, got, err)
		}
	}
	for _, b := range []string{"", "\x01", "\x02\x00abcd", "\x01\x00" + strings.Repeat("x", 109)} {
		if _, err := DecodeAddr([]byte(b)); errno.Of(err) != errno.EINVAL {
			t.Errorf("%q: %v", b, err)
		}
	}
}

// Connections come, talk and go on all CPUs.
func TestManyConnections(t *testing.T) {
	w := newWorld(t, 4)
	var server *Unix
	w.Run(func(th *sched.Thread) {
		server = w.socket(t, th, abi.SOCK_STREAM)
		server.Bind(th, nil, "\x00s")
		server.Listen(th, 3)
	})
	const clients, rounds = 3, 60
	client := func(me int) func(*sched.Thread) {
		return func(th *sched.Thread) {
			for r := range rounds {
				c := w.socket(t, th, abi.SOCK_STREAM)
				f := w.open(th, c)
				if err := c.Connect(th, nil, "\x00s", false); err != nil {
					t.Errorf("connect: %v", err)
					return
				}
				msg := fmt.Sprintf("%d/%d", me, r)
				send(th, c, msg, SendOptions{Files: []*vfs.File{f}})
				c.Shutdown(th, abi.SHUT_WR)
				if s, _, err := recv(th, c, 100, RecvOptions{WaitAll: true}); s != msg || err != nil {
					t.Errorf("echo of %q: %q, %v", msg, s, err)
				}
				f.DecRef(th)
			}
		}
	}
	w.RunAll(func(th *sched.Thread) {
		for range clients * rounds {
			c, err := server.Accept(th, false)
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			f := w.open(th, c)
			for {
				s, r, err := recv(th, c, 4, RecvOptions{})
				for _, x := range r.Files {
					x.DecRef(th)
				}
				if s == "" || err != nil {
					break
				}
				send(th, c, s, SendOptions{})
			}
			f.DecRef(th)
		}
	}, client(0), client(1), client(2))
	if n := w.vfs.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}
