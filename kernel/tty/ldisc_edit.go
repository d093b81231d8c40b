package tty

import "vitrine/kernel/abi"

// continuation reports whether c is an inner byte of a UTF-8 character, which takes no column.
func (l *LineDiscipline) continuation(c byte) bool {
	return l.iflag(abi.IUTF8) && c&0xc0 == 0x80
}

func control(c byte) bool { return c < 0x20 || c == 0x7f }

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// erase takes the last n characters off the line (VERASE).
func (l *LineDiscipline) erase(n int) {
	for ; n > 0; n-- {
		from, ok := l.lastChar()
		if !ok {
			break
		}
		l.takeBack(from, !l.lflag(abi.ECHOE), abi.VERASE)
	}
	l.eraseDone()
}

// eraseWord takes the last word off, with what follows it (VWERASE).
func (l *LineDiscipline) eraseWord() {
	inWord := false
	for {
		from, ok := l.lastChar()
		if !ok {
			break
		}
		if wordByte(l.queue[from%QueueSize]) {
			inWord = true
		} else if inWord {
			break
		}
		l.takeBack(from, false, abi.VWERASE)
	}
	l.eraseDone()
}

// kill takes the whole line off (VKILL).
func (l *LineDiscipline) kill() {
	if l.head == l.canon {
		return
	}
	if !l.lflag(abi.ECHO) {
		l.head = l.canon
		return
	}
	if !l.lflag(abi.ECHOK) || !l.lflag(abi.ECHOKE) || !l.lflag(abi.ECHOE) {
		l.head = l.canon
		l.finishErasing()
		l.echo(l.Termios.Cc[abi.VKILL])
		if l.lflag(abi.ECHOK) {
			l.echoRaw('\n')
		}
		return
	}
	for {
		from, ok := l.lastChar()
		if !ok {
			break
		}
		l.takeBack(from, false, abi.VKILL)
	}
	l.eraseDone()
}

// lastChar returns where the last character of the line being edited begins.
// An orphaned continuation byte at the line's start is a character of its own.
func (l *LineDiscipline) lastChar() (from uint32, ok bool) {
	if l.head == l.canon {
		return 0, false
	}
	from = l.head - 1
	for l.continuation(l.queue[from%QueueSize]) && from != l.canon {
		from--
	}
	return from, true
}

// takeBack removes the character that begins at from and is the last, from the line and from the screen.
func (l *LineDiscipline) takeBack(from uint32, showKey bool, key int) {
	end := l.head
	l.head = from
	if !l.lflag(abi.ECHO) {
		return
	}
	c := l.queue[from%QueueSize]
	switch {
	case l.lflag(abi.ECHOPRT):
		if !l.erasing {
			l.echoRaw('\\')
			l.erasing = true
		}
		l.echo(c)
		for i := from + 1; i != end; i++ {
			l.echoRaw(l.queue[i%QueueSize])
		}
	case showKey:
		l.echo(l.Termios.Cc[key])
	case c == '\t':
		for range l.tabWidth() {
			l.rubOut(false)
		}
	default:
		if control(c) && l.lflag(abi.ECHOCTL) {
			l.rubOut(true) // the ^ of ^X
		}
		if !control(c) || l.lflag(abi.ECHOCTL) {
			l.rubOut(true)
		}
	}
}

// tabWidth returns how many columns the tab took that has just been removed from the end of the line.
func (l *LineDiscipline) tabWidth() int {
	cols, sawTab := 0, false
	for i := l.head; i != l.canon; {
		i--
		c := l.queue[i%QueueSize]
		if c == '\t' {
			sawTab = true
			break
		}
		if control(c) {
			if l.lflag(abi.ECHOCTL) {
				cols += 2
			}
		} else if !l.continuation(c) {
			cols++
		}
	}
	if !sawTab {
		cols += int(l.lineStart)
	}
	return 8 - cols%8
}

// rubOut moves the cursor back by one column, with wipe over a blank.
func (l *LineDiscipline) rubOut(wipe bool) {
	l.echoRaw('\b')
	if wipe {
		l.echoRaw(' ')
		l.echoRaw('\b')
	}
}

func (l *LineDiscipline) eraseDone() {
	if l.head == l.canon && l.lflag(abi.ECHO) {
		l.finishErasing()
	}
}

// finishErasing closes the \.../ of ECHOPRT.
func (l *LineDiscipline) finishErasing() {
	if l.erasing {
		l.erasing = false
		l.echoRaw('/')
	}
}
