package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"vitrine/kernel/kview"
	"vitrine/machine/ctl"
)

// printTable shows rows as the kernel's views look everywhere.
func printTable(tb *ctl.Table) {
	if tb == nil {
		return
	}
	kt := kview.Table{View: tb.View, Head: tb.Head, Truncated: tb.Truncated}
	for _, row := range tb.Rows {
		clean := make([]string, len(tb.Head))
		for i := range clean {
			if i < len(row) {
				clean[i] = printable(row[i])
			}
		}
		kt.Rows = append(kt.Rows, clean)
	}
	var b strings.Builder
	kt.Write(&b)
	os.Stdout.WriteString(b.String())
}

// showView prints one view of a machine.
func showView(name, view string, args []string) int {
	_, conn, r, err := request(name, ask{Op: "view", View: view, Args: args})
	if err != nil {
		return fail("%v", err)
	}
	conn.Close()
	printTable(r.Table)
	return 0
}

var cmdPs = &command{
	name: "ps", args: "[NAME]", doc: "list the machines that run, or the tasks in one",
	help: "Without NAME, the machines of this user. With it, the machine's tasks: the view `ps`.",
	run: func(c *command, args []string) int {
		fs := c.flags()
		if status, ok := parse(fs, args); !ok {
			return status
		}
		if fs.NArg() > 0 {
			return showView(fs.Arg(0), "ps", nil)
		}
		var all ctl.Table
		for _, name := range running() {
			_, conn, r, err := request(name, ask{Op: "info"})
			if err != nil {
				continue // it ended just now
			}
			conn.Close()
			if r.Table != nil {
				all.Head, all.Rows = r.Table.Head, append(all.Rows, r.Table.Rows...)
			}
		}
		if len(all.Rows) == 0 {
			fmt.Fprintln(os.Stderr, "no machine runs")
			return 0
		}
		printTable(&all)
		return 0
	},
}

var cmdView = &command{
	name: "view", args: "[[NAME] VIEW]", doc: "show a table of kernel structures",
	help: `
Without VIEW, the list of views. NAME may be left out when only one machine runs. A machine that a debugger has
stopped is looked at from outside; so is a core dump: vitrine view -core FILE [VIEW].`,
	run: func(c *command, args []string) int {
		fs := c.flags()
		core := fs.String("core", "", "look at a core dump, a `file`, instead of a machine")
		kernel := fs.String("kernel", "", "with -core: the kernel that it is of, a `file`")
		if status, ok := parse(fs, args); !ok {
			return status
		}
		if *core != "" {
			return coreView(*core, *kernel, fs.Arg(0))
		}
		switch args := fs.Args(); len(args) {
		case 0:
			return showView("", "", nil)
		case 1:
			if slices.Contains(running(), args[0]) {
				return showView(args[0], "", nil)
			}
			return showView("", args[0], nil)
		default:
			return showView(args[0], args[1], args[2:])
		}
	},
}

var cmdDmesg = &command{
	name: "dmesg", args: "[-f] [NAME]", doc: "print a machine's kernel log",
	help: "The log is read from the machine's RAM: the kernel need not be well for it.",
	run: func(c *command, args []string) int {
		fs := c.flags()
		follow := fs.Bool("f", false, "go on until the machine ends")
		if status, ok := parse(fs, args); !ok {
			return status
		}
		w, conn, r, err := request(fs.Arg(0), ask{Op: "dmesg", Follow: *follow})
		if err != nil {
			return fail("%v", err)
		}
		defer conn.Close()
		for {
			for _, l := range r.Lines {
				fmt.Println(printable(l))
			}
			if !*follow {
				return 0
			}
			*r = answer{}
			if w.receive(r) != nil {
				return 0
			}
		}
	},
}

var cmdKill = &command{
	name: "kill", args: "[NAME]", doc: "switch a machine off at once",
	run: func(c *command, args []string) int {
		fs := c.flags()
		if status, ok := parse(fs, args); !ok {
			return status
		}
		w, conn, _, err := request(fs.Arg(0), ask{Op: "kill"})
		if err != nil {
			return fail("%v", err)
		}
		defer conn.Close()
		var end part
		w.receive(&end) // the connection closes with the machine
		return 0
	},
}

var cmdExec = &command{
	name: "exec", args: "[NAME] [--] COMMAND [args…]", doc: "run a command in a running machine",
	help: `
It runs beside what runs there; streams and exit status are passed on. When standard input and
output are a terminal the command gets a terminal of its own: vitrine exec NAME sh.
NAME may be left out before --, and when no machine is called COMMAND.`,
	run: func(c *command, args []string) int {
		fs := c.flags()
		dir := fs.String("C", "", "`directory` to run it in")
		if status, ok := parse(fs, args); !ok {
			return status
		}
		// The first word is the machine's name if a machine is called that, unless "--" came before it.
		name, argv := "", fs.Args()
		dashes := len(argv) < len(args) && args[len(args)-len(argv)-1] == "--"
		if !dashes && len(argv) > 0 && slices.Contains(running(), argv[0]) {
			name, argv = argv[0], argv[1:]
			if len(argv) > 0 && argv[0] == "--" {
				argv = argv[1:]
			}
		}
		if len(argv) == 0 {
			c.usage(os.Stderr, fs)
			return 2
		}
		a := ask{Op: "exec", Argv: argv, Dir: *dir}
		tty := isTerminal(0) && isTerminal(1)
		if tty {
			a.Term = cmp.Or(os.Getenv("TERM"), "dumb")
			a.Cols, a.Rows = windowSize(0)
		}
		w, conn, _, err := request(name, a)
		if err != nil {
			return fail("%v", err)
		}
		defer conn.Close()
		keys := io.Reader(os.Stdin)
		if tty {
			raw, err := makeRaw(0, false)
			if err != nil {
				return fail("terminal: %v", err)
			}
			defer raw.restore()
			restoreOnSignal(raw)
			keys = sizedKeys{keys, reportSize(0, func(cols, rows int) { w.send(part{Cols: cols, Rows: rows}) })}
		}
		go func() {
			io.Copy(streamWriter{w, 0}, keys)
			w.send(part{End: true})
		}()
		for {
			var p part
			if w.receive(&p) != nil {
				return fail("the machine ended")
			}
			if p.Exited {
				return p.Status
			}
			if p.Stream == 1 || p.Stream == 2 {
				files[p.Stream].Write(p.Data)
			}
		}
	},
}

var cmdConsole = &command{
	name: "console", args: "[NAME]", doc: "join the terminal of a running machine",
	help: "What was on the screen last is shown first. Ctrl-A x leaves; the machine runs on.",
	run: func(c *command, args []string) int {
		fs := c.flags()
		if status, ok := parse(fs, args); !ok {
			return status
		}
		w, conn, _, err := request(fs.Arg(0), ask{Op: "console"})
		if err != nil {
			return fail("%v", err)
		}
		defer conn.Close()
		var raw *rawTerminal
		var keys io.Reader = os.Stdin
		if isTerminal(0) {
			if raw, err = makeRaw(0, !isTerminal(1)); err != nil {
				return fail("terminal: %v", err)
			}
			defer raw.restore()
			restoreOnSignal(raw)
			esc := &escapeReader{r: os.Stdin}
			esc.command = func(key byte) {
				if key == 'x' {
					conn.Close()
				} else {
					fmt.Printf(escapeHelp, "leave the console; the machine runs on")
				}
			}
			size := func(cols, rows int) { w.send(part{Cols: cols, Rows: rows}) }
			size(windowSize(0))
			keys = sizedKeys{esc, reportSize(0, size)}
		}
		go io.Copy(streamWriter{w, 0}, keys)
		for {
			var p part
			if w.receive(&p) != nil || p.End {
				return 0
			}
			os.Stdout.Write(p.Data)
		}
	},
}
