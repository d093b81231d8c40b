package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	renameFlags := Flags(Flag{abi.RENAME_NOREPLACE, "RENAME_NOREPLACE"}, Flag{abi.RENAME_EXCHANGE, "RENAME_EXCHANGE"}, Flag{abi.RENAME_WHITEOUT, "RENAME_WHITEOUT"})
	Define(82, "rename", sysRename, In("old", Path), In("new", Path))
	Define(86, "link", sysLink, In("old", Path), In("new", Path))
	Define(87, "unlink", sysUnlink, In("path", Path))
	Define(88, "symlink", sysSymlink, In("target", Path), In("path", Path))
	Define(89, "readlink", sysReadlink, In("path", Path), Out("buf", Buf(2)), In("size", Size))
	Define(263, "unlinkat", sysUnlinkat, In("dirfd", DirFD), In("path", Path), In("flags", Flags(Flag{abi.AT_REMOVEDIR, "AT_REMOVEDIR"})))
	Define(264, "renameat", sysRenameat, In("olddirfd", DirFD), In("old", Path), In("newdirfd", DirFD), In("new", Path))
	Define(265, "linkat", sysLinkat, In("olddirfd", DirFD), In("old", Path), In("newdirfd", DirFD), In("new", Path), In("flags", AtFlags))
	Define(266, "symlinkat", sysSymlinkat, In("target", Path), In("dirfd", DirFD), In("path", Path))
	Define(267, "readlinkat", sysReadlinkat, In("dirfd", DirFD), In("path", Path), Out("buf", Buf(3)), In("size", Size))
	Define(316, "renameat2", sysRenameat2, In("olddirfd", DirFD), In("old", Path), In("newdirfd", DirFD), In("new", Path), In("flags", renameFlags))
}

func rename(t *task.Task, oldDir int, old mm.UAddr, newDir int, new mm.UAddr, flags int) error {
	from, err := nameAt(t, oldDir, old)
	if err != nil {
		return err
	}
	defer from.done(t)
	to, err := nameAt(t, newDir, new)
	if err != nil {
		return err
	}
	defer to.done(t)
	return t.Sys.VFS.Rename(t.Thread, t.FS, from.at, from.text, to.at, to.text, flags)
}

// sysRename implements rename(2).
func sysRename(t *task.Task, a Args) (uint64, error) {
	return 0, rename(t, abi.AT_FDCWD, a.Addr(0), abi.AT_FDCWD, a.Addr(1), 0)
}

// sysRenameat implements renameat(2).
func sysRenameat(t *task.Task, a Args) (uint64, error) {
	return 0, rename(t, a.FD(0), a.Addr(1), a.FD(2), a.Addr(3), 0)
}

// sysRenameat2 implements renameat2(2): RENAME_NOREPLACE, EXCHANGE and WHITEOUT where the filesystem can.
func sysRenameat2(t *task.Task, a Args) (uint64, error) {
	return 0, rename(t, a.FD(0), a.Addr(1), a.FD(2), a.Addr(3), a.Int(4))
}

func link(t *task.Task, oldDir int, old mm.UAddr, newDir int, new mm.UAddr, flags int) error {
	if flags&^(abi.AT_SYMLINK_FOLLOW|abi.AT_EMPTY_PATH) != 0 {
		return errno.EINVAL
	}
	how := vfs.Lookup(0)
	if flags&abi.AT_SYMLINK_FOLLOW != 0 {
		how = vfs.Follow
	}
	if flags&abi.AT_EMPTY_PATH != 0 {
		if !t.Cred.Has(cred.CapDACReadSearch) {
			return errno.ENOENT.Because("AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH")
		}
		how |= vfs.EmptyPath
	}
	return withPath(t, oldDir, old, how, func(p vfs.Path) error {
		to, err := nameAt(t, newDir, new)
		if err != nil {
			return err
		}
		defer to.done(t)
		return t.Sys.VFS.Link(t.Thread, t.FS, p, to.at, to.text)
	})
}

// sysLink implements link(2).
func sysLink(t *task.Task, a Args) (uint64, error) {
	return 0, link(t, abi.AT_FDCWD, a.Addr(0), abi.AT_FDCWD, a.Addr(1), 0)
}

// sysLinkat implements linkat(2): AT_SYMLINK_FOLLOW and AT_EMPTY_PATH.
func sysLinkat(t *task.Task, a Args) (uint64, error) {
	return 0, link(t, a.FD(0), a.Addr(1), a.FD(2), a.Addr(3), a.Int(4))
}

func unlink(t *task.Task, dirfd int, addr mm.UAddr, dir bool) error {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return err
	}
	defer n.done(t)
	if dir {
		return t.Sys.VFS.Rmdir(t.Thread, t.FS, n.at, n.text)
	}
	return t.Sys.VFS.Unlink(t.Thread, t.FS, n.at, n.text)
}

// sysUnlink implements unlink(2).
func sysUnlink(t *task.Task, a Args) (uint64, error) {
	return 0, unlink(t, abi.AT_FDCWD, a.Addr(0), false)
}

// sysUnlinkat implements unlinkat(2): AT_REMOVEDIR.
func sysUnlinkat(t *task.Task, a Args) (uint64, error) {
	if a.Int(2)&^abi.AT_REMOVEDIR != 0 {
		return 0, errno.EINVAL
	}
	return 0, unlink(t, a.FD(0), a.Addr(1), a.Int(2) != 0)
}

func symlink(t *task.Task, target mm.UAddr, dirfd int, addr mm.UAddr) error {
	text, err := mm.CopyInString(t.Thread, target, abi.PATH_MAX-1)
	if err != nil {
		return err
	}
	if text == "" {
		return errno.ENOENT.Because("the target is empty")
	}
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return err
	}
	defer n.done(t)
	return t.Sys.VFS.Symlink(t.Thread, t.FS, text, n.at, n.text)
}

// sysSymlink implements symlink(2).
func sysSymlink(t *task.Task, a Args) (uint64, error) {
	return 0, symlink(t, a.Addr(0), abi.AT_FDCWD, a.Addr(1))
}

// sysSymlinkat implements symlinkat(2).
func sysSymlinkat(t *task.Task, a Args) (uint64, error) {
	return 0, symlink(t, a.Addr(0), a.FD(1), a.Addr(2))
}

func readlink(t *task.Task, dirfd int, addr, buf mm.UAddr, size int) (n uint64, err error) {
	if size <= 0 {
		return 0, errno.EINVAL
	}
	err = withPath(t, dirfd, addr, vfs.EmptyPath, func(p vfs.Path) error {
		target, err := t.Sys.VFS.Readlink(t.Thread, t.FS, p)
		if err != nil {
			return err
		}
		target = target[:min(len(target), size)]
		n = uint64(len(target))
		return mm.CopyOut(t.Thread, buf, []byte(target))
	})
	return n, err
}

// sysReadlink implements readlink(2).
func sysReadlink(t *task.Task, a Args) (uint64, error) {
	return readlink(t, abi.AT_FDCWD, a.Addr(0), a.Addr(1), a.Int(2))
}

// sysReadlinkat implements readlinkat(2); an empty path means the link that dirfd is.
func sysReadlinkat(t *task.Task, a Args) (uint64, error) {
	return readlink(t, a.FD(0), a.Addr(1), a.Addr(2), a.Int(3))
}
