package lineedit

import (
	"io"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// key is a character, or one of the constants below for a key that sends an
// escape sequence.
type key rune

const (
	keyFirst key = 0x110000 + iota // beyond all characters
	keyUp
	keyDown
	keyLeft
	keyRight
	keyHome
	keyEnd
	keyDelete
	keyEscape
	keyOther
	keyAlt key = 0x200000 // plus the character
)

func ctrl(c rune) key { return key(c & 0x1f) }
func alt(c rune) key  { return keyAlt + key(c) }

// readKey reads one key.
func (e *Editor) readKey() (key, error) {
	c, err := e.readByte()
	if err != nil {
		return 0, err
	}
	if c == 0x1b {
		return e.readEscape()
	}
	if c < utf8.RuneSelf {
		return key(c), nil
	}
	b := []byte{c}
	for !utf8.FullRune(b) {
		if c, err = e.readByte(); err != nil {
			return 0, err
		}
		b = append(b, c)
	}
	r, _ := utf8.DecodeRune(b)
	return key(r), nil
}

// readEscape reads the rest of an escape sequence. A lone Escape is told from one
// by what is already there to be read: a key's sequence arrives at once.
func (e *Editor) readEscape() (key, error) {
	p := []unix.PollFd{{Fd: int32(e.In), Events: unix.POLLIN}}
	if n, _ := unix.Poll(p, 50); n == 0 {
		return keyEscape, nil
	}
	c, err := e.readByte()
	if err != nil {
		return 0, err
	}
	if c != '[' && c != 'O' {
		return alt(rune(c)), nil
	}
	param := 0
	for {
		if c, err = e.readByte(); err != nil {
			return 0, err
		}
		if c >= '0' && c <= '9' {
			param = param*10 + int(c-'0')
			continue
		}
		if c == ';' { // modifiers are of no interest: ESC [ 1 ; 5 C is still an arrow
			param = 0
			continue
		}
		break
	}
	switch c {
	case 'A':
		return keyUp, nil
	case 'B':
		return keyDown, nil
	case 'C':
		if param == 5 || param == 3 {
			return alt('f'), nil
		}
		return keyRight, nil
	case 'D':
		if param == 5 || param == 3 {
			return alt('b'), nil
		}
		return keyLeft, nil
	case 'H':
		return keyHome, nil
	case 'F':
		return keyEnd, nil
	case '~':
		switch param {
		case 1, 7:
			return keyHome, nil
		case 4, 8:
			return keyEnd, nil
		case 3:
			return keyDelete, nil
		}
	}
	return keyOther, nil
}

// readByte reads a single byte: what is typed ahead belongs to the program that
// the line will start.
func (e *Editor) readByte() (byte, error) {
	var b [1]byte
	for {
		n, err := unix.Read(e.In, b[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.EOF
		}
		return b[0], nil
	}
}
