package ipc

import (
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// SignalSource is what a signalfd asks of the task that reads or polls it: Thread.Owner implements it.
type SignalSource interface {
	// DequeueSignal takes a pending signal of the set, the thread's own before the process's.
	DequeueSignal(set abi.SigSet) (abi.SigInfo, bool)

	// PendingSignals returns the signals that wait for the thread and for its process.
	PendingSignals(t *sched.Thread) (own, group abi.SigSet)

	// SignalQueue is woken when a signal becomes pending for the process or one of its threads.
	SignalQueue() *ksync.WaitQueue
}

// SignalFD is a file from which pending signals are read: signalfd(2). It belongs to nobody: whose signals it shows
// depends on who reads.
type SignalFD struct {
	mu   ksync.SpinLock
	mask abi.SigSet // guarded by mu
	wait ksync.WaitQueue
}

// NewSignalFD returns a signalfd for the signals of the mask.
func NewSignalFD(mask abi.SigSet) *SignalFD {
	return &SignalFD{mask: readable(mask), mu: ksync.NewSpinLock(classIPC)}
}

// readable leaves out what can't be caught.
func readable(m abi.SigSet) abi.SigSet { return m &^ abi.SetOf(abi.SIGKILL, abi.SIGSTOP) }

// SetMask replaces the mask: signalfd(2) of an existing descriptor.
func (s *SignalFD) SetMask(t *sched.Thread, mask abi.SigSet) {
	s.mu.Lock(t)
	s.mask = readable(mask)
	s.mu.Unlock(t)
	s.wait.WakeAll()
}

// Mask returns the mask; for /proc/PID/fdinfo too.
func (s *SignalFD) Mask(t *sched.Thread) abi.SigSet {
	s.mu.Lock(t)
	defer s.mu.Unlock(t)
	return s.mask
}

// Read implements vfs.Reader: as many structs signalfd_siginfo as there are signals and room.
func (s *SignalFD) Read(t *sched.Thread, f *vfs.File, dst *mm.IO, _ int64) (int, error) {
	src, ok := t.Owner.(SignalSource)
	if !ok || dst.Len() < abi.SignalfdSiginfoSize {
		return 0, errno.EINVAL.Because("a signalfd is read by 128 bytes")
	}
	total := 0
	for dst.Len() >= abi.SignalfdSiginfoSize {
		info, err := s.take(t, src, f.Nonblock() || total > 0)
		if err != nil {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		rec := encodeSigInfo(&info)
		n, err := dst.CopyOut(t, unsafe.Slice((*byte)(unsafe.Pointer(&rec)), abi.SignalfdSiginfoSize))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *SignalFD) take(t *sched.Thread, src SignalSource, nonblock bool) (info abi.SigInfo, err error) {
	take := func() bool {
		var ok bool
		info, ok = src.DequeueSignal(s.Mask(t))
		return ok
	}
	if nonblock {
		if !take() {
			return info, errno.EAGAIN
		}
		return info, nil
	}
	return info, src.SignalQueue().Wait(t, "signalfd_read", take)
}

// Poll implements vfs.Poller. The queue is that of the polling task, also for epoll later on, as on Linux.
func (s *SignalFD) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	src, ok := t.Owner.(SignalSource)
	if !ok {
		return 0
	}
	p.Add(src.SignalQueue())
	p.Add(&s.wait)
	own, group := src.PendingSignals(t)
	if (own|group)&s.Mask(t) != 0 {
		return abi.POLLIN | abi.POLLRDNORM
	}
	return 0
}

// encodeSigInfo shows a siginfo as a signalfd does.
func encodeSigInfo(i *abi.SigInfo) abi.SignalfdSiginfo {
	r := abi.SignalfdSiginfo{Signo: uint32(i.Signo), Errno: i.Errno, Code: i.Code}
	switch {
	case i.Code == abi.SI_TIMER:
		r.TID, r.Overrun = uint32(i.TimerID()), uint32(i.Overrun())
		r.Ptr, r.Int = i.Value(), int32(i.Value())
	case i.Code == abi.SI_QUEUE || i.Code == abi.SI_MESGQ:
		r.PID, r.UID = uint32(i.PID()), i.UID()
		r.Ptr, r.Int = i.Value(), int32(i.Value())
	case i.Code <= 0 || i.Code == abi.SI_KERNEL: // kill, tgkill
		r.PID, r.UID = uint32(i.PID()), i.UID()
	case i.Signo == abi.SIGCHLD:
		r.PID, r.UID, r.Status = uint32(i.PID()), i.UID(), i.Status()
		u, s := i.Times()
		r.UTime, r.STime = uint64(u), uint64(s)
	case i.Signo == abi.SIGIO:
		r.Band, r.FD = uint32(i.Band()), i.FD()
	case abi.SetOf(abi.SIGSEGV, abi.SIGBUS, abi.SIGILL, abi.SIGFPE, abi.SIGTRAP).Has(i.Signo):
		r.Addr = i.Addr()
	default:
		r.PID, r.UID = uint32(i.PID()), i.UID()
	}
	return r
}
