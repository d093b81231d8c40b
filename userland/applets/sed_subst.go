package applets

import (
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// substitute does s/re/text/flags.
func (r *sedRun) substitute(c *sedCmd) bool {
	re := r.regexp(c.re)
	matches := re.FindAllStringSubmatchIndex(r.space, -1)
	var b strings.Builder
	pos, done := 0, false
	for i, m := range matches {
		if i+1 < c.nth || i+1 > max(c.nth, 1) && !c.global {
			continue
		}
		b.WriteString(r.space[pos:m[0]])
		sedReplace(&b, c.text, r.space, m)
		pos = m[1]
		done = true
	}
	if !done {
		return false
	}
	b.WriteString(r.space[pos:])
	r.space = b.String()
	if c.print {
		r.print(r.space, true)
	}
	if c.hasOut {
		c.out.WriteString(r.space + "\n")
	}
	return true
}

// sedReplace expands &, \1 .. \9 and the case switches \U \L \u \l \E.
func sedReplace(b *strings.Builder, text, s string, m []int) {
	mode, once := byte('E'), byte(0)
	emit := func(t string) {
		switch mode {
		case 'U':
			t = strings.ToUpper(t)
		case 'L':
			t = strings.ToLower(t)
		}
		if once != 0 && t != "" {
			if once == 'u' {
				t = strings.ToUpper(t[:1]) + t[1:]
			} else {
				t = strings.ToLower(t[:1]) + t[1:]
			}
			once = 0
		}
		b.WriteString(t)
	}
	group := func(n int) {
		if 2*n+1 < len(m) && m[2*n] >= 0 {
			emit(s[m[2*n]:m[2*n+1]])
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '&':
			group(0)
		case c == '\\' && i+1 < len(text):
			i++
			switch d := text[i]; {
			case d >= '0' && d <= '9':
				group(int(d - '0'))
			case d == 'n':
				emit("\n")
			case d == 't':
				emit("\t")
			case strings.IndexByte("ULE", d) >= 0:
				mode = d
			case d == 'u' || d == 'l':
				once = d
			default:
				emit(string(d))
			}
		default:
			emit(text[i : i+1])
		}
	}
}

// visibleLine shows a line as the command l does.
func visibleLine(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c < 32 || c > 126:
			b.WriteString(`\` + string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// openSedFile opens the target of w.
func openSedFile(name, path string) box.FD {
	switch path {
	case "/dev/stdout":
		return box.Stdout
	case "/dev/stderr":
		return box.Stderr
	}
	fd, err := box.OpenFile(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o666)
	if err != nil {
		box.Die(name, path, err)
	}
	return fd
}
