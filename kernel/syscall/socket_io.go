package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

var msgFlags = Flags(Flag{abi.MSG_OOB, "MSG_OOB"}, Flag{abi.MSG_PEEK, "MSG_PEEK"}, Flag{abi.MSG_TRUNC, "MSG_TRUNC"}, Flag{abi.MSG_DONTWAIT, "MSG_DONTWAIT"},
	Flag{abi.MSG_EOR, "MSG_EOR"}, Flag{abi.MSG_WAITALL, "MSG_WAITALL"}, Flag{abi.MSG_NOSIGNAL, "MSG_NOSIGNAL"}, Flag{abi.MSG_MORE, "MSG_MORE"},
	Flag{abi.MSG_WAITFORONE, "MSG_WAITFORONE"}, Flag{abi.MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"})

func init() {
	const sendFlags = "MSG_DONTWAIT, MSG_NOSIGNAL, MSG_EOR, MSG_MORE"
	const recvFlags = "MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC, MSG_CMSG_CLOEXEC"
	Define(44, "sendto", sysSendto, In("fd", FD), In("buf", Buf(2)), In("len", Size), In("flags", msgFlags), In("addr", sockAddr(5)), In("addrlen", Int),
		Covers(sendFlags), Lacks("MSG_OOB"))
	Define(45, "recvfrom", sysRecvfrom, In("fd", FD), Out("buf", Buf(2)), In("len", Size), In("flags", msgFlags), Out("addr", Addr), In("addrlen", Addr),
		Covers(recvFlags), Lacks("MSG_OOB, MSG_ERRQUEUE"))
	Define(46, "sendmsg", sysSendmsg, In("fd", FD), In("msg", Addr), In("flags", msgFlags), Covers(sendFlags+", SCM_RIGHTS, SCM_CREDENTIALS"), Lacks("MSG_OOB"))
	Define(47, "recvmsg", sysRecvmsg, In("fd", FD), Out("msg", Addr), In("flags", msgFlags), Covers(recvFlags+", SCM_RIGHTS, SCM_CREDENTIALS"),
		Lacks("MSG_OOB, MSG_ERRQUEUE"))
	Define(307, "sendmmsg", sysSendmmsg, In("fd", FD), In("msgs", Addr), In("n", Uint), In("flags", msgFlags))
	Define(299, "recvmmsg", sysRecvmmsg, In("fd", FD), Out("msgs", Addr), In("n", Uint), In("flags", msgFlags), In("timeout", Addr))
}

// send sends and, if nobody will ever receive, raises SIGPIPE.
func send(t *task.Task, s *ipc.Unix, f *vfs.File, src *mm.IO, o ipc.SendOptions, flags int) (int, error) {
	if flags&abi.MSG_OOB != 0 {
		return 0, errno.EOPNOTSUPP.Because("MSG_OOB")
	}
	o.FS = t.FS
	o.Nonblock = f.Nonblock() || flags&abi.MSG_DONTWAIT != 0
	n, err := s.Send(t.Thread, src, o)
	if errno.Of(err) == errno.EPIPE && flags&abi.MSG_NOSIGNAL == 0 && s.Kind() != abi.SOCK_DGRAM {
		t.SignalSelf(abi.SIGPIPE)
	}
	return n, err
}

// recv receives as flags say.
func recv(t *task.Task, s *ipc.Unix, f *vfs.File, dst *mm.IO, flags int) (ipc.Received, error) {
	switch {
	case flags&abi.MSG_OOB != 0:
		return ipc.Received{}, errno.EOPNOTSUPP.Because("MSG_OOB")
	case flags&abi.MSG_ERRQUEUE != 0:
		return ipc.Received{}, errno.EAGAIN.Because("there is no error queue")
	}
	r, err := s.Recv(t.Thread, dst, ipc.RecvOptions{
		Peek: flags&abi.MSG_PEEK != 0, WaitAll: flags&abi.MSG_WAITALL != 0,
		Nonblock: f.Nonblock() || flags&abi.MSG_DONTWAIT != 0,
	})
	if err == nil && flags&abi.MSG_TRUNC != 0 && r.Truncated {
		r.N = r.Length
	}
	return r, err
}

// sysSendto implements sendto(2) and, without an address, send(2).
func sysSendto(t *task.Task, a Args) (uint64, error) {
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) {
		var o ipc.SendOptions
		if a.Addr(4) != 0 {
			name, _, err := loadAddr(t, a.Addr(4), a.Int(5))
			if err != nil {
				return 0, err
			}
			o.To = &name
		}
		return send(t, s, f, mm.UserIO(t.Thread, a.Addr(1), a[2]), o, a.Int(3))
	})
}

// sysRecvfrom implements recvfrom(2) and, without an address, recv(2).
func sysRecvfrom(t *task.Task, a Args) (uint64, error) {
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) {
		r, err := recv(t, s, f, mm.UserIO(t.Thread, a.Addr(1), a[2]), a.Int(3))
		dropFiles(t, r.Files)
		if err == nil && a.Addr(4) != 0 && r.Named {
			err = storeAddr(t, a.Addr(4), a.Addr(5), r.From)
		}
		return r.N, err
	})
}

// sysSendmsg implements sendmsg(2): SCM_RIGHTS and SCM_CREDENTIALS.
func sysSendmsg(t *task.Task, a Args) (uint64, error) {
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) { return sendmsg(t, s, f, a.Addr(1), a.Int(2)) })
}

func sendmsg(t *task.Task, s *ipc.Unix, f *vfs.File, addr mm.UAddr, flags int) (int, error) {
	h, err := mm.CopyInStruct[abi.MsgHdr](t.Thread, addr)
	if err != nil {
		return 0, err
	}
	src, err := msgIO(t, &h)
	if err != nil {
		return 0, err
	}
	var o ipc.SendOptions
	if h.Name != 0 && h.NameLen != 0 {
		name, _, err := loadAddr(t, mm.UAddr(h.Name), int(min(h.NameLen, abi.SockaddrUnSize+1)))
		if err != nil {
			return 0, err
		}
		o.To = &name
	}
	if err := loadControl(t, &h, &o); err != nil {
		return 0, err
	}
	defer dropFiles(t, o.Files)
	return send(t, s, f, src, o, flags)
}

func msgIO(t *task.Task, h *abi.MsgHdr) (*mm.IO, error) {
	if h.IovLen > abi.UIO_MAXIOV {
		return nil, errno.EMSGSIZE.Because("more than UIO_MAXIOV buffers")
	}
	return mm.UserIOVec(t.Thread, mm.UAddr(h.Iov), int(h.IovLen))
}

// sysRecvmsg implements recvmsg(2).
func sysRecvmsg(t *task.Task, a Args) (uint64, error) {
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) { return recvmsg(t, s, f, a.Addr(1), a.Int(2)) })
}

func recvmsg(t *task.Task, s *ipc.Unix, f *vfs.File, addr mm.UAddr, flags int) (int, error) {
	h, err := mm.CopyInStruct[abi.MsgHdr](t.Thread, addr)
	if err != nil {
		return 0, err
	}
	dst, err := msgIO(t, &h)
	if err != nil {
		return 0, err
	}
	r, err := recv(t, s, f, dst, flags)
	if err != nil {
		return 0, err
	}
	h.Flags = uint32(flags & abi.MSG_CMSG_CLOEXEC)
	if r.Truncated {
		h.Flags |= abi.MSG_TRUNC
	}
	if s.Kind() == abi.SOCK_SEQPACKET && r.Named {
		h.Flags |= abi.MSG_EOR
	}
	if h.Name != 0 {
		room := h.NameLen
		h.NameLen = 0
		if r.Named && r.From != "" {
			b := ipc.EncodeAddr(r.From)
			h.NameLen = uint32(len(b))
			err = mm.CopyOut(t.Thread, mm.UAddr(h.Name), b[:min(uint32(len(b)), room)])
		}
	}
	storeControl(t, &h, &r, flags)
	if err == nil {
		err = mm.CopyOutStruct(t.Thread, addr, &h)
	}
	return r.N, err
}

// sysSendmmsg implements sendmmsg(2).
func sysSendmmsg(t *task.Task, a Args) (uint64, error) {
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) {
		return manyMessages(t, a.Addr(1), a.Uint(2), func(_ int, msg mm.UAddr) (int, error) { return sendmsg(t, s, f, msg, a.Int(3)) })
	})
}

// sysRecvmmsg implements recvmmsg(2): MSG_WAITFORONE. As on Linux the timeout is looked at after each message only.
func sysRecvmmsg(t *task.Task, a Args) (uint64, error) {
	limit, err := timeLimitSpec(t, a.Addr(4))
	if err != nil {
		return 0, err
	}
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) {
		flags := a.Int(3)
		n, err := manyMessages(t, a.Addr(1), a.Uint(2), func(i int, msg mm.UAddr) (int, error) {
			if i > 0 && limit.deadline != ktime.Forever && t.Now() >= limit.deadline {
				return 0, errno.EAGAIN
			}
			how := flags &^ abi.MSG_WAITFORONE
			if i > 0 && flags&abi.MSG_WAITFORONE != 0 {
				how |= abi.MSG_DONTWAIT
			}
			return recvmsg(t, s, f, msg, how)
		})
		if err == nil && limit.store != nil && limit.deadline != ktime.Forever {
			err = limit.store(max(limit.deadline-t.Now(), 0))
		}
		return n, err
	})
}

// manyMessages calls f for each struct mmsghdr and stores the lengths. After the first message an error only ends it.
func manyMessages(t *task.Task, addr mm.UAddr, count uint32, f func(i int, msg mm.UAddr) (int, error)) (int, error) {
	const size, lenAt = 64, 56 // struct mmsghdr and its msg_len
	done := 0
	for ; done < int(min(count, abi.UIO_MAXIOV)); done++ {
		msg := addr + mm.UAddr(done*size)
		n, err := f(done, msg)
		if err == nil {
			v := uint32(n)
			err = mm.CopyOutStruct(t.Thread, msg+lenAt, &v)
		}
		if err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
		t.CondResched()
	}
	return done, nil
}
