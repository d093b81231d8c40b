package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(78, "getdents", sysGetdents, In("fd", FD), Out("dirp", Addr), In("count", Size))
	Define(79, "getcwd", sysGetcwd, Out("buf", Path), In("size", Size))
	Define(80, "chdir", sysChdir, In("path", Path))
	Define(81, "fchdir", sysFchdir, In("fd", FD))
	Define(83, "mkdir", sysMkdir, In("path", Path), In("mode", Oct))
	Define(84, "rmdir", sysRmdir, In("path", Path))
	Define(161, "chroot", sysChroot, In("path", Path))
	Define(217, "getdents64", sysGetdents64, In("fd", FD), Out("dirp", Addr), In("count", Size))
	Define(258, "mkdirat", sysMkdirat, In("dirfd", DirFD), In("path", Path), In("mode", Oct))
}

// getdents fills the user's buffer with entries that encode makes; encode returns nil if one does not fit into room.
func getdents(t *task.Task, a Args, encode func(e vfs.DirEntry, room int) []byte) (uint64, error) {
	size := int(min(uint64(a.Uint(2)), 1<<20))
	var out []byte
	short := false
	err := withFile(t, a.FD(0), func(f *vfs.File) error {
		return f.ReadDir(t.Thread, func(e vfs.DirEntry) bool {
			b := encode(e, size-len(out))
			if b == nil {
				short = true
				return false
			}
			out = append(out, b...)
			return true
		})
	})
	if len(out) > 0 {
		// Some entries are out already: an error, if it stays, comes at the next call.
		return uint64(len(out)), mm.CopyOut(t.Thread, a.Addr(1), out)
	}
	if err == nil && short {
		err = errno.EINVAL.Because("the buffer is too small for one entry")
	}
	return 0, err
}

// sysGetdents64 implements getdents64(2).
func sysGetdents64(t *task.Task, a Args) (uint64, error) {
	return getdents(t, a, func(e vfs.DirEntry, room int) []byte {
		n := (19 + len(e.Name) + 1 + 7) &^ 7
		if n > room {
			return nil
		}
		b := make([]byte, n)
		le := binary.LittleEndian
		le.PutUint64(b[0:], e.Ino)
		le.PutUint64(b[8:], uint64(e.Next))
		le.PutUint16(b[16:], uint16(n))
		b[18] = e.Type
		copy(b[19:], e.Name)
		return b
	})
}

// sysGetdents implements getdents(2), the older form: the type is the last byte of an entry.
func sysGetdents(t *task.Task, a Args) (uint64, error) {
	return getdents(t, a, func(e vfs.DirEntry, room int) []byte {
		n := (18 + len(e.Name) + 2 + 7) &^ 7
		if n > room {
			return nil
		}
		b := make([]byte, n)
		le := binary.LittleEndian
		le.PutUint64(b[0:], e.Ino)
		le.PutUint64(b[8:], uint64(e.Next))
		le.PutUint16(b[16:], uint16(n))
		copy(b[18:], e.Name)
		b[n-1] = e.Type
		return b
	})
}

// sysGetcwd implements getcwd(2) at the system call's level: the result is the length with the final zero.
func sysGetcwd(t *task.Task, a Args) (uint64, error) {
	s, err := t.Sys.VFS.Getcwd(t.Thread, t.FS)
	if err != nil {
		return 0, err
	}
	if uint64(len(s))+1 > a[1] {
		return 0, errno.ERANGE
	}
	return uint64(len(s)) + 1, mm.CopyOut(t.Thread, a.Addr(0), append([]byte(s), 0))
}

// enter checks that p is a directory that t may search, and hands it on.
func enter(t *task.Task, p vfs.Path, set func(p vfs.Path)) error {
	if !p.Inode().IsDir() {
		return errno.ENOTDIR
	}
	if err := p.Access(t.Thread, abi.X_OK); err != nil {
		return err
	}
	p.IncRef()
	set(p)
	return nil
}

// sysChdir implements chdir(2).
func sysChdir(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow|vfs.Directory, func(p vfs.Path) error {
		return enter(t, p, func(p vfs.Path) { t.FS.SetCwd(t.Thread, p) })
	})
}

// sysFchdir implements fchdir(2).
func sysFchdir(t *task.Task, a Args) (uint64, error) {
	return 0, withFile(t, a.FD(0), func(f *vfs.File) error {
		return enter(t, f.Path, func(p vfs.Path) { t.FS.SetCwd(t.Thread, p) })
	})
}

// sysChroot implements chroot(2).
func sysChroot(t *task.Task, a Args) (uint64, error) {
	return 0, withPath(t, abi.AT_FDCWD, a.Addr(0), vfs.Follow|vfs.Directory, func(p vfs.Path) error {
		if !t.Cred.Has(cred.CapSysChroot) {
			return errno.EPERM
		}
		return enter(t, p, func(p vfs.Path) { t.FS.SetRoot(t.Thread, p) })
	})
}

func mkdir(t *task.Task, dirfd int, addr mm.UAddr, mode vfs.Mode) error {
	n, err := nameAt(t, dirfd, addr)
	if err != nil {
		return err
	}
	defer n.done(t)
	return t.Sys.VFS.Mkdir(t.Thread, t.FS, n.at, n.text, mode&0o1777&^t.FS.Umask())
}

// sysMkdir implements mkdir(2).
func sysMkdir(t *task.Task, a Args) (uint64, error) {
	return 0, mkdir(t, abi.AT_FDCWD, a.Addr(0), vfs.Mode(a.Uint(1)))
}

// sysMkdirat implements mkdirat(2).
func sysMkdirat(t *task.Task, a Args) (uint64, error) {
	return 0, mkdir(t, a.FD(0), a.Addr(1), vfs.Mode(a.Uint(2)))
}

// sysRmdir implements rmdir(2).
func sysRmdir(t *task.Task, a Args) (uint64, error) {
	return 0, unlink(t, abi.AT_FDCWD, a.Addr(0), true)
}
