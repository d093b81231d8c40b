package main

import (
	"os"
	"os/exec"
)

var cmdHelp = &command{
	name: "help", args: "[COMMAND]", doc: "explain a command",
	run: func(_ *command, args []string) int {
		if len(args) == 0 {
			usage(os.Stdout)
			return 0
		}
		if args[0] == "bootparams" {
			return helpBootparams()
		}
		c := find(args[0])
		if c == nil {
			return fail("there is no command %q", args[0])
		}
		// The command itself knows its options: it prints them when asked for -h.
		stderr := os.Stderr
		os.Stderr = os.Stdout
		defer func() { os.Stderr = stderr }()
		return c.run(c, []string{"-h"})
	},
}

// helpBootparams lists the kernel's parameters. The kernel knows them: it is asked.
func helpBootparams() int {
	kernel, err := findKernel()
	if err != nil {
		return fail("%v", err)
	}
	cmd := exec.Command(kernel, "-params")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fail("%s -params: %v", kernel, err)
	}
	return 0
}
