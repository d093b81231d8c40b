package applets

import (
	"regexp"
	"strconv"
	"strings"

	"vitrine/userland/box"
)

// sedParser turns a script into commands.
type sedParser struct {
	name     string
	s        string
	extended bool
	quiet    bool // "#n" in the first line
	cmds     []*sedCmd
}

func (p *sedParser) bad(msg string) {
	box.Die(p.name, "bad script: "+msg, nil)
}

func (p *sedParser) parse() []*sedCmd {
	if strings.HasPrefix(p.s, "#n\n") || p.s == "#n" {
		p.quiet = true
	}
	var open []int
	labels := map[string]int{}
	for {
		p.s = strings.TrimLeft(p.s, " \t\n;")
		if p.s == "" {
			break
		}
		if p.s[0] == '#' {
			_, p.s, _ = strings.Cut(p.s, "\n")
			continue
		}
		c := &sedCmd{}
		p.address(&c.a1)
		if c.a1.kind != 0 && strings.HasPrefix(p.blanks(), ",") {
			p.s = strings.TrimLeft(p.s[1:], " \t")
			p.address(&c.a2)
			if c.a2.kind == 0 {
				p.bad("unexpected ','")
			}
		}
		for strings.HasPrefix(p.blanks(), "!") {
			c.not = true
			p.s = p.s[1:]
		}
		if p.s == "" {
			p.bad("missing command")
		}
		c.verb = p.s[0]
		p.s = p.s[1:]
		at := len(p.cmds)
		p.cmds = append(p.cmds, c)
		switch c.verb {
		case '{':
			open = append(open, at)
		case '}':
			if len(open) == 0 {
				p.bad("unexpected '}'")
			}
			p.cmds[open[len(open)-1]].target = at
			open = open[:len(open)-1]
		case ':':
			c.text = p.word()
			labels[c.text] = at
		default:
			p.command(c)
		}
	}
	if len(open) > 0 {
		p.bad("unmatched '{'")
	}
	for _, c := range p.cmds {
		if c.verb == 'b' || c.verb == 't' || c.verb == 'T' {
			c.target = len(p.cmds)
			if c.text != "" {
				at, ok := labels[c.text]
				if !ok {
					p.bad("can't find label '" + c.text + "'")
				}
				c.target = at
			}
		}
	}
	return p.cmds
}

func (p *sedParser) blanks() string {
	p.s = strings.TrimLeft(p.s, " \t")
	return p.s
}

// word takes up to the end of the command.
func (p *sedParser) word() string {
	i := strings.IndexAny(p.s, ";\n}")
	if i < 0 {
		i = len(p.s)
	}
	w := strings.TrimSpace(p.s[:i])
	p.s = p.s[i:]
	return w
}

// line takes up to the end of the line: file names may hold anything.
func (p *sedParser) line() string {
	l, rest, _ := strings.Cut(p.s, "\n")
	p.s = rest
	return strings.TrimLeft(l, " \t")
}

func (p *sedParser) number() int {
	i := 0
	for i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
		i++
	}
	n, _ := strconv.Atoi(p.s[:i])
	p.s = p.s[i:]
	return n
}

func (p *sedParser) address(a *sedAddr) {
	if p.s == "" {
		return
	}
	switch c := p.s[0]; {
	case c >= '0' && c <= '9':
		a.kind, a.n = 'n', p.number()
		if strings.HasPrefix(p.s, "~") {
			p.s = p.s[1:]
			a.kind, a.step = '~', p.number()
		}
	case c == '$':
		a.kind = '$'
		p.s = p.s[1:]
	case c == '+':
		p.s = p.s[1:]
		a.kind, a.n = '+', p.number()
	case c == '/' || c == '\\' && len(p.s) > 1:
		if c == '\\' {
			p.s = p.s[1:]
		}
		delim := p.s[0]
		p.s = p.s[1:]
		text := p.delimited(delim, true)
		fold := false
		if strings.HasPrefix(p.s, "I") {
			fold = true
			p.s = p.s[1:]
		}
		a.kind, a.re = '/', p.compile(text, fold)
	}
}

// delimited takes text up to the delimiter. An escaped delimiter stands for itself.
func (p *sedParser) delimited(delim byte, isRE bool) string {
	var b strings.Builder
	for i := 0; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == delim:
			p.s = p.s[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.s):
			i++
			switch {
			case p.s[i] == delim:
				if isRE && strings.IndexByte(`.*[]^$+?(){}|`, delim) >= 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(delim)
			default:
				b.WriteString(p.s[i-1 : i+1])
			}
		case c == '[' && isRE: // the delimiter does not count inside brackets
			n := bracketLen(p.s[i:])
			if i+n >= len(p.s) {
				n = 1
			}
			b.WriteString(p.s[i : i+n])
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	p.bad("missing '" + string(delim) + "'")
	return ""
}

// compile returns nil for the empty expression, which means the last one used.
func (p *sedParser) compile(text string, fold bool) *regexp.Regexp {
	if text == "" {
		return nil
	}
	re, err := compileRegexp(text, p.extended, fold)
	if err != nil {
		p.bad(err.Error())
	}
	return re
}

func (p *sedParser) command(c *sedCmd) {
	switch c.verb {
	case 's':
		p.substitute(c)
	case 'y':
		delim := p.s[0]
		p.s = p.s[1:]
		from, _ := unescape(p.delimited(delim, false), false)
		to, _ := unescape(p.delimited(delim, false), false)
		f, t := []rune(from), []rune(to)
		if len(f) != len(t) {
			p.bad("y needs two texts of the same length")
		}
		c.table = map[rune]rune{}
		for i := range f {
			c.table[f[i]] = t[i]
		}
	case 'a', 'i', 'c':
		c.text = p.textArg()
	case 'b', 't', 'T':
		c.text = p.word()
	case 'r':
		c.text = p.line()
	case 'w':
		c.out = openSedFile(p.name, p.line())
	case 'q', 'Q':
		p.blanks()
		c.nth = p.number()
	case 'd', 'D', 'p', 'P', 'n', 'N', 'g', 'G', 'h', 'H', 'x', '=', 'l':
	default:
		p.bad("unknown command '" + string(c.verb) + "'")
	}
	if rest := p.blanks(); rest != "" && strings.IndexByte(";\n}#", rest[0]) < 0 && strings.IndexByte("aicrwsy", c.verb) < 0 {
		p.bad("extra characters after command '" + string(c.verb) + "'")
	}
}

// textArg takes the text of a, i and c: "a text" or "a\" and the following lines.
func (p *sedParser) textArg() string {
	p.blanks()
	if strings.HasPrefix(p.s, "\\\n") {
		p.s = p.s[2:]
	} else if strings.HasPrefix(p.s, "\\") {
		p.s = p.s[1:]
	}
	var b strings.Builder
	for i := 0; i <= len(p.s); i++ {
		if i == len(p.s) || p.s[i] == '\n' {
			p.s = p.s[min(i+1, len(p.s)):]
			break
		}
		if p.s[i] == '\\' && i+1 < len(p.s) { // also a newline that belongs to the text
			i++
		}
		b.WriteByte(p.s[i])
	}
	return b.String()
}

func (p *sedParser) substitute(c *sedCmd) {
	if p.s == "" {
		p.bad("unterminated s")
	}
	delim := p.s[0]
	p.s = p.s[1:]
	text := p.delimited(delim, true)
	c.text = p.delimited(delim, false)
	fold := false
	for p.s != "" {
		switch f := p.s[0]; {
		case f == 'g':
			c.global = true
		case f == 'p':
			c.print = true
		case f == 'i' || f == 'I':
			fold = true
		case f >= '1' && f <= '9':
			c.nth = p.number()
			continue
		case f == 'w':
			p.s = p.s[1:]
			c.out, c.hasOut = openSedFile(p.name, p.line()), true
			c.re = p.compile(text, fold)
			return
		case strings.IndexByte(" \t;\n}#", f) >= 0:
			c.re = p.compile(text, fold)
			return
		default:
			p.bad("unknown option to s")
		}
		p.s = p.s[1:]
	}
	c.re = p.compile(text, fold)
}

func itoa(n int) string { return strconv.Itoa(n) }
