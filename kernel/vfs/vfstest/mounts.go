package vfstest

import (
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/vfs"
)

// Mount mounts a tmpfs, which the test must have linked, on name.
func (e *Env) Mount(name string, flags int) error {
	return e.At(name, vfs.Follow, func(p vfs.Path) error {
		return e.V.MountNew(e.T, p, "tmpfs", vfs.MountRequest{Source: "t", Flags: flags, Data: "mode=755"})
	})
}

// Umount takes the topmost mount at name away.
func (e *Env) Umount(name string, flags int) error {
	p, err := e.V.Resolve(e.T, e.FS, cwd, name, vfs.Follow)
	if err != nil {
		return err
	}
	return e.V.Umount(e.T, p, flags)
}

// two calls f with two places.
func (e *Env) two(a, b string, f func(a, b vfs.Path) error) error {
	return e.At(a, vfs.Follow, func(p vfs.Path) error {
		return e.At(b, vfs.Follow, func(q vfs.Path) error { return f(p, q) })
	})
}

func (e *Env) bind(a, b string, rec bool) error {
	return e.two(a, b, func(p, q vfs.Path) error { return e.V.Bind(e.T, p, q, rec) })
}

func (e *Env) points() string {
	var s []string
	for _, m := range e.V.Mounts(e.T, e.FS) {
		s = append(s, m.Point)
	}
	return strings.Join(s, " ")
}

func init() {
	add("mount/cover-and-uncover", func(e *Env) {
		e.Mkfiles("m/", "m/below", "f")
		e.OK(e.Mount("m", 0))
		e.Equal(e.Ls("m"), "")
		e.Mkfiles("m/above")
		e.Equal(e.Stat("m").Dev != e.Stat("/").Dev, true)
		e.Equal(e.Stat("m/..").Ino, e.Stat("/").Ino)
		e.OK(e.Mount("m", 0)) // over the mount
		e.Equal(e.Ls("m"), "")
		e.Equal(e.points(), "/ /m /m")
		e.OK(e.Umount("m", 0))
		e.Equal(e.Ls("m"), "above")
		e.OK(e.Umount("m", 0))
		e.Equal(e.Ls("m"), "below")
		e.Want(e.Umount("m", 0), errno.EINVAL)
		e.Want(e.Umount("/", 0), errno.EBUSY)
		e.Want(e.Mount("f", 0), errno.ENOTDIR)
	})
	add("mount/busy", func(e *Env) {
		e.Mkfiles("m/")
		e.OK(e.Mount("m", 0))
		e.Mkfiles("m/f", "m/d/")
		f := e.MustOpen("m/f", rd, 0)
		e.Want(e.Umount("m", 0), errno.EBUSY)
		e.Close(f)
		e.OK(e.Chdir("m/d"))
		e.Want(e.Umount("/m", 0), errno.EBUSY)
		e.OK(e.Chdir("/"))
		e.OK(e.Mount("m/d", 0))
		e.Want(e.Umount("m", 0), errno.EBUSY)
		e.OK(e.Umount("m/d", 0))
		e.OK(e.Umount("m", 0))
	})
	add("mount/detach", func(e *Env) {
		e.Mkfiles("m/")
		e.OK(e.Mount("m", 0))
		e.Write("m/f", "abc")
		e.OK(e.Mkdir("m/d", 0o755))
		e.OK(e.Mount("m/d", 0))
		f := e.MustOpen("m/f", rd, 0)
		e.OK(e.Umount("m", abi.MNT_DETACH))
		e.Equal(e.Ls("m"), "")
		e.Equal(e.points(), "/")
		e.Equal(e.Get(f, 9), "abc")
		e.Close(f)
		e.Equal(e.V.Memory.Stats(e.T).Shmem, 0)
	})
	add("mount/mount-points-stay", func(e *Env) {
		e.Mkfiles("m/", "x/", "f", "g")
		e.OK(e.Mount("m", 0))
		e.Want(e.Rmdir("m"), errno.EBUSY)
		e.Want(e.Rename("m", "n"), errno.EBUSY)
		e.Want(e.Rename("x", "m"), errno.EBUSY)
		e.Create("m/f", 0o644)
		e.Want(e.Rename("m/f", "f2"), errno.EXDEV)
		e.Want(e.Link("m/f", "f2"), errno.EXDEV)
		e.OK(e.bind("f", "g", false))
		e.Want(e.Unlink("g"), errno.EBUSY)
		e.OK(e.Umount("g", 0))
		e.OK(e.Unlink("g"))
	})
	add("mount/bind", func(e *Env) {
		e.Mkfiles("a/", "a/f", "a/sub/", "b/")
		e.OK(e.Mount("a/sub", 0))
		e.Mkfiles("a/sub/deep")
		e.OK(e.bind("a", "b", false))
		e.Equal(e.Ls("b"), "f sub")
		e.Equal(e.Ls("b/sub"), "")
		e.Equal(e.Stat("a/f").Ino, e.Stat("b/f").Ino)
		e.Create("b/new", 0o644)
		e.Equal(e.Ls("a"), "f new sub")
		e.Want(e.Link("a/f", "b/f2"), errno.EXDEV)
		e.Want(e.Rename("a/f", "b/f2"), errno.EXDEV)
		e.OK(e.Chdir("b/sub"))
		e.Equal(e.Getcwd(), "/b/sub")
		e.OK(e.Chdir("../.."))
		e.Equal(e.Getcwd(), "/")
		e.OK(e.Umount("b", 0))
		e.OK(e.bind("a", "b", true))
		e.Equal(e.Ls("b/sub"), "deep")
		e.Equal(e.points(), "/ /a/sub /b /b/sub")
		e.OK(e.Umount("b", abi.MNT_DETACH))
		e.OK(e.bind("a", "a/sub", true)) // below itself
		e.Want(e.bind("a/f", "b", false), errno.ENOTDIR)
	})
	add("mount/flags", func(e *Env) {
		e.Mkfiles("m/")
		e.OK(e.Mount("m", 0))
		e.Create("m/f", 0o755)
		e.OK(e.Mknod("m/c", abi.S_IFCHR|0o666, vfs.MakeDev(1, 3)))
		remount := func(flags int) error {
			return e.At("m", vfs.Follow, func(p vfs.Path) error { return e.V.Remount(e.T, p, flags, "") })
		}
		w := e.MustOpen("m/f", wr, 0)
		e.Want(remount(abi.MS_RDONLY|abi.MS_BIND), errno.EBUSY)
		e.Close(w)
		e.OK(remount(abi.MS_RDONLY | abi.MS_BIND))
		e.Want(e.TryOpen("m/f", wr, 0), errno.EROFS)
		e.Want(e.TryOpen("m/new", cr|wr, 0o644), errno.EROFS)
		e.Want(e.TryOpen("m/f", cr|rd, 0o644), 0)
		e.Want(e.Mkdir("m/d", 0o755), errno.EROFS)
		e.Want(e.Mkdir("m/f", 0o755), errno.EEXIST)
		e.Want(e.Unlink("m/f"), errno.EROFS)
		e.Want(e.Rename("m/f", "m/g"), errno.EROFS)
		e.Want(e.Chmod("m/f", 0o600), errno.EROFS)
		e.Want(e.Truncate("m/f", 0), errno.EROFS)
		e.OK(e.At("m/c", 0, func(p vfs.Path) error { return p.Access(e.T, abi.W_OK) })) // a device isn't content
		e.OK(remount(abi.MS_NOEXEC | abi.MS_NODEV | abi.MS_NOSYMFOLLOW))
		e.OK(e.TryOpen("m/new", cr|wr, 0o644))
		e.Want(e.At("m/f", 0, func(p vfs.Path) error { return p.Access(e.T, abi.X_OK) }), errno.EACCES)
		e.Want(e.TryOpen("m/c", rd, 0), errno.EACCES)
		e.OK(e.Symlink("f", "m/l"))
		e.Want(e.Exists("m/l"), errno.ELOOP)
		opts := e.V.Mounts(e.T, e.FS)[1].Options
		e.Equal(opts, "rw,nodev,noexec,relatime,nosymfollow")
	})
	add("mount/move", func(e *Env) {
		e.Mkfiles("a/", "b/", "b/c/")
		e.OK(e.Mount("a", 0))
		e.Mkfiles("a/f", "a/d/")
		move := func(a, b string) error {
			return e.two(a, b, func(p, q vfs.Path) error { return e.V.MoveMount(e.T, p, q) })
		}
		e.OK(move("a", "b/c"))
		e.Equal(e.Ls("a"), "")
		e.Equal(e.Ls("b/c"), "d f")
		e.Want(move("b/c", "b/c/d"), errno.ELOOP)
		e.Want(move("b", "a"), errno.EINVAL)
		e.Equal(e.points(), "/ /b/c")
	})
	add("mount/pivot-root", func(e *Env) {
		e.Mkfiles("new/", "old-file")
		e.OK(e.Mount("new", 0))
		e.Mkfiles("new/put/", "new/file")
		pivot := func(a, b string) error {
			return e.two(a, b, func(p, q vfs.Path) error { return e.V.PivotRoot(e.T, e.FS, p, q) })
		}
		e.Want(pivot("/", "new/put"), errno.EINVAL)
		e.Want(pivot("new", "/"), errno.EBUSY)
		e.OK(pivot("new", "new/put"))
		e.Equal(e.Ls("/"), "file put")
		e.OK(e.Exists("/put/old-file"))
		e.Equal(e.Getcwd(), "/")
		e.Equal(e.points(), "/put /")
		e.OK(e.Umount("/put", abi.MNT_DETACH))
		e.Equal(e.Ls("/put"), "")
	})
	add("mount/xdev", func(e *Env) {
		e.Mkfiles("m/")
		e.OK(e.Mount("m", 0))
		e.Create("m/f", 0o644)
		_, err := e.V.Resolve(e.T, e.FS, cwd, "m/f", vfs.NoXDev)
		e.Want(err, errno.EXDEV)
		e.OK(e.Chdir("m"))
		_, err = e.V.Resolve(e.T, e.FS, cwd, "..", vfs.NoXDev)
		e.Want(err, errno.EXDEV)
	})
	add("mount/no-such-type", func(e *Env) {
		e.Want(e.At("/", 0, func(p vfs.Path) error {
			return e.V.MountNew(e.T, p, "nosuchfs", vfs.MountRequest{})
		}), errno.ENODEV)
	})
}
