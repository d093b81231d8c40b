package tty

import (
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

func masterGet(t *sched.Thread, m *Master, nonblock bool) (string, error) {
	b := make([]byte, 10000)
	n, err := m.read(t, b, nonblock)
	return string(b[:n]), err
}

func (w *world) pair(tb testing.TB, t *sched.Thread) (*Master, *Handle) {
	m := must[*Master](tb)(w.tab.NewPair(t, 3))
	if _, err := m.Slave.Open(t, OpenHow{}); errno.Of(err) != errno.EIO {
		tb.Errorf("open of a locked slave: %v", err)
	}
	m.SetLock(t, false)
	return m, must[*Handle](tb)(m.Slave.Open(t, OpenHow{}))
}

func TestPty(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		m, h := w.pair(t, th)
		if _, err := masterGet(th, m, true); errno.Of(err) != errno.EAGAIN {
			t.Errorf("empty master: %v", err)
		}
		m.write(th, []byte("ls\n"), false)
		if s, err := get(th, h, 100); s != "ls\n" || err != nil {
			t.Errorf("slave read %q, %v", s, err)
		}
		h.write(th, []byte("file\n"), false)
		if s, err := masterGet(th, m, false); s != "ls\r\nfile\r\n" || err != nil {
			t.Errorf("master read %q, %v", s, err)
		}
		// The last close of the slave: what is left, then EIO; a new open undoes it.
		h.write(th, []byte("bye"), false)
		h.Release(th, nil)
		if e := m.Poll(th, nil, nil); e != abi.POLLIN|abi.POLLRDNORM|abi.POLLHUP {
			t.Errorf("master poll %#x", e)
		}
		if s, err := masterGet(th, m, false); s != "bye" || err != nil {
			t.Errorf("master read %q, %v", s, err)
		}
		if _, err := masterGet(th, m, false); errno.Of(err) != errno.EIO {
			t.Errorf("master read after the slave's close: %v", err)
		}
		h = must[*Handle](t)(m.Slave.Open(th, OpenHow{}))
		if _, err := masterGet(th, m, true); errno.Of(err) != errno.EAGAIN {
			t.Errorf("master after a new open: %v", err)
		}
		// The master's close hangs the slave up.
		m.Release(th, nil)
		if s, err := get(th, h, 10); s != "" || err != nil {
			t.Errorf("slave read after the master's close: %q, %v", s, err)
		}
		if _, err := h.write(th, []byte("x"), false); errno.Of(err) != errno.EIO {
			t.Errorf("slave write after the master's close: %v", err)
		}
		if _, err := m.Slave.Open(th, OpenHow{}); errno.Of(err) != errno.EIO {
			t.Errorf("slave open after the master's close: %v", err)
		}
		if n := len(w.tab.TTYs(th)); n != 0 {
			t.Errorf("%d terminals are left", n)
		}
	})
}

func TestPtyBackPressure(t *testing.T) {
	w := newWorld(t, 4)
	const total = 100_000
	ready := ksync.WaitQueue{}
	var m *Master
	var h *Handle
	setup := func(th *sched.Thread) {
		m, h = w.pair(t, th)
		n := Sane()
		n.Lflag, n.Oflag = 0, 0
		m.Slave.SetTermios(th, n, false)
	}
	w.Run(setup)
	_ = &ready
	text := strings.Repeat("x", total)
	w.RunAll(func(th *sched.Thread) {
		if n, err := m.write(th, []byte(text), false); n != total || err != nil {
			t.Errorf("master wrote %d, %v", n, err)
		}
	}, func(th *sched.Thread) {
		for rest := text; rest != ""; {
			k := min(len(rest), writeChunk)
			if _, err := h.write(th, []byte(rest[:k]), false); err != nil {
				t.Errorf("slave write: %v", err)
			}
			rest = rest[k:]
		}
	}, func(th *sched.Thread) {
		for n := 0; n < total; {
			s, err := get(th, h, 1000)
			if err != nil {
				t.Error(err)
			}
			n += len(s)
		}
	}, func(th *sched.Thread) {
		for n := 0; n < total; {
			s, err := masterGet(th, m, false)
			if err != nil {
				t.Error(err)
			}
			n += len(s)
		}
	})
	w.Run(func(th *sched.Thread) {
		if _, err := h.write(th, []byte(strings.Repeat("y", ptyBuffer)), true); err != nil {
			t.Error(err)
		}
		if _, err := h.write(th, []byte("z"), true); errno.Of(err) != errno.EAGAIN {
			t.Errorf("write to a full pty: %v", err)
		}
	})
}

func TestPacketMode(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		m, h := w.pair(t, th)
		m.SetPacket(th, true)
		h.write(th, []byte("hi"), false)
		if s, _ := masterGet(th, m, false); s != "\x00hi" {
			t.Errorf("data packet %q", s)
		}
		m.Slave.Flush(th, abi.TCIOFLUSH)
		if e := m.Poll(th, nil, nil); e&abi.POLLPRI == 0 {
			t.Errorf("poll %#x", e)
		}
		if s, _ := masterGet(th, m, false); s != string([]byte{abi.TIOCPKT_FLUSHREAD | abi.TIOCPKT_FLUSHWRITE}) {
			t.Errorf("flush packet %q", s)
		}
		m.write(th, []byte("\x13"), false)
		if s, _ := masterGet(th, m, false); s != string([]byte{abi.TIOCPKT_STOP}) {
			t.Errorf("stop packet %q", s)
		}
		n := Sane()
		n.Iflag &^= abi.IXON
		m.Slave.SetTermios(th, n, false)
		s, _ := masterGet(th, m, false)
		if len(s) != 1 || s[0]&abi.TIOCPKT_NOSTOP == 0 {
			t.Errorf("nostop packet %q", s)
		}
	})
}

func TestPtySessionEnds(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		m := must[*Master](t)(w.tab.NewPair(th, 0))
		m.SetLock(th, false)
		th.Owner = w.shell()
		h := must[*Handle](t)(m.Slave.Open(th, OpenHow{}))
		h.SetForeground(th, 12)
		w.Sched.Spawn("terminal", func(th *sched.Thread) {
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			m.write(th, []byte("\x1a"), false)
			m.Release(th, nil)
		})
		if s, err := get(th, h, 10); s != "" || err != nil {
			t.Errorf("read %q, %v", s, err)
		}
		ksync.Sleep(th, "test", th.Now()+1)
		if got := w.take(); got != "12:SIGTSTP leader 10:SIGHUP leader 10:SIGCONT 12:SIGHUP" {
			t.Errorf("signals %s", got)
		}
	})
}
