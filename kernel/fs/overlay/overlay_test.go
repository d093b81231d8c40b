package overlay_test

import (
	"fmt"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/overlay"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

// layered mounts an overlay at the root: lower is made by fill and then read-only.
func layered(fill func(e *vfstest.Env)) func(e *vfstest.Env) {
	return func(e *vfstest.Env) {
		up, err := e.V.NewSuper(e.T, "tmpfs", vfs.MountRequest{Source: "upper", Data: "mode=1777"})
		e.OK(err)
		low, err := e.V.NewSuper(e.T, "tmpfs", vfs.MountRequest{Source: "lower", Data: "mode=755"})
		e.OK(err)
		lower, upper := e.V.Private(e.T, low), e.V.Private(e.T, up)
		if fill != nil {
			f := *e
			f.FS = lower
			f.FS.SetUmask(0)
			fill(&f)
		}
		low.SetReadOnly(true)
		lp, upp := lower.Root(e.T), upper.Root(e.T)
		sb, err := overlay.New(e.T, e.V, "overlay", []vfs.Path{lp}, upp)
		e.OK(err)
		lp.DecRef(e.T)
		upp.DecRef(e.T)
		e.V.MountSuperRoot(e.T, sb, "overlay", 0)
	}
}

func TestSuite(t *testing.T) {
	vfstest.Run(t, vfstest.Options{Setup: layered(nil), Skip: []string{"parallel/mounts"}})
}

// sample is a lower layer.
func sample(e *vfstest.Env) {
	e.Mkfiles("etc/", "usr/", "usr/bin/", "usr/lib/", "usr/lib/a/", "empty/")
	e.Write("etc/passwd", "root")
	e.Write("etc/hosts", "localhost")
	e.Write("usr/bin/prog", strings.Repeat("text", 5000))
	e.OK(e.Link("usr/bin/prog", "usr/bin/prog2"))
	e.Write("usr/lib/a/f", "F")
	e.OK(e.Symlink("prog", "usr/bin/link"))
	e.OK(e.Chmod("etc/passwd", 0o640))
	e.OK(e.Chown("etc/passwd", 7, 8))
}

func run(t *testing.T, name string, f func(e *vfstest.Env)) {
	t.Run(name, func(t *testing.T) {
		vfstest.RunCase(t, vfstest.Options{Setup: layered(sample)}, 1, f)
	})
}

// again runs the check twice: as it is, and with nothing cached.
func again(e *vfstest.Env, check func()) {
	check()
	e.V.DropUnused(e.T)
	check()
}

func TestOverlay(t *testing.T) {
	run(t, "merged", func(e *vfstest.Env) {
		e.Write("etc/new", "N")
		e.Mkfiles("top")
		again(e, func() {
			e.Equal(e.Ls("/"), "empty etc top usr")
			e.Equal(e.Ls("etc"), "hosts new passwd")
			e.Equal(e.Read("usr/bin/link")[:8], "texttext")
			e.Equal(e.Stat("etc/passwd").Mode, vfs.Mode(abi.S_IFREG|0o640))
			e.Equal(e.Stat("etc/passwd").UID, 7)
		})
	})
	run(t, "copy-up-on-write", func(e *vfstest.Env) {
		before := e.Stat("etc/passwd")
		dir := e.Stat("etc")
		f := e.MustOpen("etc/passwd", abi.O_RDWR|abi.O_APPEND, 0)
		e.Put(f, "+user")
		e.Close(f)
		again(e, func() {
			a := e.Stat("etc/passwd")
			e.Equal(e.Read("etc/passwd"), "root+user")
			e.Equal(a.Ino, before.Ino)
			e.Equal(a.Mode, before.Mode)
			e.Equal(a.UID, before.UID)
			e.Equal(e.Stat("etc").Ino, dir.Ino)
			e.Equal(e.Stat("etc").Mtime, dir.Mtime)
			e.Equal(e.Ls("etc"), "hosts passwd")
		})
	})
	run(t, "metadata-copy-up", func(e *vfstest.Env) {
		ino := e.Stat("usr/lib/a/f").Ino
		e.OK(e.Chmod("usr/lib/a/f", 0o600))
		e.OK(e.Chown("usr/lib", 3, 4))
		again(e, func() {
			e.Equal(e.Stat("usr/lib/a/f").Mode.Perm(), vfs.Mode(0o600))
			e.Equal(e.Stat("usr/lib").UID, 3)
			e.Equal(e.Stat("usr/lib/a/f").Ino, ino)
			e.Equal(e.Read("usr/lib/a/f"), "F")
		})
	})
	run(t, "truncate", func(e *vfstest.Env) {
		e.OK(e.Truncate("usr/bin/prog", 3))
		e.OK(e.TryOpen("etc/hosts", abi.O_WRONLY|abi.O_TRUNC, 0))
		again(e, func() {
			e.Equal(e.Read("usr/bin/prog"), "tex")
			e.Equal(e.Read("etc/hosts"), "")
		})
	})
	run(t, "open-reader-sees-the-copy", func(e *vfstest.Env) {
		r := e.MustOpen("etc/hosts", abi.O_RDONLY, 0)
		e.Write("etc/hosts", "changed")
		e.Equal(e.Get(r, 20), "changed")
		e.Close(r)
	})
	run(t, "whiteout", func(e *vfstest.Env) {
		e.OK(e.Unlink("etc/passwd"))
		again(e, func() {
			e.Want(e.Exists("etc/passwd"), errno.ENOENT)
			e.Equal(e.Ls("etc"), "hosts")
		})
		e.Write("etc/passwd", "new")
		again(e, func() {
			e.Equal(e.Read("etc/passwd"), "new")
			e.Equal(e.Ls("etc"), "hosts passwd")
		})
		e.OK(e.Unlink("etc/passwd"))
		e.OK(e.Unlink("etc/hosts"))
		again(e, func() { e.Equal(e.Ls("etc"), "") })
		e.OK(e.Rmdir("etc"))
		again(e, func() { e.Equal(e.Ls("/"), "empty usr") })
	})
	run(t, "opaque", func(e *vfstest.Env) {
		e.OK(e.Unlink("usr/lib/a/f"))
		e.OK(e.Rmdir("usr/lib/a"))
		e.OK(e.Mkdir("usr/lib/a", 0o755))
		again(e, func() { e.Equal(e.Ls("usr/lib/a"), "") })
		e.OK(e.Rmdir("empty"))
		e.OK(e.Mkdir("empty", 0o700))
		again(e, func() { e.Equal(e.Stat("empty").Mode.Perm(), vfs.Mode(0o700)) })
		e.Want(e.Rmdir("usr"), errno.ENOTEMPTY)
	})
	run(t, "rename-file", func(e *vfstest.Env) {
		ino := e.Stat("etc/hosts").Ino
		e.OK(e.Rename("etc/hosts", "usr/hosts"))
		again(e, func() {
			e.Equal(e.Read("usr/hosts"), "localhost")
			e.Equal(e.Ls("etc"), "passwd")
			e.Equal(e.Stat("usr/hosts").Ino, ino)
		})
		e.OK(e.Rename("usr/hosts", "etc/passwd"))
		again(e, func() {
			e.Equal(e.Read("etc/passwd"), "localhost")
			e.Equal(e.Ls("usr"), "bin lib")
		})
		e.OK(e.Unlink("etc/passwd"))
		again(e, func() { e.Equal(e.Ls("etc"), "") })
	})
	run(t, "rename-dir", func(e *vfstest.Env) {
		ino := e.Stat("usr/lib").Ino
		e.Write("usr/lib/a/g", "G")
		e.OK(e.Rename("usr/lib", "newlib"))
		again(e, func() {
			e.Equal(e.Ls("usr"), "bin")
			e.Equal(e.Ls("newlib/a"), "f g")
			e.Equal(e.Read("newlib/a/f"), "F")
			e.Equal(e.Stat("newlib").Ino, ino)
			e.Equal(e.Stat("newlib/a/..").Ino, ino)
		})
		e.OK(e.Rename("newlib/a", "usr/bin/b"))
		e.OK(e.Mkdir("usr/lib", 0o755))
		again(e, func() {
			e.Equal(e.Ls("usr/bin/b"), "f g")
			e.Equal(e.Ls("newlib"), "")
			e.Equal(e.Ls("usr/lib"), "")
		})
		e.OK(e.Rename("usr", "empty")) // onto an empty lower directory
		again(e, func() {
			e.Equal(e.Ls("/"), "empty etc newlib")
			e.Equal(e.Ls("empty/bin/b"), "f g")
			e.Equal(e.Ls("empty"), "bin lib")
		})
	})
	run(t, "rename-new-dir-over-lower-name", func(e *vfstest.Env) {
		e.OK(e.Rename("etc", "old"))
		e.Mkfiles("fresh/", "fresh/x")
		e.OK(e.Rename("fresh", "etc"))
		again(e, func() {
			e.Equal(e.Ls("etc"), "x")
			e.Equal(e.Ls("old"), "hosts passwd")
		})
	})
	run(t, "rename-exchange", func(e *vfstest.Env) {
		e.Mkfiles("fresh/", "fresh/x")
		e.OK(e.Rename2("fresh", "etc", abi.RENAME_EXCHANGE))
		e.OK(e.Rename2("usr/lib", "usr/bin/prog", abi.RENAME_EXCHANGE))
		again(e, func() {
			e.Equal(e.Ls("etc"), "x")
			e.Equal(e.Ls("fresh"), "hosts passwd")
			e.Equal(e.Ls("usr/bin/prog/a"), "f")
			e.Equal(e.Stat("usr/lib").Size, 20000)
		})
	})
	run(t, "hard-links", func(e *vfstest.Env) {
		e.Equal(e.Stat("usr/bin/prog").Nlink, 2)
		e.Equal(e.Stat("usr/bin/prog").Ino, e.Stat("usr/bin/prog2").Ino)
		e.Write("usr/bin/prog", "changed")
		again(e, func() {
			e.Equal(e.Read("usr/bin/prog2"), "changed")
			e.Equal(e.Stat("usr/bin/prog").Ino, e.Stat("usr/bin/prog2").Ino)
			e.Equal(e.Stat("usr/bin/prog2").Nlink, 2)
		})
		e.OK(e.Unlink("usr/bin/prog"))
		again(e, func() {
			e.Equal(e.Read("usr/bin/prog2"), "changed")
			e.Equal(e.Stat("usr/bin/prog2").Nlink, 1)
		})
		e.OK(e.Rename("usr/bin/prog2", "prog3"))
		e.OK(e.Link("etc/hosts", "h2"))
		again(e, func() {
			e.Equal(e.Read("prog3"), "changed")
			e.Equal(e.Stat("etc/hosts").Nlink, 2)
			e.Equal(e.Stat("h2").Ino, e.Stat("etc/hosts").Ino)
		})
	})
	run(t, "numbers-agree", func(e *vfstest.Env) {
		e.Write("etc/hosts", "x")
		e.Mkfiles("etc/d/", "etc/n")
		for _, dir := range []string{"/", "etc", "usr", "usr/bin"} {
			f := e.MustOpen(dir, abi.O_RDONLY, 0)
			var all []vfs.DirEntry
			e.OK(f.ReadDir(e.T, func(d vfs.DirEntry) bool {
				all = append(all, d)
				return true
			}))
			e.Close(f)
			for _, d := range all {
				if a := e.Lstat(dir + "/" + d.Name); a.Ino != d.Ino {
					e.TB.Errorf("%s/%s: %d in the listing, %d by stat", dir, d.Name, d.Ino, a.Ino)
				}
			}
		}
	})
	run(t, "shares-pages", func(e *vfstest.Env) {
		a, b := e.MustOpen("usr/bin/prog", abi.O_RDONLY, 0), e.MustOpen("usr/bin/prog2", abi.O_RDONLY, 0)
		var ra, rb mm.MapRequest
		e.OK(a.Mmap(e.T, &ra))
		e.OK(b.Mmap(e.T, &rb))
		e.Equal(ra.Pager == rb.Pager && ra.Pager != nil, true)
		e.Close(a)
		e.Close(b)
	})
	run(t, "removed-while-open", func(e *vfstest.Env) {
		f := e.MustOpen("etc/hosts", abi.O_RDONLY, 0)
		e.OK(e.Unlink("etc/hosts"))
		e.Equal(e.Get(f, 20), "localhost")
		e.OK(e.V.Chmod(e.T, f.Path, 0o600))
		a, err := f.Attr(e.T)
		e.OK(err)
		e.Equal(a.Nlink, 0)
		e.Equal(a.Mode.Perm(), vfs.Mode(0o600))
		e.Close(f)
		e.Equal(e.Ls("etc"), "passwd")
	})
}

// model is what the tree should look like: a path's content, or "/" for directories.
func TestAgainstModel(t *testing.T) {
	for seed := range 30 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			vfstest.RunCase(t, vfstest.Options{Setup: layered(func(e *vfstest.Env) {
				for i := range 4 {
					e.Mkfiles(fmt.Sprintf("d%d/", i), fmt.Sprintf("d%d/e/", i))
					e.Write(fmt.Sprintf("d%d/f", i), fmt.Sprint("lower", i))
					e.Write(fmt.Sprintf("d%d/e/g", i), fmt.Sprint("deep", i))
				}
			})}, 1, func(e *vfstest.Env) { vfstest.Random(e, uint64(seed), 400) })
		})
	}
}
