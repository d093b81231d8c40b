package vfstest

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/vfs"
)

func init() {
	add("lock/records", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		defer e.Close(f)
		const a, b = "process a", "process b" // owners are compared, nothing more
		set := func(owner any, typ int, start, end int64, want errno.Errno) {
			e.TB.Helper()
			e.Want(f.SetLock(e.T, owner, vfs.Lock{Type: typ, Start: start, End: end, PID: 7}, false), want)
		}
		set(a, abi.F_RDLCK, 0, 10, 0)
		set(b, abi.F_RDLCK, 5, 15, 0)
		set(b, abi.F_WRLCK, 5, 15, errno.EAGAIN)
		set(b, abi.F_WRLCK, 10, 15, 0)
		set(a, abi.F_RDLCK, 0, 11, errno.EAGAIN)
		set(a, abi.F_UNLCK, 3, 6, 0) // splits
		e.Equal(len(e.V.Locks(e.T, f.Inode)), 4)
		set(b, abi.F_WRLCK, 3, 6, 0)
		set(b, abi.F_WRLCK, 0, 3, errno.EAGAIN)
		l := f.TestLock(e.T, b, vfs.Lock{Type: abi.F_WRLCK, Start: 0, End: 100})
		e.Equal(l, vfs.Lock{Type: abi.F_RDLCK, Start: 0, End: 3, PID: 7})
		e.Equal(f.TestLock(e.T, a, vfs.Lock{Type: abi.F_RDLCK, Start: 20, End: 30}).Type, abi.F_UNLCK)
		set(a, abi.F_UNLCK, 0, 1<<63-1, 0)
		set(b, abi.F_UNLCK, 0, 1<<63-1, 0)
		set(a, abi.F_WRLCK, 0, 10, 0)
		set(a, abi.F_WRLCK, 10, 20, 0)
		set(a, abi.F_RDLCK, 5, 8, 0)
		set(a, abi.F_WRLCK, 5, 8, 0)
		e.Equal(len(e.V.Locks(e.T, f.Inode)), 1) // joined
		// Any close of the file drops a process's locks.
		g := e.MustOpen("f", rd, 0)
		e.OK(g.Close(e.T, a))
		e.Equal(len(e.V.Locks(e.T, f.Inode)), 0)
		r := e.MustOpen("f", rd, 0)
		e.Want(r.SetLock(e.T, a, vfs.Lock{Type: abi.F_WRLCK, End: 1}, false), errno.EBADF)
		e.Close(r)
	})
	add("lock/ofd", func(e *Env) {
		f, g := e.MustOpen("f", cr|rw, 0o644), e.MustOpen("f", rw, 0)
		e.OK(f.SetLock(e.T, f, vfs.Lock{Type: abi.F_WRLCK, End: 10}, false))
		e.Want(g.SetLock(e.T, g, vfs.Lock{Type: abi.F_RDLCK, End: 10}, false), errno.EAGAIN)
		e.Want(g.SetLock(e.T, "p", vfs.Lock{Type: abi.F_RDLCK, End: 10}, false), errno.EAGAIN)
		e.Equal(g.TestLock(e.T, g, vfs.Lock{Type: abi.F_RDLCK, End: 10}).PID, -1)
		e.OK(f.Close(e.T, "p"))
		e.OK(g.SetLock(e.T, g, vfs.Lock{Type: abi.F_RDLCK, End: 10}, false))
		e.Close(g)
	})
	add("lock/flock", func(e *Env) {
		f, g := e.MustOpen("f", cr|rw, 0o644), e.MustOpen("f", rd, 0)
		e.OK(f.Flock(e.T, abi.LOCK_SH))
		e.OK(g.Flock(e.T, abi.LOCK_SH))
		e.Want(g.Flock(e.T, abi.LOCK_EX|abi.LOCK_NB), errno.EAGAIN)
		e.OK(f.Flock(e.T, abi.LOCK_UN))
		e.OK(g.Flock(e.T, abi.LOCK_EX|abi.LOCK_NB))
		e.Want(f.Flock(e.T, abi.LOCK_SH|abi.LOCK_NB), errno.EAGAIN)
		e.Want(f.Flock(e.T, 77), errno.EINVAL)
		e.OK(f.SetLock(e.T, "p", vfs.Lock{Type: abi.F_WRLCK, End: 10}, false)) // the kinds ignore each other
		e.Close(g)
		e.OK(f.Flock(e.T, abi.LOCK_EX|abi.LOCK_NB))
		e.OK(f.Close(e.T, "p"))
	})
	addConcurrent("lock/waiting", func(e *Env) {
		e.Create("f", 0o644)
		counter := 0
		e.Parallel(4, func(e *Env, n int) {
			f := e.MustOpen("f", rw, 0)
			for i := range 100 {
				if n%2 == 0 || i%2 == 0 {
					e.OK(f.SetLock(e.T, f, vfs.Lock{Type: abi.F_WRLCK, Start: 3, End: 4}, true))
					counter++
					e.T.CondResched()
					e.OK(f.SetLock(e.T, f, vfs.Lock{Type: abi.F_UNLCK, Start: 3, End: 4}, true))
				} else {
					e.OK(f.Flock(e.T, abi.LOCK_EX))
					e.OK(f.Flock(e.T, abi.LOCK_UN))
				}
			}
			e.Close(f)
		})
		e.Equal(counter, 300)
	})
	addConcurrent("lock/deadlock", func(e *Env) {
		f := e.MustOpen("f", cr|rw, 0o644)
		refused := make([]bool, 2)
		e.Parallel(2, func(e *Env, n int) {
			owner := []string{"a", "b"}[n]
			for range 50 {
				first, second := int64(n), int64(1-n)
				e.OK(f.SetLock(e.T, owner, vfs.Lock{Type: abi.F_WRLCK, Start: first, End: first + 1}, true))
				e.T.Yield()
				err := f.SetLock(e.T, owner, vfs.Lock{Type: abi.F_WRLCK, Start: second, End: second + 1}, true)
				if errno.Of(err) == errno.EDEADLK {
					refused[n] = true
				} else {
					e.OK(err)
				}
				e.OK(f.SetLock(e.T, owner, vfs.Lock{Type: abi.F_UNLCK, Start: 0, End: 2}, true))
			}
		})
		e.Close(f)
	})
}
