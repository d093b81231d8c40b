package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"vitrine/dap"
	"vitrine/hostdev/board"
	"vitrine/machine/ctl"
)

// What DAP clients want of the guest that the kernel does for them.

// commandTimeout is how long the kernel may take to do what a client commands.
const commandTimeout = 2 * time.Second

// command has the kernel do something. If it does not answer, or is not waited for, it does so later.
func (d *dapMachine) command(m *ctl.Message, wait bool) (*ctl.Reply, error) {
	if !wait {
		return nil, d.board.Post(m, commandTimeout)
	}
	r, err := d.board.Request(m, commandTimeout)
	if errors.Is(err, board.ErrTimeout) {
		err = dap.ErrNoAnswer
	}
	return r, err
}

// Signal implements dap.Machine.
func (d *dapMachine) Signal(pid, sig int, wait bool) error {
	_, err := d.command(&ctl.Message{Signal: &ctl.Signal{PID: pid, Signal: sig}}, wait)
	return err
}

// recordings is what clients want to have recorded of system calls.
type recordings struct {
	mu    sync.Mutex // held while the kernel is told, so that it hears of the last state last
	last  int
	wants map[int]recording
}

type recording struct {
	names []string // none: all
	pid   int      // 0: all
}

// all is a request for what anybody wants, or for more: who wants less looks by himself.
func (r *recordings) all() *ctl.Message {
	c := &ctl.Calls{Off: len(r.wants) == 0}
	everyCall, everyProcess := false, false
	for _, w := range r.wants {
		everyCall, everyProcess = everyCall || len(w.names) == 0, everyProcess || w.pid == 0
		c.Names, c.PIDs = append(c.Names, w.names...), append(c.PIDs, w.pid)
	}
	if everyCall {
		c.Names = nil
	}
	if everyProcess {
		c.PIDs = nil
	}
	slices.Sort(c.Names)
	slices.Sort(c.PIDs)
	c.Names, c.PIDs = slices.Compact(c.Names), slices.Compact(c.PIDs)
	return &ctl.Message{Calls: c}
}

// Record implements dap.Machine.
func (d *dapMachine) Record(names []string, pid int, wait bool) (last int64, stop func(), err error) {
	r := &d.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wants == nil {
		r.wants = map[int]recording{}
	}
	r.last++
	id := r.last
	r.wants[id] = recording{slices.Clone(names), pid}
	end := func() {
		delete(r.wants, id)
		d.command(r.all(), false) // a machine that is off records nothing
	}
	reply, err := d.command(r.all(), wait)
	if err != nil && !errors.Is(err, dap.ErrNoAnswer) {
		delete(r.wants, id)
		return -1, nil, err
	}
	last = -1
	if reply != nil {
		for _, name := range names {
			if slices.Contains(reply.Unknown, name) { // it may be another client's, too, who was not waiting
				end()
				return -1, nil, fmt.Errorf("the kernel has no system call %q", name)
			}
		}
		last = int64(reply.Recorded)
	}
	return last, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		end()
	}, err
}
