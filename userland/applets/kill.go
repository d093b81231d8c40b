package applets

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// kill - send a signal
//
//	kill [-s SIGNAL | -SIGNAL] PID...     a negative PID means a process group
//	kill -l [NUMBER]                      list the names of signals
//
// The shell has its own kill that also knows jobs (%1).
func init() {
	box.Register(&box.Cmd{Name: "kill", Usage: "kill [-s SIGNAL | -SIGNAL] PID...\n       kill -l [NUMBER]", Run: kill})
}

func kill(args []string) int {
	sig, rest, status := box.KillArgs(args)
	if rest == nil {
		return status
	}
	for _, a := range rest {
		pid, err := strconv.Atoi(a)
		if err != nil {
			status = box.Fail(args[0], fmt.Sprintf("invalid process id '%s'", a), nil)
			continue
		}
		if err := unix.Kill(pid, sig); err != nil {
			status = box.Fail(args[0], a, err)
		}
	}
	return status
}
