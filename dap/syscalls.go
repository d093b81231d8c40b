package dap

import (
	"slices"
	"time"

	"vitrine/kernel/ktrace"
	"vitrine/machine/ring"
)

// SyscallsArguments are those of vitrine/syscalls: with Follow, system calls come as events of the same name. A new request takes the
// place of the one before.
type SyscallsArguments struct {
	Follow bool     `json:"follow"`
	Names  []string `json:"names,omitempty"` // none: all
	PID    int      `json:"pid,omitempty"`   // only of this process; 0: of all
}

// SyscallsBody is the answer to it.
type SyscallsBody struct {
	Recording bool `json:"recording"`
	Pending   bool `json:"pending,omitempty"` // the machine stands still: the kernel begins, or ends, when it runs
}

// Syscall is a system call that is over.
type Syscall struct {
	Seq   uint64   `json:"seq"` // counts what the kernel has recorded, for whomever
	PID   int      `json:"pid"`
	TID   int      `json:"tid"`
	Comm  string   `json:"comm"`
	Nr    uint64   `json:"nr"`
	Name  string   `json:"name"`
	Args  []string `json:"args"` // as strace(1) shows them
	Ret   int64    `json:"ret"`
	Errno string   `json:"errno,omitempty"` // "ENOENT"
	Start int64    `json:"start_ns"`        // on the machine's monotonic clock
	End   int64    `json:"end_ns"`
}

// SyscallsEvent is the body of the event vitrine/syscalls.
type SyscallsEvent struct {
	Calls   []Syscall `json:"calls"`
	Dropped uint64    `json:"dropped"` // calls since the last event that are not shown: too many for the kernel's ring, or for an event
}

const (
	syscallsEvent = "vitrine/syscalls"

	eventPeriod = 200 * time.Millisecond // between events of what goes on all the time
	ringPeriod  = 20 * time.Millisecond  // how often the ring is read: a busy kernel fills it in that time
	maxCalls    = 2000                   // in an event
)

func (c *conn) followSyscalls(_ *request, a *SyscallsArguments) (any, error) {
	m := c.attachedTo()
	if m == nil {
		return nil, errNoMachine
	}
	if !a.Follow {
		c.keep(m, syscallsEvent, nil)
		return SyscallsBody{}, nil
	}
	r, err := ring.NewReader(m.Ring("events"))
	if err != nil {
		return nil, err
	}
	r.End() // what is recorded for others already is not of interest
	f := &syscallFollower{c: c, m: m, r: r, names: a.Names, pid: a.PID, quit: make(chan struct{})}
	var stop func()
	record := func(m Machine, wait bool) (err error) {
		f.last, stop, err = m.Record(a.Names, a.PID, wait)
		return err
	}
	pending, err := c.command(
		func(m Machine) error { return record(m, true) },
		func(m Machine, _ Debugger) error { return record(m, false) },
	)
	if err != nil {
		if stop != nil {
			stop()
		}
		return nil, err
	}
	c.keep(m, syscallsEvent, func() { close(f.quit); stop() })
	go f.run()
	return SyscallsBody{Recording: true, Pending: pending}, nil
}

// syscallFollower passes system calls on to a client.
type syscallFollower struct {
	c     *conn
	m     Machine
	r     *ring.Reader
	names []string
	pid   int
	quit  chan struct{}

	last int64  // highest number of a record that was accounted for; -1: not known yet
	seen uint64 // records since the last event
	high int64  // highest number among them

	ev SyscallsEvent // the next one
}

func (f *syscallFollower) run() {
	read, send := time.NewTicker(ringPeriod), time.NewTicker(eventPeriod)
	defer read.Stop()
	defer send.Stop()
	f.high = f.last
	for {
		select {
		case <-f.quit:
			return
		case <-f.m.Done():
			f.read()
			f.send()
			return
		case <-read.C:
			f.read()
		case <-send.C:
			f.send()
		}
	}
}

// read takes what has come. A ring that is filled faster than it is read does not hold it for ever.
func (f *syscallFollower) read() {
	for range maxCalls {
		rec, ok := f.r.Next()
		if !ok {
			return
		}
		if rec.Kind != ktrace.CallKind {
			continue
		}
		call, err := ktrace.ParseCall(rec.Data)
		if err != nil {
			continue
		}
		f.take(&call)
	}
}

func (f *syscallFollower) take(r *ktrace.Call) {
	seq := int64(r.Seq)
	if f.last < 0 {
		f.last = seq - 1
	}
	if seq <= f.last { // for others, or out of turn
		return
	}
	f.seen++
	f.high = max(f.high, seq)
	if len(f.names) > 0 && !slices.Contains(f.names, r.Name) || f.pid != 0 && f.pid != r.PID {
		return
	}
	if len(f.ev.Calls) == maxCalls {
		f.ev.Dropped++
		return
	}
	s := Syscall{
		Seq: r.Seq, PID: r.PID, TID: r.TID, Comm: printable(r.Comm), Nr: r.Nr, Name: printable(r.Name), Args: r.Args,
		Ret: r.Ret, Errno: printable(r.Errno), Start: r.Start, End: r.End,
	}
	for i := range s.Args {
		s.Args[i] = printable(s.Args[i])
	}
	f.ev.Calls = append(f.ev.Calls, s)
}

// send sends the event, if there is anything to tell. Records that never came were overwritten.
func (f *syscallFollower) send() {
	if all := f.high - f.last; f.high > f.last && uint64(all) > f.seen {
		f.ev.Dropped += uint64(all) - f.seen
	}
	f.last, f.seen = max(f.last, f.high), 0
	if len(f.ev.Calls) == 0 && f.ev.Dropped == 0 {
		return
	}
	if f.ev.Calls == nil {
		f.ev.Calls = []Syscall{}
	}
	f.c.calm(outputLimit)
	f.c.event(syscallsEvent, f.ev)
	f.ev = SyscallsEvent{}
}
