package vfstest

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/vfs"
)

func init() {
	add("walk/dots", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/f")
		for _, name := range []string{
			"a/b/f", "/a/b/f", "a/./b/././f", "a/b/../b/f", "a/b/../../a/b/f", "//a///b//f",
			"/../../a/b/f", "./a/b/f", "a/b/../../../../a/b/f",
		} {
			if err := e.Exists(name); err != nil {
				e.TB.Errorf("%s: %v", name, err)
			}
		}
		for name, want := range map[string]errno.Errno{
			"a/b/f/": errno.ENOTDIR, "a/b/f/.": errno.ENOTDIR, "a/b/f/..": errno.ENOTDIR, "a/x/../b": errno.ENOENT,
			"a/x/": errno.ENOENT, "": errno.ENOENT, "a/b/": 0, "a/b/.": 0, "a/b/..": 0, "/": 0, "//": 0, ".": 0, "..": 0,
		} {
			if got := errno.Of(e.Exists(name)); got != want {
				e.TB.Errorf("%q: %v, want %v", name, got, want)
			}
		}
	})
	add("walk/limits", func(e *Env) {
		long := strings.Repeat("x", 255)
		e.Create(long, 0o644)
		e.OK(e.Exists(long))
		e.Want(e.Exists(long+"x"), errno.ENAMETOOLONG)
		e.Want(e.TryOpen(long+"x", cr|wr, 0o644), errno.ENAMETOOLONG)
		e.Want(e.Mkdir(long+"x", 0o755), errno.ENAMETOOLONG)
		e.OK(e.Exists(strings.Repeat("/", 4094) + "."))
		e.Want(e.Exists(strings.Repeat("./", 2048)), errno.ENAMETOOLONG)
		e.OK(e.Exists(strings.Repeat("./", 2047) + "."))
	})
	add("walk/symlinks", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/f")
		e.OK(e.Symlink("b", "a/rel"))
		e.OK(e.Symlink("/a/b", "a/abs"))
		e.OK(e.Symlink("../a/b/f", "a/up"))
		e.OK(e.Symlink("a/rel", "chain1"))
		e.OK(e.Symlink("chain1", "chain2"))
		e.OK(e.Symlink("b/", "a/slash"))
		e.OK(e.Symlink("..", "a/b/parent"))
		for _, n := range []string{"a/rel/f", "a/abs/f", "a/up", "chain2/f", "a/slash/f", "a/b/parent/b/f", "chain2/parent/rel/f", "a/rel/../b/f"} {
			if err := e.Exists(n); err != nil {
				e.TB.Errorf("%s: %v", n, err)
			}
		}
		e.Want(e.Exists("a/up/"), errno.ENOTDIR)
		e.Equal(e.Lstat("a/rel").Mode.IsSymlink(), true)
		e.Equal(e.Lstat("a/rel/").Mode.IsDir(), true)
		e.Want(e.TryOpen("a/rel/f", rd|abi.O_NOFOLLOW, 0), 0)
		e.Want(e.TryOpen("a/rel", rd|abi.O_NOFOLLOW, 0), errno.ELOOP)
		e.Want(e.TryOpen("a/rel", rd|abi.O_NOFOLLOW|abi.O_DIRECTORY, 0), errno.ENOTDIR)
		e.OK(e.TryOpen("a/rel/", rd|abi.O_NOFOLLOW, 0))
		e.V.DropUnused(e.T)
		e.OK(e.Exists("chain2/parent/rel/f"))
	})
	add("walk/symlink-loops", func(e *Env) {
		e.OK(e.Symlink("b", "a"))
		e.OK(e.Symlink("a", "b"))
		e.Want(e.Exists("a"), errno.ELOOP)
		e.Want(e.Exists("a/x"), errno.ELOOP)
		e.Want(e.TryOpen("a", cr|wr, 0o644), errno.ELOOP)
		e.OK(e.Symlink("self/x", "self"))
		e.Want(e.Exists("self"), errno.ELOOP)
		e.Create("end", 0o644)
		prev := "end"
		for i := range 41 {
			n := fmt.Sprintf("l%d", i)
			e.OK(e.Symlink(prev, n))
			prev = n
		}
		e.OK(e.Exists("l39")) // 40 links
		e.Want(e.Exists("l40"), errno.ELOOP)
	})
	add("walk/create-through-links", func(e *Env) {
		e.Mkfiles("d/")
		e.OK(e.Symlink("d/new", "l"))
		e.OK(e.TryOpen("l", cr|wr, 0o644))
		e.OK(e.Exists("d/new"))
		e.OK(e.Symlink("d", "dl"))
		e.OK(e.TryOpen("dl/other", cr|wr|ex, 0o644))
		e.OK(e.Mkdir("dl/sub", 0o755))
		e.Equal(e.Ls("d"), "new other sub")
		e.OK(e.Symlink("no/where", "bad"))
		e.Want(e.TryOpen("bad", cr|wr, 0o644), errno.ENOENT)
		e.Want(e.Rmdir("dl"), errno.ENOTDIR)
		e.OK(e.Rename("dl/other", "dl/sub/moved"))
	})
	add("walk/at", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/f", "a/b/g")
		at := e.MustOpen("a", abi.O_PATH, 0)
		defer e.Close(at)
		exists := func(name string, how vfs.Lookup) error {
			p, err := e.V.Resolve(e.T, e.FS, at.Path, name, how)
			if err == nil {
				p.DecRef(e.T)
			}
			return err
		}
		e.OK(exists("f", 0))
		e.OK(exists("../a/f", 0))
		e.OK(exists("/a/f", 0))
		e.Want(exists("a", 0), errno.ENOENT)
		e.Want(exists("", 0), errno.ENOENT)
		e.OK(exists("", vfs.EmptyPath))
		f := e.MustOpen("a/f", rd, 0)
		_, err := e.V.Resolve(e.T, e.FS, f.Path, "x", 0)
		e.Want(err, errno.ENOTDIR)
		e.Close(f)
	})
	add("walk/resolve-flags", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/f", "out")
		e.OK(e.Symlink("/out", "a/abs"))
		e.OK(e.Symlink("../out", "a/up"))
		e.OK(e.Symlink("b/f", "a/in"))
		e.OK(e.Symlink("/b/f", "a/rooted"))
		at := e.MustOpen("a", abi.O_PATH, 0)
		defer e.Close(at)
		for _, c := range []struct {
			name string
			how  vfs.Lookup
			want errno.Errno
		}{
			{"b/f", vfs.Beneath, 0},
			{"in", vfs.Beneath, 0},
			{"abs", vfs.Beneath, errno.EXDEV},
			{"up", vfs.Beneath, errno.EXDEV},
			{"../out", vfs.Beneath, errno.EXDEV},
			{"/out", vfs.Beneath, errno.EXDEV},
			{"b/../b/f", vfs.Beneath, 0},
			{"b/../../a/b/f", vfs.Beneath, errno.EXDEV},
			{"..", vfs.Beneath, errno.EXDEV},
			{"abs", vfs.InRoot, errno.ENOENT},
			{"rooted", vfs.InRoot, 0},
			{"../../b/f", vfs.InRoot, 0},
			{"/b/f", vfs.InRoot, 0},
			{"in", vfs.NoSymlinks, errno.ELOOP},
			{"b/f", vfs.NoSymlinks, 0},
			{"b/f", vfs.NoXDev, 0},
			{"b/f", vfs.Cached, 0},
		} {
			p, err := e.V.Resolve(e.T, e.FS, at.Path, c.name, c.how|vfs.Follow)
			if err == nil {
				p.DecRef(e.T)
			}
			if errno.Of(err) != c.want {
				e.TB.Errorf("%s with %#x: %v, want %v", c.name, c.how, err, c.want)
			}
		}
		e.V.DropUnused(e.T)
		_, err := e.V.Resolve(e.T, e.FS, at.Path, "b/f", vfs.Cached)
		e.Want(err, errno.EAGAIN)
	})
	add("walk/cwd", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "f")
		e.OK(e.Symlink("a/b", "l"))
		e.OK(e.Chdir("l"))
		e.Equal(e.Getcwd(), "/a/b")
		e.OK(e.Exists("../../f"))
		e.Want(e.Chdir("/f"), errno.ENOTDIR)
		e.Want(e.Chdir("/no"), errno.ENOENT)
	})
	add("walk/chroot", func(e *Env) {
		e.Mkfiles("jail/", "jail/in/", "out")
		e.OK(e.Symlink("/in", "jail/l"))
		root, err := e.V.Resolve(e.T, e.FS, cwd, "jail", vfs.Directory)
		e.OK(err)
		e.FS.SetRoot(e.T, root)
		e.OK(e.Exists("/in"))
		e.OK(e.Exists("/l"))
		e.Want(e.Exists("/out"), errno.ENOENT)
		e.Want(e.Exists("/../out"), errno.ENOENT)
		e.OK(e.Exists("out")) // the working directory is still outside
		e.Equal(e.Getcwd(), "(unreachable)/")
		e.OK(e.Chdir("/in"))
		e.Equal(e.Getcwd(), "/in")
		e.Want(e.Exists("../../out"), errno.ENOENT)
	})
	add("walk/negative-names", func(e *Env) {
		e.Want(e.Exists("x"), errno.ENOENT)
		e.Want(e.Exists("x"), errno.ENOENT)
		s := e.V.DcacheStats(e.T)
		e.Equal(s.Negative, 1)
		e.OK(e.Mkdir("x", 0o755))
		e.OK(e.Exists("x"))
		e.Equal(e.V.DcacheStats(e.T).Negative, 0)
		e.Want(e.Exists("x/y"), errno.ENOENT)
		e.Create("x/y", 0o644)
		e.OK(e.Unlink("x/y"))
		e.Want(e.Exists("x/y"), errno.ENOENT)
	})
	add("walk/cache-is-bounded", func(e *Env) {
		for i := range 40_000 {
			e.Exists(fmt.Sprintf("no%d", i))
		}
		if n := e.V.DcacheStats(e.T).Dentries; n > 20_000 {
			e.TB.Errorf("%d cached names", n)
		}
	})
}
