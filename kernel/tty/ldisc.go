package tty

import "vitrine/kernel/abi"

// QueueSize bounds the input queue: the longest line, its terminator included (termios(3)).
const QueueSize = 4096

// outLimit bounds what echo may add to output that waits for the driver.
const outLimit = 4096

// LineDiscipline is N_TTY: it edits input into lines, echoes, recognises
// signal characters and post-processes output. It is a plain state machine: effects collect in out,
// signals and packet until the TTY takes them. Guarded by TTY.mu.
//
//	queue:   tail ──────────── canon ─────────── head        (free-running, mod QueueSize)
//	           │ whole lines     │ line being edited │
//	           └ readable if ICANON ┘
//	           └ readable otherwise ─────────────────┘
type LineDiscipline struct {
	Termios abi.Termios

	queue             [QueueSize]byte
	ends              [QueueSize / 64]uint64 // bit: a line ends at this byte
	tail, canon, head uint32

	column    uint32 // where the cursor is, as far as OPOST tells
	lineStart uint32 // column in which the line being edited began
	literal   bool   // VLNEXT came: the next byte is data
	erasing   bool   // ECHOPRT: inside \.../

	stopped    bool // output stopped by VSTOP
	tcoStopped bool // output stopped by tcflow(TCOOFF)

	out     []byte       // processed output that the driver has not taken yet
	signals []abi.Signal // signals for the foreground group, to be sent without locks
	packet  uint8        // TIOCPKT_* that happened since the master read them
	flushed bool         // a signal dropped output: the driver's queue is to go, too
	sawStop bool         // flow control changed: tell the driver
}

// Sane are the settings of a fresh terminal (Linux: tty_std_termios).
func Sane() abi.Termios {
	t := abi.Termios{
		Iflag:  abi.ICRNL | abi.IXON,
		Oflag:  abi.OPOST | abi.ONLCR,
		Cflag:  abi.B38400 | abi.CS8 | abi.CREAD | abi.HUPCL,
		Lflag:  abi.ISIG | abi.ICANON | abi.ECHO | abi.ECHOE | abi.ECHOK | abi.ECHOCTL | abi.ECHOKE | abi.IEXTEN,
		Ispeed: 38400,
		Ospeed: 38400,
	}
	t.Cc = [abi.NCCS]uint8{
		abi.VINTR: 'C' & 31, abi.VQUIT: '\\' & 31, abi.VERASE: 0x7f, abi.VKILL: 'U' & 31,
		abi.VEOF: 'D' & 31, abi.VMIN: 1, abi.VSTART: 'Q' & 31, abi.VSTOP: 'S' & 31,
		abi.VSUSP: 'Z' & 31, abi.VREPRINT: 'R' & 31, abi.VDISCARD: 'O' & 31,
		abi.VWERASE: 'W' & 31, abi.VLNEXT: 'V' & 31,
	}
	return t
}

func (l *LineDiscipline) iflag(f uint32) bool { return l.Termios.Iflag&f != 0 }
func (l *LineDiscipline) oflag(f uint32) bool { return l.Termios.Oflag&f != 0 }
func (l *LineDiscipline) lflag(f uint32) bool { return l.Termios.Lflag&f != 0 }

// canonical reports whether reads get lines. With EXTPROC the other side edits.
func (l *LineDiscipline) canonical() bool { return l.lflag(abi.ICANON) && !l.lflag(abi.EXTPROC) }

// is reports whether c is the control character at index i; a disabled one matches nothing.
func (l *LineDiscipline) is(c byte, i int) bool {
	return c != abi.VDISABLE_CHAR && l.Termios.Cc[i] == c
}

// SetTermios changes the settings and makes the queue fit them.
func (l *LineDiscipline) SetTermios(n abi.Termios) {
	old := l.Termios
	l.Termios = n
	if (old.Lflag^n.Lflag)&(abi.ICANON|abi.EXTPROC) != 0 {
		l.ends = [QueueSize / 64]uint64{}
		// What raw mode left becomes a line of its own, though without an end of line in it.
		if l.canonical() && l.head != l.tail {
			l.markEnd(l.head - 1)
		}
		l.canon = l.head
		if !l.lflag(abi.ICANON) {
			l.canon = l.tail
		}
		l.literal, l.erasing = false, false
	}
	if old.Iflag&abi.IXON != 0 && n.Iflag&abi.IXON == 0 && l.stopped {
		l.stopped, l.sawStop = false, true
	}
	before := old.Iflag&abi.IXON != 0 && l0(&old)
	after := n.Iflag&abi.IXON != 0 && l0(&n)
	if before != after {
		l.packet &^= abi.TIOCPKT_DOSTOP | abi.TIOCPKT_NOSTOP
		if after {
			l.packet |= abi.TIOCPKT_DOSTOP
		} else {
			l.packet |= abi.TIOCPKT_NOSTOP
		}
	}
	if n.Lflag&abi.EXTPROC != 0 {
		l.packet |= abi.TIOCPKT_IOCTL
	}
}

// l0 reports whether flow control is by ^S and ^Q themselves, which is what packet mode's DOSTOP says.
func l0(t *abi.Termios) bool {
	return t.Cc[abi.VSTOP] == 'S'&31 && t.Cc[abi.VSTART] == 'Q'&31
}

// Room returns how many more bytes Input is sure to take.
func (l *LineDiscipline) Room() int {
	room := QueueSize - 1 - int(l.head-l.tail)
	if l.iflag(abi.PARMRK) {
		room /= 2
	}
	return max(room, 0)
}

// full reports whether Input must wait for a reader. A single line too long
// for the queue waits for nobody: its excess is dropped.
func (l *LineDiscipline) full() bool {
	return l.Room() == 0 && (!l.canonical() || l.canon != l.tail)
}

// Readable returns how many bytes a read could get (FIONREAD).
func (l *LineDiscipline) Readable() int {
	if !l.canonical() {
		return int(l.head - l.tail)
	}
	n := 0
	for i := l.tail; i != l.canon; i++ {
		if !(l.endsAt(i) && l.queue[i%QueueSize] == abi.VDISABLE_CHAR) {
			n++
		}
	}
	return n
}

// InputReady reports whether there is something to read: a line, or at least want bytes.
func (l *LineDiscipline) InputReady(want int) bool {
	if l.canonical() {
		return l.canon != l.tail
	}
	return int(l.head-l.tail) >= max(want, 1)
}

// ReadLine moves at most one line to p. It returns done when the line (or an
// end of file) has come to its end.
func (l *LineDiscipline) ReadLine(p []byte) (n int, done bool) {
	for l.tail != l.canon {
		c, end := l.queue[l.tail%QueueSize], l.endsAt(l.tail)
		eof := end && c == abi.VDISABLE_CHAR
		if !eof {
			if n == len(p) {
				return n, false
			}
			p[n] = c
			n++
		}
		l.clearEnd(l.tail)
		l.tail++
		if end {
			return n, true
		}
	}
	return n, false
}

// ReadRaw moves what there is to p.
func (l *LineDiscipline) ReadRaw(p []byte) int {
	n := 0
	for n < len(p) && l.tail != l.head {
		from := l.tail % QueueSize
		upTo := min(from+(l.head-l.tail), QueueSize)
		k := copy(p[n:], l.queue[from:upTo])
		n += k
		l.tail += uint32(k)
	}
	l.canon = l.tail
	return n
}

// FlushInput forgets all input (tcflush(3)).
func (l *LineDiscipline) FlushInput() {
	l.tail, l.canon = l.head, l.head
	l.ends = [QueueSize / 64]uint64{}
	l.erasing, l.literal = false, false
	l.packet |= abi.TIOCPKT_FLUSHREAD
}

// FlushOutput forgets the output that the driver has not taken.
func (l *LineDiscipline) FlushOutput() {
	l.out = l.out[:0]
	l.flushed = true
	l.packet |= abi.TIOCPKT_FLUSHWRITE
}

// OutputStopped reports whether output waits for ^Q or tcflow(TCOON).
func (l *LineDiscipline) OutputStopped() bool { return l.stopped || l.tcoStopped }

func (l *LineDiscipline) stop() {
	if !l.stopped {
		l.stopped, l.sawStop = true, true
		l.packet = l.packet&^abi.TIOCPKT_START | abi.TIOCPKT_STOP
	}
}

func (l *LineDiscipline) start() {
	if l.stopped && !l.tcoStopped {
		l.stopped, l.sawStop = false, true
		l.packet = l.packet&^abi.TIOCPKT_STOP | abi.TIOCPKT_START
	}
}

// SetFlow is tcflow(TCOOFF) and (TCOON).
func (l *LineDiscipline) SetFlow(on bool) {
	if on == !l.tcoStopped {
		return
	}
	l.tcoStopped, l.sawStop = !on, true
	if on {
		l.stopped = false
		l.packet = l.packet&^abi.TIOCPKT_STOP | abi.TIOCPKT_START
	} else {
		l.packet = l.packet&^abi.TIOCPKT_START | abi.TIOCPKT_STOP
	}
}

func (l *LineDiscipline) put(c byte) {
	l.queue[l.head%QueueSize] = c
	l.clearEnd(l.head)
	l.head++
}

func (l *LineDiscipline) markEnd(i uint32)     { l.ends[i%QueueSize/64] |= 1 << (i % 64) }
func (l *LineDiscipline) clearEnd(i uint32)    { l.ends[i%QueueSize/64] &^= 1 << (i % 64) }
func (l *LineDiscipline) endsAt(i uint32) bool { return l.ends[i%QueueSize/64]&(1<<(i%64)) != 0 }
