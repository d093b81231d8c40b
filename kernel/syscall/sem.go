package syscall

import (
	"unsafe"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ipc"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(64, "semget", sysSemget, In("key", Hex), In("n", Int), In("flags", ipcFlags), Covers("IPC_PRIVATE, IPC_CREAT, IPC_EXCL"))
	Define(65, "semop", sysSemop, In("id", Int), In("ops", Addr), In("n", Size), Covers("IPC_NOWAIT, SEM_UNDO"))
	Define(220, "semtimedop", sysSemtimedop, In("id", Int), In("ops", Addr), In("n", Size), In("timeout", TimespecFormat),
		Covers("IPC_NOWAIT, SEM_UNDO"))
	Define(66, "semctl", sysSemctl, In("id", Int), In("num", Int), In("cmd", Int), In("arg", Hex),
		Covers("IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, SEM_INFO, SEM_STAT, SEM_STAT_ANY, GETVAL, SETVAL, GETALL, SETALL, GETPID, GETNCNT, GETZCNT"))
}

// sysSemget implements semget(2).
func sysSemget(t *task.Task, a Args) (uint64, error) {
	id, err := t.Sys.SysV.Sem.Get(t.Thread, a.Int(0), a.Int(1), a.Int(2))
	return uint64(id), err
}

// sysSemop implements semop(2). What SEM_UNDO notes belongs to the process, as if all of its threads had CLONE_SYSVSEM.
func sysSemop(t *task.Task, a Args) (uint64, error) { return sysSemtimedop(t, Args{a[0], a[1], a[2]}) }

// sysSemtimedop implements semtimedop(2).
func sysSemtimedop(t *task.Task, a Args) (uint64, error) {
	switch n := uint32(a[2]); {
	case n == 0:
		return 0, errno.EINVAL.Because("no operations")
	case n > ipc.MaxSemOps:
		return 0, errno.E2BIG.Because("more operations than semopm")
	}
	ops, err := mm.CopyInSlice[abi.Sembuf](t.Thread, a.Addr(1), int(uint32(a[2])))
	if err != nil {
		return 0, err
	}
	deadline := int64(ktime.Forever)
	if a[3] != 0 {
		ts, err := copyInTimespec(t, a.Addr(3))
		if err != nil {
			return 0, err
		}
		deadline = after(t, ts.Nanoseconds())
	}
	return 0, t.Sys.SysV.Sem.Op(t.Thread, a.Int(0), ops, deadline)
}

// sysSemctl implements semctl(2) with all of its commands.
func sysSemctl(t *task.Task, a Args) (uint64, error) {
	tab, th, id, num, arg := t.Sys.SysV.Sem, t.Thread, a.Int(0), a.Int(1), a.Addr(3)
	switch cmd := a.Int(2); cmd {
	case abi.IPC_STAT, abi.SEM_STAT, abi.SEM_STAT_ANY:
		ds, nr, err := tab.Stat(th, id, cmd != abi.IPC_STAT, cmd != abi.SEM_STAT_ANY)
		return statAnswer(t, arg, cmd == abi.IPC_STAT, &ds, nr, err)
	case abi.IPC_SET:
		ds, err := mm.CopyInStruct[abi.SemidDs](th, arg)
		if err != nil {
			return 0, err
		}
		return 0, tab.Set(th, id, ds.Perm)
	case abi.IPC_RMID:
		return 0, tab.Remove(th, id)
	case abi.IPC_INFO, abi.SEM_INFO:
		i, highest := tab.Limits(th, cmd == abi.SEM_INFO)
		return uint64(highest), mm.CopyOutStruct(th, arg, &i)
	case abi.GETVAL, abi.GETPID, abi.GETNCNT, abi.GETZCNT:
		n, err := tab.Query(th, id, num, cmd)
		return uint64(n), err
	case abi.SETVAL:
		v := int32(a[3])
		if v < 0 || v > abi.SEMVMX {
			return 0, errno.ERANGE.Because("a semaphore's value is at most 32767")
		}
		return 0, tab.SetValues(th, id, num, []uint16{uint16(v)})
	case abi.GETALL:
		values, err := tab.Values(th, id)
		if err != nil {
			return 0, err
		}
		return 0, mm.CopyOut(th, arg, unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 2*len(values)))
	case abi.SETALL:
		n, err := tab.Count(th, id)
		if err != nil {
			return 0, err
		}
		values, err := mm.CopyInSlice[uint16](th, arg, n)
		if err != nil {
			return 0, err
		}
		return 0, tab.SetValues(th, id, 0, values)
	}
	return 0, errno.EINVAL.Because("no such command")
}
