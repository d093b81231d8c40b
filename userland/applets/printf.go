package applets

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/userland/box"
)

// printf - print by a format
//
// Conversions: %d %i %u %o %x %X %c %s %b %q %e %f %g %%, with flags, width and
// precision (also *). The format is used again as long as there are arguments.
func init() {
	box.Register(&box.Cmd{Name: "printf", Usage: "printf FORMAT [ARG]...", Run: printf, Builtin: true, RawHelp: true})
}

// printer is one run of printf.
type printer struct {
	name   string
	args   []string
	status int
}

func printf(args []string) int {
	if len(args) > 1 && args[1] == "--" {
		args = append(args[:1:1], args[2:]...)
	}
	if len(args) < 2 {
		box.UsageError(args[0])
	}
	p := &printer{name: args[0], args: args[2:]}
	for {
		before := len(p.args)
		if p.format(args[1]) || len(p.args) == 0 || len(p.args) == before {
			return p.status
		}
	}
}

// format prints the format once; stop tells that \c has ended the output.
func (p *printer) format(f string) (stop bool) {
	for f != "" {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			i = len(f)
		}
		if i > 0 {
			s, stop := unescape(f[:i], false)
			box.Out.WriteString(s)
			if stop {
				return true
			}
			f = f[i:]
			continue
		}
		n := 1
		for n < len(f) && strings.IndexByte("-+ #0123456789.*", f[n]) >= 0 {
			n++
		}
		for n < len(f) && strings.IndexByte("hlLqjzt", f[n]) >= 0 && !(f[n] == 'q' && n+1 == len(f)) && f[n] != 'q' {
			n++ // length modifiers mean nothing here
		}
		if n == len(f) {
			box.Warn(p.name, f+": missing conversion", nil)
			p.status = 1
			return true
		}
		if p.convert(strings.TrimRight(f[:n], "hlLjzt"), f[n]) {
			return true
		}
		f = f[n+1:]
	}
	return false
}

// convert prints one conversion.
func (p *printer) convert(spec string, verb byte) (stop bool) {
	for strings.Contains(spec, "*") {
		spec = strings.Replace(spec, "*", strconv.FormatInt(p.integer(), 10), 1)
	}
	switch verb {
	case '%':
		box.Out.WriteByte('%')
	case 'c':
		if s := p.next(); s != "" {
			fmt.Fprintf(box.Out, spec+"s", s[:1])
		} else {
			fmt.Fprintf(box.Out, spec+"s", "")
		}
	case 's':
		fmt.Fprintf(box.Out, spec+"s", p.next())
	case 'q':
		fmt.Fprintf(box.Out, spec+"s", "'"+strings.ReplaceAll(p.next(), "'", `'\''`)+"'")
	case 'b':
		s, stop := unescape(p.next(), true)
		fmt.Fprintf(box.Out, spec+"s", s)
		return stop
	case 'd', 'i':
		fmt.Fprintf(box.Out, spec+"d", p.integer())
	case 'u':
		fmt.Fprintf(box.Out, spec+"d", uint64(p.integer()))
	case 'o', 'x', 'X':
		fmt.Fprintf(box.Out, spec+string(verb), uint64(p.integer()))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		s := p.next()
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && s != "" {
			p.wrong(s)
		}
		fmt.Fprintf(box.Out, spec+string(verb), v)
	default:
		box.Warn(p.name, "%"+string(verb)+": invalid directive", nil)
		p.status = 1
		return true
	}
	return false
}

func (p *printer) next() string {
	if len(p.args) == 0 {
		return ""
	}
	s := p.args[0]
	p.args = p.args[1:]
	return s
}

// integer reads a number in C notation, or 'c for the code of a character.
func (p *printer) integer() int64 {
	s := p.next()
	if len(s) > 1 && (s[0] == '\'' || s[0] == '"') {
		return int64([]rune(s[1:])[0])
	}
	if s == "" {
		return 0
	}
	t := strings.TrimSpace(s)
	n, err := strconv.ParseInt(t, 0, 64)
	if err != nil {
		if u, uerr := strconv.ParseUint(t, 0, 64); uerr == nil {
			return int64(u)
		}
		p.wrong(s)
		for len(t) > 0 { // print the part that is a number
			t = t[:len(t)-1]
			if n, err := strconv.ParseInt(t, 0, 64); err == nil {
				return n
			}
		}
	}
	return n
}

func (p *printer) wrong(s string) {
	box.Warn(p.name, s+": expected numeric value", nil)
	p.status = 1
}
