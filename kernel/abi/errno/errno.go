// Package errno holds the kernel's error numbers. They are Go errors; where
// the number alone would puzzle a student, Because adds the reason: the number
// goes to the user program, the reason to the trace and the debugger.
//
//	return errno.EINVAL.Because("CLONE_THREAD without CLONE_SIGHAND")
package errno

import (
	"errors"
	"strconv"
)

// Errno is a Linux error number.
type Errno uint16

// Codes that never reach user programs: they tell the way out of the kernel
// how an interrupted call goes on (include/linux/errno.h).
const (
	RestartSys      Errno = 512 // again after the handler if SA_RESTART, else EINTR
	RestartNoIntr   Errno = 513 // again, always
	RestartNoHand   Errno = 514 // again if no handler ran, else EINTR
	RestartBlock    Errno = 516 // again by restart_syscall(2) if no handler ran, else EINTR
	NoReturn        Errno = 520 // the registers are already what they should be (execve, rt_sigreturn)
	firstNotForUser       = 512
)

// Error returns the number's text.
func (e Errno) Error() string {
	if int(e) < len(table) && table[e].text != "" {
		return table[e].text
	}
	return "error " + strconv.Itoa(int(e))
}

// Name returns the C name: "EINVAL".
func (e Errno) Name() string {
	switch {
	case int(e) < len(table) && table[e].name != "":
		return table[e].name
	case e == RestartSys:
		return "ERESTARTSYS"
	case e == RestartNoIntr:
		return "ERESTARTNOINTR"
	case e == RestartNoHand:
		return "ERESTARTNOHAND"
	case e == RestartBlock:
		return "ERESTART_RESTARTBLOCK"
	}
	return strconv.Itoa(int(e))
}

// Internal reports whether e is one of the codes that user programs never see.
func (e Errno) Internal() bool { return e >= firstNotForUser }

// Because returns an error that is e and carries a reason.
func (e Errno) Because(reason string) error { return &reasoned{e, reason} }

type reasoned struct {
	errno  Errno
	reason string
}

func (r *reasoned) Error() string { return r.errno.Error() + ": " + r.reason }

// Unwrap makes errors.Is(err, errno.EINVAL) hold.
func (r *reasoned) Unwrap() error { return r.errno }

// Of returns the number of err: 0 for nil, EIO for an error without one.
func Of(err error) Errno {
	switch e := err.(type) {
	case nil:
		return 0
	case Errno:
		return e
	case *reasoned:
		return e.errno
	}
	var e Errno
	if errors.As(err, &e) {
		return e
	}
	return EIO
}

// Reason returns the reason that Because gave, or "".
func Reason(err error) string {
	var r *reasoned
	if errors.As(err, &r) {
		return r.reason
	}
	return ""
}
