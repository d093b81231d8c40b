package applets

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// grep - print lines that match a pattern
//
//	-i ignore case     -v lines that do not match   -n line numbers   -c count lines
//	-l names only      -L names without a match     -q only status    -s no file errors
//	-r -R recursively  -E extended  -F fixed text   -w whole words    -x whole lines
//	-o only the match  -h -H names: never, always   -e PATTERN  -f FILE  -m NUM
//	-A -B -C NUM       lines after, before, around  --color[=WHEN]
func init() {
	u := "[-ivnclLqsrREFwxohHa] [-m NUM] [-ABC NUM] [-e PATTERN] [-f FILE] [PATTERN] [FILE]..."
	box.Register(&box.Cmd{Name: "grep", Usage: "grep " + u, Run: grep})
	box.Register(&box.Cmd{Name: "egrep", Usage: "egrep " + u, Run: grep})
	box.Register(&box.Cmd{Name: "fgrep", Usage: "fgrep " + u, Run: grep})
}

type grepRun struct {
	box.Opts
	name          string
	res           []*regexp.Regexp
	names         bool // print file names
	here          bool // -r without a file: search below the current directory
	color         bool
	before, after int
	found, failed bool
}

func grep(args []string) int {
	o, rest := box.Parse(args, "ivnclLqsrREFGwxohHazm:A:B:C:e:f:y,", "ignore-case=i invert-match=v line-number=n count=c files-with-matches=l quiet=q recursive=r extended-regexp=E fixed-strings=F word-regexp=w only-matching=o color=y colour=y max-count=m after-context=A before-context=B context=C regexp=e")
	g := &grepRun{Opts: o, name: args[0]}
	patterns := o.Values('e')
	for _, f := range o.Values('f') {
		data, err := box.ReadFile(f)
		if err != nil {
			box.Warn(args[0], f, err)
			return 2
		}
		if s := strings.TrimSuffix(string(data), "\n"); s != "" || len(data) > 0 {
			patterns = append(patterns, strings.Split(s, "\n")...)
		}
	}
	if !o.Has('e') && !o.Has('f') {
		if len(rest) == 0 {
			box.UsageError(args[0])
		}
		patterns = strings.Split(rest[0], "\n")
		rest = rest[1:]
	}
	for _, p := range patterns {
		if err := g.compile(p); err != nil {
			box.Warn(args[0], p, err)
			return 2
		}
	}
	g.before, g.after = o.Int('B', o.Int('C', 0)), o.Int('A', o.Int('C', 0))
	when := o.Str('y', "auto")
	g.color = when == "always" || o.Has('y') && isatty(1) && when != "never"
	deep := o.Has('r') || o.Has('R')
	if len(rest) == 0 {
		rest = []string{"-"}
		if deep {
			rest[0] = "."
			g.here = true
		}
	}
	g.names = (len(rest) > 1 || deep || o.Has('H')) && !o.Has('h')
	for _, f := range rest {
		g.path(f, deep)
		if g.found && o.Has('q') {
			return 0
		}
	}
	switch {
	case g.failed:
		return 2
	case g.found:
		return 0
	}
	return 1
}

func (g *grepRun) compile(p string) error {
	if g.Has('F') || g.name == "fgrep" {
		p = regexp.QuoteMeta(p)
	} else if !g.Has('E') && g.name != "egrep" {
		p = basicToExtended(p)
	} else {
		p = fixBrackets(p)
	}
	switch {
	case g.Has('x'):
		p = "^(?:" + p + ")$"
	case g.Has('w'):
		p = `\b(?:` + p + `)\b`
	}
	if g.Has('i') {
		p = "(?i)" + p
	}
	re, err := regexp.Compile(p)
	if err == nil {
		re.Longest()
		g.res = append(g.res, re)
	}
	return err
}

// path greps a file, or with deep what is below a directory.
func (g *grepRun) path(f string, deep bool) {
	if f != "-" {
		st, err := stat(f)
		if err != nil {
			g.error(f, err)
			return
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			if !deep {
				g.error(f, unix.EISDIR)
				return
			}
			names, err := readDir(f)
			if err != nil {
				g.error(f, err)
			}
			for _, n := range names {
				p := join(f, n)
				if g.here { // nobody has named the directory, so it is not shown
					p = strings.TrimPrefix(p, "./")
				}
				if st, err := lstat(p); err == nil && (st.Mode&unix.S_IFMT == unix.S_IFDIR || st.Mode&unix.S_IFMT == unix.S_IFREG) {
					g.path(p, true)
				}
			}
			return
		}
	}
	fd, err := box.Open(f)
	if err != nil {
		g.error(f, err)
		return
	}
	defer fd.Close()
	if f == "-" {
		f = "(standard input)"
	}
	if err := g.file(f, fd); err != nil {
		g.error(f, err)
	}
}

func (g *grepRun) error(f string, err error) {
	g.failed = true
	if !g.Has('s') {
		box.Warn(g.name, f, err)
	}
}

func (g *grepRun) matches(line []byte) bool {
	for _, re := range g.res {
		if re.Match(line) {
			return true
		}
	}
	return false
}

// file greps one file.
func (g *grepRun) file(name string, fd box.FD) error {
	type held struct {
		n    int
		line string
	}
	var before []held
	n, count, after, lastShown, limit := 0, 0, 0, 0, g.Int('m', -1)
	quiet := g.Has('q') || g.Has('l') || g.Has('L') || g.Has('c')
	binary := false
	err := box.Lines(fd, func(line []byte, full bool) bool {
		n++
		if !binary && !g.Has('a') && strings.IndexByte(string(line), 0) >= 0 {
			binary = true
		}
		if g.matches(line) == g.Has('v') {
			if quiet {
				return true
			}
			if after > 0 {
				after--
				lastShown = n
				g.show(name, n, '-', line)
			} else if g.before > 0 {
				before = append(before, held{n, string(line)})
				if len(before) > g.before {
					before = before[1:]
				}
			}
			return true
		}
		count++
		g.found = true
		switch {
		case quiet:
			return g.Has('c') && (limit < 0 || count < limit)
		case binary:
			fmt.Fprintf(box.Out, "Binary file %s matches\n", name)
			return false
		}
		if first := n - len(before); lastShown > 0 && first > lastShown+1 && (g.before > 0 || g.after > 0) {
			box.Out.WriteString("--\n")
		}
		for _, h := range before {
			g.show(name, h.n, '-', []byte(h.line))
		}
		before = nil
		g.show(name, n, ':', line)
		lastShown, after = n, g.after
		return limit < 0 || count < limit
	})
	switch {
	case g.Has('q'):
	case g.Has('l'):
		if count > 0 {
			box.Out.WriteString(name + "\n")
		}
	case g.Has('L'):
		if count == 0 {
			box.Out.WriteString(name + "\n")
		}
	case g.Has('c'):
		if g.names {
			box.Out.WriteString(name + ":")
		}
		fmt.Fprintln(box.Out, count)
	}
	return err
}

// show prints a line, its name and number before it.
func (g *grepRun) show(name string, n int, sep byte, line []byte) {
	head := ""
	if g.names {
		head = name + string(sep)
	}
	if g.Has('n') {
		head += fmt.Sprint(n) + string(sep)
	}
	if g.Has('o') {
		if sep == '-' || g.Has('v') {
			return
		}
		for _, re := range g.res {
			for _, m := range re.FindAll(line, -1) {
				if len(m) > 0 {
					fmt.Fprintf(box.Out, "%s%s\n", head, g.paint(m))
				}
			}
		}
		return
	}
	if g.color && sep == ':' && !g.Has('v') {
		for _, re := range g.res {
			line = re.ReplaceAllFunc(line, g.paint)
		}
	}
	box.Out.WriteString(head)
	box.Out.Write(line)
	box.Out.WriteByte('\n')
}

func (g *grepRun) paint(m []byte) []byte {
	if !g.color || len(m) == 0 {
		return m
	}
	return []byte("\x1b[1;31m" + string(m) + "\x1b[m")
}
