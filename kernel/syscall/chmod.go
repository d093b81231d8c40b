package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/cred"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(90, "chmod", sysChmod, In("path", Path), In("mode", Oct))
	Define(91, "fchmod", sysFchmod, In("fd", FD), In("mode", Oct))
	Define(92, "chown", sysChown, In("path", Path), In("owner", Int), In("group", Int))
	Define(93, "fchown", sysFchown, In("fd", FD), In("owner", Int), In("group", Int))
	Define(94, "lchown", sysLchown, In("path", Path), In("owner", Int), In("group", Int))
	Define(95, "umask", sysUmask, In("mask", Oct), Returns(Oct))
	Define(260, "fchownat", sysFchownat, In("dirfd", DirFD), In("path", Path), In("owner", Int), In("group", Int), In("flags", AtFlags))
	Define(268, "fchmodat", sysFchmodat, In("dirfd", DirFD), In("path", Path), In("mode", Oct))
	Define(452, "fchmodat2", sysFchmodat2, In("dirfd", DirFD), In("path", Path), In("mode", Oct), In("flags", AtFlags))
}

// sysChmod implements chmod(2).
func sysChmod(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow, func(p vfs.Path) error {
		return t.Sys.VFS.Chmod(t.Thread, p, vfs.Mode(a.Uint(1)))
	})
}

// sysFchmod implements fchmod(2).
func sysFchmod(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		return t.Sys.VFS.Chmod(t.Thread, f.Path, vfs.Mode(a.Uint(1)))
	})
}

// sysFchmodat implements fchmodat(2), which has no flags at this level.
func sysFchmodat(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, a.FD(0), a.Addr(1), vfs.Follow, func(p vfs.Path) error {
		return t.Sys.VFS.Chmod(t.Thread, p, vfs.Mode(a.Uint(2)))
	})
}

// sysFchmodat2 implements fchmodat2(2): AT_SYMLINK_NOFOLLOW (EOPNOTSUPP on a link) and AT_EMPTY_PATH.
func sysFchmodat2(t *task.Task, a Args) (uint64, error) {
	how, err := lookupFlags(a.Int(3), abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH)
	if err != nil {
		return 0, err
	}
	return 0, withPath(t, a.FD(0), a.Addr(1), how, func(p vfs.Path) error {
		return t.Sys.VFS.Chmod(t.Thread, p, vfs.Mode(a.Uint(2)))
	})
}

func chown(t *task.Task, p vfs.Path, uid, gid uint32) error {
	return t.Sys.VFS.Chown(t.Thread, p, cred.ID(uid), cred.ID(gid))
}

// sysChown implements chown(2).
func sysChown(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow, func(p vfs.Path) error { return chown(t, p, a.Uint(1), a.Uint(2)) })
}

// sysLchown implements lchown(2).
func sysLchown(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), 0, func(p vfs.Path) error { return chown(t, p, a.Uint(1), a.Uint(2)) })
}

// sysFchown implements fchown(2).
func sysFchown(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error { return chown(t, f.Path, a.Uint(1), a.Uint(2)) })
}

// sysFchownat implements fchownat(2): all flags.
func sysFchownat(t *task.Task, a Args) (uint64, error) {
	how, err := lookupFlags(a.Int(4), abi.AT_SYMLINK_NOFOLLOW|abi.AT_EMPTY_PATH)
	if err != nil {
		return 0, err
	}
	return 0, withPath(t, a.FD(0), a.Addr(1), how, func(p vfs.Path) error { return chown(t, p, a.Uint(2), a.Uint(3)) })
}

// sysUmask implements umask(2).
func sysUmask(t *task.Task, a Args) (uint64, error) {
	return uint64(t.FS.SetUmask(vfs.Mode(a.Uint(0) & 0o777))), nil
}
