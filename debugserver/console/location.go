package console

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitrine/debugserver/session"
)

// placeHelp explains places, for every command that takes one.
const placeHelp = `
A place is
  (nothing)                the line where the selected frame is
  LINE, +N, -N             a line of the file that the selected frame is in
  FILE:LINE                FILE may be the end of a path: open.go, syscall/open.go
  FUNCTION                 sysOpenat, vfs.(*File).Read, (*Mutex).Lock: any end of the whole name
  *ADDRESS                 an address, or an expression for one
  program PLACE            one of the others, in programs: program main, program prog.c:12. Where no program has it, it waits for one
  syscall NAME [return]    entry (or return, or both: entry return) of a system call; * for all
  on EXCEPTION             oops, panic, fatal-signal, go-panic or lockup`

const conditionHelp = `
Behind it may stand, in this order,
  task NAME|NUMBER         only in this task
  hits COUNT               "3": from the third on; "== 3", "% 10", "< 5"
  if EXPRESSION            only when it is true. For a system call its arguments have their names:
                           break syscall openat return if errno == ENOENT`

var exceptionNames = []string{session.Oops, session.KernelPanic, session.FatalSignal, session.GoPanic, session.Lockup}

// parseSpec reads a place with its conditions.
func (in *Interp) parseSpec(text string) (session.Spec, error) {
	place, s, err := cutConditions(text)
	if err != nil {
		return s, err
	}
	return in.parsePlace(place, s)
}

// cutConditions takes conditions off the end of a text.
func cutConditions(text string) (rest string, s session.Spec, err error) {
	text = strings.TrimSpace(text)
	if i := indexWord(text, "if"); i >= 0 {
		if s.Cond = strings.TrimSpace(text[i+2:]); s.Cond == "" {
			return "", s, errors.New("an expression is missing after if")
		}
		text = strings.TrimSpace(text[:i])
	}
	if i := indexWord(text, "hits"); i >= 0 {
		if s.Hits = strings.TrimSpace(text[i+4:]); s.Hits == "" {
			return "", s, errors.New("a count is missing after hits")
		}
		text = strings.TrimSpace(text[:i])
	}
	if i := indexWord(text, "task"); i >= 0 {
		s.Task = strings.TrimSpace(text[i+4:])
		if s.Task == "" || strings.Contains(s.Task, " ") {
			return "", s, errors.New("one name or number must follow task")
		}
		text = strings.TrimSpace(text[:i])
	}
	return text, s, nil
}

// indexWord finds a word that stands alone.
func indexWord(text, word string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(word)
		if (i == 0 || text[i-1] == ' ') && (end == len(text) || text[end] == ' ') {
			return i
		}
		from = end
	}
}

func (in *Interp) parsePlace(text string, s session.Spec) (session.Spec, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		f, err := in.currentFrame()
		if err != nil {
			return s, err
		}
		s.Kind, s.Addr, s.Program = session.Address, f.PC, f.Program
		return s, nil
	case words[0] == "program" && len(words) > 1:
		s, err := in.parsePlace(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "program")), s)
		s.Program = true
		if err == nil && s.Kind > session.Address {
			err = errors.New("program: a file and line, a function or an address must follow")
		}
		return s, err
	case words[0] == "syscall":
		return parseSyscall(words[1:], s)
	case words[0] == "on" || len(words) == 1 && slices.Contains(exceptionNames, words[0]):
		s.Kind, s.Exception = session.Exception, words[len(words)-1]
		if len(words) > 2 || !slices.Contains(exceptionNames, s.Exception) {
			return s, fmt.Errorf("on what? One of %s", strings.Join(exceptionNames, ", "))
		}
		return s, nil
	case text[0] == '*' && !strings.HasPrefix(text, "*)"):
		addr, err := in.address(text[1:])
		s.Kind, s.Addr, s.Program = session.Address, addr, in.space() != 0
		return s, err
	case len(words) > 1:
		return s, fmt.Errorf("%q is no place: see help break", text)
	}
	if file, line, ok := cutLine(text); ok {
		s.Kind, s.File, s.Line = session.Line, file, line
		return s, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		f, err := in.currentFrame()
		if err != nil {
			return s, err
		}
		if text[0] == '+' || text[0] == '-' {
			n += f.Line
		}
		if f.File == "" || n <= 0 {
			return s, fmt.Errorf("there is no line %d where the selected frame is", n)
		}
		s.Kind, s.File, s.Line, s.Program = session.Line, f.File, n, f.Program
		return s, nil
	}
	s.Kind, s.Func = session.Function, text
	return s, nil
}

// cutLine reads FILE:LINE.
func cutLine(text string) (file string, line int, ok bool) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(text[i+1:])
	return text[:i], n, err == nil && n > 0
}

// parseSyscall reads what follows the word syscall.
func parseSyscall(words []string, s session.Spec) (session.Spec, error) {
	s.Kind = session.Syscall
	if len(words) == 0 {
		return s, errors.New("which system call? A name, a number, or * for all")
	}
	s.Syscall = words[0]
	for _, w := range words[1:] {
		switch w {
		case "entry":
			s.When |= session.OnEntry
		case "return", "exit":
			s.When |= session.OnReturn
		default:
			return s, fmt.Errorf("%q after a system call: it may be entry or return", w)
		}
	}
	return s, nil
}

// describe says in words what a breakpoint is set on.
func (in *Interp) describe(b *session.Breakpoint) string {
	s := &b.Spec
	switch s.Kind {
	case session.Syscall:
		when := map[session.When]string{session.OnReturn: " return", session.OnEntry | session.OnReturn: " entry return"}[s.When]
		return "syscall " + s.Syscall + when
	case session.Exception:
		return "on " + s.Exception
	case session.Data:
		what := s.Expr
		if what == "" {
			what = fmt.Sprintf("*%#x", s.Addr)
		}
		verb := "watch "
		if s.Access == session.ReadWrite {
			verb = "rwatch "
		}
		return fmt.Sprintf("%s%s (%d bytes)", verb, what, s.Size)
	}
	switch {
	case b.File != "":
		return fmt.Sprintf("%s at %s:%d", shortFunc(b.Func), in.shortFile(b.File), b.Line)
	case s.Func != "":
		return s.Func
	case s.File != "":
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return fmt.Sprintf("*%#x", s.Addr)
}

// conditions lists what restricts a breakpoint, as it would be typed.
func conditions(s *session.Spec) string {
	var b strings.Builder
	for _, c := range []struct{ word, value string }{{"task", s.Task}, {"hits", s.Hits}, {"if", s.Cond}, {"log", s.Log}} {
		if c.value != "" {
			fmt.Fprintf(&b, " %s %s", c.word, c.value)
		}
	}
	return b.String()
}
