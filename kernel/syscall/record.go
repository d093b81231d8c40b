package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktrace"
	"vitrine/kernel/task"
)

// Calls that don't come back: they are recorded before they run.
const (
	nrExit      = 60
	nrExitGroup = 231
)

// recordEnter begins the record of a call that somebody follows; nil: nobody does.
func recordEnter(t *task.Task, c *Call, nr uint64, a Args) *ktrace.Call {
	if !t.Sys.Calls.Wants(nr, t.Group.ID) {
		return nil
	}
	r := &ktrace.Call{PID: t.Group.ID, TID: t.ID, Nr: nr, Name: c.Name, Start: t.Last.Entered, Args: make([]string, 0, len(a))}
	for i, p := range c.Params {
		if p.Out {
			r.Args = append(r.Args, Hex(t, a[i], a, -1))
		} else {
			r.Args = append(r.Args, p.Format(t, a[i], a, -1))
		}
	}
	if c.Params == nil && Lookup(nr) == nil { // nobody knows how many it has
		for _, v := range a {
			r.Args = append(r.Args, Hex(t, v, a, -1))
		}
	}
	if nr == nrExit || nr == nrExitGroup {
		r.Comm, r.End = t.Name, r.Start
		t.Sys.Calls.Record(r)
		return nil
	}
	return r
}

// recordExit completes the record, with what the call has stored where it was told to.
func recordExit(t *task.Task, c *Call, r *ktrace.Call, a Args, ret uint64, err error) {
	r.Ret = int64(ret)
	switch e := errno.Of(err); {
	case e == errno.NoReturn: // to another place than it came from: that is success
		r.Ret = 0
	case e != 0:
		r.Ret, r.Errno = -int64(e), e.Name()
	default:
		for i, p := range c.Params {
			if p.Out {
				r.Args[i] = p.Format(t, a[i], a, r.Ret)
			}
		}
	}
	r.Comm, r.End = t.Name, t.Now()
	t.Sys.Calls.Record(r)
}
