package task_test

import (
	"sync"
	"testing"

	"vitrine/kernel/mm"
	"vitrine/kernel/platform/fakeuser"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

// What an unprivileged program has left in its address space must not meet a privileged one there.
func TestPrivilegedProgramGetsAFreshAddressSpace(t *testing.T) {
	var mu sync.Mutex
	images := map[string][]*mm.AddressSpace{}
	w := newWorldWith(t, 2, func(c *task.Config) {
		c.OnImage = func(x *task.Task, path string, _ *vfs.File) {
			mu.Lock()
			defer mu.Unlock()
			images[path] = append(images[path], mm.Of(x.Thread))
		}
	})
	const sysChmod, sysSetuid = 90, 105
	w.run(func(u *fakeuser.User) int {
		path := alloc(u, 4096, false)
		exec := func(name string, uid uint64) {
			fork(u, func(u *fakeuser.User) int {
				u.Syscall(sysSetuid, uid)
				u.StoreString(path, "/prog1") // leads on to /prog2
				u.Syscall(sysExecve, path, 0, 0)
				return 1
			})
			if _, s := wait4(u, -1, 0); s != 0 {
				t.Errorf("%s: status %#x", name, s)
			}
		}
		exec("as root", 0)
		exec("as a user", 1000)
		u.StoreString(path, "/prog2")
		if r := u.Syscall(sysChmod, path, 0o4755); r != 0 {
			t.Errorf("chmod = %d", r)
		}
		exec("set-user-ID", 1000)
		return 0
	}, func(u *fakeuser.User) int {
		path := alloc(u, 4096, false)
		u.StoreString(path, "/prog2")
		return int(-u.Syscall(sysExecve, path, 0, 0))
	}, func(u *fakeuser.User) int { return 0 })
	from, to := images["/prog1"], images["/prog2"]
	if len(from) != 3 || len(to) != 3 {
		t.Fatalf("%d and %d programs ran", len(from), len(to))
	}
	for i, same := range []bool{true, true, false} {
		if (from[i] == to[i]) != same {
			t.Errorf("program %d: the same address space: %v", i, !same)
		}
	}
}
