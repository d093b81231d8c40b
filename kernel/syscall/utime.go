package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(132, "utime", sysUtime, In("path", Path), In("times", Addr))
	Define(235, "utimes", sysUtimes, In("path", Path), In("times", Addr))
	Define(261, "futimesat", sysFutimesat, In("dirfd", DirFD), In("path", Path), In("times", Addr))
	Define(280, "utimensat", sysUtimensat, In("dirfd", DirFD), In("path", Path), In("times", Addr), In("flags", AtFlags))
}

var utimeNow = [2]vfs.Utime{{Now: true}, {Now: true}}

// sysUtime implements utime(2): whole seconds.
func sysUtime(t *task.Task, a Args) (uint64, error) {
	times := utimeNow
	if a[1] != 0 {
		v, err := mm.CopyInStruct[[2]int64](t.Thread, a.Addr(1))
		if err != nil {
			return 0, err
		}
		times = [2]vfs.Utime{{NS: clampSeconds(v[0]) * 1e9}, {NS: clampSeconds(v[1]) * 1e9}}
	}
	return 0, utimes(t, abi.AT_FDCWD, a.Addr(0), times, 0)
}

// clampSeconds keeps a time within what nanoseconds in 64 bits can say.
func clampSeconds(s int64) int64 { return min(max(s, -9e9), 9e9) }

// utimesAt is utimes with struct timeval.
func utimesAt(t *task.Task, dirfd int, path, addr mm.UAddr) error {
	times := utimeNow
	if addr != 0 {
		v, err := mm.CopyInStruct[[2]abi.Timeval](t.Thread, addr)
		if err != nil {
			return err
		}
		for i, x := range v {
			if x.Usec < 0 || x.Usec >= 1e6 {
				return errno.EINVAL.Because("microseconds out of range")
			}
			times[i] = vfs.Utime{NS: clampSeconds(x.Sec)*1e9 + x.Usec*1e3}
		}
	}
	return utimes(t, dirfd, path, times, 0)
}

// sysUtimes implements utimes(2).
func sysUtimes(t *task.Task, a Args) (uint64, error) {
	return 0, utimesAt(t, abi.AT_FDCWD, a.Addr(0), a.Addr(1))
}

// sysFutimesat implements futimesat(2).
func sysFutimesat(t *task.Task, a Args) (uint64, error) {
	return 0, utimesAt(t, a.FD(0), a.Addr(1), a.Addr(2))
}

// sysUtimensat implements utimensat(2): UTIME_NOW, UTIME_OMIT, a null path (futimens(3)), all flags.
func sysUtimensat(t *task.Task, a Args) (uint64, error) {
	times := utimeNow
	if a[2] != 0 {
		v, err := mm.CopyInStruct[[2]abi.Timespec](t.Thread, a.Addr(2))
		if err != nil {
			return 0, err
		}
		for i, x := range v {
			switch {
			case x.Nsec == abi.UTIME_NOW:
			case x.Nsec == abi.UTIME_OMIT:
				times[i] = vfs.Utime{Omit: true}
			case x.Nsec < 0 || x.Nsec >= 1e9:
				return 0, errno.EINVAL.Because("nanoseconds out of range")
			default:
				times[i] = vfs.Utime{NS: clampSeconds(x.Sec)*1e9 + x.Nsec}
			}
		}
	}
	return 0, utimes(t, a.FD(0), a.Addr(1), times, a.Int(3))
}

func utimes(t *task.Task, dirfd int, path mm.UAddr, times [2]vfs.Utime, flags int) error {
	how, err := lookupFlags(flags, abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH)
	if err != nil {
		return err
	}
	set := func(p vfs.Path) error { return t.Sys.VFS.Utimes(t.Thread, p, times[0], times[1]) }
	if path == 0 && dirfd != abi.AT_FDCWD {
		if flags != 0 {
			return errno.EINVAL
		}
		return withFile(t, dirfd, func(f *vfs.File) error { return set(f.Path) })
	}
	return withPath(t, dirfd, path, how, set)
}
