package vfstest

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
)

func init() {
	add("rename/file", func(e *Env) {
		e.Write("a", "A")
		ino := e.Stat("a").Ino
		e.OK(e.Rename("a", "b"))
		e.Want(e.Exists("a"), errno.ENOENT)
		e.Equal(e.Read("b"), "A")
		e.Equal(e.Stat("b").Ino, ino)
		e.Want(e.Rename("no", "x"), errno.ENOENT)
		e.Want(e.Rename("b", "no/x"), errno.ENOENT)
		e.OK(e.Rename("b", "b"))
		e.Equal(e.Ls("/"), "b")
	})
	add("rename/over-file", func(e *Env) {
		e.Write("a", "A")
		e.Write("b", "B")
		f := e.MustOpen("b", rd, 0)
		e.OK(e.Rename("a", "b"))
		e.Equal(e.Read("b"), "A")
		e.Equal(e.Get(f, 9), "B")
		a, _ := f.Attr(e.T)
		e.Equal(a.Nlink, 0)
		e.Close(f)
		e.Equal(e.Ls("/"), "b")
	})
	add("rename/same-inode", func(e *Env) {
		e.Write("a", "A")
		e.OK(e.Link("a", "b"))
		e.OK(e.Rename("a", "b")) // does nothing
		e.Equal(e.Ls("/"), "a b")
	})
	add("rename/dirs", func(e *Env) {
		e.Mkfiles("d/", "d/f", "e/", "g/", "g/x", "file")
		e.OK(e.Rename("d", "e")) // e is empty
		e.Equal(e.Ls("/"), "e file g")
		e.Equal(e.Ls("e"), "f")
		e.Equal(e.Stat("/").Nlink, 4)
		e.Want(e.Rename("e", "g"), errno.ENOTEMPTY)
		e.Want(e.Rename("e", "file"), errno.ENOTDIR)
		e.Want(e.Rename("file", "e"), errno.EISDIR)
		e.Want(e.Rename("file/", "x"), errno.ENOTDIR)
		e.Want(e.Rename("file", "x/"), errno.ENOTDIR)
		e.OK(e.Rename("e/", "h/"))
		e.Equal(e.Ls("h"), "f")
		e.OK(e.Rename("h", "g/h"))
		e.Equal(e.Stat("g").Nlink, 3)
		e.Equal(e.Stat("/").Nlink, 3)
		e.Equal(e.Stat("g/h/..").Ino, e.Stat("g").Ino)
	})
	add("rename/cycles", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/c/")
		e.Want(e.Rename("a", "a/b/x"), errno.EINVAL)
		e.Want(e.Rename("a", "a/b/c"), errno.EINVAL)
		e.Want(e.Rename("a", "a/b"), errno.EINVAL)
		e.Want(e.Rename("a/b/c", "a"), errno.ENOTEMPTY)
		e.Want(e.Rename("a/b/c", "a/b"), errno.ENOTEMPTY)
		e.Want(e.Rename("a", "a"), 0)
		e.Want(e.Rename(".", "x"), errno.EBUSY)
		e.Want(e.Rename("a/..", "x"), errno.EBUSY)
		e.Want(e.Rename("/", "x"), errno.EBUSY)
		e.Want(e.Rename("a", "/"), errno.EBUSY)
		e.OK(e.Rename("a/b/c", "c"))
		e.OK(e.Rename("a", "c/a"))
		e.Equal(e.Ls("c/a/b"), "")
	})
	add("rename/noreplace", func(e *Env) {
		e.Write("a", "A")
		e.Write("b", "B")
		e.Want(e.Rename2("a", "b", abi.RENAME_NOREPLACE), errno.EEXIST)
		e.OK(e.Rename2("a", "c", abi.RENAME_NOREPLACE))
		e.Want(e.Rename2("a", "c", 99), errno.EINVAL)
		e.Want(e.Rename2("a", "c", abi.RENAME_NOREPLACE|abi.RENAME_EXCHANGE), errno.EINVAL)
		e.Equal(e.Ls("/"), "b c")
	})
	add("rename/exchange", func(e *Env) {
		e.Write("f", "F")
		e.Mkfiles("d/", "d/x", "sub/", "sub/y/")
		e.OK(e.Rename2("f", "d", abi.RENAME_EXCHANGE))
		e.Equal(e.Read("d"), "F")
		e.Equal(e.Ls("f"), "x")
		e.OK(e.Rename2("d", "sub/y", abi.RENAME_EXCHANGE))
		e.Equal(e.Read("sub/y"), "F")
		e.Equal(e.Ls("d"), "")
		e.Equal(e.Stat("sub").Nlink, 2)
		e.Equal(e.Stat("/").Nlink, 5)
		e.Equal(e.Stat("d/..").Ino, e.Stat("/").Ino)
		e.Want(e.Rename2("f", "no", abi.RENAME_EXCHANGE), errno.ENOENT)
		e.Want(e.Rename2("sub", "sub/y", abi.RENAME_EXCHANGE), errno.EINVAL)
	})
	add("rename/follows-open-directory", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "x/")
		e.OK(e.Chdir("a/b"))
		e.OK(e.Rename("/a", "/x/c"))
		e.Equal(e.Getcwd(), "/x/c/b")
		e.Create("f", 0o644)
		e.OK(e.Exists("/x/c/b/f"))
		e.OK(e.Chdir("../.."))
		e.Equal(e.Getcwd(), "/x")
	})
	add("rename/symlink", func(e *Env) {
		e.Write("f", "F")
		e.OK(e.Symlink("f", "l"))
		e.OK(e.Rename("l", "m"))
		e.Equal(e.Lstat("m").Mode.IsSymlink(), true)
		e.Write("g", "G")
		e.OK(e.Rename("g", "m"))
		e.Equal(e.Read("m"), "G")
		e.Equal(e.Read("f"), "F")
	})
	add("rename/after-negative-lookup", func(e *Env) {
		e.Mkfiles("d/")
		e.Want(e.Exists("d/new"), errno.ENOENT)
		e.Write("old", "O")
		e.Want(e.Exists("old2"), errno.ENOENT)
		e.OK(e.Rename("old", "d/new"))
		e.Equal(e.Read("d/new"), "O")
		e.Want(e.Exists("old"), errno.ENOENT)
		e.V.DropUnused(e.T)
		e.Equal(e.Read("d/new"), "O")
		e.Want(e.Exists("old"), errno.ENOENT)
	})
	addConcurrent("rename/storm", func(e *Env) {
		e.Mkfiles("a/", "b/", "a/x/", "b/y/", "a/f", "b/g")
		pairs := [][2]string{
			{"a/x", "b/x"},
			{"b/x", "a/x"},
			{"b/y", "a/x/y"},
			{"a/x/y", "b/y"},
			{"a/f", "b/g"},
			{"b/g", "a/f"},
			{"a", "b/x/a"},
			{"b", "a/x/b"},
			{"b/x/a", "a"},
			{"a/x/b", "b"},
		}
		e.Parallel(4, func(e *Env, n int) {
			for i := range 300 {
				p := pairs[(i*7+n*3)%len(pairs)]
				flags := 0
				if i%3 == 0 {
					flags = abi.RENAME_EXCHANGE
				}
				e.Rename2(p[0], p[1], flags)
				e.Exists("a/x/y")
				e.Chdir("a/x")
				e.Chdir("..")
				e.Chdir("/")
			}
		})
		// The tree is whole: everything can be removed.
		for range 6 {
			for _, d := range []string{"a", "b", "a/x", "b/x", "a/x/b", "b/x/a", "a/x/y", "b/x/y", "b/y", "a/y", "a/x/b/y", "a/x/b/x", "b/x/a/x", "b/x/a/y", "b/x/a/x/y"} {
				e.Unlink(d + "/f")
				e.Unlink(d + "/g")
				e.Unlink(d)
				e.Rmdir(d)
			}
		}
		e.Equal(e.Ls("/"), "")
		e.Equal(e.Stat("/").Nlink, 2)
	})
}
