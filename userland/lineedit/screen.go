package lineedit

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// refresh draws prompt and line anew and puts the cursor where it belongs. The
// line may be longer than the screen is wide; e.row says how far below the
// prompt's row the cursor has been left.
func (e *Editor) refresh() {
	cols := e.width()
	var b strings.Builder
	if e.row > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(e.row) + "A")
	}
	b.WriteString("\r\x1b[J") // clear from here to the end of the screen
	b.WriteString(e.prompt)
	text := visible(e.buf)
	b.WriteString(text)
	end := textWidth(e.prompt) + textWidth(text)
	if end > 0 && end%cols == 0 {
		b.WriteString("\n") // a full row: the terminal itself waits with the wrap
	}
	cur := textWidth(e.prompt) + textWidth(visible(e.buf[:e.pos]))
	if cur != end {
		if up := end/cols - cur/cols; up > 0 {
			b.WriteString("\x1b[" + strconv.Itoa(up) + "A")
		}
		b.WriteByte('\r')
		if c := cur % cols; c > 0 {
			b.WriteString("\x1b[" + strconv.Itoa(c) + "C")
		}
	}
	e.row = cur / cols
	e.write(b.String())
}

func (e *Editor) write(s string) {
	p := []byte(s)
	for len(p) > 0 {
		n, err := unix.Write(e.Out, p)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		p = p[n:]
	}
}

func (e *Editor) width() int {
	ws, err := unix.IoctlGetWinsize(e.Out, unix.TIOCGWINSZ)
	if err != nil || ws.Col < 10 {
		return 80
	}
	return int(ws.Col)
}

// visible writes control characters as ^X and newlines of an older command as
// they would be typed.
func visible(r []rune) string {
	var b strings.Builder
	for _, c := range r {
		if c < ' ' || c == 0x7f {
			b.WriteByte('^')
			b.WriteRune(c ^ 0x40)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// textWidth counts columns: escape sequences take none, wide characters two.
func textWidth(s string) int {
	n := 0
	esc := false
	for _, r := range s {
		switch {
		case esc:
			esc = !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
		case r == 0x1b:
			esc = true
		case unicode.Is(unicode.Mn, r):
		case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
			r >= 0xf900 && r <= 0xfaff || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000):
			n += 2
		default:
			n++
		}
	}
	return n
}

// complete is Tab: insert what all proposals have in common; a second Tab lists them.
func (e *Editor) complete() {
	if e.Complete == nil {
		return
	}
	e.tabs++
	line := string(e.buf[:e.pos])
	start, words := e.Complete(line)
	if len(words) == 0 {
		e.write("\a")
		return
	}
	common := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, common) {
			common = common[:len(common)-1]
		}
	}
	for common != "" && !strings.HasPrefix(words[0][len(common):], "") {
		common = common[:len(common)-1]
	}
	if len(words) > 1 {
		common = strings.TrimRight(common, " ")
	}
	if rest := strings.TrimPrefix(common, line[start:]); len(common) > len(line)-start {
		e.insert([]rune(rest))
		if len(words) > 1 {
			e.tabs = 0
		}
		return
	}
	if e.tabs < 2 {
		e.write("\a")
		return
	}
	e.list(words)
}

// list shows the proposals below the line, which is then drawn again.
func (e *Editor) list(words []string) {
	wide := 0
	names := make([]string, len(words))
	for i, w := range words {
		w = strings.TrimSuffix(w, " ")
		if k := strings.LastIndexByte(strings.TrimSuffix(w, "/"), '/'); k >= 0 {
			w = w[k+1:]
		}
		names[i] = w
		wide = max(wide, textWidth(w)+2)
	}
	per := max(1, e.width()/wide)
	rows := (len(names) + per - 1) / per
	pos := e.pos
	e.pos = len(e.buf)
	e.refresh()
	e.pos = pos
	var b strings.Builder
	for r := 0; r < rows; r++ {
		b.WriteByte('\n')
		for i := r; i < len(names); i += rows {
			b.WriteString(names[i])
			if i+rows < len(names) {
				b.WriteString(strings.Repeat(" ", wide-textWidth(names[i])))
			}
		}
	}
	b.WriteByte('\n')
	e.write(b.String())
	e.row = 0
}
