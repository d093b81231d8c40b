package ipc

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Listen is listen(2).
func (s *Unix) Listen(t *sched.Thread, backlog int) error {
	if !s.connected() {
		return errno.EOPNOTSUPP
	}
	if backlog < 0 || backlog > abi.SOMAXCONN {
		backlog = abi.SOMAXCONN
	}
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	switch {
	case s.name == "":
		return errno.EINVAL.Because("the socket has no name")
	case s.linked:
		return errno.EINVAL.Because("the socket is connected")
	}
	s.listening, s.maxQueue, s.owner = true, backlog, credOf(t)
	s.space.WakeAll()
	return nil
}

// Connect is connect(2) to a name.
func (s *Unix) Connect(t *sched.Thread, fs *vfs.FS, name string, nonblock bool) error {
	u, err := s.find(t, fs, name)
	if err != nil {
		return err
	}
	if !s.connected() {
		return s.connectDgram(t, u)
	}
	s.mu.Lock(t)
	switch {
	case s.linked:
		s.mu.Unlock(t)
		return errno.EISCONN
	case s.listening:
		s.mu.Unlock(t)
		return errno.EINVAL.Because("a listening socket")
	}
	s.mu.Unlock(t)
	other, err := s.table.New(t, s.kind) // the server's end
	if err != nil {
		return err
	}
	other.linked, other.peer, other.peerCred = true, s, credOf(t)
	if err := s.queueAt(t, u, other, nonblock); err != nil {
		other.mu.Lock(t)
		other.peer = nil // s has nothing to do with it
		other.mu.Unlock(t)
		other.shut(t)
		return err
	}
	return nil
}

// queueAt makes other s's other end and puts it into the listener's backlog.
func (s *Unix) queueAt(t *sched.Thread, u, other *Unix, nonblock bool) error {
	timeo := s.sndTimeo.Load()
	end := deadline(t, timeo)
	for {
		lockTwo(t, s, u)
		switch {
		case s.linked:
			unlockTwo(t, s, u)
			return errno.EISCONN
		case !u.listening || u.closed || u.noRecv.Load():
			unlockTwo(t, s, u)
			return errno.ECONNREFUSED.Because("nobody listens")
		case len(u.backlog) <= u.maxQueue:
			other.name, other.owner = u.name, u.owner
			u.backlog = append(u.backlog, other)
			s.linked, s.peer, s.peerCred = true, other, u.owner
			unlockTwo(t, s, u)
			u.wait.WakeKey(evIn)
			s.wait.WakeAll()
			return nil
		}
		s.unlockIfOther(t, u)
		if nonblock {
			u.mu.Unlock(t)
			return errno.EAGAIN.Because("the listener's backlog is full")
		}
		err := u.space.WaitLockedUntil(t, "unix_connect", &u.mu, end, func() bool {
			return u.closed || !u.listening || u.noRecv.Load() || len(u.backlog) <= u.maxQueue
		})
		u.mu.Unlock(t)
		if err != nil {
			return waitErr(err, timeo)
		}
	}
}

// unlockIfOther unlocks s unless it is u.
func (s *Unix) unlockIfOther(t *sched.Thread, u *Unix) {
	if s != u {
		s.mu.Unlock(t)
	}
}

func (s *Unix) connectDgram(t *sched.Thread, u *Unix) error {
	lockTwo(t, s, u)
	defer unlockTwo(t, s, u)
	if u.closed {
		return errno.ECONNREFUSED
	}
	if u.peer != nil && u.peer != s {
		return errno.EPERM.Because("the socket has another peer")
	}
	s.peer = u
	s.wait.WakeAll()
	return nil
}

// Disconnect is connect(2) to AF_UNSPEC: a datagram socket has no peer any more.
func (s *Unix) Disconnect(t *sched.Thread) error {
	if s.connected() {
		return errno.EINVAL.Because("only a datagram socket can be disconnected")
	}
	s.mu.Lock(t)
	s.peer = nil
	s.mu.Unlock(t)
	s.wait.WakeAll()
	return nil
}

// Accept is accept(2): it returns the server's end of the connection that has waited longest.
func (s *Unix) Accept(t *sched.Thread, nonblock bool) (*Unix, error) {
	if !s.connected() {
		return nil, errno.EOPNOTSUPP
	}
	timeo := s.rcvTimeo.Load()
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if !s.listening {
		return nil, errno.EINVAL.Because("the socket does not listen")
	}
	ready := func() bool { return len(s.backlog) > 0 || s.closed || s.noRecv.Load() }
	if !ready() {
		if nonblock {
			return nil, errno.EAGAIN
		}
		if err := s.wait.WaitLockedUntil(t, "unix_accept", &s.mu, deadline(t, timeo), ready); err != nil {
			return nil, waitErr(err, timeo)
		}
	}
	if len(s.backlog) == 0 {
		return nil, errno.EINVAL.Because("the socket was shut down")
	}
	u := s.backlog[0]
	s.backlog = append([]*Unix(nil), s.backlog[1:]...)
	s.space.WakeAll()
	return u, nil
}
