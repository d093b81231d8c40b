package sh

import (
	"io"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// Main is the shell command: sh [-aCefhimnsuvx] [-o OPTION] [-l] [-c TEXT [NAME] | FILE] [ARG]...
func Main(args []string) int {
	box.InShell = true
	if len(args) == 3 && args[1] == "--subshell" {
		fd, err := strconv.Atoi(args[2])
		if err != nil {
			return 2
		}
		return subshellMain(fd)
	}
	sh := newShell(args[0])
	sh.loginShell = strings.HasPrefix(path.Base(args[0]), "-")
	start, status := sh.commandLine(args[1:])
	if start == nil {
		return status
	}
	sh.run(start)
	return sh.finish()
}

// commandLine parses the shell's own arguments and returns what to execute.
func (sh *Shell) commandLine(a []string) (start func(), status int) {
	command, forceInteractive := false, false
	var opts []string
	i := 0
	for ; i < len(a); i++ {
		arg := a[i]
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			if arg == "-" {
				i++
			}
			break
		}
		if arg == "--" {
			i++
			break
		}
		if arg == "--login" {
			sh.loginShell = true
			continue
		}
		keep := arg[:1]
		for _, c := range arg[1:] {
			switch c {
			case 'c':
				command = true
			case 'i':
				forceInteractive = true
			case 'l':
				sh.loginShell = true
			default:
				keep += string(c)
			}
		}
		if len(keep) > 1 {
			opts = append(opts, keep)
			if strings.HasSuffix(keep, "o") && i+1 < len(a) {
				i++
				opts = append(opts, a[i])
			}
		}
	}
	rest := a[i:]
	monitorSet := false
	for _, o := range opts {
		monitorSet = monitorSet || strings.Contains(o, "m")
	}
	if exit := sh.run(func() { sh.setOptions(opts) }); exit {
		return nil, sh.status
	}
	switch {
	case command:
		if len(rest) == 0 {
			sh.errorf("-c requires an argument")
			return nil, 2
		}
		text := rest[0]
		if len(rest) > 1 {
			sh.name, sh.params = rest[1], rest[2:]
		}
		start = func() { sh.runText(text, "-c") }
	case len(rest) > 0 && !sh.opt.stdin:
		fd, err := sh.openScript(rest[0])
		if err != nil {
			sh.errorf("cannot open " + rest[0] + ": " + box.Strerror(err))
			return nil, 127
		}
		sh.name, sh.params = rest[0], rest[1:]
		start = func() { sh.runReader(fd, rest[0]) }
	default:
		sh.params = rest
		forceInteractive = forceInteractive || isTTY(0) && isTTY(2)
		sh.opt.stdin = true
		start = func() { sh.runReader(byteReader{}, "stdin") }
	}
	if forceInteractive {
		sh.interactive = true
		inner := start
		fromStdin := sh.opt.stdin && !command
		start = func() {
			sh.startInteractive(!monitorSet || sh.opt.monitor)
			if fromStdin {
				sh.interact()
				return
			}
			inner()
		}
	}
	return start, 0
}

// openScript opens a script at a descriptor that the script itself will not use.
func (sh *Shell) openScript(name string) (box.FD, error) {
	fd, err := box.Open(name)
	if err != nil {
		return fd, err
	}
	if isDir(name) {
		return fd, unix.EISDIR
	}
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, highFD)
	if err != nil {
		return fd, nil
	}
	fd.Close()
	return box.FD(high), nil
}

// byteReader reads standard input byte by byte, so that the shell takes nothing
// that a command it starts is meant to read.
type byteReader struct{}

func (byteReader) Read(p []byte) (int, error) { return box.Stdin.Read(p[:1]) }

// runReader parses and executes commands one after the other, so that the first
// ones run even when there is a syntax error further down.
func (sh *Shell) runReader(r io.Reader, what string) {
	if sh.opt.verbose {
		r = io.TeeReader(r, box.Stderr)
	}
	p := syntax.NewParser(syntax.Variant(syntax.LangBash))
	// A whole line at a time: the here-documents of a command come after its line.
	for list, err := range p.InteractiveSeq(&lineEnder{r: r}) {
		if err != nil {
			sh.syntaxError(err)
		}
		if p.Incomplete() {
			continue // the parser only wants to show a prompt
		}
		sh.stmts(list)
		if sh.jump != jumpNone {
			return
		}
	}
}

// lineEnder adds the newline that the last line may lack; without it the parser
// would not give out the last commands.
type lineEnder struct {
	r    io.Reader
	last byte
	done bool
}

func (l *lineEnder) Read(p []byte) (int, error) {
	if l.done {
		return 0, io.EOF
	}
	n, err := l.r.Read(p)
	if n > 0 {
		l.last = p[n-1]
		return n, nil
	}
	if err == io.EOF {
		l.done = true
		if l.last != '\n' {
			p[0] = '\n'
			return 1, nil
		}
	}
	return n, err
}

// syntaxError reports a parse error and ends the shell, unless it is interactive.
func (sh *Shell) syntaxError(err error) {
	if pe, ok := err.(syntax.ParseError); ok {
		sh.line = pe.Pos.Line()
		sh.fail(2, "syntax error: "+pe.Text)
	}
	sh.fail(2, "syntax error: "+err.Error())
}

func isTTY(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// regexMatch does [[ s =~ re ]] and sets BASH_REMATCH.
func (sh *Shell) regexMatch(s, re string) bool {
	rx, err := regexp.Compile(re)
	if err != nil {
		sh.fail(2, "bad regular expression: "+re)
	}
	m := rx.FindStringSubmatch(s)
	sh.setList("BASH_REMATCH", m)
	return m != nil
}

// selfName is used in messages of the line editor.
func selfName() string { return path.Base(os.Args[0]) }
