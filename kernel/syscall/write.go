package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(1, "write", sysWrite, In("fd", FD), In("buf", Buf(2)), In("count", Size))
	Define(18, "pwrite64", sysPwrite64, In("fd", FD), In("buf", Buf(2)), In("count", Size), In("offset", Long))
	Define(20, "writev", sysWritev, In("fd", FD), In("iov", Addr), In("iovcnt", Int))
	Define(296, "pwritev", sysPwritev, In("fd", FD), In("iov", Addr), In("iovcnt", Int), In("offset", Long))
	Define(328, "pwritev2", sysPwritev2, In("fd", FD), In("iov", Addr), In("iovcnt", Int), In("offset", Long), In("high", Long), In("flags", Hex),
		Covers("RWF_HIPRI, DSYNC, SYNC"), Lacks("RWF_NOWAIT, RWF_APPEND"))
}

// writeTo is transfer for writing: a pipe or socket without a reader also sends SIGPIPE.
func writeTo(t *task.Task, fd int, io *mm.IO, f func(file *vfs.File) (int, error)) (uint64, error) {
	n, err := transfer(t, fd, io, f)
	switch errno.Of(err) {
	case errno.EPIPE:
		if !meansXrun(t, fd) {
			t.SignalSelf(abi.SIGPIPE)
		}
	case errno.EFBIG:
		t.SignalSelf(abi.SIGXFSZ)
	}
	return n, err
}

// meansXrun reports whether EPIPE of this file says that the program was too slow for a sound device, which is no reason for a signal.
func meansXrun(t *task.Task, fd int) (xrun bool) {
	withFile(t, fd, func(f *vfs.File) error {
		_, xrun = f.Impl.(interface{ PipeMeansXrun() })
		return nil
	})
	return xrun
}

// sysWrite implements write(2).
func sysWrite(t *task.Task, a Args) (uint64, error) {
	io := mm.UserIO(t.Thread, a.Addr(1), min(a[2], abi.MaxRW))
	return writeTo(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.Write(t.Thread, io) })
}

// sysPwrite64 implements pwrite64(2).
func sysPwrite64(t *task.Task, a Args) (uint64, error) {
	io := mm.UserIO(t.Thread, a.Addr(1), min(a[2], abi.MaxRW))
	return writeTo(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.WriteAt(t.Thread, io, a.Long(3)) })
}

// sysWritev implements writev(2).
func sysWritev(t *task.Task, a Args) (uint64, error) {
	io, err := mm.UserIOVec(t.Thread, a.Addr(1), a.Int(2))
	if err != nil {
		return 0, err
	}
	return writeTo(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.Write(t.Thread, io) })
}

// sysPwritev implements pwritev(2).
func sysPwritev(t *task.Task, a Args) (uint64, error) {
	io, err := mm.UserIOVec(t.Thread, a.Addr(1), a.Int(2))
	if err != nil {
		return 0, err
	}
	return writeTo(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.WriteAt(t.Thread, io, a.Long(3)) })
}

// sysPwritev2 implements pwritev2(2): an offset of -1 means the file position. It lacks RWF_NOWAIT and RWF_APPEND.
func sysPwritev2(t *task.Task, a Args) (uint64, error) {
	flags := a.Int(5)
	if flags&^(abi.RWF_HIPRI|abi.RWF_DSYNC|abi.RWF_SYNC) != 0 {
		return 0, errno.EOPNOTSUPP.Because("RWF_NOWAIT, RWF_APPEND or an unknown flag")
	}
	var n uint64
	var err error
	if a.Long(3) == -1 {
		n, err = sysWritev(t, a)
	} else {
		n, err = sysPwritev(t, a)
	}
	if err == nil && flags&(abi.RWF_DSYNC|abi.RWF_SYNC) != 0 {
		err = withFile(t, a.FD(0), func(f *vfs.File) error { return f.Sync(t.Thread, flags&abi.RWF_SYNC == 0) })
	}
	return n, err
}
