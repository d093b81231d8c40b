package box

import (
	"sort"
	"strings"
)

// Cmd is one command of the multi-call binary.
// Immutable after Register.
type Cmd struct {
	Name  string
	Usage string // what --help prints; the first line is the synopsis
	Run   func(args []string) int

	// Builtin says that the shell may run the command inside its own process:
	// it only reads its arguments and writes to Out.
	Builtin bool
	// RawHelp leaves --help to the command: for echo and test it is an ordinary argument.
	RawHelp bool
}

// table holds all registered commands by name. Written by init functions only.
var table = map[string]*Cmd{}

// Register adds a command. Call it from init and do nothing else there.
func Register(c *Cmd) {
	if table[c.Name] != nil {
		panic("box: two commands are named " + c.Name)
	}
	table[c.Name] = c
}

// Lookup returns the command of that name, or nil.
func Lookup(name string) *Cmd { return table[name] }

// Names returns the names of all commands, sorted.
func Names() []string {
	names := make([]string, 0, len(table))
	for n := range table {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// exitStatus is what Exit throws and Run catches.
type exitStatus int

// Exit ends the running command with that status. It unwinds the stack up to Run,
// so it also works for a command the shell runs inside its own process.
func Exit(status int) { panic(exitStatus(status)) }

// Run runs a command with args (args[0] is its name) and returns its exit status.
func Run(c *Cmd, args []string) (status int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exitStatus:
			status = int(r)
		default:
			panic(r)
		}
		if err := Out.Flush(); err != nil && status == 0 {
			status = Fail(args[0], "write error", err)
		}
	}()
	if !c.RawHelp && len(args) == 2 && args[1] == "--help" {
		Out.WriteString("usage: " + strings.TrimSpace(c.Usage) + "\n")
		return 0
	}
	return c.Run(args)
}

// UsageError prints the synopsis of the command to standard error and exits with status 2.
func UsageError(name string) {
	use := name
	if c := Lookup(name); c != nil {
		use, _, _ = strings.Cut(strings.TrimSpace(c.Usage), "\n")
	}
	Out.Flush()
	Stderr.WriteString("usage: " + use + "\n")
	Exit(2)
}
