package tty

import (
	"slices"

	"vitrine/kernel/abi"
)

// Input takes bytes from the driver, as many as there is room for, and returns how many.
func (l *LineDiscipline) Input(p []byte) int {
	for i := 0; i < len(p); i++ {
		if l.full() {
			j := l.signalIn(p[i:])
			if j < 0 {
				return i
			}
			// The signal would flush all before it anyway; a program that reads
			// nothing can be interrupted.
			l.FlushInput()
			i += j
		}
		l.inputByte(p[i])
	}
	return len(p)
}

// signalIn returns where in p the first signal character is that will flush the input, or -1.
func (l *LineDiscipline) signalIn(p []byte) int {
	if !l.lflag(abi.ISIG) || l.lflag(abi.NOFLSH) || l.lflag(abi.EXTPROC) {
		return -1
	}
	return slices.IndexFunc(p, func(c byte) bool {
		return l.is(c, abi.VINTR) || l.is(c, abi.VQUIT) || l.is(c, abi.VSUSP)
	})
}

func (l *LineDiscipline) inputByte(c byte) {
	if l.iflag(abi.ISTRIP) {
		c &= 0x7f
	}
	if l.iflag(abi.IUCLC) && l.lflag(abi.IEXTEN) && 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if l.lflag(abi.EXTPROC) {
		l.data(c)
		return
	}
	if l.literal {
		l.literal = false
		l.echoData(c)
		l.data(c)
		return
	}
	if l.iflag(abi.IXON) {
		switch {
		case l.is(c, abi.VSTART):
			l.start()
			return
		case l.is(c, abi.VSTOP):
			l.stop()
			return
		}
	}
	if l.lflag(abi.ISIG) {
		switch {
		case l.is(c, abi.VINTR):
			l.signal(abi.SIGINT, c)
			return
		case l.is(c, abi.VQUIT):
			l.signal(abi.SIGQUIT, c)
			return
		case l.is(c, abi.VSUSP):
			l.signal(abi.SIGTSTP, c)
			return
		}
	}
	if l.iflag(abi.IXON) && l.iflag(abi.IXANY) {
		l.start()
	}
	switch {
	case c == '\r' && l.iflag(abi.IGNCR):
		return
	case c == '\r' && l.iflag(abi.ICRNL):
		c = '\n'
	case c == '\n' && l.iflag(abi.INLCR):
		c = '\r'
	}
	if l.lflag(abi.ICANON) && l.edit(c) {
		return
	}
	l.echoData(c)
	l.data(c)
}

// edit does what c means to a line being edited; false: it is plain data.
func (l *LineDiscipline) edit(c byte) bool {
	ext := l.lflag(abi.IEXTEN)
	switch {
	case l.is(c, abi.VERASE):
		l.erase(1)
	case l.is(c, abi.VKILL):
		l.kill()
	case ext && l.is(c, abi.VWERASE):
		l.eraseWord()
	case ext && l.is(c, abi.VLNEXT):
		l.literal = true
		if l.lflag(abi.ECHO) {
			l.finishErasing()
			if l.lflag(abi.ECHOCTL) {
				l.emit('^', '\b')
			}
		}
	case ext && l.is(c, abi.VREPRINT) && l.lflag(abi.ECHO):
		l.finishErasing()
		l.echo(c)
		l.echoRaw('\n')
		for i := l.canon; i != l.head && len(l.out) < outLimit; i++ {
			l.echo(l.queue[i%QueueSize])
		}
	case c == '\n':
		if l.lflag(abi.ECHO | abi.ECHONL) {
			l.echoRaw('\n')
		}
		l.endLine(c)
	case l.is(c, abi.VEOF):
		l.endLine(abi.VDISABLE_CHAR)
	case l.is(c, abi.VEOL), ext && l.is(c, abi.VEOL2):
		l.echoData(c)
		l.endLine(c)
	default:
		return false
	}
	return true
}

// data appends c to the input. Where a line has no more room the byte is lost, with a beep.
func (l *LineDiscipline) data(c byte) {
	double := c == 0xff && l.iflag(abi.PARMRK) && !l.iflag(abi.ISTRIP)
	if l.Room() == 0 {
		if l.iflag(abi.IMAXBEL) {
			l.echoRaw('\a')
		}
		return
	}
	if double { // termios(3): a real \377 is told from a marked one
		l.put(c)
	}
	l.put(c)
}

// endLine appends the byte that ends a line, for which there is always room left, and
// makes the line readable.
func (l *LineDiscipline) endLine(c byte) {
	l.put(c)
	l.markEnd(l.head - 1)
	l.canon = l.head
}

// signal notes a signal for the foreground group and, unless NOFLSH, forgets
// what was typed and what was on its way to the screen.
func (l *LineDiscipline) signal(sig abi.Signal, c byte) {
	if !l.lflag(abi.NOFLSH) {
		l.FlushInput()
		l.FlushOutput()
	}
	if l.iflag(abi.IXON) {
		l.start()
	}
	if l.lflag(abi.ECHO) {
		l.echo(c)
	}
	l.raise(sig)
}

func (l *LineDiscipline) raise(sig abi.Signal) {
	if !slices.Contains(l.signals, sig) {
		l.signals = append(l.signals, sig)
	}
}
