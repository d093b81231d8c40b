package vfstest

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

var classDone = ksync.Class{Name: "vfstest", Rank: ksync.RankFutex}

// Parallel runs f on n threads and returns when all have returned.
func (e *Env) Parallel(n int, f func(e *Env, n int)) {
	left := n
	mu := ksync.NewSpinLock(&classDone)
	var q ksync.WaitQueue
	for i := range n {
		e.K.Sched.Spawn(fmt.Sprintf("worker/%d", i), func(t *sched.Thread) {
			t.Cred = cred.Root()
			w := e.With(t)
			f(w, i)
			w.FS.DecRef(t)
			mu.Lock(t)
			left--
			mu.Unlock(t)
			q.WakeAll()
		})
	}
	q.Wait(e.T, "workers", func() bool {
		mu.Lock(e.T)
		defer mu.Unlock(e.T)
		return left == 0
	})
}

func init() {
	addConcurrent("parallel/create-unlink", func(e *Env) {
		e.Parallel(4, func(e *Env, n int) {
			for i := range 300 {
				name := fmt.Sprintf("f%d", i%7)
				f, err := e.Open(name, cr|rw, 0o644)
				if err == nil {
					f.Write(e.T, mm.KernelIO([]byte("data")))
					f.Close(e.T, nil)
				} else if errno.Of(err) != errno.ENOENT {
					e.OK(err)
				}
				e.V.Stat(e.T, e.FS, cwd, name, 0)
				e.Unlink(name)
			}
		})
		e.Equal(e.Ls("/"), "")
	})
	addConcurrent("parallel/exclusive-create", func(e *Env) {
		won := make([]int, 4)
		e.Parallel(4, func(e *Env, n int) {
			for i := range 200 {
				if e.TryOpen(fmt.Sprintf("f%d", i), cr|ex|wr, 0o644) == nil {
					won[n]++
				}
			}
		})
		e.Equal(won[0]+won[1]+won[2]+won[3], 200)
	})
	addConcurrent("parallel/append", func(e *Env) {
		e.Parallel(4, func(e *Env, n int) {
			f := e.MustOpen("f", cr|wr|ap, 0o644)
			for range 500 {
				e.Put(f, fmt.Sprintf("line of %d\n", n))
			}
			e.Close(f)
		})
		lines := strings.Split(strings.TrimSpace(e.Read("f")), "\n")
		e.Equal(len(lines), 2000)
		for _, l := range lines {
			if len(l) != len("line of 0") {
				e.TB.Fatalf("torn line %q", l)
			}
		}
	})
	addConcurrent("parallel/read-write-truncate", func(e *Env) {
		e.Write("f", strings.Repeat("x", 100_000))
		e.Parallel(4, func(e *Env, n int) {
			f := e.MustOpen("f", rw, 0)
			defer e.Close(f)
			b := make([]byte, 5000)
			for i := range 200 {
				switch n {
				case 0:
					f.Truncate(e.T, int64(i*37%100_000))
				case 1:
					e.PutAt(f, strings.Repeat("x", 3000), int64(i*991%100_000))
				default:
					k, err := f.ReadAt(e.T, mm.KernelIO(b), int64(i*577%100_000))
					e.OK(err)
					for _, c := range b[:k] {
						if c != 'x' && c != 0 {
							e.TB.Fatalf("byte %d", c)
						}
					}
				}
			}
		})
	})
	addConcurrent("parallel/walk-while-dropping", func(e *Env) {
		e.Mkfiles("a/", "a/b/", "a/b/c/", "a/b/c/f")
		e.OK(e.Symlink("../b/c", "a/b/l"))
		e.Parallel(4, func(e *Env, n int) {
			for i := range 400 {
				if n == 0 {
					e.V.DropUnused(e.T)
					continue
				}
				e.OK(e.Exists("a/b/l/f"))
				e.Want(e.Exists("a/b/l/no"), errno.ENOENT)
				if i%16 == 0 {
					e.OK(e.Chdir("a/b/c"))
					e.Equal(e.Getcwd(), "/a/b/c")
					e.OK(e.Chdir("../../.."))
				}
			}
		})
	})
	addConcurrent("parallel/mkdir-rmdir-deep", func(e *Env) {
		e.Parallel(4, func(e *Env, n int) {
			for range 150 {
				e.Mkdir("d", 0o755)
				e.Mkdir("d/e", 0o755)
				e.TryOpen("d/e/f", cr|wr, 0o644)
				e.Rename("d/e/f", "d/g")
				e.Unlink("d/g")
				e.Unlink("d/e/f")
				e.Rmdir("d/e")
				e.Rmdir("d")
			}
		})
		e.Unlink("d/e/f")
		e.Unlink("d/g")
		e.Rmdir("d/e")
		e.Rmdir("d")
		e.Equal(e.Ls("/"), "")
		e.Equal(e.Stat("/").Nlink, 2)
	})
	addConcurrent("parallel/mounts", func(e *Env) {
		e.Mkfiles("m/", "m/f")
		typ := e.rootType()
		e.Parallel(4, func(e *Env, n int) {
			for range 60 {
				if n == 0 {
					e.At("m", vfs.Follow, func(p vfs.Path) error {
						return e.V.MountNew(e.T, p, typ.Type, vfs.MountRequest{Source: "x", Data: e.V.Mounts(e.T, nil)[0].Mount.SB.Options()})
					})
				} else if n == 1 {
					p, err := e.V.Resolve(e.T, e.FS, cwd, "m", vfs.Follow)
					e.OK(err)
					e.V.Umount(e.T, p, abi.MNT_DETACH)
				} else {
					e.TryOpen("m/f", cr|rd, 0o644)
					e.V.Mounts(e.T, e.FS)
				}
			}
		})
		for range 100 {
			p, err := e.V.Resolve(e.T, e.FS, cwd, "m", vfs.Follow)
			e.OK(err)
			if e.V.Umount(e.T, p, 0) != nil {
				break
			}
		}
		e.Equal(e.Ls("m"), "f")
	})
}

func (e *Env) rootType() *vfs.Superblock { return e.V.Mounts(e.T, nil)[0].Mount.SB }
