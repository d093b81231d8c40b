package applets

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// time - run a command and tell what it has used
//
//	-p  in the form POSIX prescribes   -v  more: memory, faults, context switches
func init() {
	box.Register(&box.Cmd{Name: "time", Usage: "time [-pv] COMMAND [ARG]...", Run: timeMain})
}

func timeMain(args []string) int {
	o, cmd := box.Parse(args, "+pv", "portability=p verbose=v")
	if len(cmd) == 0 {
		box.UsageError(args[0])
	}
	start := time.Now()
	status := runCommand(args[0], cmd, os.Environ(), nil)
	real := time.Since(start)
	var ru unix.Rusage
	unix.Getrusage(unix.RUSAGE_CHILDREN, &ru)
	user, sys := time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
	if o.Has('p') {
		fmt.Fprintf(box.Stderr, "real %.2f\nuser %.2f\nsys %.2f\n", real.Seconds(), user.Seconds(), sys.Seconds())
		return status
	}
	for _, l := range []struct {
		name string
		d    time.Duration
	}{{"real", real}, {"user", user}, {"sys", sys}} {
		fmt.Fprintf(box.Stderr, "%s\t%dm %.3fs\n", l.name, int(l.d.Minutes()), (l.d % time.Minute).Seconds())
	}
	if o.Has('v') {
		fmt.Fprintf(box.Stderr, "maximum resident\t%d kB\npage faults\t%d minor, %d major\ncontext switches\t%d voluntary, %d involuntary\n",
			ru.Maxrss, ru.Minflt, ru.Majflt, ru.Nvcsw, ru.Nivcsw)
	}
	return status
}
