package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	mode := Flags(Flag{abi.FALLOC_FL_KEEP_SIZE, "FALLOC_FL_KEEP_SIZE"}, Flag{abi.FALLOC_FL_PUNCH_HOLE, "FALLOC_FL_PUNCH_HOLE"}, Flag{abi.FALLOC_FL_ZERO_RANGE, "FALLOC_FL_ZERO_RANGE"})
	Define(76, "truncate", sysTruncate, In("path", Path), In("length", Long))
	Define(77, "ftruncate", sysFtruncate, In("fd", FD), In("length", Long))
	Define(221, "fadvise64", sysFadvise64, In("fd", FD), In("offset", Long), In("len", Size), In("advice", Int),
		Covers("all advice is accepted; pages stay in the cache until memory is short"))
	Define(285, "fallocate", sysFallocate, In("fd", FD), In("mode", mode), In("offset", Long), In("len", Long),
		Covers("allocation, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE where the filesystem can"), Lacks("COLLAPSE_RANGE, INSERT_RANGE"))
	Define(187, "readahead", sysReadahead, In("fd", FD), In("offset", Long), In("count", Size))
}

// tooBig sends the signal that goes with EFBIG.
func tooBig(t *task.Task, err error) error {
	if errno.Of(err) == errno.EFBIG {
		t.SignalSelf(abi.SIGXFSZ)
	}
	return err
}

// sysTruncate implements truncate(2).
func sysTruncate(t *task.Task, a Args) (uint64, error) {
	if a.Long(1) < 0 {
		return 0, errno.EINVAL
	}
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow, func(p vfs.Path) error {
		return tooBig(t, t.Sys.VFS.Truncate(t.Thread, p, a.Long(1)))
	})
}

// sysFtruncate implements ftruncate(2).
func sysFtruncate(t *task.Task, a Args) (uint64, error) {
	if a.Long(1) < 0 {
		return 0, errno.EINVAL
	}
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return tooBig(t, f.Truncate(t.Thread, a.Long(1))) })
}

// sysFallocate implements fallocate(2).
func sysFallocate(t *task.Task, a Args) (uint64, error) {
	if a.Long(2) < 0 || a.Long(3) <= 0 {
		return 0, errno.EINVAL
	}
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		return tooBig(t, f.Fallocate(t.Thread, a.Int(1), a.Long(2), a.Long(3)))
	})
}

// sysFadvise64 implements posix_fadvise(2): advice is checked and then not needed.
func sysFadvise64(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		switch {
		case f.Inode.Mode().Type() == abi.S_IFIFO:
			return errno.ESPIPE
		case a.Long(2) < 0 || a.Int(3) < 0 || a.Int(3) > 5:
			return errno.EINVAL
		}
		return nil
	})
}

// sysReadahead implements readahead(2): the pages come when they are read.
func sysReadahead(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		if !f.CanRead() {
			return errno.EBADF
		}
		if f.Inode.Pages == nil {
			return errno.EINVAL
		}
		return nil
	})
}
