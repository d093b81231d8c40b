package dap

import (
	"errors"
	"fmt"
	"strings"

	"vitrine/debugserver/session"
	"vitrine/kernel/abi"
)

// Process is a process of the guest, in the answer to vitrine/processes. State is a letter as ps(1) has it; Wait is "" for one that does not
// wait. Times are nanoseconds, Started on the machine's monotonic clock.
type Process struct {
	PID     int             `json:"pid"`
	PPID    int             `json:"ppid"`
	Comm    string          `json:"comm"`
	State   string          `json:"state"`
	Wait    string          `json:"wait"`
	CPU     int64           `json:"cpu_ns"`
	UID     int             `json:"uid"`
	Started int64           `json:"started_ns"`
	Threads []ProcessThread `json:"threads"`
}

// ProcessThread is a thread of a Process.
type ProcessThread struct {
	TID   int    `json:"tid"`
	Name  string `json:"name"`
	State string `json:"state"`
	Wait  string `json:"wait"`
}

// ProcessesBody is the answer to vitrine/processes.
type ProcessesBody struct {
	Processes []Process `json:"processes"`
}

func (c *conn) processes(_ *request, _ *struct{}) (any, error) {
	all, err := c.debugger().Processes()
	if err != nil {
		return nil, err
	}
	body := ProcessesBody{Processes: make([]Process, len(all))}
	for i, p := range all {
		d := Process{
			PID: p.PID, PPID: p.PPID, Comm: printable(p.Comm), State: p.State, Wait: p.Wait, CPU: p.CPU, UID: p.UID, Started: p.Started,
			Threads: make([]ProcessThread, len(p.Threads)),
		}
		for j, t := range p.Threads {
			d.Threads[j] = ProcessThread{TID: t.TID, Name: printable(t.Name), State: t.State, Wait: t.Wait}
		}
		body.Processes[i] = d
	}
	return body, nil
}

// ProcessArguments are those of vitrine/process.
type ProcessArguments struct {
	PID int `json:"pid"`
}

// ProcessBody is the answer to it.
type ProcessBody struct {
	Files   []OpenFile `json:"files"`
	Maps    []Mapping  `json:"maps"`
	Signals SignalSets `json:"signals"`
}

// OpenFile is a descriptor of a process.
type OpenFile struct {
	FD    int    `json:"fd"`
	Path  string `json:"path"`
	Flags string `json:"flags"` // "O_RDWR|O_APPEND"
	Pos   int64  `json:"pos"`
}

// Mapping is an area of its memory. Addresses are hexadecimal, as memory references are.
type Mapping struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	Prot   string `json:"prot"` // "r-xp"
	Path   string `json:"path"`
	Offset string `json:"offset"`
}

// SignalSets are lists of signals' names.
type SignalSets struct {
	Pending []string `json:"pending"`
	Blocked []string `json:"blocked"`
	Ignored []string `json:"ignored"`
	Caught  []string `json:"caught"`
}

func (c *conn) process(_ *request, a *ProcessArguments) (any, error) {
	p, err := c.debugger().Process(a.PID)
	if err != nil {
		return nil, err
	}
	s := p.Signals
	body := ProcessBody{
		Files: make([]OpenFile, len(p.Files)), Maps: make([]Mapping, len(p.Maps)),
		Signals: SignalSets{Pending: signalNames(s.Pending), Blocked: signalNames(s.Blocked), Ignored: signalNames(s.Ignored), Caught: signalNames(s.Caught)},
	}
	for i, f := range p.Files {
		body.Files[i] = OpenFile{FD: f.FD, Path: printable(f.Path), Flags: openFlags(f.Flags), Pos: f.Pos}
	}
	for i, m := range p.Maps {
		body.Maps[i] = Mapping{Start: hex(m.Start), End: hex(m.End), Prot: m.Prot, Path: printable(m.Path), Offset: hex(m.Offset)}
	}
	return body, nil
}

// signalNames lists a set's signals.
func signalNames(set uint64) []string {
	names := []string{}
	for s := abi.Signal(1); s <= abi.NSIG; s++ {
		if abi.SigSet(set).Has(s) {
			names = append(names, s.String())
		}
	}
	return names
}

// fileFlags are the flags of open(2) that a descriptor keeps, but for the access mode.
var fileFlags = []struct {
	bit  uint64
	name string
}{
	{abi.O_APPEND, "O_APPEND"},
	{abi.O_NONBLOCK, "O_NONBLOCK"},
	{abi.O_SYNC, "O_SYNC"},
	{abi.O_ASYNC, "O_ASYNC"},
	{abi.O_DIRECT, "O_DIRECT"},
	{abi.O_DIRECTORY, "O_DIRECTORY"},
	{abi.O_NOFOLLOW, "O_NOFOLLOW"},
	{abi.O_NOATIME, "O_NOATIME"},
	{abi.O_PATH, "O_PATH"},
	{abi.O_CLOEXEC, "O_CLOEXEC"},
}

// openFlags shows flags as strace(1) does.
func openFlags(v uint64) string {
	names := []string{[...]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[v&abi.O_ACCMODE]}
	v &^= abi.O_ACCMODE | abi.O_LARGEFILE
	for _, f := range fileFlags {
		if v&f.bit == f.bit {
			names = append(names, f.name)
			v &^= f.bit
		}
	}
	if v != 0 {
		names = append(names, hex(v))
	}
	return strings.Join(names, "|")
}

// KillArguments are those of vitrine/kill.
type KillArguments struct {
	PID    int `json:"pid"`
	Signal any `json:"signal"` // "TERM", "SIGTERM" or 15
}

// KillBody is the answer to it.
type KillBody struct {
	Pending bool `json:"pending"` // the machine stands still: the process gets the signal when it runs
}

// sendSignal sends a signal to a process by way of the kernel's control channel: no program of the guest has a part in it.
func (c *conn) sendSignal(_ *request, a *KillArguments) (any, error) {
	sig, err := signalOf(a.Signal)
	if err != nil {
		return nil, err
	}
	if a.PID <= 0 {
		return nil, fmt.Errorf("%d is no process", a.PID)
	}
	pending, err := c.command(
		func(m Machine) error { return m.Signal(a.PID, int(sig), true) },
		func(m Machine, dbg Debugger) error {
			if _, err := dbg.Process(a.PID); err != nil { // the kernel can't say now that there is none
				return err
			}
			return m.Signal(a.PID, int(sig), false)
		},
	)
	return KillBody{Pending: pending}, err
}

// command has the kernel do something. While the machine stands still it is left for later, and pending is true.
func (c *conn) command(now func(Machine) error, later func(Machine, Debugger) error) (pending bool, err error) {
	m, dbg := c.attachedTo(), c.debugger()
	if m == nil || dbg == nil {
		return false, errNoMachine
	}
	if state, _ := dbg.State(); state == session.Stopped {
		return true, later(m, dbg)
	}
	err = now(m)
	if errors.Is(err, ErrNoAnswer) {
		if state, _ := dbg.State(); state == session.Stopped { // since
			return true, nil
		}
	}
	return false, err
}

// signalOf reads a signal's name or number.
func signalOf(v any) (abi.Signal, error) {
	var text string
	switch v := v.(type) {
	case float64:
		text = fmt.Sprint(v)
	case string:
		text = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(v)), "SIG")
	}
	for s := abi.Signal(1); s <= abi.NSIG; s++ {
		if text == strings.TrimPrefix(s.String(), "SIG") || text == fmt.Sprint(int(s)) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%v is no signal", v)
}
