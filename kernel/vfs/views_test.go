package vfs_test

import (
	"testing"

	"vitrine/kernel/kview"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

// TestViews: every path of every view here leads somewhere.
func TestViews(t *testing.T) {
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs"}, 1, func(e *vfstest.Env) {
		e.Write("file", "content")
		e.OK(e.V.RegisterChar(e.T, vfs.CharDev{
			Major: 1, Minor: 3, Name: "null",
			Open: func(*sched.Thread, *vfs.Inode, *vfs.File) (any, error) { return nil, nil },
		}))
		kernel := &struct{ VFS *vfs.VFS }{e.V}
		for name, want := range map[string]map[string]string{
			"mounts":    {"ID": "1", "TYPE": "tmpfs", "SOURCE": "root"},
			"dentries":  {"NAME": "file", "IN": "/"},
			"pagecache": {"FS": "tmpfs", "SIZE": "7", "PAGES": "1"},
			"chardevs":  {"MAJOR": "1", "NAME": "null"},
		} {
			v, ok := kview.Lookup(name)
			e.Equal(ok, true)
			tb, err := kview.Rows(kernel, v)
			e.OK(err)
			if len(tb.Rows) == 0 {
				t.Errorf("%s is empty", name)
				continue
			}
			for i, head := range tb.Head {
				if w, ok := want[head]; ok && tb.Rows[0][i] != w {
					t.Errorf("%s: %s is %q, want %q", name, head, tb.Rows[0][i], w)
				}
			}
		}
	})
}
