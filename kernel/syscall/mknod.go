package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(133, "mknod", sysMknod, In("path", Path), In("mode", Oct), In("dev", Hex))
	Define(259, "mknodat", sysMknodat, In("dirfd", DirFD), In("path", Path), In("mode", Oct), In("dev", Hex))
}

func mknod(t *task.Task, dirfd int, addr mm.UAddr, mode vfs.Mode, dev uint32) error {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return err
	}
	defer n.done(t)
	return t.Sys.VFS.Mknod(t.Thread, t.FS, n.at, n.text, mode&^(t.FS.Umask()&0o777), vfs.Dev(dev))
}

// sysMknod implements mknod(2): all types.
func sysMknod(t *task.Task, a Args) (uint64, error) {
	return 0, mknod(t, abi.AT_FDCWD, a.Addr(0), vfs.Mode(a.Uint(1)), a.Uint(2))
}

// sysMknodat implements mknodat(2): all types.
func sysMknodat(t *task.Task, a Args) (uint64, error) {
	return 0, mknod(t, a.FD(0), a.Addr(1), vfs.Mode(a.Uint(2)), a.Uint(3))
}
