package vfstest

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/vfs"
)

func init() {
	add("dir/mkdir-rmdir", func(e *Env) {
		e.OK(e.Mkdir("d", 0o755))
		e.Equal(e.Stat("d").Nlink, 2)
		e.Equal(e.Stat("/").Nlink, 3)
		e.Want(e.Mkdir("d", 0o755), errno.EEXIST)
		e.Want(e.Mkdir("/", 0o755), errno.EEXIST)
		e.Want(e.Mkdir(".", 0o755), errno.EEXIST)
		e.Want(e.Mkdir("..", 0o755), errno.EEXIST)
		e.Want(e.Mkdir("", 0o755), errno.ENOENT)
		e.OK(e.Mkdir("e//", 0o755))
		e.Want(e.Mkdir("no/d", 0o755), errno.ENOENT)
		e.Create("f", 0o644)
		e.Want(e.Mkdir("f", 0o755), errno.EEXIST)
		e.Want(e.Mkdir("f/d", 0o755), errno.ENOTDIR)
		e.OK(e.Mkdir("d/sub", 0o755))
		e.Want(e.Rmdir("d"), errno.ENOTEMPTY)
		e.Want(e.Rmdir("d/."), errno.EINVAL)
		e.Want(e.Rmdir("d/sub/.."), errno.ENOTEMPTY)
		e.Want(e.Rmdir("f"), errno.ENOTDIR)
		e.Want(e.Rmdir("no"), errno.ENOENT)
		e.Want(e.Rmdir("/"), errno.EBUSY)
		e.OK(e.Rmdir("d/sub/"))
		e.OK(e.Rmdir("d"))
		e.Equal(e.Stat("/").Nlink, 3)
		e.Equal(e.Ls("/"), "e f")
	})
	add("dir/removed-but-open", func(e *Env) {
		e.OK(e.Mkdir("d", 0o755))
		f := e.MustOpen("d", rd, 0)
		e.OK(e.Chdir("d"))
		e.OK(e.Rmdir("/d"))
		e.Want(e.TryOpen("f", cr|wr, 0o644), errno.ENOENT)
		e.Want(e.Mkdir("s", 0o755), errno.ENOENT)
		e.Want(e.Symlink("x", "s"), errno.ENOENT)
		e.Equal(e.Getcwd(), "ENOENT")
		e.Want(f.ReadDir(e.T, func(vfs.DirEntry) bool { return true }), errno.ENOENT)
		e.OK(e.Exists("."))
		e.OK(e.Chdir(".."))
		e.Equal(e.Getcwd(), "/")
		e.Close(f)
	})
	add("dir/list", func(e *Env) {
		e.OK(e.Mkdir("d", 0o755))
		e.Mkfiles("d/a", "d/b", "d/s/")
		e.OK(e.Symlink("x", "d/l"))
		e.OK(e.Mknod("d/p", abi.S_IFIFO|0o600, 0))
		f := e.MustOpen("d", rd, 0)
		defer e.Close(f)
		types := map[string]uint8{".": abi.DT_DIR, "..": abi.DT_DIR, "a": abi.DT_REG, "b": abi.DT_REG, "s": abi.DT_DIR, "l": abi.DT_LNK, "p": abi.DT_FIFO}
		inos := map[string]uint64{".": e.Stat("d").Ino, "..": e.Stat("/").Ino, "a": e.Stat("d/a").Ino}
		e.OK(f.ReadDir(e.T, func(d vfs.DirEntry) bool {
			want, ok := types[d.Name]
			if !ok || want != d.Type {
				e.TB.Errorf("entry %+v", d)
			}
			if ino, ok := inos[d.Name]; ok && ino != d.Ino {
				e.TB.Errorf("entry %+v: inode number is %d", d, ino)
			}
			delete(types, d.Name)
			return true
		}))
		e.Equal(len(types), 0)
		// At the end nothing more comes; after a rewind everything again.
		n := 0
		count := func(vfs.DirEntry) bool { n++; return true }
		e.OK(f.ReadDir(e.T, count))
		e.Equal(n, 0)
		_, err := f.Seek(e.T, 0, abi.SEEK_SET)
		e.OK(err)
		e.OK(f.ReadDir(e.T, count))
		e.Equal(n, 7)
	})
	add("dir/list-in-pieces-while-removing", func(e *Env) {
		e.OK(e.Mkdir("d", 0o755))
		for i := range 200 {
			e.Create(fmt.Sprintf("d/%03d", i), 0o644)
		}
		f := e.MustOpen("d", rd, 0)
		seen := map[string]int{}
		for round := 0; ; round++ {
			n := 0
			e.OK(f.ReadDir(e.T, func(d vfs.DirEntry) bool {
				if n == 10 {
					return false
				}
				n++
				seen[d.Name]++
				return true
			}))
			if n == 0 {
				break
			}
			// What was listed goes; new names come.
			for s := range seen {
				if s[0] != '.' && seen[s] == 1 && s != "new" {
					if err := e.Unlink("d/" + s); err == nil {
						seen[s] = 100
					}
				}
			}
			if round < 10 {
				e.Create(fmt.Sprintf("d/x%d", round), 0o644)
			}
			if round > 100 {
				e.TB.Fatal("the listing doesn't end")
			}
		}
		for i := range 200 {
			if seen[fmt.Sprintf("%03d", i)] != 100 {
				e.TB.Errorf("%03d was listed %d times", i, seen[fmt.Sprintf("%03d", i)])
			}
		}
		e.Close(f)
	})
	add("dir/big", func(e *Env) {
		e.OK(e.Mkdir("d", 0o755))
		for i := range 2000 {
			e.Create(fmt.Sprintf("d/file-%d", i), 0o644)
		}
		e.Equal(len(strings.Fields(e.Ls("d"))), 2000)
		for i := range 2000 {
			if i%3 != 0 {
				e.OK(e.Unlink(fmt.Sprintf("d/file-%d", i)))
			}
		}
		e.Equal(len(strings.Fields(e.Ls("d"))), 667)
		e.Want(e.Rmdir("d"), errno.ENOTEMPTY)
	})
	add("link/hard", func(e *Env) {
		e.Write("f", "abc")
		e.OK(e.Mkdir("d", 0o755))
		e.OK(e.Link("f", "d/g"))
		e.Equal(e.Stat("f").Nlink, 2)
		e.Equal(e.Stat("f").Ino, e.Stat("d/g").Ino)
		e.Write("d/g", "xyz1")
		e.Equal(e.Read("f"), "xyz1")
		e.Want(e.Link("f", "d/g"), errno.EEXIST)
		e.Want(e.Link("d", "e"), errno.EPERM)
		e.Want(e.Link("no", "e"), errno.ENOENT)
		e.Want(e.Link("f", "no/e"), errno.ENOENT)
		e.Want(e.Link("f", "e/"), errno.ENOENT)
		e.OK(e.Unlink("f"))
		e.Equal(e.Stat("d/g").Nlink, 1)
		e.Equal(e.Read("d/g"), "xyz1")
		e.OK(e.Symlink("d/g", "s"))
		e.OK(e.Link("s", "s2"))
		e.Equal(e.Lstat("s2").Mode.IsSymlink(), true)
		e.Equal(e.Lstat("s").Nlink, 2)
	})
	add("link/unlink", func(e *Env) {
		e.Mkfiles("f", "d/")
		e.Want(e.Unlink("d"), errno.EISDIR)
		e.Want(e.Unlink("f/"), errno.ENOTDIR)
		e.Want(e.Unlink("no"), errno.ENOENT)
		e.Want(e.Unlink("f/x"), errno.ENOTDIR)
		e.Want(e.Unlink("."), errno.EISDIR)
		e.Want(e.Unlink("/"), errno.EISDIR)
		e.OK(e.Unlink("f"))
		e.Want(e.Unlink("f"), errno.ENOENT)
	})
	add("link/symbolic", func(e *Env) {
		e.Write("f", "abc")
		e.OK(e.Symlink("f", "l"))
		e.Equal(e.Read("l"), "abc")
		s, err := e.Readlink("l")
		e.OK(err)
		e.Equal(s, "f")
		e.Equal(e.Lstat("l").Size, 1)
		e.Equal(e.Lstat("l").Mode, vfs.Mode(abi.S_IFLNK|0o777))
		_, err = e.Readlink("f")
		e.Want(err, errno.EINVAL)
		e.Want(e.Symlink("f", "l"), errno.EEXIST)
		e.Want(e.Symlink("", "m"), errno.ENOENT)
		e.Want(e.Symlink("f", "m/"), errno.ENOENT)
		e.Want(e.Symlink(strings.Repeat("x", 4096), "m"), errno.ENAMETOOLONG)
		e.OK(e.Symlink(strings.Repeat("x", 4095), "m"))
		e.Want(e.TryOpen("l", rd|abi.O_NOFOLLOW, 0), errno.ELOOP)
		e.OK(e.Symlink("target", "dangling"))
		e.Want(e.Exists("dangling"), errno.ENOENT)
		e.Want(e.TryOpen("dangling", wr|cr|ex, 0o644), errno.EEXIST)
		e.OK(e.TryOpen("dangling", wr|cr, 0o644))
		e.OK(e.Exists("target"))
		e.OK(e.Unlink("dangling"))
		e.OK(e.Exists("target"))
		e.Want(e.Mkdir("l", 0o755), errno.EEXIST)
	})
	add("link/empty-file-survives-cache", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/f")
		ino := e.Stat("a/b/f").Ino
		e.V.DropUnused(e.T)
		e.Equal(e.Stat("a/b/f").Ino, ino)
		e.Write("a/b/f", "abc")
		e.V.DropUnused(e.T)
		e.Equal(e.Read("a/b/f"), "abc")
	})
	add("mknod", func(e *Env) {
		e.OK(e.Mknod("p", abi.S_IFIFO|0o600, 0))
		e.OK(e.Mknod("s", abi.S_IFSOCK|0o600, 0))
		e.OK(e.Mknod("c", abi.S_IFCHR|0o600, vfs.MakeDev(240, 7)))
		e.OK(e.Mknod("r", 0o600, 0))
		e.Equal(e.Stat("c").Rdev, vfs.MakeDev(240, 7))
		e.Equal(e.Stat("r").Mode.IsReg(), true)
		e.Want(e.TryOpen("c", rd, 0), errno.ENXIO)
		e.Want(e.TryOpen("s", rd, 0), errno.ENXIO)
		e.Want(e.Mknod("p", abi.S_IFIFO|0o600, 0), errno.EEXIST)
		e.Want(e.Mknod("d", abi.S_IFDIR|0o700, 0), errno.EPERM)
		e.Want(e.Mknod("x", 0o170000|0o600, 0), errno.EINVAL)
		e.OK(e.Chmod("/", 0o777))
		e.As(1000, 1000, func() {
			e.Want(e.Mknod("c2", abi.S_IFCHR|0o600, 1), errno.EPERM)
			e.OK(e.Mknod("p2", abi.S_IFIFO|0o600, 0))
		})
		e.OK(e.Unlink("c"))
	})
	add("xattr", func(e *Env) {
		e.Create("f", 0o644)
		e.OK(e.At("f", 0, func(p vfs.Path) error {
			i := p.Inode()
			x, ok := i.Ops.(vfs.XAttrer)
			if !ok {
				return nil
			}
			i.Lock(e.T)
			defer i.Unlock(e.T)
			err := x.SetXAttr(e.T, i, "user.a", []byte("1"), abi.XATTR_REPLACE)
			if errno.Of(err) == errno.EOPNOTSUPP {
				return nil
			}
			e.Want(err, errno.ENODATA)
			e.OK(x.SetXAttr(e.T, i, "user.a", []byte("1"), abi.XATTR_CREATE))
			e.Want(x.SetXAttr(e.T, i, "user.a", []byte("1"), abi.XATTR_CREATE), errno.EEXIST)
			e.OK(x.SetXAttr(e.T, i, "user.b", []byte("22"), 0))
			v, err := x.GetXAttr(e.T, i, "user.b")
			e.OK(err)
			e.Equal(string(v), "22")
			names, err := x.ListXAttr(e.T, i)
			e.OK(err)
			e.Equal(strings.Join(names, " "), "user.a user.b")
			e.OK(x.RemoveXAttr(e.T, i, "user.a"))
			e.Want(x.RemoveXAttr(e.T, i, "user.a"), errno.ENODATA)
			_, err = x.GetXAttr(e.T, i, "user.a")
			e.Want(err, errno.ENODATA)
			e.Want(x.SetXAttr(e.T, i, "system.a", nil, 0), errno.EOPNOTSUPP)
			return nil
		}))
	})
}
