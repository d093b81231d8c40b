package pseudo_test

import (
	"fmt"
	"strconv"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
	"vitrine/kernel/vfs/vfstest"
)

// world is a small /proc: tasks come and go, one file counts its readers, one can be written.
type world struct {
	alive   map[int]bool
	count   int
	written string
	exe     vfs.Path
}

func (w *world) root() *pseudo.Node {
	root := pseudo.Dir(
		pseudo.Child{Name: "count", Node: pseudo.Text(func(*sched.Thread) string {
			w.count++
			return fmt.Sprintln(w.count)
		})},
		pseudo.Child{Name: "knob", Node: &pseudo.Node{
			Mode:  abi.S_IFREG | 0o644,
			Read:  func(*sched.Thread) ([]byte, error) { return []byte(w.written), nil },
			Write: func(_ *sched.Thread, p []byte) error { w.written = string(p); return nil },
		}},
		pseudo.Child{Name: "self", Node: pseudo.Link("12")},
		pseudo.Child{Name: "exe", Node: &pseudo.Node{
			Mode:   abi.S_IFLNK | 0o777,
			Follow: func(*sched.Thread) (vfs.Path, error) { w.exe.IncRef(); return w.exe, nil },
			Target: func(*sched.Thread) (string, error) { return "the program", nil },
		}},
		pseudo.Child{Name: "sys", Node: pseudo.Dir(pseudo.Child{Name: "ostype", Node: pseudo.Const("Linux\n")})},
	)
	root.Lookup = func(t *sched.Thread, name string) *pseudo.Node {
		pid, err := strconv.Atoi(name)
		if err != nil || !w.alive[pid] {
			return nil
		}
		d := pseudo.Dir(pseudo.Child{Name: "comm", Node: pseudo.Const(fmt.Sprintln("task", pid))})
		d.Key = pid
		d.UID = 7
		return d
	}
	root.List = func(t *sched.Thread) (out []vfs.DirEntry) {
		for pid := range 30 {
			if w.alive[pid] {
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(pid), Type: abi.DT_DIR})
			}
		}
		return out
	}
	return root
}

func run(t *testing.T, f func(e *vfstest.Env, w *world)) {
	w := &world{alive: map[int]bool{7: true, 12: true}}
	vfstest.RunCase(t, vfstest.Options{Type: "tmpfs"}, 1, func(e *vfstest.Env) {
		e.Mkfiles("proc/")
		sb := pseudo.New(e.V, "proc", vfs.MountRequest{Source: "proc"}, abi.PROC_MAGIC, w.root())
		fs := e.V.Private(e.T, sb)
		p := fs.Root(e.T)
		e.OK(e.At("proc", 0, func(q vfs.Path) error { return e.V.Bind(e.T, p, q, false) }))
		p.DecRef(e.T)
		f(e, w)
	})
}

func TestNamesComeAndGo(t *testing.T) {
	run(t, func(e *vfstest.Env, w *world) {
		e.Equal(e.Ls("proc"), "12 7 count exe knob self sys")
		e.Equal(e.Read("proc/sys/ostype"), "Linux\n")
		e.Equal(e.Read("proc/self/comm"), "task 12\n")
		e.Equal(e.Stat("proc/7").UID, 7)
		e.Equal(e.Stat("proc/7").Ino, e.Stat("proc/7").Ino)
		delete(w.alive, 7)
		e.Want(e.Exists("proc/7"), errno.ENOENT)
		e.Want(e.Exists("proc/7/comm"), errno.ENOENT)
		w.alive[3] = true
		e.OK(e.Exists("proc/3/comm"))
		e.Want(e.TryOpen("proc/new", abi.O_CREAT|abi.O_WRONLY, 0o644), errno.EACCES)
		e.Want(e.Mkdir("proc/new", 0o755), errno.EPERM)
		e.Want(e.Unlink("proc/knob"), errno.EPERM)
		e.Want(e.Chmod("proc/knob", 0o777), errno.EPERM)
	})
}

func TestListingIsOneMoment(t *testing.T) {
	run(t, func(e *vfstest.Env, w *world) {
		for pid := range 30 {
			w.alive[pid] = true
		}
		f := e.MustOpen("proc", abi.O_RDONLY, 0)
		seen := 0
		for {
			n := 0
			e.OK(f.ReadDir(e.T, func(d vfs.DirEntry) bool {
				if n == 5 {
					return false
				}
				n++
				seen++
				return true
			}))
			if n == 0 {
				break
			}
			delete(w.alive, seen/2) // those that were listed, too
		}
		e.Equal(seen, 2+5+30)
		e.Close(f)
	})
}

func TestFiles(t *testing.T) {
	run(t, func(e *vfstest.Env, w *world) {
		f := e.MustOpen("proc/count", abi.O_RDONLY, 0)
		e.Equal(e.Get(f, 1), "1")
		e.Equal(e.Get(f, 9), "\n")
		e.Equal(e.Get(f, 9), "")
		f.Seek(e.T, 0, abi.SEEK_SET)
		e.Equal(e.Get(f, 9), "2\n")
		e.Close(f)
		e.Want(e.TryOpen("proc/count", abi.O_WRONLY, 0), errno.EACCES)
		e.Write("proc/knob", "on")
		e.Equal(e.Read("proc/knob"), "on")
		f = e.MustOpen("proc/knob", abi.O_WRONLY, 0)
		_, err := f.Write(e.T, mm.KernelIO(make([]byte, 5000)))
		e.Want(err, errno.EINVAL)
		e.Close(f)
	})
}

func TestMagicLink(t *testing.T) {
	run(t, func(e *vfstest.Env, w *world) {
		e.Write("prog", "program")
		w.exe, _ = e.V.Resolve(e.T, e.FS, vfs.Path{}, "prog", 0)
		e.OK(e.Unlink("prog"))
		e.Equal(e.Read("proc/exe"), "program")
		s, err := e.Readlink("proc/exe")
		e.OK(err)
		e.Equal(s, "the program")
		_, err = e.V.Resolve(e.T, e.FS, vfs.Path{}, "proc/exe", vfs.Follow|vfs.NoMagicLinks)
		e.Want(err, errno.ELOOP)
		w.exe.DecRef(e.T)
	})
}
