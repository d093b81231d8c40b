package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vitrine/debugserver/session"
)

var dataCommands = []*command{
	{
		name: "print", short: []string{"p", "inspect"}, args: "[/FORMAT] EXPR", doc: "show the value of a Go expression in the selected frame",
		help: `
Variables, fields, elements, map entries, conversions, arithmetic and comparisons; no calls (see call). Packages' variables are
named in full: kernel.The. A struct is shown a field a line. FORMAT: x hexadecimal, d decimal, o octal, t
binary, c character; s all on one line and strings in full.`,
		run: func(in *Interp, args string) error { return in.print(args) }, words: exprWords,
	},
	{
		name: "set", args: "[var] EXPR = VALUE", doc: "give a variable, field or element another value",
		help: "\nNumbers, booleans, pointers and nil; a string only with call or one that the kernel has.",
		run:  func(in *Interp, args string) error { return in.assign(args) }, words: exprWords,
	},
	{
		name: "call", args: "EXPR", doc: "evaluate an expression that calls functions of the kernel",
		help: `
They run on the thread that has stopped, which must hold a CPU and no spinlock, while everything else stands
still: clock, devices, user code. A function that sleeps is given up after some seconds.`,
		run: func(in *Interp, args string) error { return in.call(args) }, words: exprWords,
	},
	{
		name: "display", args: "[EXPR]", doc: "print an expression at every stop; without EXPR now",
		run: func(in *Interp, args string) error { return in.addDisplay(args) }, words: exprWords,
	},
	{
		name: "undisplay", args: "[NUMBER]", doc: "print it no more; without NUMBER none",
		run: func(in *Interp, args string) error { return in.removeDisplay(args) },
	},
}

// wide is how long a value may be on one line.
const wide = 100

func (in *Interp) print(args string) error {
	format, expr := cutFormat(args)
	if expr == "" {
		return usageOf("print")
	}
	expr, err := in.registersIn(expr)
	if err != nil {
		return err
	}
	thread, frame := in.selection()
	if format == "s" {
		v, err := in.c.EvalLong(thread, frame, expr)
		if err == nil {
			in.printf("%s = %s\n", expr, clean(v.Value))
		}
		return err
	}
	v, err := in.c.Eval(thread, frame, expr)
	if err != nil {
		return err
	}
	if format != "" {
		text, err := reformat(&v, format)
		if err != nil {
			return err
		}
		in.printf("%s = %s\n", expr, text)
		return nil
	}
	return in.show(expr, &v)
}

// show prints a value: on one line if it is short, else its parts, a line each.
func (in *Interp) show(name string, v *session.Variable) error {
	if v.Ref == 0 || len(v.Value) <= wide && v.Kind != "ptr" {
		in.printf("%s = %s\n", name, clean(v.Value))
		return nil
	}
	const most = 256
	parts, err := in.c.Children(v.Ref, 0, most)
	if err != nil || len(parts) == 0 {
		in.printf("%s = %s\n", name, clean(v.Value))
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s = (%s) %s{\n", name, v.Type, at(v, parts))
	for i := 0; i < len(parts); i++ {
		p := &parts[i]
		name := p.Name
		if n := alike(parts[i:]); n > 2 {
			i += n - 1
			name += "…" + parts[i].Name
		}
		fmt.Fprintf(&b, "  %s: %s\n", clean(name), clip(clean(p.Value), 140))
	}
	if n := v.Named + v.Indexed; n > len(parts) {
		fmt.Fprintf(&b, "  … %d of %d\n", len(parts), n)
	}
	b.WriteString("}\n")
	in.out.Write([]byte(b.String()))
	return nil
}

// alike counts the elements that are like the first one.
func alike(parts []session.Variable) int {
	n := 1
	for n < len(parts) && strings.HasPrefix(parts[n].Name, "[") && parts[n].Value == parts[0].Value {
		n++
	}
	return n
}

// at tells where a value lies; of a pointer, where it points to: there is the first field.
func at(v *session.Variable, parts []session.Variable) string {
	addr := v.Addr
	if v.Kind == "ptr" {
		addr = parts[0].Addr
	}
	if addr == 0 || v.Kind == "map" || v.Kind == "slice" {
		return ""
	}
	return fmt.Sprintf("at %#x ", addr)
}

// cutFormat takes "/x" off the beginning.
func cutFormat(args string) (format, rest string) {
	args = strings.TrimSpace(args)
	if !strings.HasPrefix(args, "/") {
		return "", args
	}
	format, rest, _ = strings.Cut(args[1:], " ")
	return format, strings.TrimSpace(rest)
}

// reformat shows a number in another way.
func reformat(v *session.Variable, format string) (string, error) {
	text, _, _ := strings.Cut(v.Value, " ")
	bits := uint64(0)
	if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		bits = uint64(i)
	} else if bits, err = strconv.ParseUint(text, 0, 64); err != nil {
		return "", fmt.Errorf("/%s is for numbers, and this is %s", format, v.Type)
	}
	if v.Size > 0 && v.Size < 8 && format != "d" {
		bits &= 1<<(8*v.Size) - 1
	}
	switch format {
	case "x":
		return fmt.Sprintf("%#x", bits), nil
	case "d":
		if strings.HasPrefix(v.Type, "u") {
			return strconv.FormatUint(bits, 10), nil
		}
		return strconv.FormatInt(int64(bits), 10), nil
	case "o":
		return fmt.Sprintf("%#o", bits), nil
	case "t", "b":
		return fmt.Sprintf("%#b", bits), nil
	case "c":
		return strconv.QuoteRune(rune(bits)), nil
	}
	return "", fmt.Errorf("/%s is no format: x, d, o, t, c or s", format)
}

func (in *Interp) assign(args string) error {
	if rest, ok := strings.CutPrefix(args, "var "); ok {
		args = rest
	}
	i := indexAssignment(args)
	if i < 0 {
		return usageOf("set")
	}
	name, value := strings.TrimSpace(args[:i]), strings.TrimSpace(args[i+1:])
	if name == "" || value == "" {
		return usageOf("set")
	}
	t, f := in.selection()
	v, err := in.c.Assign(t, f, name, value)
	if err == nil {
		in.printf("%s = %s\n", name, clip(clean(v.Value), wide))
	}
	return err
}

// indexAssignment finds the = that is no comparison and in no string.
func indexAssignment(s string) int {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '=' && i+1 < len(s) && s[i+1] == '=':
			i++
		case c == '=' && (i == 0 || !strings.ContainsRune("!<>", rune(s[i-1]))):
			return i
		}
	}
	return -1
}

func (in *Interp) call(args string) error {
	if args == "" {
		return usageOf("call")
	}
	if !strings.Contains(args, "(") {
		return in.print(args) // nothing is called
	}
	if err := in.stopped(); err != nil {
		return err
	}
	t, f := in.selection()
	results, err := in.c.Call(t, f, args)
	if err != nil {
		return err
	}
	if len(results) == 0 {
		in.printf("done, no result\n")
	}
	for i := range results {
		if err := in.show(results[i].Name, &results[i]); err != nil {
			return err
		}
	}
	return nil
}

func (in *Interp) addDisplay(expr string) error {
	if expr == "" {
		in.showDisplays()
		return nil
	}
	t, f := in.selection()
	if _, err := in.c.Eval(t, f, expr); err != nil {
		return err
	}
	in.mu.Lock()
	in.display = append(in.display, expr)
	n := len(in.display)
	in.mu.Unlock()
	in.showDisplay(n, expr)
	return nil
}

func (in *Interp) showDisplays() {
	in.mu.Lock()
	all := append([]string(nil), in.display...)
	in.mu.Unlock()
	for i, expr := range all {
		if expr != "" {
			in.showDisplay(i+1, expr)
		}
	}
}

func (in *Interp) showDisplay(n int, expr string) {
	t, f := in.selection()
	v, err := in.c.Eval(t, f, expr)
	text := clip(clean(v.Value), wide)
	if err != nil {
		text = "(" + err.Error() + ")"
	}
	in.printf("%d: %s = %s\n", n, expr, text)
}

func (in *Interp) removeDisplay(args string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if args == "" {
		in.display = nil
		return nil
	}
	n, err := strconv.Atoi(args)
	if err != nil || n < 1 || n > len(in.display) || in.display[n-1] == "" {
		return errors.New("no such display")
	}
	in.display[n-1] = ""
	return nil
}
