package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	cmd := Enum(Flag{abi.F_DUPFD, "F_DUPFD"}, Flag{abi.F_GETFD, "F_GETFD"}, Flag{abi.F_SETFD, "F_SETFD"}, Flag{abi.F_GETFL, "F_GETFL"},
		Flag{abi.F_SETFL, "F_SETFL"}, Flag{abi.F_GETLK, "F_GETLK"}, Flag{abi.F_SETLK, "F_SETLK"}, Flag{abi.F_SETLKW, "F_SETLKW"},
		Flag{abi.F_SETOWN, "F_SETOWN"}, Flag{abi.F_GETOWN, "F_GETOWN"}, Flag{abi.F_SETSIG, "F_SETSIG"}, Flag{abi.F_GETSIG, "F_GETSIG"},
		Flag{abi.F_OFD_GETLK, "F_OFD_GETLK"}, Flag{abi.F_OFD_SETLK, "F_OFD_SETLK"}, Flag{abi.F_OFD_SETLKW, "F_OFD_SETLKW"},
		Flag{abi.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"}, Flag{abi.F_SETPIPE_SZ, "F_SETPIPE_SZ"}, Flag{abi.F_GETPIPE_SZ, "F_GETPIPE_SZ"},
		Flag{abi.F_ADD_SEALS, "F_ADD_SEALS"}, Flag{abi.F_GET_SEALS, "F_GET_SEALS"})
	Define(72, "fcntl", sysFcntl, In("fd", FD), In("cmd", cmd), In("arg", Hex), Lacks("F_SETLEASE, F_NOTIFY; O_ASYNC has no effect"))
	Define(73, "flock", sysFlock, In("fd", FD), In("operation", Flags(Flag{abi.LOCK_SH, "LOCK_SH"}, Flag{abi.LOCK_EX, "LOCK_EX"},
		Flag{abi.LOCK_NB, "LOCK_NB"}, Flag{abi.LOCK_UN, "LOCK_UN"})))
}

// sysFcntl implements fcntl(2): descriptors, flags, record locks of both kinds, owners, pipe sizes, seals. It
// lacks F_SETLEASE and F_NOTIFY.
func sysFcntl(t *task.Task, a Args) (uint64, error) {
	fd, cmd, arg := a.FD(0), a.Int(1), a[2]
	switch cmd {
	case abi.F_DUPFD, abi.F_DUPFD_CLOEXEC:
		if int(int32(arg)) < 0 || arg >= t.Limit(abi.RLIMIT_NOFILE) {
			return 0, errno.EINVAL.Because("the least descriptor is beyond RLIMIT_NOFILE")
		}
		return dup(t, fd, int(arg), cmd == abi.F_DUPFD_CLOEXEC)
	case abi.F_GETFD:
		e, err := t.FDs.Entry(t.Thread, fd)
		if e.CloseOnExec {
			return abi.FD_CLOEXEC, err
		}
		return 0, err
	case abi.F_SETFD:
		return 0, t.FDs.SetCloseOnExec(t.Thread, fd, arg&abi.FD_CLOEXEC != 0)
	}
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	defer f.DecRef(t.Thread)
	if cmd == abi.F_GETFL {
		return uint64(f.Flags() &^ abi.O_CLOEXEC), nil
	}
	if f.IsPath() {
		return 0, errno.EBADF.Because("opened with O_PATH")
	}
	return fcntlFile(t, f, cmd, arg)
}

// fcntlFile does the commands that concern the open file.
func fcntlFile(t *task.Task, f *vfs.File, cmd int, arg uint64) (uint64, error) {
	switch cmd {
	case abi.F_SETFL:
		return 0, f.SetFlags(t.Thread, int(arg))
	case abi.F_GETLK, abi.F_SETLK, abi.F_SETLKW:
		return 0, recordLock(t, f, t.FDs, mm.UAddr(arg), cmd == abi.F_GETLK, cmd == abi.F_SETLKW)
	case abi.F_OFD_GETLK, abi.F_OFD_SETLK, abi.F_OFD_SETLKW:
		return 0, recordLock(t, f, f, mm.UAddr(arg), cmd == abi.F_OFD_GETLK, cmd == abi.F_OFD_SETLKW)
	case abi.F_GETOWN, abi.F_SETOWN, abi.F_GETOWN_EX, abi.F_SETOWN_EX, abi.F_GETSIG, abi.F_SETSIG:
		return fileOwner(t, f, cmd, arg)
	}
	if c, ok := f.Impl.(vfs.Fcntler); ok {
		return c.Fcntl(t.Thread, f, cmd, arg)
	}
	return 0, errno.EINVAL.Because("no such command for this file")
}

// recordLock does F_GETLK, F_SETLK and F_SETLKW for an owner: the process's descriptors, or the open file.
func recordLock(t *task.Task, f *vfs.File, owner any, addr mm.UAddr, test, wait bool) error {
	l, err := mm.CopyInStruct[abi.Flock](t.Thread, addr)
	if err != nil {
		return err
	}
	pid := t.PID()
	if owner == any(f) {
		if l.PID != 0 {
			return errno.EINVAL.Because("l_pid must be 0 for an OFD lock")
		}
		pid = -1
	}
	start, end, err := f.LockRange(t.Thread, l)
	if err != nil {
		return err
	}
	lock := vfs.Lock{Type: int(l.Type), Start: start, End: end, PID: pid}
	if !test {
		return f.SetLock(t.Thread, owner, lock, wait)
	}
	if l.Type != abi.F_RDLCK && l.Type != abi.F_WRLCK {
		return errno.EINVAL
	}
	found := f.TestLock(t.Thread, owner, lock)
	l.Type = int16(found.Type)
	if found.Type != abi.F_UNLCK {
		l.Whence, l.Start, l.Len, l.PID = abi.SEEK_SET, found.Start, found.End-found.Start, int32(found.PID)
		if found.End == 1<<63-1 {
			l.Len = 0
		}
	}
	return mm.CopyOutStruct(t.Thread, addr, &l)
}

// ownerEx is struct f_owner_ex.
type ownerEx struct{ Type, PID int32 }

// fileOwner does the commands about who gets SIGIO.
func fileOwner(t *task.Task, f *vfs.File, cmd int, arg uint64) (uint64, error) {
	o := f.Owner(t.Thread)
	switch cmd {
	case abi.F_GETSIG:
		return uint64(o.Sig), nil
	case abi.F_SETSIG:
		if arg > abi.NSIG {
			return 0, errno.EINVAL
		}
		o.Sig = int(arg)
	case abi.F_GETOWN:
		if o.Type == abi.F_OWNER_PGRP {
			return uint64(-o.ID), nil
		}
		return uint64(o.ID), nil
	case abi.F_GETOWN_EX:
		x := ownerEx{int32(o.Type), int32(o.ID)}
		return 0, mm.CopyOutStruct(t.Thread, mm.UAddr(arg), &x)
	case abi.F_SETOWN:
		if o.Type, o.ID = abi.F_OWNER_PID, int(int32(arg)); o.ID < 0 {
			o.Type, o.ID = abi.F_OWNER_PGRP, -o.ID
		}
		o.UID, o.EUID = t.Cred.UID, t.Cred.EUID
	case abi.F_SETOWN_EX:
		x, err := mm.CopyInStruct[ownerEx](t.Thread, mm.UAddr(arg))
		if err != nil {
			return 0, err
		}
		if x.Type < abi.F_OWNER_TID || x.Type > abi.F_OWNER_PGRP {
			return 0, errno.EINVAL
		}
		o.Type, o.ID, o.UID, o.EUID = int(x.Type), int(x.PID), t.Cred.UID, t.Cred.EUID
	}
	f.SetOwner(t.Thread, o)
	return 0, nil
}

// sysFlock implements flock(2).
func sysFlock(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		if f.IsPath() {
			return errno.EBADF
		}
		return f.Flock(t.Thread, a.Int(1))
	})
}
