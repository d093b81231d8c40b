package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// writeChunk is how much of a write is processed at once; a write of no more is not mixed with others.
const writeChunk = 512

// decisecond is the unit of VTIME.
const decisecond = ktime.Second / 10

// Read implements vfs.Reader: read(2) of a terminal. The four cases of VMIN and VTIME are as in termios(3).
func (h *Handle) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	if err := h.checkJob(t, abi.SIGTTIN); err != nil {
		return 0, err
	}
	buf := make([]byte, min(dst.Len(), QueueSize))
	n, err := h.read(t, buf, f.Nonblock())
	if n == 0 {
		return 0, err
	}
	return dst.CopyOut(t, buf[:n])
}

// read is Read into kernel memory.
func (h *Handle) read(t *sched.Thread, p []byte, nonblock bool) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	tty, l := h.TTY, &h.TTY.ldisc
	tty.mu.Lock(t)
	defer func() { tty.unlock(t) }()
	deadline := int64(ktime.Forever)
	want, gap := 1, int64(0)
	if cc := &l.Termios.Cc; !l.lflag(abi.ICANON) {
		want, gap = int(cc[abi.VMIN]), int64(cc[abi.VTIME])*decisecond
		if want == 0 {
			want = 1
			deadline = t.Now() + gap
		}
	}
	for {
		err := tty.waitInput(t, h, deadline, nonblock && n == 0 || deadline <= t.Now())
		if err != nil {
			switch {
			case n > 0 || err == errHungup || err == errno.ETIMEDOUT:
				return n, nil
			case err == errno.EAGAIN && deadline != ktime.Forever && deadline <= t.Now():
				return 0, nil // VMIN 0: nothing there is an answer
			}
			return 0, err
		}
		if l.canonical() {
			n, _ = l.ReadLine(p)
			tty.madeRoom(t)
			return n, nil
		}
		n += l.ReadRaw(p[n:])
		tty.madeRoom(t)
		if n >= want || n == len(p) || nonblock {
			return n, nil
		}
		if gap > 0 {
			deadline = t.Now() + gap
		}
	}
}

// errHungup ends a wait: the file is dead.
var errHungup = errno.EIO.Because("the terminal was hung up")

// waitInput waits until there is input. Caller holds mu.
func (tty *TTY) waitInput(t *sched.Thread, h *Handle, deadline int64, dontWait bool) error {
	ready := func() bool { return h.dead() || tty.ldisc.InputReady(1) }
	switch {
	case ready():
	case dontWait:
		return errno.EAGAIN
	default:
		tty.push(t)
		if err := tty.readers.WaitLockedUntil(t, "tty_read", &tty.mu, deadline, ready); err != nil {
			return err
		}
	}
	if h.dead() {
		return errHungup
	}
	return nil
}

// Write implements vfs.Writer: write(2) to a terminal.
func (h *Handle) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	tty := h.TTY
	if tty.toStop(t) {
		if err := h.checkJob(t, abi.SIGTTOU); err != nil {
			return 0, err
		}
	}
	total := 0
	var buf [writeChunk]byte
	for src.Len() > 0 {
		k, err := src.CopyIn(t, buf[:min(src.Len(), writeChunk)])
		if k > 0 {
			var n int
			n, err = h.write(t, buf[:k], f.Nonblock())
			total += n
		}
		if err != nil {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		t.CondResched()
	}
	return total, nil
}

func (tty *TTY) toStop(t *sched.Thread) bool {
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	return tty.ldisc.lflag(abi.TOSTOP)
}

// write writes a chunk from kernel memory, all or nothing.
func (h *Handle) write(t *sched.Thread, p []byte, nonblock bool) (int, error) {
	tty := h.TTY
	tty.mu.Lock(t)
	defer func() { tty.unlock(t) }()
	ready := func() bool { return h.dead() || tty.outputReady() }
	if !ready() {
		if nonblock {
			return 0, errno.EAGAIN
		}
		if err := tty.writers.WaitLocked(t, "tty_write", &tty.mu, ready); err != nil {
			return 0, err
		}
	}
	if h.dead() {
		return 0, errHungup
	}
	tty.ldisc.Output(p)
	return len(p), nil
}

// outputReady reports whether a write would not wait. Caller holds mu.
func (tty *TTY) outputReady() bool {
	l := &tty.ldisc
	return len(l.out) == 0 && !l.OutputStopped() && tty.drv.Room() > 0
}

// push tells the driver what the line discipline decided and gives it output. Caller holds mu.
func (tty *TTY) push(t *sched.Thread) {
	l := &tty.ldisc
	wake := false
	if l.sawStop {
		l.sawStop = false
		stopped := l.OutputStopped()
		if d, ok := tty.drv.(Flow); ok {
			if stopped {
				d.Stop(t)
			} else {
				d.Start(t)
			}
		}
		wake = !stopped
	}
	if l.flushed {
		l.flushed = false
		if d, ok := tty.drv.(Flusher); ok {
			d.Flush(t)
		}
		wake = true
	}
	if len(l.out) > 0 && !l.OutputStopped() {
		n := tty.drv.Write(t, l.out)
		l.out = append(l.out[:0], l.out[n:]...)
		wake = true
	}
	if tty.pty != nil {
		tty.pty.notePacket()
	}
	if wake && tty.outputReady() {
		tty.writers.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	}
}

// outputRoom follows room in the driver, for drivers that run in threads (ptys).
func (tty *TTY) outputRoom(t *sched.Thread) {
	tty.push(t)
	if tty.outputReady() {
		tty.writers.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	}
}

// drain waits until all output is out: tcdrain(3).
func (h *Handle) drain(t *sched.Thread) error {
	tty := h.TTY
	tty.mu.Lock(t)
	defer func() { tty.unlock(t) }()
	return tty.writers.WaitLocked(t, "tty_drain", &tty.mu, func() bool {
		return h.dead() || tty.queued() == 0
	})
}

// queued returns how many bytes of output are under way. Caller holds mu.
func (tty *TTY) queued() int {
	n := len(tty.ldisc.out)
	if d, ok := tty.drv.(Queuer); ok {
		n += d.Queued()
	}
	return n
}

// Poll implements vfs.Poller.
func (h *Handle) Poll(t *sched.Thread, f *vfs.File, p *vfs.PollTable) vfs.Events {
	tty := h.TTY
	p.Add(&tty.readers)
	p.Add(&tty.writers)
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	if h.dead() {
		return abi.POLLIN | abi.POLLOUT | abi.POLLERR | abi.POLLHUP | abi.POLLRDNORM | abi.POLLWRNORM
	}
	var e vfs.Events
	l := &tty.ldisc
	want := 1
	if !l.lflag(abi.ICANON) && l.Termios.Cc[abi.VTIME] == 0 {
		want = int(l.Termios.Cc[abi.VMIN])
	}
	if l.InputReady(want) {
		e |= abi.POLLIN | abi.POLLRDNORM
	}
	if tty.outputReady() {
		e |= abi.POLLOUT | abi.POLLWRNORM
	}
	return e
}
