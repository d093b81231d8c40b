package vfs_test

import (
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

// simple is a path walk in a few lines, over names alone: what the real one must agree with, where there are no
// errors but ENOENT and ENOTDIR.
func simple(tree map[string]string, name string) string {
	if name == "" {
		return "ENOENT"
	}
	at, links := "/", 0
	rest := strings.Split(name, "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if len(part) > abi.NAME_MAX {
			return "ENAMETOOLONG"
		}
		if tree[at] != "dir" {
			return "ENOTDIR"
		}
		switch part {
		case "", ".":
			continue
		case "..":
			if at = at[:strings.LastIndexByte(at, '/')]; at == "" {
				at = "/"
			}
			continue
		}
		next := strings.TrimSuffix(at, "/") + "/" + part
		kind, ok := tree[next]
		if !ok {
			return "ENOENT"
		}
		if target, ok := strings.CutPrefix(kind, "link "); ok {
			if links++; links > 40 {
				return "ELOOP"
			}
			if target[0] == '/' {
				at = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
			continue
		}
		at = next
	}
	return at
}

func FuzzWalk(f *testing.F) {
	tree := map[string]string{
		"/": "dir", "/a": "dir", "/a/b": "dir", "/a/b/f": "file", "/f": "file",
		"/l": "link a/b", "/a/up": "link ..", "/a/abs": "link /a/b/f", "/loop": "link loop", "/a/b/x": "link ../../l/f",
		"/slash": "link a/", "/bad": "link no", "/a/filedir": "link b/f/",
	}
	for _, s := range []string{"/a/b/f", "l/f", "a/up/../a/abs", "loop/x", "a/b/x/", "//a/./b/../b//f", "slash/b/x", "bad", "a/filedir", ""} {
		f.Add(s)
	}
	env := vfstest.NewKernel(f, 1, 4<<20)
	env.K.Run(func(t *sched.Thread) {
		if _, err := env.V.MountRoot(t, "tmpfs", vfs.MountRequest{Source: "root"}); err != nil {
			f.Fatal(err)
		}
		e := env.With(t)
		e.Mkfiles("a/", "a/b/", "a/b/f", "f")
		for name, kind := range tree {
			if target, ok := strings.CutPrefix(kind, "link "); ok {
				e.OK(e.Symlink(target, name))
			}
		}
		e.FS.DecRef(t)
	})
	f.Fuzz(func(t *testing.T, name string) {
		if strings.Contains(name, "\x00") || len(name) >= abi.PATH_MAX {
			t.Skip()
		}
		want := simple(tree, name)
		env.K.T = t
		env.K.Run(func(th *sched.Thread) {
			e := env.With(th)
			if len(name)%3 == 0 {
				e.V.DropUnused(th)
			}
			got := ""
			p, err := e.V.Resolve(th, e.FS, vfs.Path{}, name, vfs.Follow)
			if err != nil {
				got = errno.Of(err).Name()
			} else {
				got = e.V.PathString(th, e.FS, p)
				p.DecRef(th)
			}
			e.FS.DecRef(th)
			if got != want {
				t.Errorf("%q: got %s, want %s", name, got, want)
			}
		})
	})
}
