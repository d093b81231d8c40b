package applets

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// less - look at text page by page
//
//	space f ^F page down, b ^B page up, arrows j k Enter a line, d u half a page,
//	g G < > beginning and end, NUMBER g line, /TEXT ?TEXT search, n N again, h help, q quit
//	-N  line numbers   -S  cut long lines   -F  quit when it all fits   -R  let colours pass
func init() {
	box.Register(&box.Cmd{Name: "less", Usage: "less [-NSFRiX] [FILE]...", Run: less})
	box.Register(&box.Cmd{Name: "more", Usage: "more [FILE]...", Run: less})
}

// pager is one run of less.
type pager struct {
	title      string
	text       []string // the lines of the file
	lines      []string // the same folded to the width of the screen
	width      int      // for which lines was made
	top        int      // first line on the screen
	rows, cols int
	chop, nums bool
	colours    bool
	tty        box.FD
	search     *regexp.Regexp
	back       bool
	message    string
}

func less(args []string) int {
	o, files := box.Parse(args, "NSFRiXeM", "")
	if !isatty(1) { // into a pipe it is cat
		return box.EachFile(args[0], files, func(_ string, fd box.FD) error {
			_, err := box.Copy(box.Stdout, fd)
			return err
		})
	}
	if len(files) == 0 && isatty(0) {
		box.UsageError(args[0])
	}
	var b strings.Builder
	status := box.EachFile(args[0], files, func(_ string, fd box.FD) error {
		_, err := box.Copy(&b, fd)
		return err
	})
	if status != 0 && b.Len() == 0 {
		return status
	}
	p := &pager{title: strings.Join(files, " "), chop: o.Has('S'), nums: o.Has('N'), colours: o.Has('R')}
	p.text = strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	p.layout()
	if o.Has('F') && len(p.lines) < p.rows {
		box.Out.WriteString(b.String())
		return status
	}
	// Standard input may be the text; keys come from the terminal itself.
	var err error
	if p.tty, err = box.OpenFile("/dev/tty", unix.O_RDWR, 0); err != nil {
		p.tty = box.Stdout
	}
	restore, err := rawMode(int(p.tty))
	if err != nil {
		return box.Fail(args[0], "terminal", err)
	}
	defer restore()
	p.loop()
	box.Out.WriteString("\r\x1b[K")
	return status
}

// layout folds the lines when the width of the screen has changed.
func (p *pager) layout() {
	p.rows, p.cols = winsize(1)
	p.rows--
	if p.width == p.cols {
		return
	}
	p.width = p.cols
	p.lines = nil
	for i, l := range p.text {
		l = p.clean(l)
		if p.nums {
			l = fmt.Sprintf("%6d  %s", i+1, l)
		}
		r := []rune(l)
		for len(r) > p.cols && !(p.colours && strings.Contains(l, "\x1b")) {
			p.lines = append(p.lines, string(r[:p.cols]))
			if r = r[p.cols:]; p.chop {
				r = nil
				break
			}
		}
		if r != nil {
			p.lines = append(p.lines, string(r))
		}
	}
}

// clean expands tabs and makes control characters visible.
func (p *pager) clean(l string) string {
	var b strings.Builder
	col := 0
	for _, r := range l {
		switch {
		case r == '\t':
			n := 8 - col%8
			b.WriteString(strings.Repeat(" ", n))
			col += n
			continue
		case r == '\r':
			continue
		case r < ' ' && !(r == 0x1b && p.colours):
			b.WriteString("^" + string(r+64))
			col++
		default:
			b.WriteRune(r)
		}
		col++
	}
	return b.String()
}

func (p *pager) draw() {
	p.layout()
	p.top = max(0, min(p.top, len(p.lines)-p.rows))
	box.Out.WriteString("\x1b[H")
	for i := 0; i < p.rows; i++ {
		if n := p.top + i; n < len(p.lines) {
			l := p.lines[n]
			if p.search != nil {
				l = p.search.ReplaceAllStringFunc(l, func(m string) string { return "\x1b[7m" + m + "\x1b[27m" })
			}
			box.Out.WriteString(l)
		} else {
			box.Out.WriteString("~")
		}
		box.Out.WriteString("\x1b[m\x1b[K\n")
	}
	msg := p.message
	if msg == "" {
		end := min(p.top+p.rows, len(p.lines))
		msg = fmt.Sprintf("%s lines %d-%d/%d", p.title, p.top+1, end, len(p.lines))
		if end == len(p.lines) {
			msg += " (END)"
		}
	}
	p.message = ""
	box.Out.WriteString("\x1b[7m" + strings.TrimSpace(msg) + "\x1b[m\x1b[K")
	box.Out.Flush()
}

func (p *pager) key() byte {
	var b [1]byte
	if n, err := p.tty.Read(b[:]); n == 0 || err != nil {
		return 'q'
	}
	if b[0] != 0x1b {
		return b[0]
	}
	// Arrows and pages send ESC [ A and the like.
	if p.raw() != '[' {
		return 0
	}
	switch c := p.raw(); c {
	case 'A':
		return 'k'
	case 'B':
		return 'j'
	case 'H':
		return 'g'
	case 'F':
		return 'G'
	case '5', '6':
		p.raw()
		return map[byte]byte{'5': 'b', '6': 'f'}[c]
	}
	return 0
}

func (p *pager) raw() byte {
	var b [1]byte
	p.tty.Read(b[:])
	return b[0]
}

func (p *pager) loop() {
	count := 0
	for {
		p.draw()
		k := p.key()
		if k >= '0' && k <= '9' {
			count = count*10 + int(k-'0')
			p.message = ":" + itoa(count)
			continue
		}
		switch n := max(count, 1); k {
		case 'q', 'Q', 3:
			return
		case ' ', 'f', 'F' & 0x1f, 'V' & 0x1f:
			p.top += p.rows
		case 'b', 'B' & 0x1f:
			p.top -= p.rows
		case 'j', '\n', '\r', 'e':
			p.top += n
		case 'k', 'y':
			p.top -= n
		case 'd', 'D' & 0x1f:
			p.top += p.rows / 2
		case 'u', 'U' & 0x1f:
			p.top -= p.rows / 2
		case 'g', '<':
			p.top = n - 1
		case 'G', '>':
			if p.top = len(p.lines); count > 0 {
				p.top = count - 1
			}
		case '/', '?':
			p.ask(k)
		case 'n':
			p.find(p.back)
		case 'N':
			p.find(!p.back)
		case 'L' & 0x1f, 'r':
			p.width = 0
		case 'h', 'H':
			p.message = "space/b page, j/k line, g/G ends, /text search, n next, q quit"
		}
		count = 0
	}
}

// ask reads a pattern in the last row and searches it.
func (p *pager) ask(k byte) {
	text := ""
	for {
		box.Out.WriteString("\r\x1b[K" + string(k) + text)
		box.Out.Flush()
		switch c := p.raw(); {
		case c == '\n' || c == '\r':
			if text != "" {
				re, err := compileRegexp(text, true, false)
				if err != nil {
					p.message = "bad pattern"
					return
				}
				p.search = re
			}
			p.back = k == '?'
			p.find(p.back)
			return
		case c == 0x7f || c == 8:
			if text == "" {
				return
			}
			text = text[:len(text)-1]
		case c == 0x1b || c == 3 || c == 0:
			return
		default:
			text += string(c)
		}
	}
}

func (p *pager) find(back bool) {
	if p.search == nil {
		p.message = "no search text"
		return
	}
	step := 1
	if back {
		step = -1
	}
	for i := p.top + step; i >= 0 && i < len(p.lines); i += step {
		if p.search.MatchString(p.lines[i]) {
			p.top = i
			return
		}
	}
	p.message = "text not found"
}
