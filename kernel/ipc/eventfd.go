package ipc

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

var classIPC = &ksync.Class{Name: "ipc", Rank: ksync.RankIPC}

// EventFD is a counter that is a file: eventfd(2).
type EventFD struct {
	semaphore bool // EFD_SEMAPHORE; immutable

	mu    ksync.SpinLock
	count uint64 // guarded by mu
	wait  ksync.WaitQueue
}

// maxCount is the greatest value of the counter: one less than what can't be written.
const maxCount = ^uint64(0) - 1

// NewEventFD returns a counter. Each read takes 1 from a semaphore, all from any other.
func NewEventFD(count uint64, semaphore bool) *EventFD {
	return &EventFD{count: count, semaphore: semaphore, mu: ksync.NewSpinLock(classIPC)}
}

// Read implements vfs.Reader.
func (e *EventFD) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	if dst.Len() < 8 {
		return 0, errno.EINVAL.Because("an eventfd is read by 8 bytes")
	}
	v, err := e.Take(t, f.Nonblock())
	if err != nil {
		return 0, err
	}
	return dst.CopyOut(t, binary.LittleEndian.AppendUint64(nil, v))
}

// Take waits until the counter isn't 0 and takes from it.
func (e *EventFD) Take(t *sched.Thread, nonblock bool) (v uint64, err error) {
	take := func() bool {
		e.mu.Lock(t)
		defer e.mu.Unlock(t)
		if e.count == 0 {
			return false
		}
		if v = e.count; e.semaphore {
			v = 1
		}
		e.count -= v
		return true
	}
	if nonblock {
		if !take() {
			return 0, errno.EAGAIN
		}
	} else if err := e.wait.Wait(t, "eventfd_read", take); err != nil {
		return 0, err
	}
	e.wait.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
	return v, nil
}

// Write implements vfs.Writer.
func (e *EventFD) Write(t *sched.Thread, f *vfs.File, src *mm.IO, _ int64) (int, error) {
	var b [8]byte
	if src.Len() < 8 {
		return 0, errno.EINVAL.Because("an eventfd is written by 8 bytes")
	}
	if _, err := src.CopyIn(t, b[:]); err != nil {
		return 0, err
	}
	if err := e.Add(t, binary.LittleEndian.Uint64(b[:]), f.Nonblock()); err != nil {
		return 0, err
	}
	return 8, nil
}

// Add waits until v fits and adds it to the counter.
func (e *EventFD) Add(t *sched.Thread, v uint64, nonblock bool) error {
	if v > maxCount {
		return errno.EINVAL.Because("the value is too great for an eventfd")
	}
	add := func() bool {
		e.mu.Lock(t)
		defer e.mu.Unlock(t)
		if maxCount-e.count < v {
			return false
		}
		e.count += v
		return true
	}
	if nonblock {
		if !add() {
			return errno.EAGAIN
		}
	} else if err := e.wait.Wait(t, "eventfd_write", add); err != nil {
		return err
	}
	e.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM)
	return nil
}

// Poll implements vfs.Poller.
func (e *EventFD) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	p.Add(&e.wait)
	e.mu.Lock(t)
	defer e.mu.Unlock(t)
	var ev vfs.Events
	if e.count > 0 {
		ev |= abi.POLLIN | abi.POLLRDNORM
	}
	if e.count < maxCount {
		ev |= abi.POLLOUT | abi.POLLWRNORM
	}
	return ev
}

// Count returns the counter; for /proc/PID/fdinfo and views.
func (e *EventFD) Count(t *sched.Thread) uint64 {
	e.mu.Lock(t)
	defer e.mu.Unlock(t)
	return e.count
}
