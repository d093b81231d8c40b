package syscall

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

var (
	families = Enum(Flag{abi.AF_UNIX, "AF_UNIX"}, Flag{abi.AF_INET, "AF_INET"}, Flag{abi.AF_INET6, "AF_INET6"}, Flag{abi.AF_NETLINK, "AF_NETLINK"},
		Flag{abi.AF_PACKET, "AF_PACKET"})
	sockTypes = Format(func(t *task.Task, v uint64, a Args, ret int64) string {
		kind := Enum(Flag{abi.SOCK_STREAM, "SOCK_STREAM"}, Flag{abi.SOCK_DGRAM, "SOCK_DGRAM"}, Flag{abi.SOCK_RAW, "SOCK_RAW"},
			Flag{abi.SOCK_SEQPACKET, "SOCK_SEQPACKET"})(t, v&abi.SOCK_TYPE_MASK, a, ret)
		if v &^= abi.SOCK_TYPE_MASK; v != 0 {
			kind += "|" + sockFlags(t, v, a, ret)
		}
		return kind
	})
	sockFlags = Flags(Flag{abi.SOCK_CLOEXEC, "SOCK_CLOEXEC"}, Flag{abi.SOCK_NONBLOCK, "SOCK_NONBLOCK"})
)

func init() {
	Define(41, "socket", sysSocket, In("family", families), In("type", sockTypes), In("protocol", Int),
		Covers("AF_UNIX: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET"), Lacks("other families: EAFNOSUPPORT"))
	Define(53, "socketpair", sysSocketpair, In("family", families), In("type", sockTypes), In("protocol", Int), Out("fds", Int32x2))
	Define(49, "bind", sysBind, In("fd", FD), In("addr", sockAddr(2)), In("addrlen", Int))
	Define(42, "connect", sysConnect, In("fd", FD), In("addr", sockAddr(2)), In("addrlen", Int))
	Define(50, "listen", sysListen, In("fd", FD), In("backlog", Int))
	Define(43, "accept", sysAccept, In("fd", FD), Out("addr", Addr), In("addrlen", Addr))
	Define(288, "accept4", sysAccept4, In("fd", FD), Out("addr", Addr), In("addrlen", Addr), In("flags", sockFlags))
	Define(48, "shutdown", sysShutdown, In("fd", FD), In("how", Enum(Flag{abi.SHUT_RD, "SHUT_RD"}, Flag{abi.SHUT_WR, "SHUT_WR"}, Flag{abi.SHUT_RDWR, "SHUT_RDWR"})))
	Define(51, "getsockname", sysGetsockname, In("fd", FD), Out("addr", Addr), In("addrlen", Addr))
	Define(52, "getpeername", sysGetpeername, In("fd", FD), Out("addr", Addr), In("addrlen", Addr))
}

// sockAddr shows an address whose length is the next argument.
func sockAddr(i int) Format {
	return func(t *task.Task, v uint64, a Args, _ int64) string {
		name, family, err := loadAddr(t, mm.UAddr(v), a.Int(i))
		switch {
		case err != nil && family == abi.AF_UNIX || v == 0:
			return Addr(t, v, a, -1)
		case err != nil:
			return fmt.Sprintf("{family=%s}", families(t, uint64(family), a, -1))
		case len(name) > 0 && name[0] == 0:
			return fmt.Sprintf("{AF_UNIX @%s}", quote(name[1:]))
		}
		return fmt.Sprintf("{AF_UNIX %s}", quote(name))
	}
}

// loadAddr reads a struct sockaddr.
func loadAddr(t *task.Task, addr mm.UAddr, size int) (name string, family uint16, err error) {
	if size < 0 || size > abi.SockaddrStorage {
		return "", 0, errno.EINVAL.Because("no address is that long")
	}
	b := make([]byte, size)
	if err := mm.CopyIn(t.Thread, b, addr); err != nil {
		return "", 0, err
	}
	if size < 2 {
		return "", 0, errno.EINVAL.Because("an address without a family")
	}
	family = uint16(b[0]) | uint16(b[1])<<8
	name, err = ipc.DecodeAddr(b)
	return name, family, err
}

// storeAddr stores an address where a program wants it, cut to the room there is; sizeAddr says how much, and gets
// the true length.
func storeAddr(t *task.Task, addr, sizeAddr mm.UAddr, name string) error {
	if addr == 0 {
		return nil
	}
	room, err := mm.CopyInStruct[int32](t.Thread, sizeAddr)
	if err != nil {
		return err
	}
	if room < 0 {
		return errno.EINVAL.Because("a negative length")
	}
	b := ipc.EncodeAddr(name)
	if err := mm.CopyOut(t.Thread, addr, b[:min(len(b), int(room))]); err != nil {
		return err
	}
	n := int32(len(b))
	return mm.CopyOutStruct(t.Thread, sizeAddr, &n)
}

// withSocket calls f with the socket of a descriptor.
func withSocket(t *task.Task, fd int, f func(s *ipc.Unix, file *vfs.File) error) error {
	return withFile(t, fd, func(file *vfs.File) error {
		s, ok := file.Impl.(*ipc.Unix)
		if !ok {
			if file.IsPath() {
				return errno.EBADF.Because("opened with O_PATH")
			}
			return errno.ENOTSOCK
		}
		return f(s, file)
	})
}

// socketCall is withSocket for a call with a result.
func socketCall(t *task.Task, fd int, f func(s *ipc.Unix, file *vfs.File) (int, error)) (uint64, error) {
	var n int
	err := withSocket(t, fd, func(s *ipc.Unix, file *vfs.File) (err error) {
		n, err = f(s, file)
		return err
	})
	return uint64(n), err
}

// socketFile opens a socket.
func socketFile(t *task.Task, s *ipc.Unix, flags int) *vfs.File {
	v := t.Sys.VFS
	return v.NewAnonFileMode(t.Thread, fmt.Sprintf("socket:[%d]", v.NextAnonIno()), s, abi.O_RDWR|flags&abi.SOCK_NONBLOCK, abi.S_IFSOCK|0o777)
}

func checkSocket(a Args) (kind, flags int, err error) {
	kind, flags = a.Int(1)&abi.SOCK_TYPE_MASK, a.Int(1)&^abi.SOCK_TYPE_MASK
	if flags&^(abi.SOCK_CLOEXEC|abi.SOCK_NONBLOCK) != 0 {
		return 0, 0, errno.EINVAL.Because("unknown SOCK_ flag")
	}
	if a.Int(0) != abi.AF_UNIX {
		return 0, 0, errno.EAFNOSUPPORT
	}
	if p := a.Int(2); p != 0 && p != abi.AF_UNIX {
		return 0, 0, errno.EPROTONOSUPPORT
	}
	return kind, flags, nil
}

// sysSocket implements socket(2): AF_UNIX with SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET; SOCK_CLOEXEC, SOCK_NONBLOCK. It
// lacks all other families.
func sysSocket(t *task.Task, a Args) (uint64, error) {
	kind, flags, err := checkSocket(a)
	if err != nil {
		return 0, err
	}
	s, err := t.Sys.IPC.New(t.Thread, kind)
	if err != nil {
		return 0, err
	}
	return installFile(t, socketFile(t, s, flags), flags&abi.SOCK_CLOEXEC != 0)
}

// sysSocketpair implements socketpair(2).
func sysSocketpair(t *task.Task, a Args) (uint64, error) {
	kind, flags, err := checkSocket(a)
	if err != nil {
		return 0, err
	}
	x, y, err := t.Sys.IPC.Pair(t.Thread, kind)
	if err != nil {
		return 0, err
	}
	return 0, installPair(t, socketFile(t, x, flags), socketFile(t, y, flags), a.Addr(3), flags&abi.SOCK_CLOEXEC != 0)
}

// sysBind implements bind(2): paths, abstract names and autobind.
func sysBind(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error {
		name, _, err := loadAddr(t, a.Addr(1), a.Int(2))
		if err != nil {
			return err
		}
		return s.Bind(t.Thread, t.FS, name)
	})
}

// sysConnect implements connect(2); AF_UNSPEC takes a datagram socket's peer away.
func sysConnect(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) error {
		name, family, err := loadAddr(t, a.Addr(1), a.Int(2))
		if err != nil {
			if family == abi.AF_UNSPEC && a.Int(2) >= 2 && errno.Of(err) == errno.EINVAL {
				return s.Disconnect(t.Thread)
			}
			return err
		}
		return s.Connect(t.Thread, t.FS, name, f.Nonblock())
	})
}

// sysListen implements listen(2).
func sysListen(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error { return s.Listen(t.Thread, a.Int(1)) })
}

// sysAccept implements accept(2).
func sysAccept(t *task.Task, a Args) (uint64, error) {
	return sysAccept4(t, Args{a[0], a[1], a[2]})
}

// sysAccept4 implements accept4(2): SOCK_CLOEXEC, SOCK_NONBLOCK.
func sysAccept4(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(3)
	if flags&^(abi.SOCK_CLOEXEC|abi.SOCK_NONBLOCK) != 0 {
		return 0, errno.EINVAL.Because("unknown SOCK_ flag")
	}
	return socketCall(t, a.FD(0), func(s *ipc.Unix, f *vfs.File) (int, error) {
		// A connection is taken only when there is a descriptor for it.
		n, err := t.FDs.Reserve(t.Thread, 0)
		if err != nil {
			return 0, err
		}
		c, err := s.Accept(t.Thread, f.Nonblock())
		if err != nil {
			t.FDs.Cancel(t.Thread, n)
			return 0, err
		}
		file := socketFile(t, c, flags)
		peer, _ := c.PeerName(t.Thread)
		if err := storeAddr(t, a.Addr(1), a.Addr(2), peer); err != nil {
			t.FDs.Cancel(t.Thread, n)
			file.DecRef(t.Thread)
			return 0, err
		}
		t.FDs.Fill(t.Thread, n, file, flags&abi.SOCK_CLOEXEC != 0)
		return n, nil
	})
}

// sysShutdown implements shutdown(2).
func sysShutdown(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error { return s.Shutdown(t.Thread, a.Int(1)) })
}

// sysGetsockname implements getsockname(2).
func sysGetsockname(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error {
		return storeAddr(t, a.Addr(1), a.Addr(2), s.Name(t.Thread))
	})
}

// sysGetpeername implements getpeername(2).
func sysGetpeername(t *task.Task, a Args) (uint64, error) {
	return 0, withSocket(t, a.FD(0), func(s *ipc.Unix, _ *vfs.File) error {
		name, err := s.PeerName(t.Thread)
		if err != nil {
			return err
		}
		return storeAddr(t, a.Addr(1), a.Addr(2), name)
	})
}
