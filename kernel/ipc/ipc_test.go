package ipc

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktest"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

type world struct {
	*ktest.Kernel
	vfs *vfs.VFS
	tab *Table
}

func newWorld(t *testing.T, cpus int) *world {
	k := ktest.New(t, ktest.Options{CPUs: cpus})
	return &world{k, vfs.New(vfs.Config{Timers: k.Timers}), NewTable()}
}

// later runs f on a thread of its own after some time.
func (w *world) later(d int64, f func(th *sched.Thread)) {
	w.Sched.Spawn("later", func(th *sched.Thread) {
		ksync.Sleep(th, "test", th.Now()+d)
		f(th)
	})
}

func wantErr(t *testing.T, what string, err error, want errno.Errno) {
	t.Helper()
	if errno.Of(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestEventFD(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		e := NewEventFD(3, false)
		if v, err := e.Take(th, true); v != 3 || err != nil {
			t.Errorf("take: %d, %v", v, err)
		}
		_, err := e.Take(th, true)
		wantErr(t, "take from 0", err, errno.EAGAIN)
		wantErr(t, "add too much", e.Add(th, ^uint64(0), true), errno.EINVAL)
		wantErr(t, "add the most", e.Add(th, maxCount, true), 0)
		if ev := e.Poll(th, nil, nil); ev&abi.POLLOUT != 0 || ev&abi.POLLIN == 0 {
			t.Errorf("poll %#x", ev)
		}
		wantErr(t, "add to a full one", e.Add(th, 1, true), errno.EAGAIN)
		w.later(ktime.Second, func(th *sched.Thread) { e.Take(th, false) })
		wantErr(t, "add, waiting", e.Add(th, 1, false), 0)
		if n := e.Count(th); n != 1 {
			t.Errorf("count %d", n)
		}
		s := NewEventFD(2, true)
		for range 2 {
			if v, err := s.Take(th, true); v != 1 || err != nil {
				t.Errorf("semaphore: %d, %v", v, err)
			}
		}
		w.later(ktime.Second, func(th *sched.Thread) { s.Add(th, 1, false) })
		if v, err := s.Take(th, false); v != 1 || err != nil {
			t.Errorf("semaphore: %d, %v", v, err)
		}
		th.SigPending.Store(true)
		_, err = s.Take(th, false)
		wantErr(t, "interrupted", err, errno.RestartSys)
	})
}

func TestTimerFD(t *testing.T) {
	const s = ktime.Second
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		f, err := NewTimerFD(w.Timers, abi.CLOCK_MONOTONIC)
		if err != nil {
			t.Fatal(err)
		}
		take := func() uint64 {
			t.Helper()
			n, err := f.Take(th, false)
			if err != nil {
				t.Error(err)
			}
			return n
		}
		_, err = f.Take(th, true)
		wantErr(t, "disarmed", err, errno.EAGAIN)
		f.Set(th, Setting{2 * s, 0}, 0)
		from := th.Now()
		if n := take(); n != 1 || th.Now()-from != 2*s {
			t.Errorf("%d expirations after %d ms", n, (th.Now()-from)/1e6)
		}
		if g := f.Get(th); g != (Setting{}) {
			t.Errorf("after a single expiration: %v", g)
		}
		from = th.Now()
		f.Set(th, Setting{from + s, 3 * s}, abi.TFD_TIMER_ABSTIME)
		ksync.Sleep(th, "test", from+8*s)
		if f.Poll(th, nil, nil)&abi.POLLIN == 0 {
			t.Error("not readable")
		}
		if n := take(); n != 3 {
			t.Errorf("%d expirations, want those at 1, 4 and 7", n)
		}
		if g := f.Get(th); g != (Setting{2 * s, 3 * s}) {
			t.Errorf("%v", g)
		}
		if n := take(); n != 1 || th.Now() != from+10*s {
			t.Errorf("%d at %d", n, th.Now()-from)
		}
		old := f.Set(th, Setting{}, 0)
		if old != (Setting{3 * s, 3 * s}) {
			t.Errorf("old setting %v", old)
		}
		// An interval that nobody could keep up with.
		f.Set(th, Setting{1, 1}, 0)
		ksync.Sleep(th, "test", th.Now()+s)
		if n := take(); n < uint64(s) {
			t.Errorf("%d expirations in a second of nanoseconds", n)
		}
		f.Release(th, nil)
		_, err = NewTimerFD(w.Timers, abi.CLOCK_THREAD_CPUTIME_ID)
		wantErr(t, "CPU time", err, errno.EINVAL)
	})
}

func TestTimerFDOnWallClock(t *testing.T) {
	const s = ktime.Second
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		w.Timers.SetWall(1000 * s)
		f, _ := NewTimerFD(w.Timers, abi.CLOCK_REALTIME)
		f.Set(th, Setting{1100 * s, 0}, abi.TFD_TIMER_ABSTIME)
		w.later(s, func(*sched.Thread) { w.Timers.SetWall(1090 * s) })
		from := th.Now()
		if n, err := f.Take(th, false); n != 1 || err != nil || th.Now()-from != 11*s {
			t.Errorf("%d, %v after %d ms", n, err, (th.Now()-from)/1e6)
		}
		f.Set(th, Setting{5000 * s, 0}, abi.TFD_TIMER_ABSTIME|abi.TFD_TIMER_CANCEL_ON_SET)
		w.later(s, func(*sched.Thread) { w.Timers.SetWall(3000 * s) })
		_, err := f.Take(th, false)
		wantErr(t, "the clock was set", err, errno.ECANCELED)
		_, err = f.Take(th, true)
		wantErr(t, "afterwards", err, errno.EAGAIN)
		// A relative time does not care.
		f.Set(th, Setting{2 * s, 0}, 0)
		w.Timers.SetWall(9000 * s)
		from = th.Now()
		if n, err := f.Take(th, false); n != 1 || err != nil || th.Now()-from != 2*s {
			t.Errorf("%d, %v after %d ms", n, err, (th.Now()-from)/1e6)
		}
		f.Release(th, nil)
	})
}

// signals is a task with pending signals.
type signals struct {
	pending []abi.SigInfo
	queue   ksync.WaitQueue
}

func (s *signals) DequeueSignal(set abi.SigSet) (abi.SigInfo, bool) {
	for i, x := range s.pending {
		if set.Has(x.Signo) {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			return x, true
		}
	}
	return abi.SigInfo{}, false
}

func (s *signals) PendingSignals(*sched.Thread) (own, group abi.SigSet) {
	for _, x := range s.pending {
		own |= abi.SetOf(x.Signo)
	}
	return own, 0
}

func (s *signals) SignalQueue() *ksync.WaitQueue { return &s.queue }

func TestSignalFD(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		src := &signals{}
		th.Owner = src
		f := NewSignalFD(abi.SetOf(abi.SIGCHLD, abi.SIGKILL))
		if f.Mask(th) != abi.SetOf(abi.SIGCHLD) {
			t.Errorf("mask %#x", f.Mask(th))
		}
		_, err := f.take(th, src, true)
		wantErr(t, "none", err, errno.EAGAIN)
		send := func(sig abi.Signal) {
			src.pending = append(src.pending, *abi.UserSigInfo(sig, abi.SI_USER, 42, 1000))
			src.queue.WakeAll()
		}
		send(abi.SIGUSR1)
		if f.Poll(th, nil, nil) != 0 {
			t.Error("readable for a signal that isn't in the mask")
		}
		w.later(ktime.Second, func(*sched.Thread) { send(abi.SIGCHLD) })
		info, err := f.take(th, src, false)
		if err != nil || info.Signo != abi.SIGCHLD {
			t.Errorf("%v, %v", info.Signo, err)
		}
		if r := encodeSigInfo(&info); r.Signo != 17 || r.PID != 42 || r.UID != 1000 {
			t.Errorf("%+v", r)
		}
		f.SetMask(th, abi.SetOf(abi.SIGUSR1))
		if f.Poll(th, nil, nil)&abi.POLLIN == 0 {
			t.Error("not readable")
		}
	})
}
