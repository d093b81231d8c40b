package tracer

import "golang.org/x/sys/unix"

// Poll finds out whether the stopped process has been killed meanwhile. Whoever keeps a process stopped calls it now
// and then: until the tracer has reaped its threads, the process has not ended for its parent either.
func (t *Tracer) Poll() bool {
	for !t.exited {
		var si unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &si, waitOpts|unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil && err != unix.ECHILD || err == nil && si.Signo == 0 {
			break // nothing new
		}
		tid, ws, err := t.wait(-1)
		if err != nil {
			break
		}
		if th, report := t.handle(tid, ws); th != nil && !report {
			t.settle(th)
		}
	}
	return t.exited
}
