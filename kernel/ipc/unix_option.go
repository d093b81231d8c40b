package ipc

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// PassCred reports whether the receiver wants SCM_CREDENTIALS.
func (s *Unix) PassCred() bool { return s.passCred.Load() }

// PeerCred is SO_PEERCRED.
func (s *Unix) PeerCred(t *sched.Thread) abi.Ucred {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	if s.peerCred == (abi.Ucred{}) && !s.linked {
		return abi.Ucred{UID: ^uint32(0), GID: ^uint32(0)}
	}
	return s.peerCred
}

// IntOption returns an option of level SOL_SOCKET that is an int.
func (s *Unix) IntOption(t *sched.Thread, opt int) (int, error) {
	switch opt {
	case abi.SO_TYPE:
		return s.kind, nil
	case abi.SO_DOMAIN:
		return abi.AF_UNIX, nil
	case abi.SO_ERROR:
		s.mu.Lock(t)
		defer s.mu.Unlock(t)
		e := s.err
		s.err = 0
		return int(e), nil
	case abi.SO_SNDBUF:
		return int(s.sndBuf.Load()), nil
	case abi.SO_RCVBUF:
		return int(s.rcvBuf.Load()), nil
	case abi.SO_PASSCRED:
		if s.passCred.Load() {
			return 1, nil
		}
		return 0, nil
	case abi.SO_ACCEPTCONN:
		s.mu.Lock(t)
		defer s.mu.Unlock(t)
		if s.listening {
			return 1, nil
		}
		return 0, nil
	case abi.SO_RCVLOWAT, abi.SO_SNDLOWAT:
		return 1, nil
	case abi.SO_PEEK_OFF:
		return -1, nil
	case abi.SO_PROTOCOL, abi.SO_DEBUG, abi.SO_REUSEADDR, abi.SO_DONTROUTE, abi.SO_BROADCAST, abi.SO_KEEPALIVE,
		abi.SO_OOBINLINE, abi.SO_PRIORITY, abi.SO_REUSEPORT, abi.SO_TIMESTAMP, abi.SO_PASSSEC:
		return 0, nil
	}
	return 0, errno.ENOPROTOOPT
}

// SetIntOption sets an option of level SOL_SOCKET that is an int.
func (s *Unix) SetIntOption(t *sched.Thread, opt, v int) error {
	// Linux doubles what is asked for: half of a buffer is its own bookkeeping.
	size := int64(min(max(min(v, maxBuf/2)*2, minBuf), maxBuf))
	switch opt {
	case abi.SO_SNDBUF, abi.SO_SNDBUFFORCE:
		s.sndBuf.Store(size)
		s.wait.WakeAll()
	case abi.SO_RCVBUF, abi.SO_RCVBUFFORCE:
		s.rcvBuf.Store(size)
	case abi.SO_PASSCRED:
		s.passCred.Store(v != 0)
	case abi.SO_REUSEADDR, abi.SO_DONTROUTE, abi.SO_BROADCAST, abi.SO_KEEPALIVE, abi.SO_OOBINLINE, abi.SO_PRIORITY,
		abi.SO_REUSEPORT, abi.SO_TIMESTAMP, abi.SO_RCVLOWAT, abi.SO_LINGER:
		// They mean nothing to a unix socket, and Linux takes them.
	case abi.SO_PASSSEC:
		if v != 0 {
			return errno.EOPNOTSUPP.Because("there are no security labels")
		}
	default:
		return errno.ENOPROTOOPT
	}
	return nil
}

// Timeouts returns SO_RCVTIMEO and SO_SNDTIMEO in nanoseconds; 0 means none.
func (s *Unix) Timeouts() (recv, send int64) { return s.rcvTimeo.Load(), s.sndTimeo.Load() }

// SetRecvTimeout and SetSendTimeout set them.
func (s *Unix) SetRecvTimeout(ns int64) { s.rcvTimeo.Store(ns) }

// SetSendTimeout sets SO_SNDTIMEO.
func (s *Unix) SetSendTimeout(ns int64) { s.sndTimeo.Store(ns) }
