package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/epoll"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(213, "epoll_create", sysEpollCreate, In("size", Int))
	Define(291, "epoll_create1", sysEpollCreate1, In("flags", Flags(Flag{abi.EPOLL_CLOEXEC, "EPOLL_CLOEXEC"})))
	Define(233, "epoll_ctl", sysEpollCtl, In("epfd", FD), In("op", epollOps), In("fd", FD), In("event", Addr),
		Covers("EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE (wakes all), nesting to a depth of 5"), Lacks("EPOLLWAKEUP does nothing"))
	Define(232, "epoll_wait", sysEpollWait, In("epfd", FD), Out("events", Addr), In("maxevents", Int), In("timeout", Int))
	Define(281, "epoll_pwait", sysEpollPwait, In("epfd", FD), Out("events", Addr), In("maxevents", Int), In("timeout", Int), In("sigmask", Addr), In("sigsetsize", Size))
	Define(441, "epoll_pwait2", sysEpollPwait2, In("epfd", FD), Out("events", Addr), In("maxevents", Int), In("timeout", Addr), In("sigmask", Addr), In("sigsetsize", Size))
}

var epollOps = Enum(Flag{abi.EPOLL_CTL_ADD, "EPOLL_CTL_ADD"}, Flag{abi.EPOLL_CTL_DEL, "EPOLL_CTL_DEL"}, Flag{abi.EPOLL_CTL_MOD, "EPOLL_CTL_MOD"})

// sysEpollCreate implements epoll_create(2).
func sysEpollCreate(t *task.Task, a Args) (uint64, error) {
	if a.Int(0) <= 0 {
		return 0, errno.EINVAL.Because("the size must be positive, though it means nothing")
	}
	return epollCreate(t, false)
}

// sysEpollCreate1 implements epoll_create1(2): EPOLL_CLOEXEC.
func sysEpollCreate1(t *task.Task, a Args) (uint64, error) {
	if a.Int(0)&^abi.EPOLL_CLOEXEC != 0 {
		return 0, errno.EINVAL
	}
	return epollCreate(t, a.Int(0) != 0)
}

func epollCreate(t *task.Task, cloexec bool) (uint64, error) {
	return installAnon(t, "anon_inode:[eventpoll]", t.Sys.Epolls.New(), abi.O_RDWR, cloexec)
}

// installAnon opens impl under a name outside the tree and gives it a descriptor.
func installAnon(t *task.Task, name string, impl any, flags int, cloexec bool) (uint64, error) {
	return installFile(t, t.Sys.VFS.NewAnonFile(t.Thread, name, impl, flags), cloexec)
}

// installFile gives f, whose reference it takes over, the lowest free descriptor.
func installFile(t *task.Task, f *vfs.File, cloexec bool) (uint64, error) {
	fd, err := t.FDs.Install(t.Thread, f, cloexec, 0)
	if err != nil {
		f.DecRef(t.Thread)
		return 0, err
	}
	return uint64(fd), nil
}

// epollFile returns the instance of a descriptor; the file has a reference.
func epollFile(t *task.Task, fd int) (*epoll.Instance, *vfs.File, error) {
	f, err := t.File(fd)
	if err != nil {
		return nil, nil, err
	}
	ep, ok := f.Impl.(*epoll.Instance)
	if !ok {
		f.DecRef(t.Thread)
		return nil, nil, errno.EINVAL.Because("not an epoll descriptor")
	}
	return ep, f, nil
}

// sysEpollCtl implements epoll_ctl(2): EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL.
func sysEpollCtl(t *task.Task, a Args) (uint64, error) {
	op := a.Int(1)
	var ev [abi.EpollEventSize]byte
	if op != abi.EPOLL_CTL_DEL {
		if err := mm.CopyIn(t.Thread, ev[:], a.Addr(3)); err != nil {
			return 0, err
		}
	}
	events, data := binary.LittleEndian.Uint32(ev[:]), binary.LittleEndian.Uint64(ev[4:])
	self, err := t.File(a.FD(0))
	if err != nil {
		return 0, err
	}
	defer self.DecRef(t.Thread)
	fd := a.FD(2)
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	defer f.DecRef(t.Thread)
	if f.IsPath() {
		return 0, errno.EBADF.Because("opened with O_PATH")
	}
	ep, ok := self.Impl.(*epoll.Instance)
	if !ok {
		return 0, errno.EINVAL.Because("not an epoll descriptor")
	}
	switch op {
	case abi.EPOLL_CTL_ADD:
		return 0, ep.Add(t.Thread, self, f, fd, events, data)
	case abi.EPOLL_CTL_MOD:
		return 0, ep.Mod(t.Thread, self, f, fd, events, data)
	case abi.EPOLL_CTL_DEL:
		return 0, ep.Del(t.Thread, self, f, fd)
	}
	return 0, errno.EINVAL.Because("no such operation")
}

// sysEpollWait implements epoll_wait(2).
func sysEpollWait(t *task.Task, a Args) (uint64, error) { return epollWait(t, a, epollDeadline(t, a)) }

// sysEpollPwait implements epoll_pwait(2).
func sysEpollPwait(t *task.Task, a Args) (uint64, error) {
	return withSigMask(t, a.Addr(4), a[5], func() (uint64, error) { return epollWait(t, a, epollDeadline(t, a)) })
}

// sysEpollPwait2 implements epoll_pwait2(2).
func sysEpollPwait2(t *task.Task, a Args) (uint64, error) {
	limit, err := timeLimitSpec(t, a.Addr(3))
	if err != nil {
		return 0, err
	}
	return withSigMask(t, a.Addr(4), a[5], func() (uint64, error) { return epollWait(t, a, limit.deadline) })
}

func epollDeadline(t *task.Task, a Args) int64 {
	if ms := a.Int(3); ms >= 0 {
		return t.Now() + int64(ms)*ktime.Millisecond
	}
	return ktime.Forever
}

func epollWait(t *task.Task, a Args, deadline int64) (uint64, error) {
	most := a.Int(2)
	if most <= 0 || most > (1<<31-1)/abi.EpollEventSize {
		return 0, errno.EINVAL.Because("maxevents is out of range")
	}
	ep, f, err := epollFile(t, a.FD(0))
	if err != nil {
		return 0, err
	}
	defer f.DecRef(t.Thread)
	n, err := ep.Wait(t.Thread, most, deadline, func(i int, events uint32, data uint64) error {
		var b [abi.EpollEventSize]byte
		binary.LittleEndian.PutUint32(b[:], events)
		binary.LittleEndian.PutUint64(b[4:], data)
		return mm.CopyOut(t.Thread, a.Addr(1)+mm.UAddr(i*abi.EpollEventSize), b[:])
	})
	return uint64(n), err
}
