package lineedit

import (
	"errors"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInterrupt is returned when ^C was typed.
var ErrInterrupt = errors.New("interrupted")

// Editor edits lines of one terminal.
type Editor struct {
	In, Out  int      // descriptors of the terminal
	History  []string // older lines, the last one is the youngest
	Complete func(line string) (start int, words []string)

	prompt  string
	buf     []rune
	pos     int    // of the cursor in buf
	killed  []rune // for ^Y
	histPos int    // len(History): the line being typed
	typed   string // that line, while an older one is shown
	row     int    // of the cursor on the screen, counted from the prompt's row
	tabs    int    // how often Tab was hit in a row
}

// ReadLine shows the prompt and returns the line without its newline. At end of
// file (^D in an empty line) it returns io.EOF.
func (e *Editor) ReadLine(prompt string) (string, error) {
	old, err := unix.IoctlGetTermios(e.In, unix.TCGETS)
	if err != nil {
		return "", err
	}
	raw := *old
	raw.Iflag &^= unix.ICRNL | unix.INLCR | unix.IXON | unix.ISTRIP | unix.BRKINT
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	raw.Oflag |= unix.OPOST | unix.ONLCR
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(e.In, unix.TCSETSW, &raw); err != nil {
		return "", err
	}
	defer unix.IoctlSetTermios(e.In, unix.TCSETSW, old)

	// Only the last line of a prompt is redrawn.
	if i := strings.LastIndexByte(prompt, '\n'); i >= 0 {
		e.write(prompt[:i+1])
		prompt = prompt[i+1:]
	}
	e.prompt, e.buf, e.pos, e.row, e.tabs = prompt, nil, 0, 0, 0
	e.histPos, e.typed = len(e.History), ""
	e.write(prompt)
	if w := textWidth(prompt); w > 0 {
		e.row = (w - 1) / e.width()
	}
	for {
		k, err := e.readKey()
		if err != nil {
			return "", err
		}
		if done, err := e.key(k); done || err != nil {
			return string(e.buf), err
		}
	}
}

// key handles one key. done: the line is finished.
func (e *Editor) key(k key) (done bool, err error) {
	if k != ctrl('I') {
		e.tabs = 0
	}
	switch k {
	case '\r', '\n':
		e.toEnd()
		e.write("\n")
		return true, nil
	case ctrl('C'):
		e.toEnd()
		e.write("^C\n")
		return true, ErrInterrupt
	case ctrl('D'):
		if len(e.buf) == 0 {
			return true, io.EOF
		}
		e.remove(e.pos, e.pos+1, false)
	case keyDelete:
		e.remove(e.pos, e.pos+1, false)
	case ctrl('H'), 0x7f:
		e.remove(e.pos-1, e.pos, false)
	case ctrl('A'), keyHome:
		e.pos = 0
	case ctrl('E'), keyEnd:
		e.pos = len(e.buf)
	case ctrl('B'), keyLeft:
		e.pos = max(0, e.pos-1)
	case ctrl('F'), keyRight:
		e.pos = min(len(e.buf), e.pos+1)
	case alt('b'):
		e.pos = e.wordLeft()
	case alt('f'):
		e.pos = e.wordRight()
	case ctrl('K'):
		e.remove(e.pos, len(e.buf), true)
	case ctrl('U'):
		e.remove(0, e.pos, true)
	case ctrl('W'):
		e.remove(e.blankLeft(), e.pos, true)
	case alt(0x7f):
		e.remove(e.wordLeft(), e.pos, true)
	case alt('d'):
		e.remove(e.pos, e.wordRight(), true)
	case ctrl('Y'):
		e.insert(e.killed)
	case ctrl('T'):
		if e.pos > 0 && len(e.buf) > 1 {
			p := min(e.pos, len(e.buf)-1)
			e.buf[p-1], e.buf[p] = e.buf[p], e.buf[p-1]
			e.pos = p + 1
		}
	case ctrl('L'):
		e.write("\x1b[H\x1b[2J")
		e.row = 0
	case ctrl('P'), keyUp:
		e.browse(-1)
	case ctrl('N'), keyDown:
		e.browse(1)
	case ctrl('R'):
		return e.search()
	case ctrl('I'):
		e.complete()
	default:
		if k < ' ' || k >= keyFirst {
			return false, nil // a key without meaning
		}
		e.insert([]rune{rune(k)})
		if e.pos == len(e.buf) && (textWidth(e.prompt)+textWidth(visible(e.buf)))%e.width() > 1 {
			e.write(string(rune(k))) // the usual case, typing at the end: no need to draw everything
			return false, nil
		}
	}
	e.refresh()
	return false, nil
}

// toEnd moves the cursor behind the line, before something is printed below it.
func (e *Editor) toEnd() {
	if e.pos != len(e.buf) {
		e.pos = len(e.buf)
		e.refresh()
	}
}

func (e *Editor) insert(r []rune) {
	e.buf = append(e.buf[:e.pos:e.pos], append(append([]rune(nil), r...), e.buf[e.pos:]...)...)
	e.pos += len(r)
}

// remove deletes from..to; with kill, ^Y brings it back.
func (e *Editor) remove(from, to int, kill bool) {
	from, to = max(from, 0), min(to, len(e.buf))
	if from >= to {
		return
	}
	if kill {
		e.killed = append([]rune(nil), e.buf[from:to]...)
	}
	e.buf = append(e.buf[:from:from], e.buf[to:]...)
	e.pos = from
}

// wordLeft, wordRight and blankLeft find the ends of words around the cursor.
func (e *Editor) wordLeft() int {
	p := e.pos
	for p > 0 && !isWord(e.buf[p-1]) {
		p--
	}
	for p > 0 && isWord(e.buf[p-1]) {
		p--
	}
	return p
}

func (e *Editor) wordRight() int {
	p := e.pos
	for p < len(e.buf) && !isWord(e.buf[p]) {
		p++
	}
	for p < len(e.buf) && isWord(e.buf[p]) {
		p++
	}
	return p
}

func (e *Editor) blankLeft() int {
	p := e.pos
	for p > 0 && e.buf[p-1] == ' ' {
		p--
	}
	for p > 0 && e.buf[p-1] != ' ' {
		p--
	}
	return p
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r > 127
}

// browse shows an older (-1) or younger (+1) line.
func (e *Editor) browse(step int) {
	to := e.histPos + step
	if to < 0 || to > len(e.History) {
		return
	}
	if e.histPos == len(e.History) {
		e.typed = string(e.buf)
	}
	e.histPos = to
	line := e.typed
	if to < len(e.History) {
		line = e.History[to]
	}
	e.buf = []rune(line)
	e.pos = len(e.buf)
}

// search is ^R: each key narrows the search backwards through the history.
func (e *Editor) search() (done bool, err error) {
	saved, savedPos := e.buf, e.pos
	query := ""
	at := len(e.History)
	find := func(from int) {
		for i := from; i >= 0; i-- {
			if strings.Contains(e.History[i], query) {
				at = i
				e.buf = []rune(e.History[i])
				e.pos = len([]rune(e.History[i][:strings.Index(e.History[i], query)]))
				return
			}
		}
	}
	prompt := e.prompt
	defer func() { e.prompt = prompt }()
	for {
		e.prompt = "(reverse-i-search)'" + query + "': "
		e.refresh()
		k, err := e.readKey()
		if err != nil {
			return true, err
		}
		switch {
		case k == ctrl('R'):
			find(at - 1)
		case k == ctrl('H') || k == 0x7f:
			if r := []rune(query); len(r) > 0 {
				query = string(r[:len(r)-1])
				find(len(e.History) - 1)
			}
		case k == ctrl('G') || k == ctrl('C'):
			e.buf, e.pos = saved, savedPos
			e.prompt = prompt
			e.refresh()
			return false, nil
		case k >= ' ' && k < keyFirst:
			query += string(rune(k))
			find(min(at, len(e.History)-1))
		default:
			e.prompt = prompt
			e.histPos = min(at, len(e.History))
			e.refresh()
			if k == keyEscape {
				return false, nil
			}
			return e.key(k) // the key that ends the search has its usual meaning
		}
	}
}
