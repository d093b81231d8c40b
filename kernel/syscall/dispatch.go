package syscall

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ktrace"
	"vitrine/kernel/task"
)

var (
	evEnter = ktrace.Event("sys_enter", "nr", "a0", "a1", "a2")
	evExit  = ktrace.Event("sys_exit", "nr", "result")
)

// Dispatch runs the system call that t's registers ask for and stores its result.
func Dispatch(t *task.Task) {
	a, nr := Args(t.Regs.Args()), t.Regs.OrigRAX
	t.Last.Nr, t.Last.Args, t.Last.Entered, t.Last.Active = nr, a, t.Now(), true
	t.Last.Count++
	evEnter.Emit(t.Sys.Trace, t.Last.Entered, t.ID, nr, a[0], a[1], a[2])

	c := Lookup(nr)
	if c == nil {
		c = unknown(t, nr)
	}
	enter := traceEnter(t, c, a)
	rec := recordEnter(t, c, nr, a)
	var ret uint64
	var err error
	if stop := stops(t, nr); stop == 0 {
		ret, err = c.Handler(t, a)
	} else {
		ret, err = watched(t, c, a, stop)
	}
	if enter != "" {
		traceExit(t, c, enter, a, ret, err)
	}
	if rec != nil {
		recordExit(t, c, rec, a, ret, err)
	}

	t.Last.Active = false
	switch e := errno.Of(err); {
	case e == errno.NoReturn:
		return
	case e != 0:
		ret = -uint64(e)
		if e.Internal() {
			t.SigPending.Store(true) // the way out decides how the call goes on
		}
	}
	t.Regs.SetReturn(ret)
	evExit.Emit(t.Sys.Trace, t.Last.Entered, t.ID, nr, ret)
}

// unknown is the entry of every call that isn't there: ENOSYS, and one line in the log per number.
func unknown(t *task.Task, nr uint64) *Call {
	if t.Sys.FirstUnknown(nr) {
		t.Sys.Log.Infof("%s[%d]: system call %d is not implemented", t.Name, t.PID(), nr)
	}
	return &Call{Nr: int(min(nr, 1<<16)), Name: fmt.Sprintf("sys_%d", nr), Handler: sysUnknown}
}

// sysUnknown answers calls that are not implemented.
func sysUnknown(t *task.Task, a Args) (uint64, error) { return 0, errno.ENOSYS }

// traceEnter returns the call as strace shows it before it runs; "" if nobody asked.
func traceEnter(t *task.Task, c *Call, a Args) string {
	if !t.Strace.Load() || !Traced(t.Sys.StraceFilter, c.Name) {
		return ""
	}
	return c.FormatEnter(t, a)
}

func traceExit(t *task.Task, c *Call, enter string, a Args, ret uint64, err error) {
	t.Sys.StraceLine(fmt.Sprintf("[%d %s] %s", t.ID, t.Name, c.FormatExit(t, enter, a, ret, err)))
}

// Traced reports whether a call passes a filter like strace's -e: names with
// commas between, "!" before the list for all others; "" passes all.
func Traced(filter, name string) bool {
	if filter == "" {
		return true
	}
	list, not := strings.CutPrefix(filter, "!")
	for _, n := range strings.Split(list, ",") {
		if n == name {
			return !not
		}
	}
	return not
}
