package vfstest

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/vfs"
)

func init() {
	add("perm/classes", func(e *Env) {
		e.Create("f", 0o640)
		e.OK(e.Chown("f", 1, 2))
		try := func(flags int, want errno.Errno) {
			e.TB.Helper()
			e.Want(e.TryOpen("f", flags, 0), want)
		}
		e.As(1, 9, func() { try(rw, 0) })
		e.As(9, 2, func() { try(rd, 0); try(wr, errno.EACCES) })
		e.As(9, 9, func() { try(rd, 0); try(wr, errno.EACCES) }, 2)
		e.As(9, 9, func() { try(rd, errno.EACCES) })
		e.OK(e.Chmod("f", 0o077))
		e.As(1, 2, func() { try(rd, errno.EACCES) }) // the owner's bits count, and no others
		try(rw, 0)                                   // root
	})
	add("perm/search", func(e *Env) {
		e.Mkfiles("d/", "d/f")
		e.OK(e.Chmod("d", 0o700))
		e.OK(e.Chmod("d/f", 0o666))
		e.As(1, 1, func() {
			e.Want(e.TryOpen("d/f", rd, 0), errno.EACCES)
			e.Want(e.Exists("d/no"), errno.EACCES)
			e.Want(e.Chdir("d"), 0) // the call checks, not the walk
			e.OK(e.Chdir("/"))
		})
		e.OK(e.Chmod("d", 0o711))
		e.As(1, 1, func() {
			e.OK(e.TryOpen("d/f", rd, 0))
			e.Want(e.TryOpen("d", rd, 0), errno.EACCES)
			e.Want(e.TryOpen("d/g", cr|wr, 0o644), errno.EACCES)
			e.Want(e.Unlink("d/f"), errno.EACCES)
			e.Want(e.Mkdir("d/s", 0o755), errno.EACCES)
			e.Want(e.Symlink("x", "d/s"), errno.EACCES)
			e.Want(e.Link("d/f", "d/s"), errno.EACCES)
			e.Want(e.Rename("d/f", "d/s"), errno.EACCES)
			e.Want(e.Mkdir("d/f", 0o755), errno.EEXIST)
		})
	})
	add("perm/sticky", func(e *Env) {
		e.Mkfiles("t/")
		e.OK(e.Chmod("t", abi.S_ISVTX|0o777))
		e.OK(e.Chmod("/", 0o777))
		e.As(1, 1, func() { e.Mkfiles("t/mine", "t/other", "t/d/") })
		e.As(2, 2, func() {
			e.Want(e.Unlink("t/mine"), errno.EPERM)
			e.Want(e.Rename("t/mine", "t/x"), errno.EPERM)
			e.Want(e.Rmdir("t/d"), errno.EPERM)
			e.Mkfiles("t/yours")
			e.Want(e.Rename("t/yours", "t/mine"), errno.EPERM)
		})
		e.As(1, 1, func() { e.OK(e.Unlink("t/mine")) })
		e.OK(e.Chown("t", 2, 2))
		e.As(2, 2, func() { e.OK(e.Unlink("t/other")) })
		e.OK(e.Rmdir("t/d"))
	})
	add("perm/chmod-chown", func(e *Env) {
		e.Create("f", 0o644)
		e.OK(e.Chown("f", 1, 1))
		e.As(2, 2, func() {
			e.Want(e.Chmod("f", 0o777), errno.EPERM)
			e.Want(e.Chown("f", 2, 2), errno.EPERM)
		})
		e.As(1, 1, func() {
			e.OK(e.Chmod("f", 0o4755))
			e.Want(e.Chown("f", 2, cred.NoID), errno.EPERM)
			e.OK(e.Chown("f", cred.NoID, 5)) // to a group of one's own
			e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o755))
			e.Want(e.Chown("f", cred.NoID, 6), errno.EPERM)
			e.OK(e.Chown("f", 1, cred.NoID))
		}, 5)
		e.As(1, 1, func() { // not in group 5 any more
			e.OK(e.Chmod("f", 0o2755))
			e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o755))
		})
		e.OK(e.Chmod("f", 0o6755))
		e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o6755))
		e.OK(e.Chown("f", 0, 0))
		e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o755))
		e.OK(e.Symlink("f", "l"))
		e.Want(e.At("l", 0, func(p vfs.Path) error { return e.V.Chmod(e.T, p, 0o700) }), errno.EOPNOTSUPP)
		e.OK(e.At("l", 0, func(p vfs.Path) error { return e.V.Chown(e.T, p, 3, 3) }))
		e.Equal(e.Lstat("l").UID, 3)
		e.Equal(e.Stat("f").UID, 0)
	})
	add("perm/writing-drops-setuid", func(e *Env) {
		e.Create("f", 0o644)
		e.OK(e.Chown("f", 1, 1))
		e.OK(e.Chmod("f", 0o6777))
		e.As(1, 1, func() {
			f := e.MustOpen("f", wr, 0)
			e.Put(f, "x")
			e.Close(f)
		})
		e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o777))
	})
	add("perm/umask-and-setgid-directories", func(e *Env) {
		e.FS.SetUmask(0o027)
		e.Create("f", 0o666)
		e.OK(e.Mkdir("d", 0o777))
		e.Equal(e.Stat("f").Mode.Perm(), vfs.Mode(0o640))
		e.Equal(e.Stat("d").Mode.Perm(), vfs.Mode(0o750))
		e.FS.SetUmask(0)
		e.OK(e.Chown("d", 0, 7))
		e.OK(e.Chmod("d", 0o2777))
		e.As(1, 1, func() {
			e.Mkfiles("d/f", "d/s/")
			e.Create("d/x", 0o2755)
		})
		e.Equal(e.Stat("d/f").GID, 7)
		e.Equal(e.Stat("d/f").UID, 1)
		e.Equal(e.Stat("d/s").GID, 7)
		e.Equal(e.Stat("d/s").Mode.Perm(), vfs.Mode(0o2755))
		e.Equal(e.Stat("d/x").Mode.Perm(), vfs.Mode(0o755)) // not a member: no setgid
	})
	add("perm/execute", func(e *Env) {
		e.Create("f", 0o644)
		access := func(mask int) error { return e.At("f", 0, func(p vfs.Path) error { return p.Access(e.T, mask) }) }
		e.Want(access(abi.X_OK), errno.EACCES) // also for root
		e.OK(access(abi.R_OK | abi.W_OK))
		e.OK(e.Chmod("f", 0o001))
		e.OK(access(abi.X_OK))
		f, err := e.V.OpenExec(e.T, e.FS, cwd, "f", vfs.Follow)
		e.OK(err)
		e.OK(f.Inode.DenyWrite())
		e.Want(e.TryOpen("f", wr, 0), errno.ETXTBSY)
		e.Want(e.Truncate("f", 0), errno.ETXTBSY)
		f.Inode.AllowWrite()
		e.OK(e.TryOpen("f", wr, 0))
		w := e.MustOpen("f", wr, 0)
		e.Want(f.Inode.DenyWrite(), errno.ETXTBSY)
		e.Close(w)
		f.DecRef(e.T)
		_, err = e.V.OpenExec(e.T, e.FS, cwd, "/", vfs.Follow)
		e.Want(err, errno.EACCES)
	})
	add("perm/utimes", func(e *Env) {
		e.Create("f", 0o644)
		set := func(a, m vfs.Utime) error {
			return e.At("f", vfs.Follow, func(p vfs.Path) error { return e.V.Utimes(e.T, p, a, m) })
		}
		e.OK(set(vfs.Utime{NS: 5e9}, vfs.Utime{NS: -7e9 + 1}))
		e.Equal(e.Stat("f").Atime, int64(5e9))
		e.Equal(e.Stat("f").Mtime, int64(-7e9+1))
		a := e.Stat("f")
		s := a.Stat()
		e.Equal(s.Mtime, abi.Timespec{Sec: -7, Nsec: 1})
		e.OK(set(vfs.Utime{Omit: true}, vfs.Utime{Now: true}))
		e.Equal(e.Stat("f").Atime, int64(5e9))
		e.Equal(e.Stat("f").Mtime > 1e18, true)
		e.OK(e.Chmod("f", 0o666))
		e.As(1, 1, func() {
			e.Want(set(vfs.Utime{NS: 1}, vfs.Utime{NS: 1}), errno.EPERM)
			e.Want(set(vfs.Utime{Now: true}, vfs.Utime{Omit: true}), errno.EPERM)
			e.OK(set(vfs.Utime{Now: true}, vfs.Utime{Now: true}))
		})
		e.OK(e.Chmod("f", 0o644))
		e.As(1, 1, func() { e.Want(set(vfs.Utime{Now: true}, vfs.Utime{Now: true}), errno.EACCES) })
	})
	add("perm/noatime", func(e *Env) {
		e.Create("f", 0o666)
		e.OK(e.TryOpen("f", rd|abi.O_NOATIME, 0))
		e.As(1, 1, func() { e.Want(e.TryOpen("f", rd|abi.O_NOATIME, 0), errno.EPERM) })
	})
}
