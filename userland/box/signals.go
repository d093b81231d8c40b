package box

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SignalName returns "INT" for SIGINT; real-time signals are "RTMIN+n".
func SignalName(sig int) string {
	if n := unix.SignalName(unix.Signal(sig)); n != "" {
		return strings.TrimPrefix(n, "SIG")
	}
	if sig >= 34 && sig <= 64 {
		return "RTMIN+" + strconv.Itoa(sig-34)
	}
	return strconv.Itoa(sig)
}

// ParseSignal understands "9", "KILL", "SIGKILL" and "kill"; "0" and "EXIT" are 0.
func ParseSignal(s string) (int, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, n >= 0 && n <= 64
	}
	s = strings.ToUpper(s)
	if s == "EXIT" {
		return 0, true
	}
	if !strings.HasPrefix(s, "SIG") {
		s = "SIG" + s
	}
	n := unix.SignalNum(s)
	return int(n), n != 0
}

// SignalText describes a signal as shells do when it has ended a job.
func SignalText(sig int) string {
	s := unix.Signal(sig).String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// KillArgs parses the arguments of kill. When rest is nil, everything is done
// (or wrong) already and status is the exit status.
func KillArgs(args []string) (sig unix.Signal, rest []string, status int) {
	name, a := args[0], args[1:]
	sig = unix.SIGTERM
	if len(a) == 0 {
		UsageError(name)
	}
	parse := func(s string) bool {
		n, ok := ParseSignal(s)
		if !ok {
			status = Fail(name, s+": invalid signal", nil)
		}
		sig = unix.Signal(n)
		return ok
	}
	switch first := a[0]; {
	case first == "-l" || first == "-L":
		return 0, nil, listSignals(name, a[1:])
	case first == "-s" || first == "-n":
		if len(a) < 2 {
			UsageError(name)
		}
		if !parse(a[1]) {
			return 0, nil, status
		}
		a = a[2:]
	case first == "--":
	case len(first) > 1 && first[0] == '-':
		if !parse(first[1:]) {
			return 0, nil, status
		}
		a = a[1:]
	}
	if len(a) > 0 && a[0] == "--" {
		a = a[1:]
	}
	if len(a) == 0 {
		UsageError(name)
	}
	return sig, a, 0
}

func listSignals(name string, which []string) int {
	for _, w := range which {
		n, ok := ParseSignal(w)
		if v, err := strconv.Atoi(w); err == nil {
			if v > 128 { // an exit status of a killed command
				v -= 128
			}
			Out.WriteString(SignalName(v) + "\n")
		} else if ok {
			Out.WriteString(strconv.Itoa(n) + "\n")
		} else {
			return Fail(name, w+": invalid signal", nil)
		}
	}
	if len(which) == 0 {
		for i := 1; i <= 31; i++ {
			Out.WriteString(strconv.Itoa(i) + ") SIG" + SignalName(i) + "\n")
		}
	}
	return 0
}
