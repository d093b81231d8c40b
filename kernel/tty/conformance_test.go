package tty_test

import (
	"sync/atomic"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktest"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/tty/ttytest"
	"vitrine/kernel/vfs"
)

// wire is a driver with room for a few bytes, and its far end.
type wire struct {
	tty *tty.TTY

	lock  ksync.SpinLock
	out   []byte       // guarded by lock
	used  atomic.Int32 // len(out)
	short bool         // a Write found no room; guarded by lock
	wait  ksync.WaitQueue
	hold  bool // throttled; guarded by lock
}

var classWire = &ksync.Class{Name: "wire", Rank: ksync.RankDriver}

const wireRoom = 100

func (w *wire) Write(t *sched.Thread, p []byte) int {
	w.lock.Lock(t)
	n := min(len(p), wireRoom-len(w.out))
	w.out = append(w.out, p[:n]...)
	w.used.Store(int32(len(w.out)))
	w.short = w.short || n < len(p) || len(w.out) == wireRoom
	w.lock.Unlock(t)
	w.wait.WakeAll()
	return n
}

func (w *wire) Room() int {
	return wireRoom - int(w.used.Load())
}

func (w *wire) Throttle(t *sched.Thread) { w.setHold(t, true) }

func (w *wire) Unthrottle(t *sched.Thread) { w.setHold(t, false) }

func (w *wire) setHold(t *sched.Thread, on bool) {
	w.lock.Lock(t)
	w.hold = on
	w.lock.Unlock(t)
	w.wait.WakeAll()
}

func (w *wire) TTY() *tty.TTY { return w.tty }

func (w *wire) Type(t *sched.Thread, s string) {
	for p := []byte(s); len(p) > 0; {
		w.wait.Wait(t, "test_throttled", func() bool {
			w.lock.Lock(t)
			defer w.lock.Unlock(t)
			return !w.hold
		})
		w.lock.Lock(t)
		n := w.tty.Receive(t, p)
		p = p[n:]
		w.hold = len(p) > 0 // Unthrottle comes when there is room
		w.lock.Unlock(t)
	}
}

func (w *wire) Shown(t *sched.Thread, n int) (s string) {
	w.wait.Wait(t, "test_shown", func() bool {
		w.lock.Lock(t)
		defer w.lock.Unlock(t)
		s += string(w.out)
		w.out = w.out[:0]
		w.used.Store(0)
		if w.short {
			w.short = false
			w.tty.WriteWakeup(t)
		}
		return len(s) >= n
	})
	return s
}

func TestWireConforms(t *testing.T) {
	ttytest.Run(t, func(th *sched.Thread, k *ktest.Kernel) ttytest.Line {
		w := &wire{lock: ksync.NewSpinLock(classWire)}
		w.tty = tty.NewTable(k.Sched, nil).New(th, "wire0", 229, 0, w)
		return w
	})
}

// ptyLine is a pseudoterminal from its master's side.
type ptyLine struct {
	m    *tty.Master
	file *vfs.File
}

func (l *ptyLine) TTY() *tty.TTY { return l.m.Slave }

func (l *ptyLine) Type(t *sched.Thread, s string) { l.m.Write(t, l.file, mm.KernelIO([]byte(s)), 0) }

func (l *ptyLine) Shown(t *sched.Thread, n int) (s string) {
	for len(s) < n {
		p := make([]byte, 1000)
		k, err := l.m.Read(t, l.file, mm.KernelIO(p), 0)
		if err != nil {
			return s + err.Error()
		}
		s += string(p[:k])
	}
	return s
}

func TestPtyConforms(t *testing.T) {
	ttytest.Run(t, func(th *sched.Thread, k *ktest.Kernel) ttytest.Line {
		m, err := tty.NewTable(k.Sched, nil).NewPair(th, 0)
		if err != nil {
			t.Fatal(err)
		}
		m.SetLock(th, false)
		v := vfs.New(vfs.Config{Timers: k.Timers})
		return &ptyLine{m, v.NewAnonFile(th, "ptmx", m, abi.O_RDWR)}
	})
}
