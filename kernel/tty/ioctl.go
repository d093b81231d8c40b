package tty

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Ioctl implements vfs.Ioctler: ioctl_tty(2) on an open terminal.
func (h *Handle) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	tty, addr := h.TTY, mm.UAddr(arg)
	tty.mu.Lock(t)
	dead := h.dead()
	tty.mu.Unlock(t)
	if dead {
		if cmd == abi.TIOCSPGRP {
			return 0, errno.ENOTTY.Because("the terminal was hung up")
		}
		return 0, errHungup
	}
	switch cmd {
	case abi.TCSETS, abi.TCSETSW, abi.TCSETSF, abi.TCSETS2, abi.TCSETSW2, abi.TCSETSF2, abi.TCSETA, abi.TCSETAW,
		abi.TCSETAF, abi.TCSBRK, abi.TCSBRKP, abi.TCXONC, abi.TCFLSH, abi.TIOCSPGRP, abi.TIOCSTI, abi.TIOCSBRK,
		abi.TIOCCBRK, abi.TIOCSETD:
		if err := h.checkJob(t, abi.SIGTTOU); err != nil {
			return 0, err
		}
	}
	switch cmd {
	case abi.TIOCGPGRP, abi.TIOCGSID:
		if jc := jobControl(t); jc != nil && jc.ControllingTTY() != tty {
			return 0, errno.ENOTTY.Because("not the caller's controlling terminal")
		}
	case abi.TIOCSPGRP:
		return 0, h.setForeground(t, addr)
	case abi.TIOCSCTTY:
		return 0, h.setControlling(t, arg == 1, f.CanRead())
	case abi.TIOCNOTTY:
		return 0, h.giveUp(t)
	case abi.TIOCSTI:
		return 0, h.fakeInput(t, addr)
	case abi.FIONREAD:
		tty.mu.Lock(t)
		n := tty.ldisc.Readable()
		tty.mu.Unlock(t)
		return 0, putInt(t, addr, n)
	case abi.TIOCOUTQ:
		tty.mu.Lock(t)
		n := tty.queued()
		tty.mu.Unlock(t)
		return 0, putInt(t, addr, n)
	case abi.TCSETSW, abi.TCSETSF, abi.TCSETSW2, abi.TCSETSF2, abi.TCSETAW, abi.TCSETAF, abi.TCSBRK, abi.TCSBRKP:
		// The last two are a break as long as a wire needs it: there is none.
		if err := h.drain(t); err != nil {
			return 0, err
		}
	case abi.TIOCVHANGUP:
		if !t.Cred.Has(cred.CapSysAdmin) {
			return 0, errno.EPERM
		}
		tty.Hangup(t)
		return 0, nil
	}
	return 0, tty.ioctl(t, cmd, arg)
}

// ioctl does what is the same for both sides of a pseudoterminal.
func (tty *TTY) ioctl(t *sched.Thread, cmd uint32, arg uint64) error {
	addr := mm.UAddr(arg)
	switch cmd {
	case abi.TCGETS, abi.TCGETS2, abi.TCGETA, abi.TCSETS, abi.TCSETSW, abi.TCSETSF, abi.TCSETS2, abi.TCSETSW2,
		abi.TCSETSF2, abi.TCSETA, abi.TCSETAW, abi.TCSETAF:
		return tty.termiosIoctl(t, cmd, addr)
	case abi.TCSBRK, abi.TCSBRKP, abi.TIOCSBRK, abi.TIOCCBRK:
		return nil
	case abi.TCXONC:
		return tty.flow(t, int(int32(arg)))
	case abi.TCFLSH:
		return tty.Flush(t, int(int32(arg)))
	case abi.TIOCGWINSZ:
		tty.mu.Lock(t)
		ws := tty.winsize
		tty.mu.Unlock(t)
		return mm.CopyOutStruct(t, addr, &ws)
	case abi.TIOCSWINSZ:
		ws, err := mm.CopyInStruct[abi.Winsize](t, addr)
		if err != nil {
			return err
		}
		tty.SetWinsize(t, ws)
		return nil
	case abi.TIOCGPGRP:
		return putInt(t, addr, tty.Foreground(t))
	case abi.TIOCGSID:
		sid := tty.Session(t)
		if sid == 0 {
			return errno.ENOTTY.Because("no session's controlling terminal")
		}
		return putInt(t, addr, sid)
	case abi.TIOCEXCL, abi.TIOCNXCL:
		tty.mu.Lock(t)
		tty.exclusive = cmd == abi.TIOCEXCL
		tty.mu.Unlock(t)
		return nil
	case abi.TIOCGEXCL:
		tty.mu.Lock(t)
		excl := tty.exclusive
		tty.mu.Unlock(t)
		return putInt(t, addr, b2i(excl))
	case abi.TIOCGETD:
		return putInt(t, addr, abi.N_TTY)
	case abi.TIOCSETD:
		var n uint32
		n, err := mm.LoadUint32(t, addr)
		if err == nil && n != abi.N_TTY {
			err = errno.EINVAL.Because("N_TTY is the only line discipline")
		}
		return err
	case abi.TIOCGDEV:
		return putInt(t, addr, int(tty.Dev()))
	case abi.TIOCGSOFTCAR:
		return putInt(t, addr, b2i(tty.Termios(t).Cflag&abi.CLOCAL != 0))
	}
	return errno.ENOTTY.Because("a terminal doesn't know this ioctl")
}

func (tty *TTY) termiosIoctl(t *sched.Thread, cmd uint32, addr mm.UAddr) error {
	n := tty.Termios(t)
	switch cmd {
	case abi.TCGETS:
		return mm.CopyOut(t, addr, encodeTermios(&n)[:abi.TermiosSize])
	case abi.TCGETS2:
		return mm.CopyOut(t, addr, encodeTermios(&n))
	case abi.TCGETA:
		o := abi.Termio{Iflag: uint16(n.Iflag), Oflag: uint16(n.Oflag), Cflag: uint16(n.Cflag), Lflag: uint16(n.Lflag), Line: n.Line}
		copy(o.Cc[:], n.Cc[:])
		return mm.CopyOutStruct(t, addr, &o)
	case abi.TCSETA, abi.TCSETAW, abi.TCSETAF:
		o, err := mm.CopyInStruct[abi.Termio](t, addr)
		if err != nil {
			return err
		}
		low := func(old uint32, v uint16) uint32 { return old&^0xffff | uint32(v) }
		n.Iflag, n.Oflag = low(n.Iflag, o.Iflag), low(n.Oflag, o.Oflag)
		n.Cflag, n.Lflag = low(n.Cflag, o.Cflag), low(n.Lflag, o.Lflag)
		copy(n.Cc[:], o.Cc[:])
	default:
		size := abi.Termios2Size
		if cmd == abi.TCSETS || cmd == abi.TCSETSW || cmd == abi.TCSETSF {
			size = abi.TermiosSize
		}
		var b [abi.Termios2Size]byte
		copy(b[:], encodeTermios(&n))
		if err := mm.CopyIn(t, b[:size], addr); err != nil {
			return err
		}
		n = decodeTermios(b[:])
	}
	flush := cmd == abi.TCSETSF || cmd == abi.TCSETSF2 || cmd == abi.TCSETAF
	tty.SetTermios(t, n, flush)
	return nil
}

// Ioctl implements vfs.Ioctler for a master. What is not about the pair itself concerns the slave.
// TIOCGPTPEER makes a descriptor: package syscall handles it with OpenSlave.
func (m *Master) Ioctl(t *sched.Thread, f *vfs.File, cmd uint32, arg uint64) (uint64, error) {
	s, addr := m.Slave, mm.UAddr(arg)
	switch cmd {
	case abi.TIOCGPTN:
		return 0, putInt(t, addr, m.Index)
	case abi.TIOCSPTLCK:
		v, err := mm.LoadUint32(t, addr)
		if err == nil {
			m.SetLock(t, v != 0)
		}
		return 0, err
	case abi.TIOCGPTLCK:
		s.mu.Lock(t)
		v := m.locked
		s.mu.Unlock(t)
		return 0, putInt(t, addr, b2i(v))
	case abi.TIOCPKT:
		v, err := mm.LoadUint32(t, addr)
		if err == nil {
			m.SetPacket(t, v != 0)
		}
		return 0, err
	case abi.TIOCGPKT:
		s.mu.Lock(t)
		v := s.packet
		s.mu.Unlock(t)
		return 0, putInt(t, addr, b2i(v))
	case abi.TIOCSIG:
		sig := abi.Signal(int32(arg))
		if sig != abi.SIGINT && sig != abi.SIGQUIT && sig != abi.SIGTSTP {
			return 0, errno.EINVAL.Because("not a signal that a terminal sends")
		}
		s.mu.Lock(t)
		s.ldisc.raise(sig)
		s.unlock(t)
		return 0, nil
	case abi.FIONREAD:
		s.mu.Lock(t)
		n := len(m.buf)
		s.mu.Unlock(t)
		return 0, putInt(t, addr, n)
	case abi.TIOCOUTQ:
		return 0, putInt(t, addr, 0)
	case abi.TIOCSPGRP:
		h := Handle{TTY: s, console: true}
		return 0, h.setForeground(t, addr)
	case abi.TIOCSTI:
		h := Handle{TTY: s, console: true}
		return 0, h.fakeInput(t, addr)
	}
	return 0, s.ioctl(t, cmd, arg)
}

// SetLock locks or unlocks the slave: unlockpt(3).
func (m *Master) SetLock(t *sched.Thread, locked bool) {
	m.Slave.mu.Lock(t)
	defer m.Slave.mu.Unlock(t)
	m.locked = locked
}

// SetPacket switches packet mode.
func (m *Master) SetPacket(t *sched.Thread, on bool) {
	m.Slave.mu.Lock(t)
	defer m.Slave.mu.Unlock(t)
	if on != m.Slave.packet {
		m.Slave.packet = on
		m.Slave.ldisc.packet = 0
	}
}

func putInt(t *sched.Thread, addr mm.UAddr, v int) error {
	i := int32(v)
	return mm.CopyOutStruct(t, addr, &i)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
