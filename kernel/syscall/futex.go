package syscall

import (
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/futex"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// Operations of futex(2).
const (
	futexWait       = 0
	futexWake       = 1
	futexRequeue    = 3
	futexCmpRequeue = 4
	futexWakeOp     = 5
	futexLockPI     = 6
	futexUnlockPI   = 7
	futexTrylockPI  = 8
	futexWaitBitset = 9
	futexWakeBitset = 10
	futexLockPI2    = 13
	futexPrivate    = 128
	futexRealtime   = 256
)

func init() {
	Define(202, "futex", sysFutex, In("uaddr", Addr), In("op", futexOps), In("val", Uint), In("timeout", Addr), In("uaddr2", Addr), In("val3", Hex),
		Covers("WAIT WAKE REQUEUE CMP_REQUEUE WAKE_OP WAIT_BITSET WAKE_BITSET LOCK_PI LOCK_PI2 TRYLOCK_PI UNLOCK_PI; PRIVATE_FLAG CLOCK_REALTIME"),
		Lacks("WAIT_REQUEUE_PI CMP_REQUEUE_PI; priorities are not inherited"))
	Define(273, "set_robust_list", sysSetRobustList, In("head", Addr), In("len", Size))
	Define(274, "get_robust_list", sysGetRobustList, In("pid", Int), Out("head", Addr), Out("len", Addr))
	Define(334, "rseq", sysRseq, In("rseq", Addr), In("len", Uint), In("flags", Hex), In("sig", Hex), Lacks("everything: ENOSYS"))
}

var futexOps Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	names := map[uint64]string{
		futexWait: "WAIT", futexWake: "WAKE", futexRequeue: "REQUEUE", futexCmpRequeue: "CMP_REQUEUE", futexWakeOp: "WAKE_OP",
		futexLockPI: "LOCK_PI", futexUnlockPI: "UNLOCK_PI", futexTrylockPI: "TRYLOCK_PI", futexWaitBitset: "WAIT_BITSET",
		futexWakeBitset: "WAKE_BITSET", futexLockPI2: "LOCK_PI2",
	}
	text, ok := names[v&^(futexPrivate|futexRealtime)]
	if !ok {
		return Hex(t, v, a, ret)
	}
	text = "FUTEX_" + text
	if v&futexPrivate != 0 {
		text += "_PRIVATE"
	}
	if v&futexRealtime != 0 {
		text += "|FUTEX_CLOCK_REALTIME"
	}
	return text
}

// sysFutex implements futex(2). It lacks WAIT_REQUEUE_PI and CMP_REQUEUE_PI; priorities are not inherited.
func sysFutex(t *task.Task, a Args) (uint64, error) {
	addr, op, val, addr2, val3 := a.Addr(0), a.Int(1), a.Uint(2), a.Addr(4), a.Uint(5)
	private, realtime := op&futexPrivate != 0, op&futexRealtime != 0
	th, ft := t.Thread, t.Sys.Futexes
	op &^= futexPrivate | futexRealtime
	if realtime && op != futexWait && op != futexWaitBitset && op != futexLockPI2 {
		return 0, errno.ENOSYS.Because("FUTEX_CLOCK_REALTIME with an operation that does not wait so")
	}
	count := func(n int, err error) (uint64, error) { return uint64(n), err }
	switch op {
	case futexWait, futexWaitBitset:
		r := &futexRestart{addr: addr, private: private, val: val, mask: ^uint32(0)}
		if op == futexWaitBitset {
			r.mask = val3
		}
		var err error
		if r.deadline, err = futexDeadline(t, a.Addr(3), op == futexWait && !realtime, realtime); err != nil {
			return 0, err
		}
		return r.wait(t)
	case futexWake:
		return count(ft.Wake(th, addr, private, max(int(int32(val)), 1), ^uint32(0)))
	case futexWakeBitset:
		return count(ft.Wake(th, addr, private, max(int(int32(val)), 1), val3))
	case futexRequeue:
		_, all, err := ft.Requeue(th, addr, addr2, private, int(int32(val)), a.Int(3), false, 0)
		return uint64(all), err
	case futexCmpRequeue:
		_, all, err := ft.Requeue(th, addr, addr2, private, int(int32(val)), a.Int(3), true, val3)
		return uint64(all), err
	case futexWakeOp:
		return count(ft.WakeOp(th, addr, addr2, private, int(int32(val)), a.Int(3), val3))
	case futexLockPI, futexLockPI2, futexTrylockPI:
		deadline := int64(futex.Forever)
		if op != futexTrylockPI {
			var err error
			if deadline, err = futexDeadline(t, a.Addr(3), false, op == futexLockPI || realtime); err != nil {
				return 0, err
			}
		}
		err := ft.LockPI(th, addr, private, op == futexTrylockPI, deadline, func(tid int) bool { return t.Sys.Task(th, tid) != nil })
		if errno.Of(err) == errno.RestartSys {
			err = errno.RestartNoIntr
		}
		return 0, err
	case futexUnlockPI:
		return 0, ft.UnlockPI(th, addr, private)
	}
	return 0, errno.ENOSYS.Because("unknown operation")
}

// futexDeadline reads a timeout; none means for ever.
func futexDeadline(t *task.Task, addr mm.UAddr, relative, realtime bool) (int64, error) {
	if addr == 0 {
		return futex.Forever, nil
	}
	ts, err := copyInTimespec(t, addr)
	if err != nil {
		return 0, err
	}
	ns := ts.Nanoseconds()
	switch {
	case relative:
		return after(t, ns), nil
	case realtime:
		return max(ns-t.Sys.Timers.WallOffset(), 0), nil
	}
	return ns, nil
}

// futexRestart is an interrupted FUTEX_WAIT: with a timeout it goes on until the same moment.
type futexRestart struct {
	addr      mm.UAddr
	private   bool
	val, mask uint32
	deadline  int64
}

// RestartCall implements task.Restarter.
func (r *futexRestart) RestartCall(t *task.Task) (uint64, error) { return r.wait(t) }

func (r *futexRestart) wait(t *task.Task) (uint64, error) {
	err := t.Sys.Futexes.Wait(t.Thread, r.addr, r.private, r.val, r.mask, r.deadline)
	if errno.Of(err) == errno.RestartSys && r.deadline != futex.Forever {
		t.Restart = r
		return 0, errno.RestartBlock
	}
	return 0, err
}

// sysSetRobustList implements set_robust_list(2).
func sysSetRobustList(t *task.Task, a Args) (uint64, error) {
	if a[1] != futex.RobustHeadSize {
		return 0, errno.EINVAL.Because("struct robust_list_head has 24 bytes")
	}
	t.RobustList = a.Addr(0)
	return 0, nil
}

// sysGetRobustList implements get_robust_list(2) for the calling thread.
func sysGetRobustList(t *task.Task, a Args) (uint64, error) {
	if pid := a.Int(0); pid != 0 && pid != t.TID() {
		if t.Sys.Task(t.Thread, pid) == nil {
			return 0, errno.ESRCH
		}
		return 0, errno.EPERM.Because("another thread's list")
	}
	head, size := uint64(t.RobustList), uint64(futex.RobustHeadSize)
	if err := mm.CopyOutStruct(t.Thread, a.Addr(2), &size); err != nil {
		return 0, err
	}
	return 0, mm.CopyOutStruct(t.Thread, a.Addr(1), &head)
}

// sysRseq implements rseq(2) as a kernel without it does: C libraries then do without.
func sysRseq(t *task.Task, a Args) (uint64, error) { return 0, errno.ENOSYS }
