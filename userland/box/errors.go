package box

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Strerror returns the message for an error as other Unix programs print it:
// "No such file or directory".
func Strerror(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	if _, ok := err.(unix.Errno); ok && s != "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// Warn prints "name: what: reason" to standard error. what may be empty.
func Warn(name, what string, err error) {
	Out.Flush() // keep the order in which things happened
	msg := name
	if what != "" {
		msg += ": " + what
	}
	if err != nil {
		msg += ": " + Strerror(err)
	}
	Stderr.WriteString(msg + "\n")
}

// Fail is Warn, and returns the exit status 1 for "return box.Fail(...)".
func Fail(name, what string, err error) int {
	Warn(name, what, err)
	return 1
}

// Die is Warn and ends the command with status 1.
func Die(name, what string, err error) {
	Warn(name, what, err)
	Exit(1)
}
