package applets

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// env - run a command with a changed environment, or print it
//
//	-i  start empty   -u NAME  remove a variable
func init() {
	box.Register(&box.Cmd{Name: "env", Usage: "env [-i] [-u NAME] [NAME=VALUE]... [COMMAND [ARG]...]", Run: env})
	box.Register(&box.Cmd{Name: "printenv", Usage: "printenv [NAME]...", Run: printenv})
	box.Register(&box.Cmd{Name: "nice", Usage: "nice [-n N] [COMMAND [ARG]...]", Run: nice})
	box.Register(&box.Cmd{Name: "nohup", Usage: "nohup COMMAND [ARG]...", Run: nohup})
}

func env(args []string) int {
	o, rest := box.Parse(args, "+iu:0", "ignore-environment=i unset=u")
	vars := os.Environ()
	if o.Has('i') || len(rest) > 0 && rest[0] == "-" {
		vars = nil
		if !o.Has('i') {
			rest = rest[1:]
		}
	}
	remove := func(name string) {
		kept := vars[:0:0]
		for _, kv := range vars {
			if !strings.HasPrefix(kv, name+"=") {
				kept = append(kept, kv)
			}
		}
		vars = kept
	}
	for _, name := range o.Values('u') {
		remove(name)
	}
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		name, _, _ := strings.Cut(rest[0], "=")
		remove(name)
		vars = append(vars, rest[0])
		if name == "PATH" { // the command is looked for in the new path
			os.Setenv("PATH", rest[0][5:])
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		for _, kv := range vars {
			box.Out.WriteString(kv + "\n")
		}
		return 0
	}
	return become(args[0], rest, vars)
}

// become replaces this program by another; it returns only the status of failing.
func become(name string, argv, env []string) int {
	box.Out.Flush()
	err := unix.Exec(initLook(argv[0]), argv, env)
	box.Warn(name, "'"+argv[0]+"'", err)
	return execStatus(err)
}

func printenv(args []string) int {
	if len(args) == 1 {
		for _, kv := range os.Environ() {
			box.Out.WriteString(kv + "\n")
		}
		return 0
	}
	status := 0
	for _, n := range args[1:] {
		if v, ok := os.LookupEnv(n); ok {
			box.Out.WriteString(v + "\n")
		} else {
			status = 1
		}
	}
	return status
}

// nice - run a command with another scheduling priority
//
//	-n N  add N to the niceness (10)
func nice(args []string) int {
	args = obsolete(args)
	o, rest := box.Parse(args, "+n:", "adjustment=n")
	// The system call returns 20-nice, so that no valid result looks like an error.
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return box.Fail(args[0], "", err)
	}
	now := 20 - raw
	if len(rest) == 0 {
		box.Out.WriteString(itoa(now) + "\n")
		return 0
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, now+o.Int('n', 10)); err != nil {
		box.Warn(args[0], "cannot set niceness", err)
	}
	return become(args[0], rest, os.Environ())
}

// nohup - run a command that survives the end of the session
//
// Standard output goes to nohup.out when it is a terminal.
func nohup(args []string) int {
	if len(args) < 2 {
		box.UsageError(args[0])
	}
	if isatty(0) {
		if fd, err := box.OpenFile("/dev/null", unix.O_RDONLY, 0); err == nil {
			unix.Dup3(int(fd), 0, 0)
		}
	}
	if isatty(1) {
		fd, err := box.OpenFile("nohup.out", unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND, 0o600)
		if err != nil {
			return box.Fail(args[0], "nohup.out", err)
		}
		box.Stderr.WriteString("nohup: appending output to nohup.out\n")
		unix.Dup3(int(fd), 1, 0)
	}
	if isatty(2) {
		unix.Dup3(1, 2, 0)
	}
	ignoreSignal(syscall.SIGHUP)
	return become(args[0], args[1:], os.Environ())
}
