package syscall

import (
	"strconv"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
)

// Bits of task.System.CallStops.
const (
	stopEnter = 1 << iota
	stopReturn
)

// Stopping is a system call as a debugger that watches it sees it.
type Stopping struct {
	Call   *Call
	Values [6]int64 // the arguments as numbers, with the sign that their type has
	Texts  []string // the arguments as strace(1) shows them
	Shown  string   // the whole
	Ret    int64    // after the call: the result, -errno for an error
	Errno  string   // after it: "ENOENT"; "" for none
}

// stops returns what a debugger wants to know of the call.
func stops(t *task.Task, nr uint64) uint8 {
	if nr >= uint64(len(t.Sys.CallStops)) {
		return 0
	}
	return t.Sys.CallStops[nr]
}

// watched runs the handler, between the stops that a debugger wants.
func watched(t *task.Task, c *Call, a Args, stop uint8) (ret uint64, err error) {
	s := stopBefore(t, c, a)
	if stop&stopEnter != 0 {
		Entered(t, s)
	}
	ret, err = c.Handler(t, a)
	if stop&stopReturn != 0 {
		stopAfter(t, s, a, ret, err)
		Returned(t, s)
	}
	return ret, err
}

// stopBefore decodes a call that a debugger watches.
func stopBefore(t *task.Task, c *Call, a Args) *Stopping {
	s := &Stopping{Call: c, Shown: c.FormatEnter(t, a)}
	for i, p := range c.Params {
		text := p.Format(t, a[i], a, -1)
		if p.Out {
			text = Hex(t, a[i], a, -1)
		}
		s.Texts = append(s.Texts, text)
	}
	for i := range a {
		s.Values[i] = int64(a[i])
		if i < len(s.Texts) {
			if n, err := strconv.ParseInt(s.Texts[i], 10, 64); err == nil {
				s.Values[i] = n // an int in a register of 64 bits
			}
		}
	}
	return s
}

// Entered is called before the handlers of the system calls that a debugger watches: its breakpoint is here.
//
//go:noinline
func Entered(t *task.Task, s *Stopping) {}

// stopAfter completes what stopBefore has begun.
func stopAfter(t *task.Task, s *Stopping, a Args, ret uint64, err error) {
	s.Ret = int64(ret)
	if e := errno.Of(err); e != 0 && !e.Internal() {
		s.Ret, s.Errno = -int64(e), e.Name()
	}
	s.Shown = s.Call.FormatExit(t, s.Shown, a, ret, err)
}

// Returned is called after them, before anything is stored.
//
//go:noinline
func Returned(t *task.Task, s *Stopping) {}
