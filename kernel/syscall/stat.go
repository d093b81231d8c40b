package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(4, "stat", sysStat, In("path", Path), Out("statbuf", Addr))
	Define(5, "fstat", sysFstat, In("fd", FD), Out("statbuf", Addr))
	Define(6, "lstat", sysLstat, In("path", Path), Out("statbuf", Addr))
	Define(262, "newfstatat", sysNewfstatat, In("dirfd", DirFD), In("path", Path), Out("statbuf", Addr), In("flags", AtFlags))
	Define(332, "statx", sysStatx, In("dirfd", DirFD), In("path", Path), In("flags", AtFlags), In("mask", Hex), Out("statxbuf", Addr))
}

// statAt returns the attributes of a name.
func statAt(t *task.Task, dirfd int, addr mm.UAddr, how vfs.Lookup) (vfs.Attr, error) {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return vfs.Attr{}, err
	}
	defer n.done(t)
	return t.Sys.VFS.Stat(t.Thread, t.FS, n.at, n.text, how)
}

func copyStat(t *task.Task, to mm.UAddr, a vfs.Attr, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	s := a.Stat()
	return 0, mm.CopyOutStruct(t.Thread, to, &s)
}

// sysStat implements stat(2).
func sysStat(t *task.Task, a Args) (uint64, error) {
	attr, err := statAt(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow)
	return copyStat(t, a.Addr(1), attr, err)
}

// sysLstat implements lstat(2).
func sysLstat(t *task.Task, a Args) (uint64, error) {
	attr, err := statAt(t, abi.AT_FDCWD, a.Addr(0), 0)
	return copyStat(t, a.Addr(1), attr, err)
}

// sysFstat implements fstat(2).
func sysFstat(t *task.Task, a Args) (uint64, error) {
	f, err := t.File(a.FD(0))
	if err != nil {
		return 0, err
	}
	defer f.DecRef(t.Thread)
	attr, err := f.Attr(t.Thread)
	return copyStat(t, a.Addr(1), attr, err)
}

// sysNewfstatat implements fstatat(2): all flags.
func sysNewfstatat(t *task.Task, a Args) (uint64, error) {
	how, err := lookupFlags(a.Int(3), abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH|abi.AT_NO_AUTOMOUNT)
	if err != nil {
		return 0, err
	}
	attr, err := statAt(t, a.FD(0), a.Addr(1), how)
	return copyStat(t, a.Addr(2), attr, err)
}

// sysStatx implements statx(2): the basic fields and the birth time; AT_STATX_* makes no difference.
func sysStatx(t *task.Task, a Args) (uint64, error) {
	if a.Uint(3)&(1<<31) != 0 {
		return 0, errno.EINVAL.Because("STATX__RESERVED")
	}
	how, err := lookupFlags(a.Int(2)&^abi.AT_STATX_SYNC_TYPE, abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH|abi.AT_NO_AUTOMOUNT)
	if err != nil {
		return 0, err
	}
	attr, err := statAt(t, a.FD(0), a.Addr(1), how)
	if err != nil {
		return 0, err
	}
	x := attr.Statx()
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(4), &x)
}
