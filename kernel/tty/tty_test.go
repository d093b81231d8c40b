package tty

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktest"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
)

// processes is the task layer of these tests: it notes what terminals do to it.
type processes struct {
	sent    []string
	session map[int]int // of each group
	ctty    map[int]*TTY
}

func (p *processes) SignalGroup(_ *sched.Thread, pgrp int, sig abi.Signal) {
	p.sent = append(p.sent, fmt.Sprintf("%d:%v", pgrp, sig))
}

func (p *processes) SignalLeader(_ *sched.Thread, sid int, sig abi.Signal) {
	p.sent = append(p.sent, fmt.Sprintf("leader %d:%v", sid, sig))
}

func (p *processes) SessionOf(_ *sched.Thread, pgrp int) (int, bool) {
	sid, ok := p.session[pgrp]
	return sid, ok
}

func (p *processes) ClearControllingTTY(_ *sched.Thread, sid int) { delete(p.ctty, sid) }

func (p *processes) take() string {
	s := strings.Join(p.sent, " ")
	p.sent = nil
	return s
}

// process is a task of the tests.
type process struct {
	all       *processes
	sid, pgid int
	leader    bool
	ignores   []abi.Signal
	orphaned  bool
}

func (p *process) SessionID() int       { return p.sid }
func (p *process) GroupID() int         { return p.pgid }
func (p *process) SessionLeader() bool  { return p.leader }
func (p *process) GroupOrphaned() bool  { return p.orphaned }
func (p *process) ControllingTTY() *TTY { return p.all.ctty[p.sid] }
func (p *process) SetControllingTTY(_ *sched.Thread, tty *TTY) {
	p.all.ctty[p.sid] = tty
}
func (p *process) SignalIgnored(sig abi.Signal) bool { return slices.Contains(p.ignores, sig) }

// line is a driver: a wire with an end in the test.
type line struct {
	limit     int
	out       []byte
	throttled bool
	arrived   ksync.WaitQueue
}

func (d *line) Write(_ *sched.Thread, p []byte) int {
	n := min(len(p), d.limit-len(d.out))
	d.out = append(d.out, p[:n]...)
	d.arrived.WakeAll()
	return n
}
func (d *line) Room() int                { return d.limit - len(d.out) }
func (d *line) Throttle(*sched.Thread)   { d.throttled = true }
func (d *line) Unthrottle(*sched.Thread) { d.throttled = false }
func (d *line) Queued() int              { return len(d.out) }

type world struct {
	*ktest.Kernel
	*processes
	tab *Table
}

func newWorld(t *testing.T, cpus int) *world {
	k := ktest.New(t, ktest.Options{CPUs: cpus})
	p := &processes{session: map[int]int{10: 10, 11: 10, 12: 10, 20: 20}, ctty: map[int]*TTY{}}
	return &world{k, p, NewTable(k.Sched, p)}
}

func (w *world) shell() *process { return &process{all: w.processes, sid: 10, pgid: 10, leader: true} }

func get(t *sched.Thread, h *Handle, n int) (string, error) {
	b := make([]byte, n)
	n, err := h.read(t, b, false)
	return string(b[:n]), err
}

func must[T any](tb testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func TestConsoleLine(t *testing.T) {
	w := newWorld(t, 2)
	w.Run(func(th *sched.Thread) {
		d := &line{limit: 1 << 20}
		tty := w.tab.New(th, "hvc0", 229, 0, d)
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		tty.Receive(th, []byte("hel"))
		tty.Receive(th, []byte("lo\r"))
		if s, err := get(th, h, 100); s != "hello\n" || err != nil {
			t.Errorf("read %q, %v", s, err)
		}
		h.write(th, []byte("out\n"), false)
		if string(d.out) != "hello\r\nout\r\n" {
			t.Errorf("the wire carries %q", d.out)
		}
		tty.Emergency("oops\r\n")
		d.arrived.Wait(th, "test", func() bool { return strings.HasSuffix(string(d.out), "oops\r\n") })
	})
}

// Raw reads in the four cases of VMIN and VTIME (termios(3)).
func TestReadTiming(t *testing.T) {
	w := newWorld(t, 1)
	setup := func(th *sched.Thread, vmin, vtime byte) (*TTY, *Handle) {
		tty := w.tab.New(th, "t", 229, 0, &line{limit: 1000})
		n := Sane()
		n.Lflag = 0
		n.Cc[abi.VMIN], n.Cc[abi.VTIME] = vmin, vtime
		tty.SetTermios(th, n, false)
		return tty, must[*Handle](t)(tty.Open(th, OpenHow{}))
	}
	later := func(th *sched.Thread, tty *TTY, after int64, s string) {
		w.Sched.Spawn("typist", func(th *sched.Thread) {
			ksync.Sleep(th, "test", th.Now()+after)
			tty.Receive(th, []byte(s))
		})
	}
	const ds = decisecond
	for _, c := range []struct {
		name        string
		vmin, vtime byte
		typed       map[int64]string
		want        string
		took        int64
	}{
		{"none: at once", 0, 0, nil, "", 0},
		{"time: none came", 0, 5, nil, "", 5 * ds},
		{"time: one came", 0, 5, map[int64]string{2 * ds: "a"}, "a", 2 * ds},
		{"min: waits for all", 3, 0, map[int64]string{ds: "a", 2 * ds: "b", 9 * ds: "c"}, "abc", 9 * ds},
		{"min: more than asked", 2, 0, map[int64]string{ds: "abc"}, "abc", ds},
		{"both: gap ends it", 5, 3, map[int64]string{10 * ds: "a", 12 * ds: "b", 20 * ds: "c"}, "ab", 15 * ds},
		{"both: enough came", 2, 3, map[int64]string{10 * ds: "a", 12 * ds: "b"}, "ab", 12 * ds},
	} {
		w.Run(func(th *sched.Thread) {
			tty, h := setup(th, c.vmin, c.vtime)
			for at, s := range c.typed {
				later(th, tty, at, s)
			}
			from := th.Now()
			got, err := get(th, h, 100)
			took := th.Now() - from
			if got != c.want || err != nil || took < c.took || took > c.took+ktime.Millisecond {
				t.Errorf("%s: %q, %v after %d ms; want %q after %d ms", c.name, got, err, took/1e6, c.want, c.took/1e6)
			}
		})
	}
}

func TestInputBackPressure(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		d := &line{limit: 1 << 20}
		tty := w.tab.New(th, "hvc0", 229, 0, d)
		n := Sane()
		n.Lflag = 0
		tty.SetTermios(th, n, false)
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		want := strings.Repeat("0123456789", 5000)
		if n := tty.Receive(th, []byte(want)); n != len(want) {
			t.Errorf("took %d", n)
		}
		var got strings.Builder
		for got.Len() < len(want) {
			s, err := get(th, h, 777)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(s)
		}
		if got.String() != want {
			t.Error("bytes were lost")
		}
		if d.throttled {
			t.Error("the driver is still throttled")
		}
		if n := tty.Receive(th, make([]byte, inputLimit+100)); n != inputLimit {
			t.Errorf("took %d of too many", n)
		}
	})
}

func TestOutputBackPressure(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		d := &line{limit: 10}
		tty := w.tab.New(th, "hvc0", 229, 0, d)
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		if n, err := h.write(th, []byte("0123456789abc\n"), true); n != 14 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
		if n, err := h.write(th, []byte("x"), true); n != 0 || errno.Of(err) != errno.EAGAIN {
			t.Errorf("write to a full line: %d, %v", n, err)
		}
		if e := h.Poll(th, nil, nil); e&abi.POLLOUT != 0 {
			t.Errorf("poll: %#x", e)
		}
		w.Sched.Spawn("wire", func(th *sched.Thread) {
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			d.out = nil
			tty.WriteWakeup(th)
		})
		if _, err := h.write(th, []byte("y"), false); err != nil {
			t.Error(err)
		}
		if string(d.out) != "abc\r\ny" {
			t.Errorf("the wire carries %q", d.out)
		}
	})
}

func TestControllingTerminal(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		sh := w.shell()
		th.Owner = sh
		tty := w.tab.New(th, "hvc0", 229, 0, &line{limit: 1000})
		if _, err := tty.Open(th, OpenHow{NoCTTY: true}); err != nil || sh.ControllingTTY() != nil {
			t.Fatalf("O_NOCTTY: %v, %v", err, sh.ControllingTTY())
		}
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		if sh.ControllingTTY() != tty || tty.Session(th) != 10 || tty.Foreground(th) != 10 {
			t.Fatal("the session leader's open did not make it the controlling terminal")
		}
		// Another session can't have it.
		th.Owner = &process{all: w.processes, sid: 20, pgid: 20, leader: true}
		if err := h.setControlling(th, false, true); errno.Of(err) != errno.EPERM {
			t.Errorf("TIOCSCTTY: %v", err)
		}
		if err := h.setControlling(th, true, true); err != nil { // root steals
			t.Errorf("TIOCSCTTY 1: %v", err)
		}
		if w.ctty[10] != nil || w.ctty[20] != tty || tty.Session(th) != 20 {
			t.Error("it was not stolen")
		}
		if err := h.giveUp(th); err != nil || w.ctty[20] != nil || tty.Session(th) != 0 {
			t.Errorf("TIOCNOTTY: %v", err)
		}
		if got := w.take(); got != "20:SIGHUP 20:SIGCONT" {
			t.Errorf("signals %s", got)
		}
	})
}

func TestBackgroundGroup(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		sh := w.shell()
		th.Owner = sh
		tty := w.tab.New(th, "hvc0", 229, 0, &line{limit: 1000})
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		for _, c := range []struct {
			pgrp int
			want errno.Errno
		}{{20, errno.EPERM}, {77, errno.ESRCH}, {-1, errno.EINVAL}, {11, 0}} {
			if err := h.SetForeground(th, c.pgrp); errno.Of(err) != c.want {
				t.Errorf("tcsetpgrp(%d): %v", c.pgrp, err)
			}
		}
		job := &process{all: w.processes, sid: 10, pgid: 12}
		th.Owner = job
		if err := h.checkJob(th, abi.SIGTTIN); err != error(errno.RestartSys) {
			t.Errorf("background read: %v", err)
		}
		if got := w.take(); got != "12:SIGTTIN" {
			t.Errorf("signals %s", got)
		}
		job.ignores = []abi.Signal{abi.SIGTTIN, abi.SIGTTOU}
		if err := h.checkJob(th, abi.SIGTTIN); errno.Of(err) != errno.EIO {
			t.Errorf("background read that ignores SIGTTIN: %v", err)
		}
		if err := h.checkJob(th, abi.SIGTTOU); err != nil {
			t.Errorf("background write that ignores SIGTTOU: %v", err)
		}
		job.ignores, job.orphaned = nil, true
		if err := h.checkJob(th, abi.SIGTTOU); errno.Of(err) != errno.EIO {
			t.Errorf("background write of an orphaned group: %v", err)
		}
		// What is typed goes to the foreground group.
		tty.Receive(th, []byte("\x03"))
		tty.Resized(th, abi.Winsize{Row: 24, Col: 80})
		ksync.Sleep(th, "test", th.Now()+ktime.Millisecond)
		if got := w.take(); got != "11:SIGWINCH 11:SIGINT" {
			t.Errorf("signals %s", got)
		}
		if ws := tty.Winsize(th); ws.Col != 80 {
			t.Errorf("window %v", ws)
		}
	})
}

func TestHangup(t *testing.T) {
	w := newWorld(t, 1)
	w.Run(func(th *sched.Thread) {
		sh := w.shell()
		th.Owner = sh
		tty := w.tab.New(th, "hvc0", 229, 0, &line{limit: 1000})
		h := must[*Handle](t)(tty.Open(th, OpenHow{}))
		console := must[*Handle](t)(tty.Open(th, OpenHow{Console: true}))
		h.SetForeground(th, 11)
		w.Sched.Spawn("modem", func(th *sched.Thread) {
			ksync.Sleep(th, "test", th.Now()+ktime.Second)
			tty.Lost(th)
		})
		if s, err := get(th, h, 10); s != "" || err != nil {
			t.Errorf("read at hangup: %q, %v", s, err)
		}
		if got := w.take(); got != "leader 10:SIGHUP leader 10:SIGCONT 11:SIGHUP" {
			t.Errorf("signals %s", got)
		}
		if w.ctty[10] != nil {
			t.Error("the session keeps its terminal")
		}
		if _, err := h.write(th, []byte("x"), false); errno.Of(err) != errno.EIO {
			t.Errorf("write after hangup: %v", err)
		}
		if e := h.Poll(th, nil, nil); e&abi.POLLHUP == 0 {
			t.Errorf("poll %#x", e)
		}
		if _, err := console.write(th, []byte("x"), false); err != nil {
			t.Errorf("the console's file died: %v", err)
		}
		h2 := must[*Handle](t)(tty.Open(th, OpenHow{}))
		if _, err := h2.write(th, []byte("x"), false); err != nil {
			t.Errorf("write after a new open: %v", err)
		}
		// The leader's exit hangs a real terminal up.
		tty.Disassociate(th, 10, true)
		if _, err := h2.write(th, []byte("x"), false); errno.Of(err) != errno.EIO {
			t.Errorf("write after the leader's exit: %v", err)
		}
	})
}
