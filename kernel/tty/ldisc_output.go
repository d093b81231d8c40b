package tty

import "vitrine/kernel/abi"

// Output processes bytes that a program writes and appends them to out. The caller bounds p.
func (l *LineDiscipline) Output(p []byte) {
	if !l.oflag(abi.OPOST) {
		l.out = append(l.out, p...)
		return
	}
	for _, c := range p {
		l.post(c)
	}
}

// post is OPOST for a byte.
func (l *LineDiscipline) post(c byte) {
	switch c {
	case '\n':
		if l.oflag(abi.ONLCR) {
			l.column, l.lineStart = 0, 0
			l.out = append(l.out, '\r', '\n')
			return
		}
		if l.oflag(abi.ONLRET) {
			l.column = 0
		}
		l.lineStart = l.column
	case '\r':
		if l.oflag(abi.ONOCR) && l.column == 0 {
			return
		}
		if l.oflag(abi.OCRNL) {
			c = '\n'
			if l.oflag(abi.ONLRET) {
				l.column, l.lineStart = 0, 0
			}
			break
		}
		l.column, l.lineStart = 0, 0
	case '\t':
		n := 8 - l.column%8
		l.column += n
		if l.Termios.Oflag&abi.TABDLY == abi.XTABS {
			l.out = append(l.out, "        "[:n]...)
			return
		}
	case '\b':
		if l.column > 0 {
			l.column--
		}
	default:
		if control(c) {
			break
		}
		if l.oflag(abi.OLCUC) && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !l.continuation(c) {
			l.column++
		}
	}
	l.out = append(l.out, c)
}

// echoData echoes a byte of input that becomes data.
func (l *LineDiscipline) echoData(c byte) {
	if !l.lflag(abi.ECHO) {
		return
	}
	l.finishErasing()
	if l.head == l.canon {
		l.lineStart = l.column
	}
	if c == '\n' {
		l.echoRaw(c)
		return
	}
	l.echo(c)
}

// echo shows c, a control character as ^X with ECHOCTL.
func (l *LineDiscipline) echo(c byte) {
	if l.lflag(abi.ECHOCTL) && control(c) && c != '\t' {
		l.emit('^', c^0x40)
		l.column += 2
		return
	}
	l.echoRaw(c)
}

// echoRaw shows c as it is, post-processed like output. Echo for which there is no room is lost.
func (l *LineDiscipline) echoRaw(c byte) {
	if len(l.out) >= outLimit {
		return
	}
	if l.oflag(abi.OPOST) {
		l.post(c)
		return
	}
	l.out = append(l.out, c)
}

// emit shows bytes that OPOST doesn't see.
func (l *LineDiscipline) emit(p ...byte) {
	if len(l.out) < outLimit {
		l.out = append(l.out, p...)
	}
}

// show appends a message of the kernel to the output, as far as there is room.
func (l *LineDiscipline) show(text []byte) {
	if room := 4*outLimit - len(l.out); room > 0 {
		l.out = append(l.out, text[:min(len(text), room)]...)
	}
}
