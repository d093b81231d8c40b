package dap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vitrine/debugserver/session"
	"vitrine/kernel/ktrace"
)

// fakeGuest is what a fakeKernel has of processes, system calls and sound. Guarded by its mu, but for the ring.
type fakeGuest struct {
	ring    []byte
	calls   *ktrace.Calls
	deaf    bool     // it does not answer
	signals []string // as they came: "7 15 true"
	wants   []string // of system calls, as asked for and as ended
	streams []Sound
}

func (k *fakeKernel) Ring(name string) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if name != "events" {
		return nil
	}
	if k.guest.ring == nil {
		k.guest.ring = make([]byte, 64<<10)
		k.guest.calls, _ = ktrace.NewCalls(k.guest.ring)
	}
	return k.guest.ring
}

// call records a system call, as long as the ring is there.
func (k *fakeKernel) call(pid int, name string) {
	k.Ring("events")
	k.guest.calls.Record(&ktrace.Call{PID: pid, TID: pid, Comm: "sh\x1b", Name: name, Args: []string{"0", `"\x1b"`}, Start: 1, End: 2, Ret: -2, Errno: "ENOENT"})
}

// answers is what the kernel says. Caller holds k.mu.
func (k *fakeKernel) answers(wait bool) error {
	if wait && (k.guest.deaf || k.stop != nil) {
		return ErrNoAnswer
	}
	return nil
}

func (k *fakeKernel) Signal(pid, sig int, wait bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if wait && pid != 7 {
		return errors.New("no such process")
	}
	k.guest.signals = append(k.guest.signals, fmt.Sprint(pid, sig, wait))
	return k.answers(wait)
}

func (k *fakeKernel) Record(names []string, pid int, wait bool) (int64, func(), error) {
	k.Ring("events")
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(names, "nonsense") {
		return -1, nil, errors.New("there is no system call nonsense")
	}
	what := fmt.Sprintf("%s %d %v", strings.Join(names, ","), pid, wait)
	k.guest.wants = append(k.guest.wants, what)
	return int64(k.guest.calls.Follow(nil)), func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.guest.wants = append(k.guest.wants, "end of "+what)
	}, k.answers(wait)
}

func (k *fakeKernel) wanted() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.guest.wants, "; ")
}

func (k *fakeKernel) Sound(time.Duration) []Sound {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.guest.streams)
}

func (k *fakeKernel) play(s ...Sound) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.guest.streams = s
}

func (k *fakeKernel) SoundSamples(device, direction string, last time.Duration) (Sound, []byte, error) {
	if device != "" && device != "snd0" {
		return Sound{}, nil, errors.New("no such device")
	}
	return Sound{Rate: 8000, Channels: 1, Position: 77}, make([]byte, 16000*last/time.Second), nil
}

func (c *fakeClient) Processes() ([]session.Process, error) {
	return []session.Process{
		{PID: 1, Comm: "init", State: "S", Wait: "wait4", CPU: 5, Started: 1, Threads: []session.ProcessThread{{TID: 1, Name: "init", State: "S", Wait: "wait4"}}},
		{PID: 7, PPID: 1, Comm: "sh\x1b", State: "R", UID: 1000},
	}, nil
}

func (c *fakeClient) Process(pid int) (session.ProcessDetail, error) {
	if pid != 7 {
		return session.ProcessDetail{}, errors.New("no such process")
	}
	return session.ProcessDetail{
		Files:   []session.OpenFile{{FD: 0, Path: "/dev/console", Flags: 0o102}, {FD: 3, Path: "/x\x1b", Flags: 0o2002001, Pos: 9}},
		Maps:    []session.Mapping{{Start: 0x400000, End: 0x401000, Prot: "r-xp", Path: "/bin/sh", Offset: 4096}},
		Signals: session.Signals{Pending: 1 << 14, Ignored: 1<<12 | 1<<33},
	}, nil
}
