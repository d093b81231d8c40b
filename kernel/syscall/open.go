package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	const lacks = "O_DIRECT and O_ASYNC are accepted without effect"
	Define(2, "open", sysOpen, In("path", Path), In("flags", OpenFlags), In("mode", Oct), Lacks(lacks))
	Define(3, "close", sysClose, In("fd", FD))
	Define(85, "creat", sysCreat, In("path", Path), In("mode", Oct))
	Define(257, "openat", sysOpenat, In("dirfd", DirFD), In("path", Path), In("flags", OpenFlags), In("mode", Oct), Lacks(lacks))
	Define(436, "close_range", sysCloseRange, In("first", Uint), In("last", Uint), In("flags", closeRangeFlags))
	Define(437, "openat2", sysOpenat2, In("dirfd", DirFD), In("path", Path), In("how", Addr), In("size", Size))
}

var closeRangeFlags = Flags(Flag{abi.CLOSE_RANGE_UNSHARE, "CLOSE_RANGE_UNSHARE"}, Flag{abi.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"})

// open is the common part: it opens the name and gives it the lowest descriptor.
func open(t *task.Task, dirfd int, addr mm.UAddr, how vfs.OpenHow) (uint64, error) {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return 0, err
	}
	defer n.done(t)
	fd, err := t.FDs.Reserve(t.Thread, 0)
	if err != nil {
		return 0, err
	}
	how.Mode = how.Mode.Perm() &^ t.FS.Umask()
	f, err := t.Sys.VFS.Open(t.Thread, t.FS, n.at, n.text, how)
	if err != nil {
		t.FDs.Cancel(t.Thread, fd)
		return 0, err
	}
	t.FDs.Fill(t.Thread, fd, f, how.Flags&abi.O_CLOEXEC != 0)
	return uint64(fd), nil
}

// sysOpen implements open(2): see sysOpenat.
func sysOpen(t *task.Task, a Args) (uint64, error) {
	return open(t, abi.AT_FDCWD, a.Addr(0), vfs.OpenHow{Flags: a.Int(1), Mode: vfs.Mode(a.Uint(2))})
}

// sysCreat implements creat(2).
func sysCreat(t *task.Task, a Args) (uint64, error) {
	return open(t, abi.AT_FDCWD, a.Addr(0), vfs.OpenHow{Flags: abi.O_CREAT | abi.O_WRONLY | abi.O_TRUNC, Mode: vfs.Mode(a.Uint(1))})
}

// sysOpenat implements openat(2): all flags, but O_DIRECT and O_ASYNC have no effect.
func sysOpenat(t *task.Task, a Args) (uint64, error) {
	return open(t, a.FD(0), a.Addr(1), vfs.OpenHow{Flags: a.Int(2), Mode: vfs.Mode(a.Uint(3))})
}

// openHow is struct open_how (linux/openat2.h).
type openHow struct{ Flags, Mode, Resolve uint64 }

var resolveFlags = []struct {
	bit uint64
	how vfs.Lookup
}{
	{abi.RESOLVE_NO_XDEV, vfs.NoXDev},
	{abi.RESOLVE_NO_MAGICLINKS, vfs.NoMagicLinks},
	{abi.RESOLVE_NO_SYMLINKS, vfs.NoSymlinks},
	{abi.RESOLVE_BENEATH, vfs.Beneath},
	{abi.RESOLVE_IN_ROOT, vfs.InRoot},
	{abi.RESOLVE_CACHED, vfs.Cached},
}

// sysOpenat2 implements openat2(2): as openat, unknown flags are errors; all of RESOLVE_*.
func sysOpenat2(t *task.Task, a Args) (uint64, error) {
	if a[3] < 24 {
		return 0, errno.EINVAL.Because("struct open_how is too small")
	}
	if a[3] > mm.PageSize {
		return 0, errno.E2BIG
	}
	b, err := mm.CopyInSlice[byte](t.Thread, a.Addr(2), int(a[3]))
	if err != nil {
		return 0, err
	}
	for _, x := range b[24:] {
		if x != 0 {
			return 0, errno.E2BIG.Because("the kernel doesn't know the last fields of struct open_how")
		}
	}
	h, err := mm.CopyInStruct[openHow](t.Thread, a.Addr(2))
	if err != nil {
		return 0, err
	}
	how := vfs.OpenHow{Flags: int(h.Flags), Mode: vfs.Mode(h.Mode)}
	known := uint64(abi.O_ACCMODE | abi.O_CREAT | abi.O_EXCL | abi.O_NOCTTY | abi.O_TRUNC | abi.O_APPEND | abi.O_NONBLOCK | abi.O_SYNC |
		abi.O_ASYNC | abi.O_DIRECT | abi.O_LARGEFILE | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_NOATIME | abi.O_CLOEXEC | abi.O_PATH | abi.O_TMPFILE)
	if h.Flags&^known != 0 || h.Mode&^0o7777 != 0 || h.Mode != 0 && h.Flags&(abi.O_CREAT|abi.O_TMPFILE_) == 0 {
		return 0, errno.EINVAL.Because("unknown flags, or a mode without O_CREAT")
	}
	for _, r := range resolveFlags {
		if h.Resolve&r.bit != 0 {
			how.Resolve |= r.how
			h.Resolve &^= r.bit
		}
	}
	if h.Resolve != 0 || how.Resolve&vfs.Beneath != 0 && how.Resolve&vfs.InRoot != 0 {
		return 0, errno.EINVAL.Because("unknown RESOLVE_ flags, or BENEATH with IN_ROOT")
	}
	return open(t, a.FD(0), a.Addr(1), how)
}

// sysClose implements close(2).
func sysClose(t *task.Task, a Args) (uint64, error) {
	err := t.FDs.Close(t.Thread, a.FD(0))
	if e := errno.Of(err); e.Internal() {
		return 0, errno.EINTR // the descriptor is gone: never again
	}
	return 0, err
}

// sysCloseRange implements close_range(2): CLOSE_RANGE_UNSHARE and CLOSE_RANGE_CLOEXEC.
func sysCloseRange(t *task.Task, a Args) (uint64, error) {
	first, last, flags := a.Uint(0), a.Uint(1), a.Int(2)
	if flags&^(abi.CLOSE_RANGE_UNSHARE|abi.CLOSE_RANGE_CLOEXEC) != 0 || first > last {
		return 0, errno.EINVAL
	}
	if flags&abi.CLOSE_RANGE_UNSHARE != 0 {
		limit := task.MaxFiles
		if flags&abi.CLOSE_RANGE_CLOEXEC == 0 && int64(last) >= int64(task.MaxFiles) {
			limit = int(min(int64(first), int64(task.MaxFiles)))
		}
		t.UnshareFiles(limit)
	}
	t.FDs.CloseRange(t.Thread, first, last, flags&abi.CLOSE_RANGE_CLOEXEC != 0)
	return 0, nil
}
