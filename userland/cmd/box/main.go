// The Go runtime would look every second whether the cgroup allows it more CPUs. Few
// commands live that long, and the thread and the timer would disturb the view.
//
//go:debug updatemaxprocs=0

// box is the multi-call program of the guest userland: it does what its name says.
//
//	ln -s box ls; ./ls -l        run as "ls"
//	box ls -l                    the same, spelled out
//	box --list                   print the names of all commands
package main

import (
	"os"
	"path"
	"strings"

	_ "vitrine/userland/applets"
	"vitrine/userland/box"
)

func main() { os.Exit(run(os.Args)) }

func run(args []string) int {
	if len(args) == 0 { // execve with an empty argv; Linux gives one empty string instead
		args = []string{"box"}
	}
	// A login shell is called "-sh".
	name := strings.TrimPrefix(path.Base(args[0]), "-")
	if c := box.Lookup(name); c != nil {
		if name != "sh" {
			args[0] = name // messages say "ls: ...", not "/bin/ls: ..."
		}
		return box.Run(c, args)
	}
	if len(args) > 1 {
		if args[1] == "--list" {
			for _, n := range box.Names() {
				box.Out.WriteString(n + "\n")
			}
			box.Out.Flush()
			return 0
		}
		if c := box.Lookup(args[1]); c != nil {
			return box.Run(c, args[1:])
		}
		box.Warn("box", args[1]+": no such command", nil)
	}
	box.Stderr.WriteString("usage: box COMMAND [ARG]... | box --list\n")
	return 127
}
