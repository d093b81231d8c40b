package sh

import (
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
	"vitrine/userland/lineedit"
)

// history is the list of lines typed, kept in ~/.sh_history.
type history struct {
	lines []string
	path  string
}

const historyMax = 1000

// startInteractive prepares a shell for somebody at a terminal: signals, job
// control, start-up files, history.
func (sh *Shell) startInteractive(monitor bool) {
	sh.interactiveSignals()
	if monitor {
		sh.setMonitor(true)
	}
	if sh.loginShell {
		sh.sourceIfThere("/etc/profile")
		sh.sourceIfThere(slash(sh.get("HOME")) + ".profile")
	}
	if env := sh.get("ENV"); env != "" {
		sh.sourceIfThere(env)
	}
	sh.hist = &history{path: sh.get("HISTFILE")}
	if home := sh.get("HOME"); sh.hist.path == "" && home != "" {
		sh.hist.path = slash(home) + ".sh_history"
	}
	if data, err := box.ReadFile(sh.hist.path); err == nil {
		sh.hist.lines = strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		if n := len(sh.hist.lines); n > historyMax {
			sh.hist.lines = sh.hist.lines[n-historyMax:]
		}
	}
}

// setMonitor switches job control on or off. To switch it on, the shell must be in
// the foreground of its terminal; then it becomes a process group of its own.
func (sh *Shell) setMonitor(on bool) {
	sh.opt.monitor = on
	if !on {
		if sh.tty >= 0 {
			unix.Close(sh.tty)
			sh.tty = -1
		}
		return
	}
	if sh.tty >= 0 {
		return
	}
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		fd, err = unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, highFD)
	} else if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, highFD); err == nil {
		unix.Close(fd)
		fd = high
	}
	if err != nil {
		return
	}
	fg, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil {
		unix.Close(fd)
		sh.opt.monitor = false
		if sh.interactive {
			box.Stderr.WriteString("sh: can't access tty; job control turned off\n")
		}
		return
	}
	sh.pgrp = unix.Getpgrp()
	for fg != sh.pgrp { // started in the background: wait until somebody brings us forward
		unix.Kill(0, unix.SIGTTIN)
		if fg, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil {
			break
		}
	}
	sh.tty = fd
	if sid, _ := unix.Getsid(0); sid != os.Getpid() { // a session leader is a group leader already
		unix.Setpgid(0, 0)
	}
	sh.pgrp = unix.Getpgrp()
	sh.takeTerminal()
	sh.ttyModes, _ = unix.IoctlGetTermios(fd, unix.TCGETS)
}

func (sh *Shell) sourceIfThere(path string) {
	if data, err := box.ReadFile(path); err == nil {
		sh.run(func() { sh.runText(string(data), path) })
	}
}

// interact reads and executes commands until end of file or exit.
func (sh *Shell) interact() {
	ed := &lineedit.Editor{In: 0, Out: 2, Complete: sh.complete}
	for {
		sh.reportJobs()
		text, err := sh.readCommand(ed)
		switch err {
		case lineedit.ErrInterrupt:
			sh.status = 130
			continue
		case nil:
		default: // end of file
			if sh.opt.ignoreeof && isTTY(0) {
				box.Stderr.WriteString("Use \"exit\" to leave the shell.\n")
				continue
			}
			box.Stderr.WriteString("\n")
			return
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if exit := sh.runLine(text); exit {
			panic(unwind{status: sh.status, exit: true})
		}
	}
}

// runLine executes what was typed. A defect of the shell itself must not end the
// session: it is shown and the prompt comes back.
func (sh *Shell) runLine(text string) (exit bool) {
	defer func() {
		if r := recover(); r != nil {
			box.Stderr.WriteString("sh: internal error, please report it\n")
			debug.PrintStack()
			sh.status = 2
		}
	}()
	exit = sh.run(func() { sh.runText(text, "stdin") })
	sh.jump = jumpNone
	sh.inTrap = false
	box.Out.Flush()
	return exit
}

// readCommand reads lines until they make complete commands.
func (sh *Shell) readCommand(ed *lineedit.Editor) (string, error) {
	text := ""
	prompt := sh.prompt(sh.get("PS1"))
	for {
		ed.History = sh.hist.lines
		line, err := sh.readTyped(ed, prompt)
		if err != nil {
			return "", err
		}
		text += line + "\n"
		if !incomplete(text) {
			sh.hist.add(strings.TrimRight(text, "\n"))
			return text, nil
		}
		prompt = sh.prompt(sh.get("PS2"))
	}
}

// readTyped reads one line: with the editor on a terminal, else plainly.
func (sh *Shell) readTyped(ed *lineedit.Editor, prompt string) (string, error) {
	if isTTY(0) && sh.get("TERM") != "dumb" {
		return ed.ReadLine(prompt)
	}
	box.Stderr.WriteString(prompt)
	line, _, eof := sh.readLine(0, true)
	if eof && len(line) == 0 {
		return "", errEOF
	}
	return string(line), nil
}

var errEOF = unix.ENODATA // any error ends the session

// incomplete reports whether more lines are needed.
func incomplete(text string) bool {
	if trimmed := strings.TrimRight(text, "\n"); strings.HasSuffix(trimmed, `\`) {
		n := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
		if n%2 == 1 {
			return true
		}
	}
	_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	return err != nil && syntax.IsIncomplete(err)
}

// add appends a line to the history and its file.
func (h *history) add(line string) {
	if strings.TrimSpace(line) == "" || strings.HasPrefix(line, " ") ||
		len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if fd, err := box.OpenFile(h.path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o600); err == nil {
		fd.WriteString(line + "\n")
		fd.Close()
	}
}

// prompt expands PS1 and PS2: \w directory, \W its last part, \u user, \h host,
// \$ # or $, \? status, \j jobs, \n, \e; then variables and commands.
func (sh *Shell) prompt(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'w', 'W':
			dir := sh.get("PWD")
			if home := sh.get("HOME"); home != "" && home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
				dir = "~" + dir[len(home):]
			}
			if s[i] == 'W' && len(dir) > 1 {
				dir = dir[strings.LastIndexByte(dir, '/')+1:]
			}
			b.WriteString(dir)
		case 'u':
			b.WriteString(box.UserName(uint32(os.Getuid())))
		case 'h', 'H':
			var u unix.Utsname
			unix.Uname(&u)
			b.WriteString(unix.ByteSliceToString(u.Nodename[:]))
		case '$':
			if os.Getuid() == 0 {
				b.WriteByte('#')
			} else {
				b.WriteByte('$')
			}
		case '?':
			b.WriteString(sh.get("?"))
		case 'n':
			b.WriteByte('\n')
		case 'e':
			b.WriteByte(0x1b)
		case '[', ']': // bash's marks around what has no width; the editor sees that itself
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	out := b.String()
	if !strings.ContainsAny(out, "$`") {
		return out
	}
	word, err := syntax.NewParser().Document(strings.NewReader(out))
	if err != nil || word == nil {
		return out
	}
	status := sh.status
	sh.run(func() { out = joinPieces(sh.parts(nil, word.Parts, true, false)) })
	sh.status = status
	return out
}

// biHistory - history [-c]
func biHistory(sh *Shell, args []string) int {
	if sh.hist == nil {
		return 0
	}
	if len(args) > 1 && args[1] == "-c" {
		sh.hist.lines = nil
		return 0
	}
	for i, l := range sh.hist.lines {
		box.Out.WriteString(padLeft(i+1, 5) + "  " + l + "\n")
	}
	return 0
}
