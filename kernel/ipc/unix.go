package ipc

import (
	"slices"
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

const (
	defaultBuf = 212992 // net.core.wmem_default
	minBuf     = 4608   // SOCK_MIN_SNDBUF
	maxBuf     = 4 << 20
	maxDgrams  = 512 // messages that wait in a datagram socket (net.unix.max_dgram_qlen)
	overhead   = 64  // what a message costs beside its bytes, so that empty ones are bounded too
)

var (
	classTable = &ksync.Class{Name: "unix_table", Rank: ksync.RankSocketTable}
	classUnix  = &ksync.Class{Name: "unix", Rank: ksync.RankPipe}
)

// Unix is a unix(7) socket: the Impl of its File.
type Unix struct {
	table *Table // immutable
	kind  int    // abi.SOCK_…; immutable
	id    uint64 // immutable: the order for locking two

	next, prev *Unix // Table.first; guarded by Table.mu

	mu        ksync.Mutex
	name      string   // "" unbound, a path, or an abstract name with its leading NUL; guarded by mu, as all below
	node      vfs.Path // the name's file; referenced
	peer      *Unix    // where what is sent goes
	linked    bool     // stream and seqpacket: it has, or had, a peer that is its other end
	closed    bool     // its file is closed
	queue     []*message
	bytes     int // in queue, with overhead
	listening bool
	backlog   []*Unix // other ends of clients that nobody has accepted yet
	maxQueue  int     // listen(2)'s backlog
	err       errno.Errno
	owner     abi.Ucred // who made it, or called listen(2): SO_PEERCRED of the other end
	peerCred  abi.Ucred

	passCred           atomic.Bool
	noRecv, noSend     atomic.Bool // shutdown(2), from either end
	sndBuf             atomic.Int64
	rcvBuf             atomic.Int64 // only told back
	rcvTimeo, sndTimeo atomic.Int64 // ns; 0: none

	wait  ksync.WaitQueue // something happened to this socket, or there is room in its peer
	space ksync.WaitQueue // there is room in this socket, a datagram socket or a listener
}

// message is what one send put into a queue: a piece of a stream, or a datagram.
type message struct {
	data  []byte
	from  string // the sender's name
	cred  abi.Ucred
	files []*vfs.File // SCM_RIGHTS; referenced
}

func (m *message) cost() int { return len(m.data) + overhead }

// New returns a socket of a kind: abi.SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
func (tab *Table) New(t *sched.Thread, kind int) (*Unix, error) {
	switch kind {
	case abi.SOCK_STREAM, abi.SOCK_DGRAM, abi.SOCK_SEQPACKET:
	case abi.SOCK_RAW:
		kind = abi.SOCK_DGRAM // as Linux
	default:
		return nil, errno.ESOCKTNOSUPPORT
	}
	s := &Unix{table: tab, kind: kind, id: tab.lastID.Add(1), mu: ksync.NewMutex(classUnix), owner: credOf(t)}
	s.sndBuf.Store(defaultBuf)
	s.rcvBuf.Store(defaultBuf)
	tab.link(t, s)
	return s, nil
}

// Pair returns two sockets that are connected: socketpair(2).
func (tab *Table) Pair(t *sched.Thread, kind int) (a, b *Unix, err error) {
	if a, err = tab.New(t, kind); err != nil {
		return nil, nil, err
	}
	b, _ = tab.New(t, kind)
	a.peer, b.peer = b, a
	a.linked, b.linked = a.connected(), b.connected()
	a.peerCred, b.peerCred = b.owner, a.owner
	return a, b, nil
}

// connected reports whether sockets of this kind are connected in pairs.
func (s *Unix) connected() bool { return s.kind != abi.SOCK_DGRAM }

// Kind returns abi.SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
func (s *Unix) Kind() int { return s.kind }

// credOf returns the calling process's credentials as others see them.
func credOf(t *sched.Thread) abi.Ucred {
	c := abi.Ucred{}
	if p, ok := t.Owner.(interface{ PID() int }); ok {
		c.PID = int32(p.PID())
	}
	if t.Cred != nil {
		c.UID, c.GID = uint32(t.Cred.EUID), uint32(t.Cred.EGID)
	}
	return c
}

// lockTwo locks two sockets, which may be the same.
func lockTwo(t *sched.Thread, a, b *Unix) {
	if b.id < a.id {
		a, b = b, a
	}
	a.mu.Lock(t)
	if a != b {
		b.mu.Lock(t)
	}
}

func unlockTwo(t *sched.Thread, a, b *Unix) {
	a.mu.Unlock(t)
	if a != b {
		b.mu.Unlock(t)
	}
}

// deadline turns a timeout into a moment.
func deadline(t *sched.Thread, timeo int64) int64 {
	if timeo == 0 {
		return ktime.Forever
	}
	return after(t.Now(), timeo)
}

// waitErr turns the end of a wait into what the call returns: with a timeout set it is not restarted.
func waitErr(err error, timeo int64) error {
	switch {
	case errno.Of(err) == errno.ETIMEDOUT:
		return errno.EAGAIN.Because("timed out")
	case timeo != 0 && errno.Of(err) == errno.RestartSys:
		return errno.EINTR
	}
	return err
}

const (
	evIn  = abi.POLLIN | abi.POLLRDNORM | abi.POLLRDHUP | abi.POLLHUP
	evOut = abi.POLLOUT | abi.POLLWRNORM
)

// Read implements vfs.Reader.
func (s *Unix) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	r, err := s.Recv(t, dst, RecvOptions{Nonblock: f.Nonblock(), DropFiles: true})
	return r.N, err
}

// Write implements vfs.Writer.
func (s *Unix) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	return s.Send(t, src, SendOptions{Nonblock: f.Nonblock()})
}

// Poll implements vfs.Poller.
func (s *Unix) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	p.Add(&s.wait)
	s.mu.Lock(t)
	peer := s.peer
	var e vfs.Events
	switch {
	case s.listening:
		if len(s.backlog) > 0 {
			e |= abi.POLLIN | abi.POLLRDNORM
		}
		s.mu.Unlock(t)
		return e
	case len(s.queue) > 0:
		e |= abi.POLLIN | abi.POLLRDNORM
	}
	if s.err != 0 {
		e |= abi.POLLERR
	}
	if s.noRecv.Load() {
		e |= abi.POLLRDHUP | abi.POLLIN | abi.POLLRDNORM
		if s.noSend.Load() {
			e |= abi.POLLHUP
		}
	}
	if s.connected() && !s.linked {
		e |= abi.POLLHUP
	}
	s.mu.Unlock(t)
	if peer == nil || s.noSend.Load() {
		return e | evOut
	}
	if !s.connected() {
		p.Add(&peer.space)
	}
	peer.mu.Lock(t)
	if peer.closed || peer.roomFor(s, 1) {
		e |= evOut
	}
	peer.mu.Unlock(t)
	return e
}

// roomFor reports whether s takes n more bytes from the sender. Caller holds s.mu.
func (s *Unix) roomFor(from *Unix, n int) bool {
	if s.kind == abi.SOCK_DGRAM && len(s.queue) >= maxDgrams {
		return false
	}
	return len(s.queue) == 0 || s.bytes+n+overhead <= int(from.sndBuf.Load())
}

// Release implements vfs.Releaser: the last descriptor is closed.
func (s *Unix) Release(t *sched.Thread, _ *vfs.File) {
	s.shut(t)
	s.table.collectGarbage(t)
}

// shut ends a socket that has no file any more, or never had one.
func (s *Unix) shut(t *sched.Thread) {
	s.mu.Lock(t)
	if s.closed {
		s.mu.Unlock(t)
		return
	}
	s.closed = true
	peer, queue, backlog, name, node := s.peer, s.queue, s.backlog, s.name, s.node
	s.queue, s.backlog, s.peer, s.bytes, s.node = nil, nil, nil, 0, vfs.Path{}
	linked := s.linked
	s.noRecv.Store(true)
	s.noSend.Store(true)
	s.mu.Unlock(t)
	s.table.unlink(t, s)
	s.unname(t, name, node)
	if linked && peer != nil {
		peer.mu.Lock(t)
		if len(queue) > 0 || len(backlog) > 0 {
			peer.err = errno.ECONNRESET // what it sent was never read
		}
		peer.noRecv.Store(true)
		peer.noSend.Store(true)
		peer.mu.Unlock(t)
		peer.wait.WakeAll()
	}
	s.space.WakeAll()
	s.wait.WakeAll()
	for _, m := range queue {
		s.table.drop(t, m)
	}
	for _, c := range backlog {
		c.shut(t)
	}
}

// Shutdown is shutdown(2).
func (s *Unix) Shutdown(t *sched.Thread, how int) error {
	if how < abi.SHUT_RD || how > abi.SHUT_RDWR {
		return errno.EINVAL
	}
	rd, wr := how != abi.SHUT_WR, how != abi.SHUT_RD
	s.mu.Lock(t)
	peer, linked := s.peer, s.linked
	if s.connected() && !linked && !s.listening {
		s.mu.Unlock(t)
		return errno.ENOTCONN
	}
	end(s, rd, wr)
	s.mu.Unlock(t)
	if linked && peer != nil {
		peer.mu.Lock(t)
		end(peer, wr, rd)
		peer.mu.Unlock(t)
		peer.wait.WakeAll()
	}
	s.wait.WakeAll()
	s.space.WakeAll()
	return nil
}

func end(s *Unix, recv, send bool) {
	if recv {
		s.noRecv.Store(true)
	}
	if send {
		s.noSend.Store(true)
	}
}

// takeError returns and forgets the pending error. Caller holds mu.
func (s *Unix) takeError() error {
	if s.err == 0 {
		return nil
	}
	err := s.err
	s.err = 0
	return err
}

// Unread returns the bytes that could be read: FIONREAD; for datagrams those of the first one.
func (s *Unix) Unread(t *sched.Thread) (int, error) {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if s.listening {
		return 0, errno.EINVAL.Because("a listening socket has no data")
	}
	n := 0
	for _, m := range s.queue {
		n += len(m.data)
		if s.kind != abi.SOCK_STREAM {
			break
		}
	}
	return n, nil
}

// Ioctl implements vfs.Ioctler.
func (s *Unix) Ioctl(t *sched.Thread, _ *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	var n int
	var err error
	switch cmd {
	case abi.FIONREAD:
		n, err = s.Unread(t)
	case abi.SIOCOUTQ:
		s.mu.Lock(t)
		peer := s.peer
		s.mu.Unlock(t)
		if peer != nil {
			peer.mu.Lock(t)
			n = peer.bytes
			peer.mu.Unlock(t)
		}
	default:
		return 0, errno.ENOTTY
	}
	if err != nil {
		return 0, err
	}
	v := int32(n)
	return 0, mm.CopyOutStruct(t, mm.UAddr(arg), &v)
}

// put appends a message. Caller holds mu.
func (s *Unix) put(m *message) {
	s.queue = append(s.queue, m)
	s.bytes += m.cost()
}

// take removes the first message. Caller holds mu.
func (s *Unix) take() *message {
	m := s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	s.bytes -= m.cost()
	return m
}
