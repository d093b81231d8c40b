package pipefs_test

import (
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/fs/pipefs"
	_ "vitrine/kernel/fs/tmpfs"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/vfstest"
)

func run(t *testing.T, cpus int, f func(e *vfstest.Env)) {
	vfstest.RunCase(t, vfstest.Options{Setup: func(e *vfstest.Env) {
		pipefs.Init(e.V)
		_, err := e.V.MountRoot(e.T, "tmpfs", vfs.MountRequest{Source: "root"})
		e.OK(err)
	}}, cpus, f)
}

func write(e *vfstest.Env, f *vfs.File, s string) (int, error) {
	return f.Write(e.T, mm.KernelIO([]byte(s)))
}

func read(e *vfstest.Env, f *vfs.File, n int) (string, error) {
	b := make([]byte, n)
	k, err := f.Read(e.T, mm.KernelIO(b))
	return string(b[:k]), err
}

func events(e *vfstest.Env, f *vfs.File) vfs.Events { return f.Poll(e.T, nil) }

func TestPipeBasics(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, abi.O_NONBLOCK)
		_, err := read(e, r, 1)
		e.Want(err, errno.EAGAIN)
		e.Equal(events(e, r), 0)
		e.Equal(events(e, w), abi.POLLOUT|abi.POLLWRNORM)
		n, err := write(e, w, "hello")
		e.OK(err)
		e.Equal(n, 5)
		e.Equal(events(e, r), abi.POLLIN|abi.POLLRDNORM)
		s, _ := read(e, r, 2)
		e.Equal(s, "he")
		s, _ = read(e, r, 99)
		e.Equal(s, "llo")
		_, err = r.Seek(e.T, 0, 0)
		e.Want(err, errno.ESPIPE)
		_, err = r.ReadAt(e.T, mm.KernelIO(make([]byte, 1)), 0)
		e.Want(err, errno.ESPIPE)
		_, err = write(e, r, "x")
		e.Want(err, errno.EBADF)
		e.Equal(r.Inode.Mode(), vfs.Mode(abi.S_IFIFO|0o600))
		e.Equal(strings.HasPrefix(r.Name(e.T), "pipe:["), true)
		e.Close(w)
		e.Equal(events(e, r), abi.POLLHUP)
		s, err = read(e, r, 1)
		e.OK(err)
		e.Equal(s, "")
		e.Close(r)
	})
}

func TestPipeWriteAfterReaderClosed(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, 0)
		e.Close(r)
		_, err := write(e, w, "x")
		e.Want(err, errno.EPIPE)
		e.Equal(events(e, w)&abi.POLLERR != 0, true)
		e.Close(w)
	})
}

func TestPipeFull(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, abi.O_NONBLOCK)
		n, err := write(e, w, strings.Repeat("x", 100_000))
		e.OK(err)
		e.Equal(n, 65536)
		_, err = write(e, w, "x")
		e.Want(err, errno.EAGAIN)
		e.Equal(events(e, w), 0)
		read(e, r, 100)
		_, err = write(e, w, strings.Repeat("y", 101)) // atomic: not 100 of them
		e.Want(err, errno.EAGAIN)
		n, err = write(e, w, strings.Repeat("y", 5000)) // longer than PIPE_BUF: as much as fits
		e.OK(err)
		e.Equal(n, 100)
		s, _ := read(e, r, 70_000)
		e.Equal(s == strings.Repeat("x", 65436)+strings.Repeat("y", 100), true)
		e.Close(r)
		e.Close(w)
	})
}

func TestPipeSize(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, abi.O_NONBLOCK)
		p := w.Impl.(*pipefs.Pipe)
		size := func(n uint64, want errno.Errno) uint64 {
			got, err := p.Fcntl(e.T, w, abi.F_SETPIPE_SZ, n)
			e.Want(err, want)
			return got
		}
		e.Equal(size(1, 0), 4096)
		e.Equal(size(5000, 0), 8192)
		write(e, w, strings.Repeat("x", 8192))
		size(4096, errno.EBUSY)
		e.Equal(size(1<<20, 0), 1<<20)
		n, _ := write(e, w, strings.Repeat("y", 2<<20))
		e.Equal(n, 1<<20-8192)
		size(1<<40, errno.EINVAL)
		e.As(1, 1, func() { size(2<<20, errno.EPERM) })
		s, _ := read(e, r, 8193)
		e.Equal(s[8190:], "xxy")
		e.Close(r)
		e.Close(w)
	})
}

func TestPipePackets(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, abi.O_DIRECT|abi.O_NONBLOCK)
		write(e, w, "one")
		write(e, w, "two")
		s, _ := read(e, r, 100)
		e.Equal(s, "one")
		s, _ = read(e, r, 1)
		e.Equal(s, "t")
		_, err := read(e, r, 1)
		e.Want(err, errno.EAGAIN)
		e.Close(r)
		e.Close(w)
	})
}

// TestPipeStream moves a stream through in odd pieces, from several writers.
func TestPipeStream(t *testing.T) {
	run(t, 4, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, 0)
		const lines, size = 800, 101
		got := make(chan string, 1)
		e.Parallel(4, func(e *vfstest.Env, n int) {
			if n == 0 {
				var b strings.Builder
				for b.Len() < 3*lines*size {
					s, err := read(e, r, 1+b.Len()%7000)
					e.OK(err)
					b.WriteString(s)
				}
				got <- b.String()
				return
			}
			line := strings.Repeat(string(rune('0'+n)), size-1) + "\n"
			for range lines {
				if k, err := write(e, w, line); k != size || err != nil {
					e.TB.Errorf("%d, %v", k, err)
				}
			}
		})
		count := map[string]int{}
		for _, l := range strings.Split(strings.TrimSpace(<-got), "\n") {
			count[l]++
		}
		e.Equal(len(count), 3) // writes up to PIPE_BUF are never mixed
		e.Close(r)
		e.Close(w)
	})
}

// TestPipeEnds: a reader that waits sees the end, a writer that waits sees EPIPE.
func TestPipeEnds(t *testing.T) {
	run(t, 4, func(e *vfstest.Env) {
		for range 50 {
			r, w := pipefs.New(e.T, e.V, 0)
			e.Parallel(2, func(e *vfstest.Env, n int) {
				if n == 0 {
					s, err := read(e, r, 1)
					e.OK(err)
					e.Equal(s, "")
					e.Close(r)
				} else {
					e.T.Yield()
					e.Close(w)
				}
			})
			r, w = pipefs.New(e.T, e.V, 0)
			e.Parallel(2, func(e *vfstest.Env, n int) {
				if n == 0 {
					k, err := write(e, w, strings.Repeat("x", 100_000))
					e.OK(err)
					e.Equal(k, 65536)
					_, err = write(e, w, "x")
					e.Want(err, errno.EPIPE)
					e.Close(w)
				} else {
					for {
						if n, _ := r.Impl.(*pipefs.Pipe).Buffered(e.T); n == 65536 {
							break
						}
						e.T.Yield()
					}
					e.Close(r)
				}
			})
		}
	})
}

func TestPipePollWakes(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, abi.O_NONBLOCK)
		woken := 0
		wait := ksync.Waiter{Func: func(uint32) { woken++ }, Mask: abi.POLLIN}
		var q *ksync.WaitQueue
		r.Poll(e.T, &vfs.PollTable{Join: func(x *ksync.WaitQueue) { q = x; x.Add(&wait) }})
		write(e, w, "x")
		e.Equal(woken, 1)
		q.Remove(&wait)
		write(e, w, "x")
		e.Equal(woken, 1)
		e.Close(r)
		e.Close(w)
	})
}

func TestFIFO(t *testing.T) {
	run(t, 4, func(e *vfstest.Env) {
		e.OK(e.Mknod("p", abi.S_IFIFO|0o600, 0))
		_, err := e.Open("p", abi.O_WRONLY|abi.O_NONBLOCK, 0)
		e.Want(err, errno.ENXIO)
		r := e.MustOpen("p", abi.O_RDONLY|abi.O_NONBLOCK, 0)
		s, err := read(e, r, 1)
		e.OK(err)
		e.Equal(s, "")
		e.Equal(events(e, r), 0) // no writer yet is not a hang-up
		w := e.MustOpen("p", abi.O_WRONLY|abi.O_NONBLOCK, 0)
		write(e, w, "abc")
		e.Close(w)
		e.Equal(events(e, r), abi.POLLIN|abi.POLLRDNORM|abi.POLLHUP)
		s, _ = read(e, r, 9)
		e.Equal(s, "abc")
		e.Close(r)
		rw := e.MustOpen("p", abi.O_RDWR, 0)
		write(e, rw, "x")
		s, _ = read(e, rw, 9)
		e.Equal(s, "x")
		e.Close(rw)
		for range 30 { // both wait for each other
			e.Parallel(2, func(e *vfstest.Env, n int) {
				if n == 0 {
					w := e.MustOpen("p", abi.O_WRONLY, 0)
					write(e, w, "meet")
					e.Close(w)
				} else {
					r := e.MustOpen("p", abi.O_RDONLY, 0)
					s, err := read(e, r, 9)
					e.OK(err)
					e.Equal(s, "meet")
					e.Close(r)
				}
			})
		}
		e.OK(e.Unlink("p"))
	})
}

// A pipe is opened again by its link in /proc/self/fd, as `cat <(echo)` does: its writer may be gone by then.
func TestPipeReopened(t *testing.T) {
	run(t, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, 0)
		write(e, w, "abc")
		e.Close(w)
		again := func(flags int) *vfs.File {
			f, err := e.V.OpenPath(e.T, r.Path, flags)
			e.OK(err)
			return f
		}
		r2 := again(abi.O_RDONLY)
		s, _ := read(e, r2, 9)
		e.Equal(s, "abc")
		s, _ = read(e, r2, 9)
		e.Equal(s, "")
		e.Equal(events(e, r2), abi.POLLHUP)
		e.Close(r2)
		e.Close(r)
	})
}

func BenchmarkPipeByte(b *testing.B) {
	vfstest.RunCase(b, vfstest.Options{Setup: func(e *vfstest.Env) {
		e.V.MountRoot(e.T, "tmpfs", vfs.MountRequest{})
	}}, 1, func(e *vfstest.Env) {
		r, w := pipefs.New(e.T, e.V, 0)
		buf := []byte{1}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			w.Write(e.T, mm.KernelIO(buf))
			r.Read(e.T, mm.KernelIO(buf))
		}
		b.StopTimer()
		e.Close(r)
		e.Close(w)
	})
}
