package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(0, "read", sysRead, In("fd", FD), Out("buf", Buf(2)), In("count", Size))
	Define(17, "pread64", sysPread64, In("fd", FD), Out("buf", Buf(2)), In("count", Size), In("offset", Long))
	Define(19, "readv", sysReadv, In("fd", FD), In("iov", Addr), In("iovcnt", Int))
	Define(295, "preadv", sysPreadv, In("fd", FD), In("iov", Addr), In("iovcnt", Int), In("offset", Long))
	Define(327, "preadv2", sysPreadv2, In("fd", FD), In("iov", Addr), In("iovcnt", Int), In("offset", Long), In("high", Long), In("flags", Hex),
		Covers("RWF_HIPRI, DSYNC, SYNC"), Lacks("RWF_NOWAIT"))
}

// transfer runs a read or write on the descriptor's file.
func transfer(t *task.Task, fd int, io *mm.IO, f func(file *vfs.File) (int, error)) (uint64, error) {
	file, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	defer file.DecRef(t.Thread)
	n, err := f(file)
	return uint64(n), err
}

// sysRead implements read(2).
func sysRead(t *task.Task, a Args) (uint64, error) {
	io := mm.UserIO(t.Thread, a.Addr(1), min(a[2], abi.MaxRW))
	return transfer(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.Read(t.Thread, io) })
}

// sysPread64 implements pread64(2).
func sysPread64(t *task.Task, a Args) (uint64, error) {
	io := mm.UserIO(t.Thread, a.Addr(1), min(a[2], abi.MaxRW))
	return transfer(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.ReadAt(t.Thread, io, a.Long(3)) })
}

// sysReadv implements readv(2).
func sysReadv(t *task.Task, a Args) (uint64, error) {
	io, err := mm.UserIOVec(t.Thread, a.Addr(1), a.Int(2))
	if err != nil {
		return 0, err
	}
	return transfer(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.Read(t.Thread, io) })
}

// sysPreadv implements preadv(2).
func sysPreadv(t *task.Task, a Args) (uint64, error) {
	io, err := mm.UserIOVec(t.Thread, a.Addr(1), a.Int(2))
	if err != nil {
		return 0, err
	}
	return transfer(t, a.FD(0), io, func(f *vfs.File) (int, error) { return f.ReadAt(t.Thread, io, a.Long(3)) })
}

// sysPreadv2 implements preadv2(2): an offset of -1 means the file position. It lacks RWF_NOWAIT.
func sysPreadv2(t *task.Task, a Args) (uint64, error) {
	if a.Int(5)&^(abi.RWF_HIPRI|abi.RWF_DSYNC|abi.RWF_SYNC) != 0 {
		return 0, errno.EOPNOTSUPP.Because("RWF_NOWAIT or an unknown flag")
	}
	if a.Long(3) == -1 {
		return sysReadv(t, a)
	}
	return sysPreadv(t, a)
}
