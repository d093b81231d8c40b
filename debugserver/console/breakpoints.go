package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"vitrine/debugserver/session"
)

var breakpointCommands = []*command{
	{
		name: "break", short: []string{"b", "br"}, args: "[PLACE] [task T] [hits N] [if EXPR]", doc: "stop the machine at a place in the kernel",
		help: placeHelp + "\n" + conditionHelp,
		run:  func(in *Interp, args string) error { return in.set(args, session.Spec{}) }, words: placeWords,
	},
	{
		name: "tbreak", short: []string{"tb"}, args: "[PLACE] [task T] [hits N] [if EXPR]", doc: "break once: the breakpoint goes with its first stop",
		run: func(in *Interp, args string) error { return in.set(args, session.Spec{Temporary: true}) }, words: placeWords,
	},
	{
		name: "watch", short: []string{"wa"}, args: "EXPR [size N] [task T] [hits N] [if EXPR]", doc: "stop when a variable changes",
		help: `
EXPR names a variable, field or element: watch t.comm, watch kernel.The.Sched.head. It is evaluated now, in the
selected frame, a program's too; what is watched is its memory. *ADDRESS with a size will do, too: watch *0xc000123400 size 64.
Any number of them, of any size; those that fit the processor's debug registers cost nothing until they are hit.`,
		run: func(in *Interp, args string) error { return in.watch(args, session.Write) }, words: exprWords,
	},
	{
		name: "rwatch", short: []string{"rw", "awatch"}, args: "EXPR [size N] [task T] [hits N] [if EXPR]", doc: "stop when a variable is read or changes",
		run: func(in *Interp, args string) error { return in.watch(args, session.ReadWrite) }, words: exprWords,
	},
	{
		name: "log", args: "PLACE TEXT [task T] [hits N] [if EXPR]", doc: "print a text at a place, without a stop",
		help: `
What stands in braces in TEXT is evaluated: log sysOpenat "{t.comm} opens a file". A TEXT that is followed by
conditions must be quoted. It is printed by every hit, also while other commands run.`,
		run: func(in *Interp, args string) error { return in.log(args) }, words: placeWords,
	},
	{
		name: "cond", short: []string{"condition"}, args: "ID [EXPR]", doc: "change a breakpoint's condition, or take it away",
		run: func(in *Interp, args string) error {
			return in.change(args, "cond", func(s *session.Spec, rest string) { s.Cond = strings.TrimPrefix(rest, "if ") })
		},
		words: exprWords,
	},
	{
		name: "hits", args: "ID [COUNT]", doc: "change the count of a breakpoint's hits that matter, or take it away",
		help: "\nCOUNT is a number, from which on hits count, or one behind ==, !=, <, <=, >, >= or % (every so many).",
		run: func(in *Interp, args string) error {
			return in.change(args, "hits", func(s *session.Spec, rest string) { s.Hits = rest })
		},
	},
	{
		name: "delete", short: []string{"d", "clear"}, args: "[ID…]", doc: "take breakpoints away; without ID, all of this client's",
		run: func(in *Interp, args string) error {
			return in.each(args, func(b *session.Breakpoint) error { return in.c.Clear(b.ID) })
		},
	},
	{
		name: "enable", short: []string{"en"}, args: "[ID…]", doc: "switch breakpoints on",
		run: func(in *Interp, args string) error {
			return in.each(args, func(b *session.Breakpoint) error { return in.enable(b, true) })
		},
	},
	{
		name: "disable", short: []string{"dis"}, args: "[ID…]", doc: "switch breakpoints off, and keep them",
		run: func(in *Interp, args string) error {
			return in.each(args, func(b *session.Breakpoint) error { return in.enable(b, false) })
		},
	},
	{
		name: "breakpoints", short: []string{"bp"}, doc: "list breakpoints, those of other clients too",
		run: func(in *Interp, _ string) error { return in.breakpoints() },
	},
}

// set sets a breakpoint.
func (in *Interp) set(args string, with session.Spec) error {
	s, err := in.parseSpec(args)
	if err != nil {
		return err
	}
	s.Temporary, s.Log = with.Temporary, with.Log
	return in.install(s)
}

// install sets a breakpoint and says what became of it. One that can't be set is no breakpoint.
func (in *Interp) install(s session.Spec) error {
	b, err := in.c.Set(s)
	if err != nil {
		return err
	}
	pending := ""
	if !b.Verified {
		mayWait := s.Program || s.Kind == session.Syscall || s.Kind == session.Line && !strings.HasSuffix(s.File, ".go")
		if !b.Pending || !mayWait {
			in.c.Clear(b.ID)
			return errors.New(b.Message)
		}
		pending = ", pending: " + b.Message
	}
	kind := "Breakpoint"
	switch {
	case s.Log != "":
		kind = "Logpoint"
	case s.Kind == session.Data:
		kind = "Data breakpoint"
	case s.Temporary:
		kind = "Temporary breakpoint"
	}
	in.printf("%s %d: %s%s%s\n", kind, b.ID, in.describe(b), conditions(&b.Spec), pending)
	return nil
}

func (in *Interp) watch(args string, access session.Access) error {
	text, s, err := cutConditions(args)
	if err != nil {
		return err
	}
	s.Kind, s.Access = session.Data, access
	if i := indexWord(text, "size"); i >= 0 {
		if s.Size, err = strconv.Atoi(strings.TrimSpace(text[i+4:])); err != nil || s.Size <= 0 {
			return errors.New("a number of bytes must follow size")
		}
		text = strings.TrimSpace(text[:i])
	}
	if text == "" {
		return usageOf("watch")
	}
	if addr, err := strconv.ParseUint(strings.TrimPrefix(text, "*"), 0, 64); err == nil {
		s.Addr, s.Space = addr, in.space()
		if s.Size == 0 {
			s.Size = 8
		}
	} else {
		s.Expr = text
		s.Thread, s.Frame = in.selection()
	}
	return in.install(s)
}

func (in *Interp) log(args string) error {
	place, text, err := cutLogText(args)
	if err != nil {
		return err
	}
	s, err := in.parseSpec(place)
	if err != nil {
		return err
	}
	s.Log = text
	return in.install(s)
}

// cutLogText separates place and conditions from the text between them.
func cutLogText(args string) (place, text string, err error) {
	if i := strings.IndexByte(args, '"'); i > 0 && args[i-1] == ' ' {
		q, err := strconv.QuotedPrefix(args[i:])
		if err != nil {
			return "", "", errors.New("the text has no closing quote")
		}
		text, _ = strconv.Unquote(q)
		return args[:i] + " " + args[i+len(q):], text, nil
	}
	// The place is one word, or begins with one that takes more.
	words := strings.Fields(args)
	n := 1
	if len(words) > 0 && (words[0] == "syscall" || words[0] == "on") {
		for n = 2; n < len(words) && (words[n] == "entry" || words[n] == "return"); n++ {
		}
	}
	if len(words) <= n {
		return "", "", usageOf("log")
	}
	return strings.Join(words[:n], " "), strings.Join(words[n:], " "), nil
}

// change gives a breakpoint of ours another condition.
func (in *Interp) change(args, name string, f func(s *session.Spec, rest string)) error {
	id, rest, _ := strings.Cut(strings.TrimSpace(args), " ")
	b, err := in.breakpoint(id)
	if err != nil {
		return errors.Join(err, usageOf(name))
	}
	s := b.Spec
	f(&s, strings.TrimSpace(rest))
	if b, err = in.c.Change(b.ID, s); err != nil {
		return err
	}
	if !b.Verified {
		return errors.New(b.Message)
	}
	in.printf("%d: %s%s\n", b.ID, in.describe(b), conditions(&b.Spec))
	return nil
}

func (in *Interp) enable(b *session.Breakpoint, on bool) error {
	s := b.Spec
	s.Disabled = !on
	n, err := in.c.Change(b.ID, s)
	if err == nil && !n.Verified {
		err = errors.New(n.Message)
	}
	return err
}

// breakpoint finds one by its number.
func (in *Interp) breakpoint(text string) (*session.Breakpoint, error) {
	id, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of a breakpoint", text)
	}
	for _, b := range in.c.Breakpoints() {
		if b.ID == id {
			return &b, nil
		}
	}
	return nil, fmt.Errorf("there is no breakpoint %d; breakpoints lists them", id)
}

// each does something to the breakpoints that are named, or to all of ours.
func (in *Interp) each(args string, f func(*session.Breakpoint) error) error {
	words := strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) == 0 {
		for _, b := range in.c.Breakpoints() {
			if b.Owner == in.name {
				if err := f(&b); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, w := range words {
		b, err := in.breakpoint(w)
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

func (in *Interp) breakpoints() error {
	all := in.c.Breakpoints()
	if len(all) == 0 {
		in.printf("no breakpoints\n")
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tHITS\tSTATE\tOWNER\tWHERE")
	for i := range all {
		p := &all[i]
		state := "on"
		switch {
		case p.Spec.Disabled:
			state = "off"
		case !p.Verified:
			state = "failed"
		case p.Spec.Temporary:
			state = "once"
		}
		owner := p.Owner
		if owner == in.name {
			owner += " (you)"
		}
		where := in.describe(p) + conditions(&p.Spec)
		if !p.Verified {
			where += "  — " + p.Message
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\n", p.ID, p.Count, state, clean(owner), clean(where))
	}
	w.Flush()
	in.printf("%s", b.String())
	return nil
}
