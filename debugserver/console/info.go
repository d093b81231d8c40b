package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitrine/debugserver/session"
)

var infoCommands = map[string]func(in *Interp, args string) error{
	"args":        func(in *Interp, _ string) error { return in.infoVariables(in.c.Arguments) },
	"locals":      func(in *Interp, _ string) error { return in.infoVariables(in.c.Locals) },
	"registers":   (*Interp).infoRegisters,
	"line":        (*Interp).infoLine,
	"source":      (*Interp).infoSource,
	"sources":     (*Interp).infoSources,
	"functions":   (*Interp).infoFunctions,
	"breakpoints": func(in *Interp, _ string) error { return in.breakpoints() },
	"threads":     func(in *Interp, _ string) error { return in.threads(func(*session.Thread) bool { return true }) },
	"tasks":       func(in *Interp, _ string) error { return in.tasks() },
	"views":       func(in *Interp, _ string) error { return in.view("") },
	"task":        (*Interp).infoTask,
	"state":       (*Interp).infoState,
}

func infoWords() (r []string) {
	for n := range infoCommands {
		r = append(r, n)
	}
	return r
}

const infoHelp = `
  info args            arguments of the selected frame
  info locals          its variables
  info regs [NAME…]    the registers, or those named; all: vectors, too
  info line [PLACE]    file, line and address
  info source          the source file
  info sources TEXT    source files with TEXT in their names
  info functions TEXT  functions with TEXT in their names
  info task            the selected task's structure
  info state           whether the machine runs, or why it does not
  info breakpoints, threads, tasks, views: like the commands of these names`

// info finds the topic by any beginning of its name.
func (in *Interp) info(args string) error {
	word, rest, _ := strings.Cut(args, " ")
	if f := infoCommands[word]; f != nil {
		return f(in, strings.TrimSpace(rest))
	}
	var found []string
	switch word {
	case "reg", "regs", "r":
		found = []string{"registers"}
	case "b":
		found = []string{"breakpoints"}
	case "":
	default:
		found = beginning(infoWords(), word)
	}
	switch len(found) {
	case 1:
		return infoCommands[found[0]](in, strings.TrimSpace(rest))
	case 0:
		return fmt.Errorf("info about what?%s", infoHelp)
	}
	return fmt.Errorf("info %s may be %s", word, strings.Join(found, ", "))
}

func (in *Interp) infoVariables(get func(thread, frame int) ([]session.Variable, error)) error {
	t, f := in.selection()
	vs, err := get(t, f)
	if err != nil {
		return err
	}
	if len(vs) == 0 {
		in.printf("none\n")
	}
	for i := range vs {
		in.printf("%s = %s\n", vs[i].Name, clip(clean(vs[i].Value), 160))
	}
	return nil
}

// mainRegisters are shown unless others are asked for.
var mainRegisters = strings.Fields("rip rsp rax rbx rcx rdx rdi rsi rbp r8 r9 r10 r11 r12 r13 r14 r15 rflags fs_base gs_base")

func (in *Interp) infoRegisters(args string) error {
	t, f := in.selection()
	rs, err := in.c.Registers(t, f)
	if err != nil {
		return err
	}
	wanted := strings.Fields(strings.ToLower(args))
	shown := 0
	for _, r := range rs {
		name := strings.ToLower(r.Name)
		if len(wanted) == 0 && !slices.Contains(mainRegisters, name) || len(wanted) > 0 &&
			!slices.Contains(wanted, name) && !slices.Contains(wanted, "all") {
			continue
		}
		shown++
		more := ""
		if name == "rip" {
			more = "  " + in.symbol(r.Bits)
		} else if r.Bits != 0 && r.Bits < 1<<31 && len(r.Value) <= 20 {
			more = "  " + strconv.FormatUint(r.Bits, 10)
		}
		in.printf("%-8s %s%s\n", name, r.Value, more)
	}
	if shown == 0 {
		return fmt.Errorf("there is no register %s", args)
	}
	return nil
}

func (in *Interp) infoLine(args string) error {
	if args == "" {
		f, err := in.currentFrame()
		if err != nil {
			return err
		}
		in.printf("%s at %s, %#x\n", shortFunc(f.Func), in.place(&f), f.PC)
		return nil
	}
	file, line, err := in.locate(args)
	if err != nil {
		return err
	}
	in.printf("%s:%d\n", in.shortFile(file), line)
	return nil
}

func (in *Interp) infoSource(string) error {
	f, err := in.currentFrame()
	if err != nil {
		return err
	}
	lines, err := in.sourceLines(f.File)
	if err != nil {
		return err
	}
	in.printf("%s, %d lines\n", f.File, len(lines))
	return nil
}

func (in *Interp) infoSources(args string) error {
	files, err := in.c.Sources()
	if err != nil {
		return err
	}
	n := 0
	for _, f := range files {
		if strings.Contains(f, args) && (args != "" || in.ours(f)) {
			in.printf("%s\n", in.shortFile(f))
			n++
		}
	}
	if n == 0 {
		return fmt.Errorf("no source file has %q in its name", args)
	}
	return nil
}

func (in *Interp) infoFunctions(args string) error {
	const most = 500
	if args == "" {
		return fmt.Errorf("which functions? Give a part of their names: info functions open")
	}
	names, err := in.c.Functions(args, most)
	if err != nil {
		return err
	}
	for _, n := range names {
		in.printf("%s\n", n)
	}
	switch len(names) {
	case 0:
		return fmt.Errorf("no function has %q in its name", args)
	case most:
		in.printf("… and more\n")
	}
	return nil
}

func (in *Interp) infoTask(string) error {
	t, _ := in.selection()
	v, err := in.c.Task(t)
	if err != nil {
		return err
	}
	return in.show(v.Name, &v)
}

func (in *Interp) infoState(string) error {
	st, stop := in.c.State()
	switch {
	case stop == nil:
		in.printf("the machine is %s\n", st)
	default:
		text := ""
		if stop.Text != "" {
			text = ": " + clean(stop.Text)
		}
		in.printf("stopped (%s%s), task %s\n", stop.Reason, text, in.threadName(stop.Thread))
	}
	return nil
}
