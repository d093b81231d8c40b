package syscall

import (
	"fmt"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

var waitOptions = Flags(Flag{abi.WNOHANG, "WNOHANG"}, Flag{abi.WSTOPPED, "WSTOPPED"}, Flag{abi.WEXITED, "WEXITED"},
	Flag{abi.WCONTINUED, "WCONTINUED"}, Flag{abi.WNOWAIT, "WNOWAIT"}, Flag{abi.WNOTHREAD, "__WNOTHREAD"},
	Flag{abi.WALL, "__WALL"}, Flag{abi.WCLONE, "__WCLONE"})

func init() {
	Define(61, "wait4", sysWait4, In("pid", Int), Out("status", waitStatus), In("options", waitOptions), Out("rusage", Addr),
		Covers("WNOHANG WUNTRACED WCONTINUED __WALL __WCLONE __WNOTHREAD"))
	Define(247, "waitid", sysWaitid, In("type", Int), In("id", Int), Out("info", Addr), In("options", waitOptions), Out("rusage", Addr),
		Covers("P_ALL P_PID P_PGID P_PIDFD; WEXITED WSTOPPED WCONTINUED WNOHANG WNOWAIT"))
}

// waitStatus shows the status word that wait4(2) filled.
var waitStatus Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	if v == 0 || ret <= 0 {
		return Addr(t, v, a, ret)
	}
	w, err := mm.LoadUint32(t.Thread, mm.UAddr(v))
	switch {
	case err != nil:
		return Addr(t, v, a, ret)
	case w == abi.ContinuedStatus:
		return "[continued]"
	case w&0xff == 0x7f:
		return fmt.Sprintf("[stopped %v]", abi.Signal(w>>8&0xff))
	case w&0x7f != 0:
		return fmt.Sprintf("[killed %v]", abi.Signal(w&0x7f))
	}
	return fmt.Sprintf("[exited %d]", w>>8&0xff)
}

// sysWait4 implements wait4(2).
func sysWait4(t *task.Task, a Args) (uint64, error) {
	pid, options := a.Int(0), int(a.Uint(2))
	if options&^(abi.WNOHANG|abi.WUNTRACED|abi.WCONTINUED|abi.WNOTHREAD|abi.WCLONE|abi.WALL) != 0 {
		return 0, errno.EINVAL.Because("unknown option")
	}
	r := task.WaitRequest{Options: options | abi.WEXITED}
	switch {
	case pid == -1<<31:
		return 0, errno.ESRCH
	case pid == -1:
	case pid < 0:
		r.Type, r.ID = abi.P_PGID, -pid
	case pid == 0:
		r.Type, r.ID = abi.P_PGID, t.GroupID()
	default:
		r.Type, r.ID = abi.P_PID, pid
	}
	res, err := t.Wait(r)
	if err != nil || res.PID == 0 {
		return 0, err
	}
	if a[1] != 0 {
		if err := mm.StoreUint32(t.Thread, a.Addr(1), uint32(res.Status)); err != nil {
			return 0, err
		}
	}
	if a[3] != 0 {
		u := res.Usage.ABI()
		if err := mm.CopyOutStruct(t.Thread, a.Addr(3), &u); err != nil {
			return 0, err
		}
	}
	return uint64(res.PID), nil
}

// sysWaitid implements waitid(2).
func sysWaitid(t *task.Task, a Args) (uint64, error) {
	id, options := a.Int(1), int(a.Uint(3))
	if options&^(abi.WNOHANG|abi.WNOWAIT|abi.WEXITED|abi.WSTOPPED|abi.WCONTINUED|abi.WNOTHREAD|abi.WCLONE|abi.WALL) != 0 ||
		options&(abi.WEXITED|abi.WSTOPPED|abi.WCONTINUED) == 0 {
		return 0, errno.EINVAL.Because("unknown option, or none of WEXITED, WSTOPPED, WCONTINUED")
	}
	r := task.WaitRequest{Type: a.Int(0), ID: id}
	nonblock := false
	switch r.Type {
	case abi.P_ALL:
	case abi.P_PID:
		if id <= 0 {
			return 0, errno.EINVAL
		}
	case abi.P_PGID:
		if id < 0 {
			return 0, errno.EINVAL
		}
		if id == 0 {
			r.ID = t.GroupID()
		}
	case abi.P_PIDFD:
		if id < 0 {
			return 0, errno.EINVAL
		}
		var err error
		if r, nonblock, err = t.WaitPIDFD(id); err != nil {
			return 0, err
		}
	default:
		return 0, errno.EINVAL.Because("unknown kind of id")
	}
	r.Options = options
	if nonblock {
		r.Options |= abi.WNOHANG
	}
	res, err := t.Wait(r)
	if err != nil {
		return 0, err
	}
	if res.PID == 0 && nonblock && options&abi.WNOHANG == 0 {
		return 0, errno.EAGAIN
	}
	if a[4] != 0 && res.PID != 0 {
		u := res.Usage.ABI()
		if err := mm.CopyOutStruct(t.Thread, a.Addr(4), &u); err != nil {
			return 0, err
		}
	}
	if a[2] == 0 {
		return 0, nil
	}
	info := abi.SigInfo{}
	if res.PID != 0 {
		info = *abi.UserSigInfo(abi.SIGCHLD, res.Code, res.PID, res.UID)
		info.SetStatus(res.Value)
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(2), &info)
}
