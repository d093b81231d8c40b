package task

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// PIDFD is a file that stands for a process: pidfd_open(2). It becomes readable when the process ends.
type PIDFD struct {
	Group *ThreadGroup // immutable
}

// Poll implements vfs.Poller.
func (p *PIDFD) Poll(t *sched.Thread, f *vfs.File, table *vfs.PollTable) vfs.Events {
	table.Add(&p.Group.exitWait)
	s := p.Group.Sys
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	switch {
	case p.Group.reaped:
		return abi.POLLIN | abi.POLLRDNORM | abi.POLLHUP
	case p.Group.zombie:
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}

// installPIDFD makes a descriptor for a process: CLONE_PIDFD, pidfd_open(2).
func (t *Task) installPIDFD(g *ThreadGroup, thread bool, flags int) (int, error) {
	if thread {
		return -1, errno.EINVAL.Because("a pidfd stands for a process, not for a thread")
	}
	f := t.Sys.VFS.NewAnonFile(t.Thread, "anon_inode:[pidfd]", &PIDFD{Group: g}, abi.O_RDWR|flags&abi.O_NONBLOCK)
	fd, err := t.FDs.Install(t.Thread, f, true, 0)
	if err != nil {
		f.DecRef(t.Thread)
	}
	return fd, err
}

// OpenPIDFD is pidfd_open(2).
func (t *Task) OpenPIDFD(pid, flags int) (int, error) {
	if pid <= 0 {
		return -1, errno.EINVAL
	}
	s := t.Sys
	s.mu.Lock(t.Thread)
	x := s.task(pid)
	s.mu.Unlock(t.Thread)
	switch {
	case x == nil:
		return -1, errno.ESRCH
	case x.Group.ID != pid:
		return -1, errno.EINVAL.Because("the ID is a thread's, not a process's")
	}
	return t.installPIDFD(x.Group, false, flags)
}

// PIDFDGroup returns the process that a descriptor stands for.
func (t *Task) PIDFDGroup(fd int) (*ThreadGroup, error) {
	f, err := t.File(fd)
	if err != nil {
		return nil, err
	}
	defer f.DecRef(t.Thread)
	if p, ok := f.Impl.(*PIDFD); ok {
		return p.Group, nil
	}
	return nil, errno.EBADF.Because("not a pidfd")
}
