// vitrine runs usermode kernels: it is the supervisor, which plays the machine's
// devices, shows its terminal and starts the kernel process.
//
//	main.go      the commands and their help
//	run.go       vitrine run: machine.go puts it together, streams.go has the three streams
//	build.go     kernel and userland, built when their sources changed: kernelbuild.go, userland.go, cpio.go
//	terminal.go  raw mode; escape.go: Ctrl-A
//	debug.go     vitrine debug: debugline.go edits lines, debugserve.go is the machine's side; core.go: dumps
//	server.go    what a running machine answers; client.go asks: ps, view, dmesg, exec, console, kill
//	dap.go       vitrine dap and run -dap: debuggers' clients; dap_host.go: the machines that they launch
//	doctor.go    what the host lacks
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// command is a subcommand.
type command struct {
	name string
	args string // synopsis
	doc  string // one line
	help string // more
	run  func(c *command, args []string) int
}

// commands in the order in which help lists them. Filled by init for commands refer to the list.
var commands []*command

func init() {
	commands = []*command{
		cmdRun, cmdPs, cmdView, cmdDmesg, cmdExec, cmdConsole, cmdDebug, cmdCore, cmdKill, cmdDAP, cmdDoctor, cmdVersion, cmdHelp,
	}
}

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		usage(os.Stderr)
		os.Exit(2)
	}
	switch args[0] {
	case "-h", "-help", "--help":
		args[0] = "help"
	case "-version", "--version":
		args[0] = "version"
	}
	c := find(args[0])
	if c == nil {
		fmt.Fprintf(os.Stderr, "vitrine: there is no command %q; `vitrine help` lists them\n", args[0])
		os.Exit(2)
	}
	os.Exit(c.run(c, args[1:]))
}

func find(name string) *command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	return nil
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Vitrine: a usermode kernel that you can see into.\n\nusage: vitrine COMMAND [options] [arguments]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.doc)
	}
	fmt.Fprint(w, "\n`vitrine help COMMAND` says more. `vitrine run` starts a machine with a shell.\n")
}

// flags returns a flag set for the command, whose usage message is the command's help.
func (c *command) flags() *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(os.Stderr)
	fs.Usage = func() { c.usage(os.Stderr, fs) }
	return fs
}

func (c *command) usage(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "usage: vitrine %s\n\n%s.\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	if c.help != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.help))
	}
	if fs == nil {
		return
	}
	first := true
	fs.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprint(w, "\noptions:\n")
			first = false
		}
		arg, text := flag.UnquoteUsage(f)
		name := "-" + f.Name
		if o, ok := f.Value.(*optional); ok {
			name += "[=" + o.what + "]"
		} else if arg != "" {
			name += " " + arg
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-18s %s\n", name, text)
	})
}

// parse parses a command's options. ok is false when there is nothing more to do but to exit with status.
func parse(fs *flag.FlagSet, args []string) (status int, ok bool) {
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0, false
	case err != nil:
		return 2, false
	}
	return 0, true
}

// optional is an option that may be given with or without a value.
type optional struct {
	value string // "1" if given without
	what  string // what the value is, for help
}

func (o *optional) String() string   { return o.value }
func (o *optional) IsBoolFlag() bool { return true }

func (o *optional) Set(v string) error {
	switch v {
	case "true":
		v = "1"
	case "false":
		v = ""
	}
	o.value = v
	return nil
}

// fail prints why a command failed and returns status 1.
func fail(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "vitrine: "+format+"\n", args...)
	return 1
}
