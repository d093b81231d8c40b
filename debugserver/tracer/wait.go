package tracer

import (
	"encoding/binary"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	wNoThread = 0x20000000 // __WNOTHREAD: children and tracees of other threads are theirs
	waitOpts  = unix.WALL | wNoThread

	// Values of si_code in a SIGCHLD.
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// wait takes the next event of a thread, or of any (-1). The end of the process itself is left to its parent, unless
// that is us: see "Two who wait".
func (t *Tracer) wait(pid int) (int, unix.WaitStatus, error) {
	if tid, ws, ok := t.ready(pid); ok {
		return tid, ws, nil
	}
	t.Stats.Waits++
	if t.reap {
		return wait4(pid, waitOpts)
	}
	idType := unix.P_PID
	if pid < 0 {
		idType, pid = unix.P_ALL, 0
	}
	for strange := 0; ; {
		var si unix.Siginfo
		err := unix.Waitid(idType, pid, &si, waitOpts|unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err == unix.ECHILD && t.gone() {
			t.exited, t.status = true, StatusUnknown
			clear(t.threads)
		}
		if err != nil {
			return 0, 0, err
		}
		b := (*[128]byte)(unsafe.Pointer(&si))
		tid, status := int(binary.NativeEndian.Uint32(b[16:])), unix.WaitStatus(binary.NativeEndian.Uint32(b[24:]))
		ended := si.Code == cldExited || si.Code == cldKilled || si.Code == cldDumped
		switch {
		case ended && tid == t.pid && si.Code == cldExited:
			return tid, status << 8, nil
		case ended && tid == t.pid:
			return tid, status & 0x7f, nil
		case ended && t.threads[tid] == nil && strange < 500:
			// This OS thread may have started a child of somebody else's before it was ours: who did that waits for
			// it, too, and is to get it. (What has been cloned and has ended before we heard of it is ours to reap.)
			if strange++; strange > 200 {
				time.Sleep(time.Millisecond)
			} else {
				runtime.Gosched()
			}
			continue
		}
		tid, ws, err := wait4(tid, waitOpts|unix.WNOHANG)
		if err == nil && tid != 0 {
			return tid, ws, nil
		}
	}
}

// ready takes a thread's stop, or anybody's (-1), if there is one already. Ends are not taken.
func (t *Tracer) ready(pid int) (int, unix.WaitStatus, bool) {
	idType := unix.P_PID
	if pid < 0 {
		idType, pid = unix.P_ALL, 0
	}
	var si unix.Siginfo
	b := (*[128]byte)(unsafe.Pointer(&si))
	if err := unix.Waitid(idType, pid, &si, waitOpts|unix.WSTOPPED|unix.WNOHANG, nil); err != nil || si.Signo == 0 {
		return 0, 0, false
	}
	t.Stats.Waits++
	const stopped = 0x7f
	tid, status := binary.NativeEndian.Uint32(b[16:]), binary.NativeEndian.Uint32(b[24:])
	return int(tid), unix.WaitStatus(status<<8 | stopped), true
}

func wait4(pid, opts int) (int, unix.WaitStatus, error) {
	var ws unix.WaitStatus
	for {
		tid, err := unix.Wait4(pid, &ws, opts, nil)
		if err != unix.EINTR {
			return tid, ws, err
		}
	}
}

// gone tells, after ECHILD, whether the parent has reaped the process already.
func (t *Tracer) gone() bool { return unix.Kill(t.pid, 0) == unix.ESRCH || tracerOf(t.pid, t.pid) == 0 }
