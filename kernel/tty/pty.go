package tty

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// MaxPairs bounds the pseudoterminals of one kernel (/proc/sys/kernel/pty/max).
const MaxPairs = 4096

// ptyBuffer is how much output waits for the master.
const ptyBuffer = 8192

// Master is the open master of a pseudoterminal: the Impl of the File that opening /dev/ptmx makes. Its slave is a
// TTY whose driver is the master: what programs write to the slave is read here, and what is
// written here is the slave's input. Slave.mu guards both sides.
type Master struct {
	Slave *TTY
	Index int // N of /dev/pts/N; immutable

	// OpenSlave opens the slave by its name in devpts, for TIOCGPTPEER; set by devpts, immutable.
	OpenSlave func(t *sched.Thread, flags int) (*vfs.File, error)
	// Closed tells devpts that the pair is gone; set by devpts, immutable.
	Closed func(t *sched.Thread)

	locked bool   // TIOCSPTLCK: the slave can't be opened
	buf    []byte // output of the slave; at most ptyBuffer
	closed bool   // the slave was open and has no open file left

	wait ksync.WaitQueue // there is something to read, or a hangup
}

// NewPair makes a pseudoterminal; the slave is locked, as after open("/dev/ptmx").
func (tab *Table) NewPair(t *sched.Thread, index int) (*Master, error) {
	tab.mu.Lock(t)
	defer tab.mu.Unlock(t)
	if tab.pairs >= MaxPairs {
		return nil, errno.ENOSPC.Because("too many pseudoterminals")
	}
	tab.pairs++
	m := &Master{Index: index, locked: true}
	m.Slave = tab.newTTY(fmt.Sprintf("pts/%d", index), PTYMajor, uint32(index), (*ptyDriver)(m))
	m.Slave.pty = m
	tab.ttys = append(tab.ttys, m.Slave)
	return m, nil
}

// ptyDriver is a Master as its slave's Driver. Slave.mu is held in all its methods.
type ptyDriver Master

func (d *ptyDriver) Write(_ *sched.Thread, p []byte) int {
	if d.Slave.masterGone {
		return len(p)
	}
	n := min(len(p), ptyBuffer-len(d.buf))
	d.buf = append(d.buf, p[:n]...)
	d.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM)
	return n
}

func (d *ptyDriver) Room() int { return ptyBuffer - len(d.buf) }

func (d *ptyDriver) Flush(*sched.Thread) { d.buf = d.buf[:0] }

func (d *ptyDriver) Open(*sched.Thread) { d.closed = false }

// Close follows the slave's last close: the master reads what is left and then EIO.
func (d *ptyDriver) Close(*sched.Thread) {
	d.closed = true
	d.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM | abi.POLLHUP)
}

var (
	_ OpenCloser = (*ptyDriver)(nil)
	_ Flusher    = (*ptyDriver)(nil)
)

// notePacket wakes the master if packet mode has something to say. Slave.mu is held.
func (m *Master) notePacket() {
	switch {
	case !m.Slave.packet:
		m.Slave.ldisc.packet = 0
	case m.Slave.ldisc.packet != 0:
		m.wait.WakeKey(abi.POLLPRI | abi.POLLIN | abi.POLLRDNORM)
	}
}

// Read implements vfs.Reader: the slave's output. In packet mode a byte that says what
// follows comes first (ioctl_tty(2), TIOCPKT).
func (m *Master) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	if dst.Len() == 0 {
		return 0, nil
	}
	buf := make([]byte, min(dst.Len(), ptyBuffer+1))
	n, err := m.read(t, buf, f.Nonblock())
	if n == 0 {
		return 0, err
	}
	return dst.CopyOut(t, buf[:n])
}

func (m *Master) read(t *sched.Thread, p []byte, nonblock bool) (int, error) {
	s := m.Slave
	s.mu.Lock(t)
	defer func() { s.unlock(t) }()
	ready := func() bool { return len(m.buf) > 0 || m.closed || s.packet && s.ldisc.packet != 0 }
	if !ready() {
		if nonblock {
			return 0, errno.EAGAIN
		}
		if err := m.wait.WaitLocked(t, "pty_read", &s.mu, ready); err != nil {
			return 0, err
		}
	}
	head := 0
	if s.packet {
		if st := s.ldisc.packet; st != 0 {
			s.ldisc.packet = 0
			p[0] = st
			return 1, nil
		}
		p[0], head = abi.TIOCPKT_DATA, 1
	}
	if len(m.buf) == 0 && m.closed {
		return 0, errno.EIO.Because("the slave is closed")
	}
	n := copy(p[head:], m.buf)
	m.buf = append(m.buf[:0], m.buf[n:]...)
	s.outputRoom(t)
	return head + n, nil
}

// Write implements vfs.Writer: what is written is the slave's input, as if typed.
func (m *Master) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	var buf [writeChunk]byte
	total := 0
	for src.Len() > 0 {
		k, err := src.CopyIn(t, buf[:min(src.Len(), writeChunk)])
		if k > 0 {
			var n int
			n, err = m.write(t, buf[:k], f.Nonblock())
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

func (m *Master) write(t *sched.Thread, p []byte, nonblock bool) (n int, err error) {
	s := m.Slave
	for {
		s.mu.Lock(t)
		if m.closed {
			s.mu.Unlock(t)
			return n, errno.EIO.Because("the slave is closed")
		}
		n += s.take(t, p[n:])
		s.unlock(t)
		if n == len(p) {
			return n, nil
		}
		if nonblock {
			return n, errno.EAGAIN
		}
		s.mu.Lock(t)
		err := s.room.WaitLocked(t, "pty_write", &s.mu, func() bool { return m.closed || !s.ldisc.full() })
		s.unlock(t)
		if err != nil {
			return n, err
		}
	}
}

// Poll implements vfs.Poller.
func (m *Master) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	s := m.Slave
	p.Add(&m.wait)
	p.Add(&s.room)
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	var e vfs.Events
	if len(m.buf) > 0 {
		e |= abi.POLLIN | abi.POLLRDNORM
	}
	if s.packet && s.ldisc.packet != 0 {
		e |= abi.POLLPRI | abi.POLLIN | abi.POLLRDNORM
	}
	if m.closed {
		return e | abi.POLLHUP
	}
	if !s.ldisc.full() {
		e |= abi.POLLOUT | abi.POLLWRNORM
	}
	return e
}

// Release implements vfs.Releaser: the terminal's line is gone.
func (m *Master) Release(t *sched.Thread, _ *vfs.File) {
	s := m.Slave
	s.mu.Lock(t)
	s.masterGone = true
	m.buf = nil
	s.mu.Unlock(t)
	s.Hangup(t)
	tab := s.table
	tab.mu.Lock(t)
	tab.pairs--
	for i, x := range tab.ttys {
		if x == s {
			tab.ttys = append(tab.ttys[:i:i], tab.ttys[i+1:]...)
			break
		}
	}
	tab.mu.Unlock(t)
	if m.Closed != nil {
		m.Closed(t)
	}
}
