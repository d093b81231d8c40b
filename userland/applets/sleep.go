package applets

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// sleep - delay for a time
//
// The time is a number with an optional unit s, m, h or d; several are added up.
func init() {
	box.Register(&box.Cmd{Name: "sleep", Usage: "sleep NUMBER[smhd]...", Run: sleep})
}

func sleep(args []string) int {
	if len(args) < 2 {
		box.UsageError(args[0])
	}
	var total time.Duration
	for _, a := range args[1:] {
		unit := time.Second
		num := a
		if i := strings.IndexAny(a, "smhd"); i >= 0 && i == len(a)-1 {
			unit = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[a[i]]
			num = a[:i]
		}
		f, err := strconv.ParseFloat(num, 64)
		if err != nil || f < 0 {
			return box.Fail(args[0], fmt.Sprintf("invalid time interval '%s'", a), nil)
		}
		total += time.Duration(f * float64(unit))
	}
	nanosleep(total)
	return 0
}

// nanosleep sleeps by the system call itself: time.Sleep would park this thread in
// a futex, which is harder to recognise in the kernel's list of waiting tasks.
func nanosleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&ts, &ts) == unix.EINTR {
	}
}
