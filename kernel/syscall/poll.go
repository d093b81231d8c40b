package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/epoll"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(7, "poll", sysPoll, In("fds", Addr), In("nfds", Uint), In("timeout", Int))
	Define(271, "ppoll", sysPpoll, In("fds", Addr), In("nfds", Uint), In("timeout", Addr), In("sigmask", Addr), In("sigsetsize", Size))
}

// sysPoll implements poll(2): all events; after a signal without a handler it goes on with what is left of the timeout.
func sysPoll(t *task.Task, a Args) (uint64, error) {
	deadline := int64(ktime.Forever)
	if ms := a.Int(2); ms >= 0 {
		deadline = t.Now() + int64(ms)*ktime.Millisecond
	}
	c := &pollCall{a.Addr(0), a.Uint(1), deadline}
	return c.RestartCall(t)
}

// pollCall is a poll(2) under way.
type pollCall struct {
	fds      mm.UAddr
	n        uint32
	deadline int64
}

// RestartCall implements task.Restarter.
func (c *pollCall) RestartCall(t *task.Task) (uint64, error) {
	n, err := poll(t, c.fds, c.n, c.deadline)
	if err != nil && errno.Of(err) == errno.RestartSys {
		t.Restart = c
		return 0, errno.RestartBlock
	}
	return n, err
}

// sysPpoll implements ppoll(2): all of it. As on Linux the time that is left is stored into timeout.
func sysPpoll(t *task.Task, a Args) (uint64, error) {
	limit, err := timeLimitSpec(t, a.Addr(2))
	if err != nil {
		return 0, err
	}
	return withSigMask(t, a.Addr(3), a[4], func() (uint64, error) {
		n, err := poll(t, a.Addr(0), a.Uint(1), limit.deadline)
		return limit.finish(t, n, err)
	})
}

// polled is a descriptor that is being polled.
type polled struct {
	file    *vfs.File
	want    vfs.Events
	got     vfs.Events
	reports vfs.Events // always reported
}

// poll is the work of poll(2).
func poll(t *task.Task, addr mm.UAddr, n uint32, deadline int64) (uint64, error) {
	if uint64(n) > t.Limit(abi.RLIMIT_NOFILE) {
		return 0, errno.EINVAL.Because("more than RLIMIT_NOFILE descriptors")
	}
	fds, err := mm.CopyInSlice[abi.PollFD](t.Thread, addr, int(n))
	if err != nil {
		return 0, err
	}
	set := make([]polled, len(fds))
	defer release(t, set)
	for i := range fds {
		p := &set[i]
		p.want = vfs.Events(uint16(fds[i].Events)) | abi.POLLERR | abi.POLLHUP
		if fds[i].FD < 0 {
			continue
		}
		f, err := t.File(int(fds[i].FD))
		switch {
		case err != nil:
			p.reports = abi.POLLNVAL
		case f.IsPath():
			f.DecRef(t.Thread)
			p.reports = abi.POLLNVAL
		default:
			p.file = f
		}
	}
	ready, err := pollSet(t, set, deadline, "poll")
	if err != nil {
		return 0, err
	}
	for i := range fds {
		fds[i].Revents = int16(set[i].got)
	}
	return uint64(ready), mm.CopyOutSlice(t.Thread, addr, fds)
}

// pollSet waits until one of the files has an event that is wanted and returns how many have.
func pollSet(t *task.Task, set []polled, deadline int64, reason string) (int, error) {
	p := epoll.NewPoller()
	defer p.Done()
	table := &p.Table
	late := deadline <= t.Now()
	if late {
		table = nil
	}
	for {
		ready := 0
		for i := range set {
			s := &set[i]
			s.got = s.reports
			if s.file != nil {
				s.got |= s.file.Poll(t.Thread, table) & s.want
			}
			if s.got != 0 {
				ready++
				table = nil // there will be no wait
			}
		}
		if ready > 0 || late {
			return ready, nil
		}
		table = nil
		switch err := p.Wait(t.Thread, reason, deadline); {
		case err == nil:
		case errno.Of(err) == errno.ETIMEDOUT:
			late = true
		default:
			return 0, err
		}
	}
}

func release(t *task.Task, set []polled) {
	for i := range set {
		if set[i].file != nil {
			set[i].file.DecRef(t.Thread)
		}
	}
}

// timeLimit is a timeout in user memory that is updated at the end.
type timeLimit struct {
	deadline int64
	store    func(left int64) error // nil: there is none
}

// timeLimitSpec reads a struct timespec; NULL means for ever.
func timeLimitSpec(t *task.Task, addr mm.UAddr) (timeLimit, error) {
	if addr == 0 {
		return timeLimit{deadline: ktime.Forever}, nil
	}
	ts, err := mm.CopyInStruct[abi.Timespec](t.Thread, addr)
	if err != nil {
		return timeLimit{}, err
	}
	if !ts.Valid() {
		return timeLimit{}, errno.EINVAL.Because("not a valid struct timespec")
	}
	return timeLimit{until(t, ts.Nanoseconds()), func(left int64) error {
		ts := abi.ToTimespec(left)
		return mm.CopyOutStruct(t.Thread, addr, &ts)
	}}, nil
}

// until returns the moment that is ns from now.
func until(t *task.Task, ns int64) int64 {
	now := t.Now()
	if ns > ktime.Forever-now {
		return ktime.Forever
	}
	return now + ns
}

// finish stores the time that is left. A call that could not store it can't be restarted.
func (l timeLimit) finish(t *task.Task, n uint64, err error) (uint64, error) {
	interrupted := err != nil && errno.Of(err) == errno.RestartSys
	if interrupted {
		err = errno.RestartNoHand
	}
	if l.store != nil && l.deadline != ktime.Forever {
		if l.store(max(l.deadline-t.Now(), 0)) != nil && interrupted {
			err = errno.EINTR
		}
	}
	return n, err
}

// withSigMask runs f with the signal mask at addr, if there is one.
func withSigMask(t *task.Task, addr mm.UAddr, size uint64, f func() (uint64, error)) (uint64, error) {
	if addr == 0 {
		return f()
	}
	if size != 8 {
		return 0, errno.EINVAL.Because("a sigset_t has 8 bytes")
	}
	mask, err := mm.CopyInStruct[abi.SigSet](t.Thread, addr)
	if err != nil {
		return 0, err
	}
	return t.WithMask(mask, f)
}
