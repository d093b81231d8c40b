package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

var sockOptions = Enum(Flag{abi.SO_TYPE, "SO_TYPE"}, Flag{abi.SO_ERROR, "SO_ERROR"}, Flag{abi.SO_SNDBUF, "SO_SNDBUF"}, Flag{abi.SO_RCVBUF, "SO_RCVBUF"},
	Flag{abi.SO_PASSCRED, "SO_PASSCRED"}, Flag{abi.SO_PEERCRED, "SO_PEERCRED"}, Flag{abi.SO_RCVTIMEO, "SO_RCVTIMEO"},
	Flag{abi.SO_SNDTIMEO, "SO_SNDTIMEO"}, Flag{abi.SO_ACCEPTCONN, "SO_ACCEPTCONN"}, Flag{abi.SO_REUSEADDR, "SO_REUSEADDR"},
	Flag{abi.SO_DOMAIN, "SO_DOMAIN"}, Flag{abi.SO_PROTOCOL, "SO_PROTOCOL"})

func init() {
	const covers = "SOL_SOCKET: what a unix socket has"
	Define(54, "setsockopt", sysSetsockopt, In("fd", FD), In("level", Int), In("option", sockOptions), In("value", Addr), In("size", Int), Covers(covers))
	Define(55, "getsockopt", sysGetsockopt, In("fd", FD), In("level", Int), In("option", sockOptions), Out("value", Addr), In("size", Addr), Covers(covers))
}

// sysSetsockopt implements setsockopt(2) for level SOL_SOCKET.
func sysSetsockopt(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error {
		if a.Int(1) != abi.SOL_SOCKET {
			return errno.ENOPROTOOPT.Because("a unix socket has options of level SOL_SOCKET only")
		}
		opt, size := a.Int(2), a.Int(4)
		if size < 4 {
			return errno.EINVAL.Because("the value is too short")
		}
		switch opt {
		case abi.SO_RCVTIMEO, abi.SO_SNDTIMEO, abi.SO_RCVTIMEO_NEW, abi.SO_SNDTIMEO_NEW:
			if size < 16 {
				return errno.EINVAL.Because("not a struct timeval")
			}
			tv, err := mm.CopyInStruct[abi.Timeval](t.Thread, a.Addr(3))
			if err != nil {
				return err
			}
			if tv.Usec < 0 || tv.Usec >= 1e6 {
				return errno.EDOM
			}
			ns := int64(1) // a time in the past: wait no longer than need be
			if tv.Sec >= 0 {
				ns = tv.Nanoseconds()
			}
			if opt == abi.SO_RCVTIMEO || opt == abi.SO_RCVTIMEO_NEW {
				s.SetRecvTimeout(ns)
			} else {
				s.SetSendTimeout(ns)
			}
			return nil
		}
		v, err := mm.CopyInStruct[int32](t.Thread, a.Addr(3))
		if err != nil {
			return err
		}
		return s.SetIntOption(t.Thread, opt, int(v))
	})
}

// sysGetsockopt implements getsockopt(2) for level SOL_SOCKET.
func sysGetsockopt(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error {
		room, err := mm.CopyInStruct[int32](t.Thread, a.Addr(4))
		if err != nil {
			return err
		}
		if room < 0 {
			return errno.EINVAL
		}
		if a.Int(1) != abi.SOL_SOCKET {
			return errno.EOPNOTSUPP.Because("a unix socket has options of level SOL_SOCKET only")
		}
		b, err := optionBytes(t, s, a.Int(2))
		if err != nil {
			return err
		}
		b = b[:min(len(b), int(room))]
		if err := mm.CopyOut(t.Thread, a.Addr(3), b); err != nil {
			return err
		}
		n := int32(len(b))
		return mm.CopyOutStruct(t.Thread, a.Addr(4), &n)
	})
}

// optionBytes returns an option's value as the program sees it.
func optionBytes(t *task.Task, s *ipc.Unix, opt int) ([]byte, error) {
	le := binary.LittleEndian
	switch opt {
	case abi.SO_PEERCRED:
		c := s.PeerCred(t.Thread)
		return le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, uint32(c.PID)), c.UID), c.GID), nil
	case abi.SO_LINGER:
		return make([]byte, 8), nil
	case abi.SO_RCVTIMEO, abi.SO_RCVTIMEO_NEW, abi.SO_SNDTIMEO, abi.SO_SNDTIMEO_NEW:
		ns, send := s.Timeouts()
		if opt == abi.SO_SNDTIMEO || opt == abi.SO_SNDTIMEO_NEW {
			ns = send
		}
		tv := abi.ToTimeval(ns)
		return le.AppendUint64(le.AppendUint64(nil, uint64(tv.Sec)), uint64(tv.Usec)), nil
	}
	v, err := s.IntOption(t.Thread, opt)
	return le.AppendUint32(nil, uint32(int32(v))), err
}
