package session

import (
	"errors"
	"fmt"

	"vitrine/debugserver/views"
)

// Process is a process of the guest, as ps(1) shows one.
type Process struct {
	PID, PPID int
	Comm      string
	State     string // of its first thread, in ps(1)'s letters; Z: it has ended, and its parent has not waited for it
	Wait      string // what the first thread waits for: "pipe_read"; "" if for nothing
	CPU       int64  // time it has used, ns; what a thread has used since it got its CPU is not in it yet
	UID       int    // the real one
	Started   int64  // on the machine's monotonic clock, ns
	Threads   []ProcessThread
}

// ProcessThread is a thread of a Process.
type ProcessThread struct {
	TID         int
	Name        string
	State, Wait string
}

// Processes lists all processes in the order of their creation. While the machine runs, the kernel stands for as long as that takes once, and
// a process that begins or ends just then may be missing.
func (c *Client) Processes() ([]Process, error) {
	return ask(c, func(s *Session) ([]Process, error) { return s.processes() })
}

func (s *Session) processes() (all []Process, err error) {
	k, err := s.kernelRoot()
	if err != nil {
		return nil, err
	}
	groups, err := k.Field("Tasks.first")
	if err != nil {
		return nil, err
	}
	err = groups.Each("next", func(g views.Object) bool {
		if p, err := readProcess(g); err == nil {
			all = append(all, p)
		}
		return len(all) < maxProcesses
	})
	return all, err
}

// maxProcesses bounds a list that goes in circles: no kernel has as many.
const maxProcesses = 1 << 17

// threadStates are the letters of sched.State.
const threadStates = "RRSDTZ"

// readProcess reads a *task.ThreadGroup.
func readProcess(g views.Object) (p Process, err error) {
	r := reader{o: g}
	p.PID, p.PPID, p.Started = int(r.uint("ID")), int(r.optional("parent.ID")), int64(r.uint("startTime"))
	p.CPU = int64(r.uint("usage.Self.UTime") + r.uint("usage.Self.STime")) // of threads that are dead
	zombie := r.uint("zombie") != 0
	if r.err != nil {
		return p, r.err
	}
	first, err := g.Field("first")
	if err != nil {
		return p, err
	}
	err = first.Each("next", func(t views.Object) bool {
		r := reader{o: t}
		th := ProcessThread{TID: int(r.uint("Thread.ID")), Name: r.text("Thread.Name"), Wait: r.text("Thread.WaitName")}
		if s := r.uint("Thread.State"); s < uint64(len(threadStates)) {
			th.State = threadStates[s : s+1]
		}
		if r.err != nil {
			return false
		}
		if r.uint("dead") == 0 {
			p.CPU += int64(r.uint("Thread.UTime") + r.uint("Thread.STime"))
		}
		if th.TID == p.PID {
			p.Comm, p.UID, p.State, p.Wait = r.text("comm"), int(r.optional("user.UID")), th.State, th.Wait
		}
		p.Threads = append(p.Threads, th)
		return len(p.Threads) < maxProcesses
	})
	if zombie {
		p.State, p.Wait = "Z", ""
	}
	return p, err
}

// reader reads fields of a structure and keeps the first error.
type reader struct {
	o   views.Object
	err error
}

func (r *reader) uint(path string) uint64 {
	n, err := r.o.Uint(path)
	r.note(path, err)
	return n
}

func (r *reader) text(path string) string {
	s, err := r.o.Text(path)
	r.note(path, err)
	return s
}

// optional is a number that may lie behind a nil.
func (r *reader) optional(path string) uint64 {
	n, err := r.o.Uint(path)
	if err != nil && !errors.Is(err, views.ErrNil) {
		r.note(path, err)
	}
	return n
}

func (r *reader) note(path string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", path, err)
	}
}
