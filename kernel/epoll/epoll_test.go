package epoll_test

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/epoll"
	"vitrine/kernel/ipc"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktest"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

type world struct {
	*ktest.Kernel
	vfs *vfs.VFS
	tab *epoll.Table
	t   *testing.T
}

func newWorld(t *testing.T, cpus int) *world {
	k := ktest.New(t, ktest.Options{CPUs: cpus})
	return &world{k, vfs.New(vfs.Config{Timers: k.Timers}), epoll.NewTable(), t}
}

// instance is an epoll instance with its file.
type instance struct {
	*epoll.Instance
	file *vfs.File
	w    *world
}

func (w *world) instance(t *sched.Thread) *instance {
	ep := w.tab.New()
	return &instance{ep, w.vfs.NewAnonFile(t, "anon_inode:[eventpoll]", ep, abi.O_RDWR), w}
}

func (w *world) eventfd(t *sched.Thread, n uint64) (*ipc.EventFD, *vfs.File) {
	e := ipc.NewEventFD(n, false)
	return e, w.vfs.NewAnonFile(t, "anon_inode:[eventfd]", e, abi.O_RDWR)
}

func (i *instance) add(t *sched.Thread, f *vfs.File, fd int, events uint32) {
	i.w.t.Helper()
	if err := i.Add(t, i.file, f, fd, events, uint64(fd)); err != nil {
		i.w.t.Errorf("add %d: %v", fd, err)
	}
}

type event struct {
	events uint32
	data   uint64
}

// get waits for at most max events and for timeout nanoseconds.
func (i *instance) get(t *sched.Thread, max int, timeout int64) []event {
	i.w.t.Helper()
	var all []event
	n, err := i.Wait(t, max, t.Now()+timeout, func(k int, events uint32, data uint64) error {
		all = append(all, event{events, data})
		return nil
	})
	if err != nil || n != len(all) {
		i.w.t.Errorf("wait: %d, %v", n, err)
	}
	return all
}

func (i *instance) expect(t *sched.Thread, fds ...uint64) {
	i.w.t.Helper()
	got := i.get(t, 10, 0)
	if len(got) != len(fds) {
		i.w.t.Errorf("events %v, want those of %v", got, fds)
		return
	}
	for k := range got {
		if got[k].data != fds[k] {
			i.w.t.Errorf("events %v, want those of %v", got, fds)
			return
		}
	}
}

func TestLevelTriggered(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		e1, f1 := w.eventfd(th, 0)
		_, f2 := w.eventfd(th, 5)
		ep.add(th, f1, 1, abi.EPOLLIN)
		ep.add(th, f2, 2, abi.EPOLLIN)
		ep.expect(th, 2)
		ep.expect(th, 2)
		e1.Add(th, 1, false)
		ep.expect(th, 2, 1)
		if got := ep.get(th, 1, 0); len(got) != 1 { // one at a time they take turns
			t.Errorf("%v", got)
		}
		if got := ep.get(th, 1, 0); len(got) != 1 || got[0].data != 1 {
			t.Errorf("%v", got)
		}
		e1.Take(th, true)
		ep.expect(th, 2)
		if err := ep.Mod(th, ep.file, f2, 2, abi.EPOLLOUT, 22); err != nil {
			t.Error(err)
		}
		if got := ep.get(th, 9, 0); len(got) != 1 || got[0] != (event{abi.EPOLLOUT, 22}) {
			t.Errorf("%v", got)
		}
		if err := ep.Del(th, ep.file, f2, 2); err != nil {
			t.Error(err)
		}
		ep.expect(th)
	})
}

func TestEdgeTriggered(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		e, f := w.eventfd(th, 1)
		ep.add(th, f, 1, abi.EPOLLIN|abi.EPOLLET)
		ep.expect(th, 1)
		ep.expect(th)
		e.Add(th, 1, false)
		e.Add(th, 1, false)
		ep.expect(th, 1)
		ep.expect(th)
		ep.Mod(th, ep.file, f, 1, abi.EPOLLIN|abi.EPOLLET, 1) // looks anew
		ep.expect(th, 1)
	})
}

func TestOneShot(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		e, f := w.eventfd(th, 1)
		ep.add(th, f, 1, abi.EPOLLIN|abi.EPOLLONESHOT)
		ep.expect(th, 1)
		e.Add(th, 1, false)
		ep.expect(th)
		ep.Mod(th, ep.file, f, 1, abi.EPOLLIN|abi.EPOLLONESHOT, 1)
		ep.expect(th, 1)
		ep.expect(th)
	})
}

func TestWaitAndWake(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		e, f := w.eventfd(th, 0)
		ep.add(th, f, 1, abi.EPOLLIN)
		from := th.Now()
		if got := ep.get(th, 9, ktime.Second); len(got) != 0 || th.Now()-from < ktime.Second {
			t.Errorf("%v after %d", got, th.Now()-from)
		}
		w.Sched.Spawn("waker", func(th *sched.Thread) {
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			e.Add(th, 1, false)
		})
		if got := ep.get(th, 9, ktime.Forever/2); len(got) != 1 {
			t.Errorf("%v", got)
		}
		// A signal ends the wait, and it is not restarted.
		e.Take(th, true)
		th.SigPending.Store(true)
		_, err := ep.Wait(th, 9, ktime.Forever, nil)
		if errno.Of(err) != errno.EINTR {
			t.Errorf("interrupted wait: %v", err)
		}
	})
}

func TestErrors(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		_, f := w.eventfd(th, 0)
		regular := w.vfs.NewAnonFile(th, "file", struct{}{}, abi.O_RDWR)
		ep.add(th, f, 1, abi.EPOLLIN)
		ep.add(th, f, 2, abi.EPOLLIN) // the same file by another descriptor
		for name, c := range map[string]struct {
			err  error
			want errno.Errno
		}{
			"add twice":     {ep.Add(th, ep.file, f, 1, abi.EPOLLIN, 0), errno.EEXIST},
			"mod unknown":   {ep.Mod(th, ep.file, f, 3, abi.EPOLLIN, 0), errno.ENOENT},
			"del unknown":   {ep.Del(th, ep.file, f, 3), errno.ENOENT},
			"itself":        {ep.Add(th, ep.file, ep.file, 3, abi.EPOLLIN, 0), errno.EINVAL},
			"no poll":       {ep.Add(th, ep.file, regular, 3, abi.EPOLLIN, 0), errno.EPERM},
			"mod exclusive": {ep.Mod(th, ep.file, f, 1, abi.EPOLLIN|abi.EPOLLEXCLUSIVE, 0), errno.EINVAL},
			"exclusive and one shot": {
				ep.Add(th, ep.file, f, 4, abi.EPOLLIN|abi.EPOLLEXCLUSIVE|abi.EPOLLONESHOT, 0),
				errno.EINVAL,
			},
		} {
			if errno.Of(c.err) != c.want {
				t.Errorf("%s: %v, want %v", name, c.err, c.want)
			}
		}
	})
}

func TestFileGoesAway(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		ep := w.instance(th)
		_, f := w.eventfd(th, 1)
		ep.add(th, f, 1, abi.EPOLLIN)
		ep.expect(th, 1)
		f.DecRef(th)
		ep.expect(th)
		_, g := w.eventfd(th, 1)
		ep.add(th, g, 1, abi.EPOLLIN)
		ep.file.DecRef(th)
		g.DecRef(th)
	})
}

func TestNesting(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		e, f := w.eventfd(th, 0)
		var chain []*instance
		for range 5 {
			chain = append(chain, w.instance(th))
		}
		chain[0].add(th, f, 9, abi.EPOLLIN)
		for i := 1; i < 5; i++ {
			chain[i].add(th, chain[i-1].file, i, abi.EPOLLIN)
		}
		top := chain[4]
		top.expect(th)
		e.Add(th, 1, false)
		top.expect(th, 4)
		if e := top.Poll(th, nil, nil); e&abi.POLLIN == 0 {
			t.Error("the outermost instance is not readable")
		}
		e.Take(th, true)
		top.expect(th)
		six := w.instance(th)
		if err := six.Add(th, six.file, top.file, 1, abi.EPOLLIN, 0); errno.Of(err) != errno.ELOOP {
			t.Errorf("too deep: %v", err)
		}
		if err := chain[0].Add(th, chain[0].file, top.file, 1, abi.EPOLLIN, 0); errno.Of(err) != errno.ELOOP {
			t.Errorf("loop: %v", err)
		}
		if err := chain[0].Add(th, chain[0].file, chain[1].file, 1, abi.EPOLLIN, 0); errno.Of(err) != errno.ELOOP {
			t.Errorf("loop of two: %v", err)
		}
		chain[1].file.DecRef(th)
		e.Add(th, 1, false)
		top.expect(th)
	})
}

// Several CPUs write eventfds, others wait for them by epoll and empty them: nothing is lost.
func TestManyCPUs(t *testing.T) {
	for _, mode := range []uint32{0, abi.EPOLLET, abi.EPOLLONESHOT} {
		w := newWorld(t, 4)
		const files, rounds = 8, 500
		var ep *instance
		var es [files]*ipc.EventFD
		var fs [files]*vfs.File
		w.Run(func(th *sched.Thread) {
			ep = w.instance(th)
			for i := range es {
				es[i], fs[i] = w.eventfd(th, 0)
				ep.add(th, fs[i], i, abi.EPOLLIN|mode)
			}
		})
		got := make([]uint64, files) // each written by whoever took from the file
		var sums [2][files]uint64
		reader := func(me int) func(*sched.Thread) {
			return func(th *sched.Thread) {
				for {
					total := uint64(0)
					for i := range es {
						if es[i].Count(th) == 0 {
							total++
						}
					}
					evs := ep.get(th, 3, 10*ktime.Millisecond)
					if len(evs) == 0 && total == files {
						return
					}
					for _, ev := range evs {
						if v, err := es[ev.data].Take(th, true); err == nil {
							sums[me][ev.data] += v
						}
						if mode == abi.EPOLLONESHOT {
							ep.Mod(th, ep.file, fs[ev.data], int(ev.data), abi.EPOLLIN|mode, ev.data)
						}
					}
				}
			}
		}
		writer := func(th *sched.Thread) {
			for r := range rounds {
				es[r%files].Add(th, 1, false)
				if r%10 == 0 {
					th.Yield()
				}
			}
		}
		w.RunAll(reader(0), reader(1), writer, writer)
		w.Run(func(th *sched.Thread) {
			for i := range got {
				got[i] = sums[0][i] + sums[1][i] + es[i].Count(th)
			}
		})
		total := uint64(0)
		for _, n := range got {
			total += n
		}
		if total != 2*rounds {
			t.Errorf("mode %#x: %d of %d events", mode, total, 2*rounds)
		}
	}
}

// Files are closed while others wait for them and add them.
func TestCloseRaces(t *testing.T) {
	w := newWorld(t, 4)
	var ep *instance
	w.Run(func(th *sched.Thread) { ep = w.instance(th) })
	churn := func(base int) func(*sched.Thread) {
		return func(th *sched.Thread) {
			for r := range 200 {
				e, f := w.eventfd(th, 0)
				ep.add(th, f, base+r, abi.EPOLLIN)
				e.Add(th, 1, false)
				if r%2 == 0 {
					ep.Del(th, ep.file, f, base+r)
				}
				f.DecRef(th)
			}
		}
	}
	w.RunAll(churn(0), churn(1000), func(th *sched.Thread) {
		for range 300 {
			ep.get(th, 5, ktime.Microsecond)
		}
	})
	w.Run(func(th *sched.Thread) {
		ep.expect(th)
		ep.file.DecRef(th)
	})
	if n := w.vfs.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestPoller(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		e, f := w.eventfd(th, 0)
		p := epoll.NewPoller()
		defer p.Done()
		if ev := f.Poll(th, &p.Table); ev&abi.POLLIN != 0 {
			t.Error("readable")
		}
		if err := p.Wait(th, "test", th.Now()+ktime.Second); errno.Of(err) != errno.ETIMEDOUT {
			t.Error(err)
		}
		w.Sched.Spawn("waker", func(th *sched.Thread) { e.Add(th, 1, false) })
		if err := p.Wait(th, "test", ktime.Forever); err != nil {
			t.Error(err)
		}
		if ev := f.Poll(th, nil); ev&abi.POLLIN == 0 {
			t.Error("not readable")
		}
	})
}
