package console

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"vitrine/debugserver/session"
)

var stackCommands = []*command{
	{
		name: "tasks", doc: "list tasks with their state and what they wait for",
		run: func(in *Interp, _ string) error { return in.tasks() },
	},
	{
		name: "threads", doc: "list tasks and the kernel's own threads",
		run: func(in *Interp, _ string) error { return in.threads(func(*session.Thread) bool { return true }) },
	},
	{
		name: "task", short: []string{"thread"}, args: "[NUMBER|NAME]", doc: "select a task or thread, or show the selected one",
		run:  func(in *Interp, args string) error { return in.selectTask(args) },
		help: "\nWhat is printed, listed and stepped then is its.",
	},
	{
		name: "bt", short: []string{"backtrace", "where"}, args: "[COUNT] [-full]", doc: "show the selected task's stack",
		help: "\n-full shows arguments and variables of every frame. What the Go runtime and the scheduler do above a waiting task is part of it.",
		run:  func(in *Interp, args string) error { return in.backtrace(args) },
	},
	{
		name: "frame", short: []string{"f"}, args: "[NUMBER]", doc: "select a frame of the stack, or show the selected one",
		run: func(in *Interp, args string) error { return in.frameCommand(args) },
	},
	{
		name: "up", args: "[COUNT]", doc: "select the caller's frame", repeat: whole,
		run: func(in *Interp, args string) error { return in.move(args, 1) },
	},
	{
		name: "down", args: "[COUNT]", doc: "select the callee's frame", repeat: whole,
		run: func(in *Interp, args string) error { return in.move(args, -1) },
	},
}

// tasks lists the threads that the view ps has.
func (in *Interp) tasks() error {
	tb, err := in.c.View("ps")
	if err != nil {
		return err
	}
	col := slices.Index(tb.Head, "TID")
	if col < 0 {
		return errors.New("the view ps has no column TID")
	}
	ids := map[string]bool{}
	for _, row := range tb.Rows {
		ids[row[col]] = true
	}
	return in.threads(func(t *session.Thread) bool { return ids[strconv.Itoa(t.ID)] })
}

func (in *Interp) threads(show func(*session.Thread) bool) error {
	ts, err := in.c.Threads()
	if err != nil {
		return err
	}
	selected, _ := in.selection()
	if _, stop := in.c.State(); selected == 0 && stop != nil {
		selected = stop.Thread
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	n := 0
	for i := range ts {
		t := &ts[i]
		if !show(t) {
			continue
		}
		mark := " "
		if t.ID == selected {
			mark = "*"
		}
		cpu := ""
		if t.Current {
			cpu = "on a CPU"
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\n", mark, clean(t.Name), t.State, clean(t.Wait), cpu)
		n++
	}
	w.Flush()
	for l := range strings.Lines(b.String()) {
		in.printf("%s\n", strings.TrimRight(l, " \n"))
	}
	if n == 0 {
		in.printf("none\n")
	}
	return nil
}

func (in *Interp) selectTask(args string) error {
	if args == "" {
		t, f := in.selection()
		return in.showFrame(t, f, true)
	}
	ts, err := in.c.Threads()
	if err != nil {
		return err
	}
	var found []session.Thread
	for _, t := range ts {
		id, name, _ := strings.Cut(t.Name, " ")
		if args == strconv.Itoa(t.ID) || args == id || args == name || args == t.Name {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("there is no task %q; tasks lists them", args)
	case 1:
		in.selectFrame(found[0].ID, 0)
		return in.showFrame(found[0].ID, 0, true)
	}
	var ids []int
	for _, t := range found {
		ids = append(ids, t.ID)
	}
	return fmt.Errorf("several are called %s: %s", args, numbers(ids))
}

// maxFrames is how many frames bt shows unless it is told.
const maxFrames = 50

func (in *Interp) backtrace(args string) error {
	n, full := maxFrames, false
	for _, w := range strings.Fields(args) {
		if w == "-full" || w == "full" {
			full = true
			continue
		}
		var err error
		if n, err = strconv.Atoi(w); err != nil || n <= 0 {
			return usageOf("bt")
		}
	}
	thread, selected := in.selection()
	fs, more, err := in.c.Stack(thread, 0, n)
	if err != nil {
		return err
	}
	for i := range fs {
		if in.interrupted() {
			return errInterrupted
		}
		f := &fs[i]
		var b strings.Builder
		mark := " "
		if f.Index == selected {
			mark = ">"
		}
		b.WriteString(mark)
		if full {
			in.frameLine(&b, thread, f)
		} else if f.Program || f.Boundary {
			fmt.Fprintf(&b, "#%-2d %s%s", f.Index, clean(f.Func), in.programLine(f))
		} else {
			fmt.Fprintf(&b, "#%-2d %s at %s", f.Index, shortFunc(f.Func), in.place(f))
		}
		b.WriteByte('\n')
		if full {
			in.variables(&b, in.c.Locals, thread, f.Index, "        ")
		}
		in.out.Write([]byte(b.String()))
	}
	if more {
		in.printf(" (more: bt %d)\n", 2*n)
	}
	return nil
}

func (in *Interp) place(f *session.Frame) string {
	if f.File == "" {
		return fmt.Sprintf("%#x", f.PC)
	}
	return fmt.Sprintf("%s:%d", in.shortFile(f.File), f.Line)
}

// variables writes the variables of a frame, a line each.
func (in *Interp) variables(b *strings.Builder, get func(thread, frame int) ([]session.Variable, error), thread, frame int, indent string) {
	vs, err := get(thread, frame)
	if err != nil {
		fmt.Fprintf(b, "%s(%v)\n", indent, err)
	}
	for i := range vs {
		fmt.Fprintf(b, "%s%s = %s\n", indent, vs[i].Name, clip(clean(vs[i].Value), 160))
	}
}

func (in *Interp) frameCommand(args string) error {
	t, f := in.selection()
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil || n < 0 {
			return usageOf("frame")
		}
		return in.gotoFrame(t, n)
	}
	return in.showFrame(t, f, false)
}

func (in *Interp) move(args string, by int) error {
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of frames", args)
		}
		by *= n
	}
	t, f := in.selection()
	switch {
	case f == 0 && by < 0:
		return errors.New("this is the innermost frame")
	case f+by < 0:
		by = -f
	}
	return in.gotoFrame(t, f+by)
}

// gotoFrame selects a frame, if it exists.
func (in *Interp) gotoFrame(thread, n int) error {
	fs, _, err := in.c.Stack(thread, n, 1)
	if err != nil || len(fs) == 0 {
		return errors.Join(fmt.Errorf("there is no frame %d", n), err)
	}
	in.selectFrame(thread, n)
	return in.showFrame(thread, n, false)
}
