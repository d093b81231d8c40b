package ipc

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// pieceSize is how much of a stream one message carries at most.
const pieceSize = 32 << 10

// SendOptions say how and what to send beside the bytes.
type SendOptions struct {
	FS       *vfs.FS     // for To
	To       *string     // the receiver's name; nil: the peer
	Files    []*vfs.File // SCM_RIGHTS; Send takes references of its own
	Cred     *abi.Ucred  // SCM_CREDENTIALS, checked; nil: the sender's own
	Nonblock bool
}

// Send sends bytes, with files if there are any. EPIPE says that the other end is closed: SIGPIPE is the caller's to send.
func (s *Unix) Send(t *sched.Thread, src *mm.IO, o SendOptions) (int, error) {
	if s.kind != abi.SOCK_STREAM {
		return s.sendMessage(t, src, o)
	}
	if o.To != nil {
		s.mu.Lock(t)
		linked := s.linked
		s.mu.Unlock(t)
		if linked {
			return 0, errno.EISCONN
		}
		return 0, errno.EOPNOTSUPP.Because("a stream is sent to its peer only")
	}
	files, err := s.table.launch(t, o.Files)
	if err != nil {
		return 0, err
	}
	total := 0
	for first := true; first || src.Len() > 0; first = false {
		m := &message{data: make([]byte, min(src.Len(), pieceSize)), cred: s.senderCred(t, o)}
		n, err := src.CopyIn(t, m.data)
		m.data = m.data[:n]
		if err == nil || n > 0 {
			m.files, files = files, nil
			var sent int
			sent, err = s.deliver(t, m, o.Nonblock)
			total += sent
		}
		if err != nil {
			s.table.recall(t, files)
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		t.CondResched()
	}
	return total, nil
}

func (s *Unix) senderCred(t *sched.Thread, o SendOptions) abi.Ucred {
	if o.Cred != nil {
		return *o.Cred
	}
	return credOf(t)
}

// deliver puts a piece of a stream into the peer's queue, as much at a time as there is room for. It takes over the
// message's files.
func (s *Unix) deliver(t *sched.Thread, m *message, nonblock bool) (sent int, err error) {
	s.mu.Lock(t)
	peer, linked := s.peer, s.linked
	m.from = s.name
	s.mu.Unlock(t)
	defer func() { s.table.drop(t, m) }() // what of it was not sent
	switch {
	case !linked || peer == nil:
		return 0, errno.ENOTCONN
	case len(m.data) == 0 && len(m.files) == 0:
		return 0, nil
	}
	timeo := s.sndTimeo.Load()
	end := deadline(t, timeo)
	peer.mu.Lock(t)
	defer func() { peer.mu.Unlock(t) }()
	for {
		if peer.closed || s.noSend.Load() || peer.noRecv.Load() {
			return sent, errno.EPIPE
		}
		if room := int(s.sndBuf.Load()) - peer.bytes - overhead; room > 0 || len(peer.queue) == 0 {
			n := min(len(m.data), max(room, 1))
			peer.append(&message{data: m.data[:n:n], from: m.from, cred: m.cred, files: m.files})
			peer.wait.WakeKey(evIn)
			sent += n
			m.data, m.files = m.data[n:], nil
			if len(m.data) == 0 {
				return sent, nil
			}
		}
		if nonblock {
			return sent, errno.EAGAIN
		}
		// The receiver wakes the sender's own queue, which is also what poll watches.
		err := s.wait.WaitLockedUntil(t, "unix_send", &peer.mu, end, func() bool {
			return peer.closed || s.noSend.Load() || peer.noRecv.Load() || peer.roomFor(s, 1)
		})
		if err != nil {
			return sent, waitErr(err, timeo)
		}
	}
}

// append puts a piece of a stream into the queue, to the end of the last one if nothing tells them apart. Caller holds mu.
func (s *Unix) append(m *message) {
	if k := len(s.queue); k > 0 && len(m.files) == 0 {
		last := s.queue[k-1]
		if len(last.files) == 0 && last.cred == m.cred && len(last.data)+len(m.data) <= pieceSize {
			last.data = append(last.data, m.data...)
			s.bytes += len(m.data)
			return
		}
	}
	s.put(m)
}

// sendMessage sends a datagram or a record: all or nothing.
func (s *Unix) sendMessage(t *sched.Thread, src *mm.IO, o SendOptions) (int, error) {
	if src.Len() > int(s.sndBuf.Load())-overhead {
		return 0, errno.EMSGSIZE
	}
	s.mu.Lock(t)
	to, linked, from := s.peer, s.linked, s.name
	s.mu.Unlock(t)
	switch {
	case s.connected() && !linked:
		return 0, errno.ENOTCONN
	case s.connected() && o.To != nil:
		return 0, errno.EISCONN
	case s.connected() && to == nil:
		return 0, errno.EPIPE
	case o.To != nil:
		var err error
		if to, err = s.find(t, o.FS, *o.To); err != nil {
			return 0, err
		}
	case to == nil:
		return 0, errno.ENOTCONN
	}
	m := &message{data: make([]byte, src.Len()), from: from, cred: s.senderCred(t, o)}
	if _, err := src.CopyIn(t, m.data); err != nil {
		return 0, err
	}
	var err error
	if m.files, err = s.table.launch(t, o.Files); err != nil {
		return 0, err
	}
	if err := s.deliverMessage(t, to, m, o.Nonblock); err != nil {
		s.table.drop(t, m)
		return 0, err
	}
	return len(m.data), nil
}

func (s *Unix) deliverMessage(t *sched.Thread, to *Unix, m *message, nonblock bool) error {
	timeo := s.sndTimeo.Load()
	end := deadline(t, timeo)
	queue := &to.space
	if s.connected() {
		queue = &s.wait
	}
	to.mu.Lock(t)
	for {
		var err error
		switch {
		case s.noSend.Load():
			err = errno.EPIPE
		case to.closed || s.connected() && to.noRecv.Load():
			if err = errno.EPIPE; !s.connected() {
				err = errno.ECONNREFUSED
			}
		case !s.connected() && to.noRecv.Load():
			err = errno.EPIPE
		case !s.connected() && to.peer != nil && to.peer != s:
			err = errno.EPERM.Because("the receiver has another peer")
		case to.roomFor(s, len(m.data)):
			to.put(m)
			to.mu.Unlock(t)
			to.wait.WakeKey(evIn)
			return nil
		case nonblock:
			err = errno.EAGAIN
		}
		if err == nil {
			err = queue.WaitLockedUntil(t, "unix_send", &to.mu, end, func() bool {
				return to.closed || s.noSend.Load() || to.noRecv.Load() || to.roomFor(s, len(m.data))
			})
			err = waitErr(err, timeo)
		}
		if err != nil {
			to.mu.Unlock(t)
			if errno.Of(err) == errno.ECONNREFUSED {
				s.forget(t, to)
			}
			return err
		}
	}
}

// forget ends a datagram socket's tie to a peer that is closed.
func (s *Unix) forget(t *sched.Thread, peer *Unix) {
	s.mu.Lock(t)
	if s.peer == peer {
		s.peer = nil
	}
	s.mu.Unlock(t)
}
