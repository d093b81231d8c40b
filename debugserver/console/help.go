package console

import (
	"fmt"
	"io"
	"strings"
)

var otherCommands = []*command{
	{
		name: "info", short: []string{"i"}, args: "TOPIC [ARGUMENTS]", doc: "show many things", help: infoHelp,
		run: func(in *Interp, args string) error { return in.info(args) }, words: func(*Interp, string) []string { return infoWords() },
	},
	{
		name: "echo", args: "TEXT", doc: "print a text, for scripts",
		run: func(in *Interp, args string) error { in.printf("%s\n", args); return nil },
	},
	{
		name: "help", short: []string{"h", "?"}, args: "[COMMAND]", doc: "list the commands, or explain one",
		run: func(in *Interp, args string) error { return in.help(args) }, words: commandNames,
	},
	{
		name: "quit", short: []string{"q", "exit"}, doc: "leave the debugger; the machine runs on if nobody else debugs it",
		run: func(*Interp, string) error { return ErrQuit },
	},
}

func (in *Interp) help(args string) error {
	var b strings.Builder
	if args == "" {
		for _, g := range groups {
			fmt.Fprintf(&b, "%s:\n", g.title)
			for _, c := range g.commands {
				fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.doc)
			}
		}
		b.WriteString("help COMMAND says more. Names may be shortened; an empty line repeats a step, list or x.\n")
		in.out.Write([]byte(b.String()))
		return nil
	}
	c, err := find(args)
	if err != nil {
		return err
	}
	c.explain(&b)
	in.out.Write([]byte(b.String()))
	return nil
}

// explain writes a command's help.
func (c *command) explain(w io.Writer) {
	fmt.Fprintf(w, "%s\n", strings.TrimSpace(c.name+" "+c.args))
	if len(c.short) > 0 {
		fmt.Fprintf(w, "also: %s\n", strings.Join(c.short, ", "))
	}
	fmt.Fprintf(w, "\n%s.\n", capital(c.doc))
	if c.help != "" {
		fmt.Fprintf(w, "%s\n", c.help)
	}
}

// Reference writes the page of all commands in Markdown.
func Reference(w io.Writer) {
	fmt.Fprint(w, "# Debugger commands\n\nGenerated from the code by `go generate ./debugserver/console`; do not edit.\n\n"+
		"`vitrine debug` reads them, as do the debug console of an editor and gdb's `monitor`. Names may be shortened as long as it is clear\n"+
		"which is meant. An empty line repeats a step, `list` or `x`. [The guide](../debugger.md) shows them at work.\n")
	for _, g := range groups {
		fmt.Fprintf(w, "\n## %s\n\n| command | | |\n|---|---|---|\n", g.title)
		for _, c := range g.commands {
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", escapeBar(strings.TrimSpace(c.name+" "+c.args)), escapeBar(strings.Join(c.short, ", ")), escapeBar(c.doc))
		}
		for _, c := range g.commands {
			if c.help != "" {
				fmt.Fprintf(w, "\n**%s**\n\n```\n%s\n```\n", c.name, strings.Trim(c.help, "\n"))
			}
		}
	}
}

func escapeBar(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
