package tracer

import (
	"encoding/binary"
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
	t.Stats.Waits++
	if t.reap {
		return wait4(pid, waitOpts)
	}
	idType := unix.P_PID
	if pid < 0 {
		idType, pid = unix.P_ALL, 0
	}
	for {
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
		if tid == t.pid {
			switch si.Code {
			case cldExited:
				return tid, status << 8, nil
			case cldKilled, cldDumped:
				return tid, status & 0x7f, nil
			}
		}
		tid, ws, err := wait4(tid, waitOpts|unix.WNOHANG)
		if err == nil && tid != 0 {
			return tid, ws, nil
		}
	}
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
