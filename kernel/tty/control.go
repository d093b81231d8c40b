package tty

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// SetTermios changes the settings: tcsetattr(3); flush forgets unread input first.
func (tty *TTY) SetTermios(t *sched.Thread, n abi.Termios, flush bool) {
	n.Line = abi.N_TTY
	// A wire's speed and frame mean nothing here, but programs want to read them back.
	n.Cflag |= abi.CREAD
	tty.mu.Lock(t)
	if flush {
		tty.ldisc.FlushInput()
	}
	old := tty.ldisc.Termios
	tty.ldisc.SetTermios(n)
	tty.madeRoom(t) // what was one line may be raw bytes now, and the other way round
	tty.wakeReaders()
	if d, ok := tty.drv.(TermiosSetter); ok {
		d.SetTermios(t, &n, &old)
	}
	tty.unlock(t)
}

// SetWinsize changes the window size. The foreground group hears of it if it is new.
func (tty *TTY) SetWinsize(t *sched.Thread, ws abi.Winsize) {
	tty.mu.Lock(t)
	same := tty.winsize == ws
	if !same {
		tty.winsize = ws
		tty.ldisc.raise(abi.SIGWINCH)
		if d, ok := tty.drv.(WinsizeSetter); ok {
			d.SetWinsize(t, ws)
		}
	}
	tty.unlock(t)
}

// Winsize returns the window size.
func (tty *TTY) Winsize(t *sched.Thread) abi.Winsize {
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	return tty.winsize
}

// Flush is tcflush(3).
func (tty *TTY) Flush(t *sched.Thread, which int) error {
	if which < abi.TCIFLUSH || which > abi.TCIOFLUSH {
		return errno.EINVAL
	}
	tty.mu.Lock(t)
	if which != abi.TCOFLUSH {
		tty.ldisc.FlushInput()
		tty.madeRoom(t)
	}
	if which != abi.TCIFLUSH {
		tty.ldisc.FlushOutput()
	}
	tty.unlock(t)
	return nil
}

// flow is tcflow(3).
func (tty *TTY) flow(t *sched.Thread, action int) error {
	tty.mu.Lock(t)
	defer func() { tty.unlock(t) }()
	l := &tty.ldisc
	switch action {
	case abi.TCOOFF:
		l.SetFlow(false)
	case abi.TCOON:
		l.SetFlow(true)
	case abi.TCIOFF:
		l.sendControl(abi.VSTOP)
	case abi.TCION:
		l.sendControl(abi.VSTART)
	default:
		return errno.EINVAL
	}
	return nil
}

// sendControl sends a flow-control character to the other side, unless it is disabled.
func (l *LineDiscipline) sendControl(i int) {
	if c := l.Termios.Cc[i]; c != abi.VDISABLE_CHAR {
		l.emit(c)
	}
}

// setForeground is TIOCSPGRP: the group must belong to the terminal's session.
func (h *Handle) setForeground(t *sched.Thread, addr mm.UAddr) error {
	v, err := mm.LoadUint32(t, addr)
	if err != nil {
		return err
	}
	return h.SetForeground(t, int(int32(v)))
}

// SetForeground makes a process group the foreground group: tcsetpgrp(3).
func (h *Handle) SetForeground(t *sched.Thread, pgrp int) error {
	tty, jc := h.TTY, jobControl(t)
	if jc == nil || jc.ControllingTTY() != tty {
		return errno.ENOTTY.Because("not the caller's controlling terminal")
	}
	if pgrp < 0 {
		return errno.EINVAL
	}
	sid, ok := tty.table.sessions.SessionOf(t, pgrp)
	switch {
	case !ok:
		return errno.ESRCH.Because("no such process group")
	case sid != jc.SessionID():
		return errno.EPERM.Because("the group belongs to another session")
	}
	tty.mu.Lock(t)
	defer tty.mu.Unlock(t)
	if tty.session != sid {
		return errno.ENOTTY.Because("not the session's controlling terminal")
	}
	tty.pgrp = pgrp
	return nil
}

// fakeInput is TIOCSTI: a byte as if typed.
func (h *Handle) fakeInput(t *sched.Thread, addr mm.UAddr) error {
	if jc := jobControl(t); (jc == nil || jc.ControllingTTY() != h.TTY) && !t.Cred.Has(cred.CapSysAdmin) {
		return errno.EPERM.Because("not the caller's controlling terminal")
	}
	var b [1]byte
	if err := mm.CopyIn(t, b[:], addr); err != nil {
		return err
	}
	h.TTY.mu.Lock(t)
	n := h.TTY.take(t, b[:])
	h.TTY.unlock(t)
	if n == 0 {
		return errno.EAGAIN.Because("the input queue is full")
	}
	return nil
}

// encodeTermios returns struct termios2; its beginning is struct termios.
func encodeTermios(n *abi.Termios) []byte {
	b := make([]byte, 0, abi.Termios2Size)
	for _, v := range [...]uint32{n.Iflag, n.Oflag, n.Cflag, n.Lflag} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = append(append(b, n.Line), n.Cc[:]...)
	b = binary.LittleEndian.AppendUint32(b, n.Ispeed)
	return binary.LittleEndian.AppendUint32(b, n.Ospeed)
}

func decodeTermios(b []byte) (n abi.Termios) {
	le := binary.LittleEndian
	n.Iflag, n.Oflag, n.Cflag, n.Lflag = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	n.Line = b[16]
	copy(n.Cc[:], b[17:36])
	n.Ispeed, n.Ospeed = le.Uint32(b[36:]), le.Uint32(b[40:])
	return n
}
