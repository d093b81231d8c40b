package applets

import (
	"bufio"
	"io"
	"regexp"
	"strings"

	"vitrine/userland/box"
)

// sed - edit a stream of lines
//
//	-n  print only by p   -e SCRIPT  -f FILE   -E -r  extended expressions   -i  edit files in place
//	-s  files separately
//	Addresses: N  $  /RE/  \cREc  A,B  A,+N  N~STEP  !
//	Commands: s///[gpiN w]  y///  d D p P n N g G h H x  a i c TEXT  = l q Q  b t T :LABEL  r w FILE  { }
//
// sed_parse.go makes a list of commands of the script; this file executes it.
func init() {
	box.Register(&box.Cmd{Name: "sed", Usage: "sed [-nErsi] [-e SCRIPT] [-f FILE] [SCRIPT] [FILE]...", Run: sed})
}

// sedAddr is one address; kind 0: none.
type sedAddr struct {
	kind byte // 'n' line number, '$' last line, '/' expression, '+' so many lines on, '~' step
	n    int
	step int
	re   *regexp.Regexp // nil: the expression used last
}

// sedCmd is a command. Blocks are flat: '{' jumps behind its '}' when not selected.
type sedCmd struct {
	a1, a2  sedAddr
	not     bool
	verb    byte
	text    string // of a i c, label, file name, or replacement of s
	re      *regexp.Regexp
	emptyRE bool
	global  bool
	print   bool
	nth     int
	out     box.FD // of w
	hasOut  bool
	table   map[rune]rune // of y
	target  int           // of b t T {

	active bool // inside the range a1,a2
	end    int  // its last line, when that is a number
}

// sedRun is the machine: pattern space, hold space, input.
type sedRun struct {
	name     string
	cmds     []*sedCmd
	quiet    bool
	in       *bufio.Reader
	fd       box.FD
	files    []string
	separate bool
	next     *string // the line read ahead, to know whether this is the last
	nextFull bool
	out      io.Writer
	line     int
	space    string
	full     bool // the line had its newline
	hold     string
	after    []string // text of a and r, printed at the end of the cycle
	lastRE   *regexp.Regexp
	status   int
	quit     bool
}

func sed(args []string) int {
	o, rest := box.Parse(args, "nEre:f:i,sz", "quiet=n silent=n regexp-extended=E expression=e file=f in-place=i separate=s")
	var script []string
	script = append(script, o.Values('e')...)
	for _, f := range o.Values('f') {
		data, err := box.ReadFile(f)
		if err != nil {
			return box.Fail(args[0], f, err)
		}
		script = append(script, strings.TrimSuffix(string(data), "\n"))
	}
	if !o.Has('e') && !o.Has('f') {
		if len(rest) == 0 {
			box.UsageError(args[0])
		}
		script = rest[:1]
		rest = rest[1:]
	}
	p := &sedParser{name: args[0], s: strings.Join(script, "\n"), extended: o.Has('E') || o.Has('r')}
	cmds := p.parse()
	if len(rest) == 0 {
		rest = []string{"-"}
	}
	if !o.Has('i') && !o.Has('s') {
		r := &sedRun{name: args[0], cmds: cmds, quiet: o.Has('n') || p.quiet, files: rest, out: box.Out}
		r.run()
		return r.status
	}
	status := 0
	for _, f := range rest {
		r := &sedRun{name: args[0], cmds: cmds, quiet: o.Has('n') || p.quiet, files: []string{f}, out: box.Out}
		var b strings.Builder
		if o.Has('i') {
			r.out = &b
		}
		r.run()
		if r.status != 0 {
			status = r.status
		} else if o.Has('i') {
			st, _ := stat(f)
			if err := box.WriteFile(f, []byte(b.String()), st.Mode&0o777); err != nil {
				status = box.Fail(args[0], f, err)
			}
		}
	}
	return status
}

// readNext reads the line after the next; nil when there is none.
func (r *sedRun) readNext() {
	r.next = nil
	for {
		if r.in == nil {
			if len(r.files) == 0 {
				return
			}
			f := r.files[0]
			r.files = r.files[1:]
			fd, err := box.Open(f)
			if err != nil {
				r.status = box.Fail(r.name, "can't read "+f, err)
				continue
			}
			r.fd, r.in = fd, bufio.NewReader(fd)
		}
		s, err := r.in.ReadString('\n')
		if s == "" {
			if err != nil && err != io.EOF {
				r.status = box.Fail(r.name, "read error", err)
			}
			r.fd.Close()
			r.in = nil
			continue
		}
		r.nextFull = strings.HasSuffix(s, "\n")
		s = strings.TrimSuffix(s, "\n")
		r.next = &s
		return
	}
}

// advance takes the next line as pattern space.
func (r *sedRun) advance() bool {
	if r.next == nil {
		return false
	}
	r.space, r.full = *r.next, r.nextFull
	r.line++
	r.readNext()
	return true
}

func (r *sedRun) run() {
	r.readNext()
	for !r.quit && r.advance() {
		r.cycle()
	}
}

// cycle executes the script on the pattern space.
func (r *sedRun) cycle() {
	for again := true; again; {
		print := !r.quiet
		again, print = r.script(print)
		if print {
			r.print(r.space, r.full || r.next != nil)
		}
		for _, t := range r.after {
			io.WriteString(r.out, t)
		}
		r.after = nil
	}
}

func (r *sedRun) print(s string, newline bool) {
	io.WriteString(r.out, s)
	if newline {
		io.WriteString(r.out, "\n")
	}
}

// script runs the commands once. again: start a new cycle without reading (D).
func (r *sedRun) script(autoPrint bool) (again, print bool) {
	replaced := false
	for pc := 0; pc < len(r.cmds); pc++ {
		c := r.cmds[pc]
		if r.selected(c) == c.not {
			if c.verb == '{' {
				pc = c.target
			}
			continue
		}
		switch c.verb {
		case 's':
			if r.substitute(c) {
				replaced = true
			}
		case 'y':
			r.space = strings.Map(func(x rune) rune {
				if to, ok := c.table[x]; ok {
					return to
				}
				return x
			}, r.space)
		case 'd':
			return false, false
		case 'D':
			if i := strings.IndexByte(r.space, '\n'); i >= 0 {
				r.space = r.space[i+1:]
				return true, false
			}
			return false, false
		case 'p':
			r.print(r.space, true)
		case 'P':
			first, _, _ := strings.Cut(r.space, "\n")
			r.print(first, true)
		case 'n':
			if r.next == nil {
				return false, autoPrint
			}
			if autoPrint {
				r.print(r.space, true)
			}
			r.advance()
		case 'N':
			if r.next == nil {
				return false, autoPrint
			}
			old := r.space
			r.advance()
			r.space = old + "\n" + r.space
		case 'g':
			r.space = r.hold
		case 'G':
			r.space += "\n" + r.hold
		case 'h':
			r.hold = r.space
		case 'H':
			r.hold += "\n" + r.space
		case 'x':
			r.space, r.hold = r.hold, r.space
		case 'a':
			r.after = append(r.after, c.text+"\n")
		case 'i':
			r.print(c.text, true)
		case 'c':
			if !c.active || c.a2.kind == 0 || c.not {
				r.print(c.text, true)
			}
			return false, false
		case '=':
			r.print(itoa(r.line), true)
		case 'l':
			r.print(visibleLine(r.space)+"$", true)
		case 'q', 'Q':
			r.quit = true
			r.status = c.nth
			return false, autoPrint && c.verb == 'q'
		case 'b':
			pc = c.target
		case 't':
			if replaced {
				replaced = false
				pc = c.target
			}
		case 'T':
			if !replaced {
				pc = c.target
			}
			replaced = false
		case 'r':
			if data, err := box.ReadFile(c.text); err == nil {
				r.after = append(r.after, string(data))
			}
		case 'w':
			box.Out.Flush()
			c.out.WriteString(r.space + "\n")
		}
	}
	return false, autoPrint
}

// selected reports whether the addresses of a command choose this line.
func (r *sedRun) selected(c *sedCmd) bool {
	if c.a1.kind == 0 {
		return true
	}
	if c.a2.kind == 0 {
		return r.at(c.a1)
	}
	if c.active {
		switch c.a2.kind {
		case 'n', '+':
			if r.line >= c.end {
				c.active = false
				// A range whose end lies before its start is one line long.
				return r.line == c.end || c.a2.kind == '+'
			}
		default:
			if r.at(c.a2) {
				c.active = false
			}
		}
		return true
	}
	if !r.at(c.a1) {
		return false
	}
	switch c.a2.kind {
	case 'n':
		c.end = c.a2.n
	case '+':
		c.end = r.line + c.a2.n
	}
	c.active = c.a2.kind != 'n' && c.a2.kind != '+' || c.end > r.line
	if c.a2.kind == '$' && r.next == nil {
		c.active = false
	}
	return true
}

func (r *sedRun) at(a sedAddr) bool {
	switch a.kind {
	case 'n':
		return r.line == a.n
	case '$':
		return r.next == nil
	case '~':
		return a.step <= 0 && r.line == a.n || a.step > 0 && r.line >= a.n && (r.line-a.n)%a.step == 0
	}
	return r.regexp(a.re).MatchString(r.space)
}

// regexp returns the expression, or the last one used when it was written empty.
func (r *sedRun) regexp(re *regexp.Regexp) *regexp.Regexp {
	if re == nil {
		if r.lastRE == nil {
			box.Die(r.name, "no previous regular expression", nil)
		}
		return r.lastRE
	}
	r.lastRE = re
	return re
}
