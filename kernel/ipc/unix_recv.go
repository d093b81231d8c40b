package ipc

import (
	"slices"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// RecvOptions say how to receive.
type RecvOptions struct {
	Peek      bool // leave it in the queue
	WaitAll   bool // a stream: wait until the buffer is full
	Nonblock  bool
	DropFiles bool // the caller has no place for files: read(2)
}

// Received is what came beside the bytes.
type Received struct {
	N         int    // bytes stored
	Length    int    // of the whole datagram
	Truncated bool   // there was more of it
	From      string // the sender's name
	Named     bool   // a message came at all
	Cred      *abi.Ucred
	Files     []*vfs.File // the caller's references
}

// Recv receives into dst. A count of 0 without an error is the end of a stream.
func (s *Unix) Recv(t *sched.Thread, dst *mm.IO, o RecvOptions) (r Received, err error) {
	var done []*message // read to the end: dropped without the lock
	s.mu.Lock(t)
	if s.kind == abi.SOCK_STREAM {
		done, err = s.recvStream(t, dst, o, &r)
	} else {
		done, err = s.recvMessage(t, dst, o, &r)
	}
	peer := s.peer
	s.mu.Unlock(t)
	if len(done) > 0 || r.N > 0 && !o.Peek {
		if s.connected() {
			if peer != nil {
				peer.wait.WakeKey(evOut)
			}
		} else {
			s.space.WakeKey(evOut)
		}
	}
	for _, m := range done {
		s.table.drop(t, m)
	}
	if len(r.Files) > 0 {
		if !o.Peek {
			s.table.land(t, r.Files)
		}
		if o.DropFiles {
			s.table.put(t, r.Files)
			r.Files = nil
		}
	}
	return r, err
}

// waitMessage waits until there is a message; false is the end of the stream. Caller holds mu.
func (s *Unix) waitMessage(t *sched.Thread, nonblock bool) (bool, error) {
	ready := func() bool { return len(s.queue) > 0 || s.err != 0 || s.noRecv.Load() }
	if !ready() {
		if nonblock {
			return false, errno.EAGAIN
		}
		timeo := s.rcvTimeo.Load()
		if err := s.wait.WaitLockedUntil(t, "unix_recv", &s.mu, deadline(t, timeo), ready); err != nil {
			return false, waitErr(err, timeo)
		}
	}
	if len(s.queue) > 0 {
		return true, nil
	}
	return false, s.takeError()
}

// recvStream is Recv for a stream. Bytes of senders with different credentials are not mixed if the receiver
// wants to know them, and bytes after files wait for the next call. Caller holds mu.
func (s *Unix) recvStream(t *sched.Thread, dst *mm.IO, o RecvOptions, r *Received) (done []*message, err error) {
	if !s.linked {
		return nil, errno.EINVAL.Because("the socket is not connected")
	}
	if dst.Len() == 0 && len(s.queue) == 0 {
		return nil, nil
	}
	want := dst.Len()
	for peeked := 0; ; {
		if peeked >= len(s.queue) {
			if r.Named && (!o.WaitAll || o.Peek) {
				return done, nil
			}
			more, err := s.waitMessage(t, o.Nonblock)
			if err != nil && r.N > 0 {
				return done, nil
			}
			if err != nil || !more {
				return done, err
			}
		}
		m := s.queue[peeked]
		if r.Cred != nil && *r.Cred != m.cred {
			return done, nil
		}
		if !r.Named {
			r.Named, r.From = true, m.from
			if s.passCred.Load() {
				c := m.cred
				r.Cred = &c
			}
		}
		n, err := dst.CopyOut(t, m.data[:min(len(m.data), want-r.N)])
		if err != nil && n == 0 {
			if r.N > 0 {
				err = nil
			}
			return done, err
		}
		r.N += n
		hadFiles := len(m.files) > 0
		if hadFiles {
			handOver(m, o, r)
		}
		switch {
		case o.Peek:
			peeked++
		case n == len(m.data):
			done = append(done, s.take())
		default:
			m.data = m.data[n:]
			s.bytes -= n
		}
		if hadFiles || r.N == want || err != nil {
			return done, nil
		}
	}
}

// recvMessage is Recv for datagrams and records: one, cut to the buffer's size. Caller holds mu.
func (s *Unix) recvMessage(t *sched.Thread, dst *mm.IO, o RecvOptions, r *Received) (done []*message, err error) {
	if s.connected() && !s.linked {
		return nil, errno.ENOTCONN
	}
	more, err := s.waitMessage(t, o.Nonblock)
	if err != nil || !more {
		return nil, err
	}
	m := s.queue[0]
	n := min(len(m.data), dst.Len())
	if _, err := dst.CopyOut(t, m.data[:n]); err != nil {
		return nil, err
	}
	r.N, r.Length, r.Truncated, r.Named, r.From = n, len(m.data), n < len(m.data), true, m.from
	if s.passCred.Load() {
		c := m.cred
		r.Cred = &c
	}
	if len(m.files) > 0 {
		handOver(m, o, r)
	}
	if !o.Peek {
		done = append(done, s.take())
	}
	return done, nil
}

// handOver gives a message's files to the receiver; with Peek further references to them. Caller holds mu.
func handOver(m *message, o RecvOptions, r *Received) {
	switch {
	case !o.Peek:
		r.Files, m.files = m.files, nil
	case !o.DropFiles:
		for _, f := range m.files {
			f.IncRef()
		}
		r.Files = slices.Clone(m.files)
	}
}
