package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(29, "shmget", sysShmget, In("key", Hex), In("size", Size), In("flags", ipcFlags), Covers("IPC_PRIVATE, IPC_CREAT, IPC_EXCL"),
		Lacks("SHM_HUGETLB (ENOMEM: no huge pages are set aside)"))
	Define(30, "shmat", sysShmat, In("id", Int), In("addr", Addr), In("flags", shmatFlags), Returns(Hex),
		Covers("SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC"))
	Define(67, "shmdt", sysShmdt, In("addr", Addr))
	Define(31, "shmctl", sysShmctl, In("id", Int), In("cmd", Int), In("buf", Addr),
		Covers("IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, SHM_INFO, SHM_STAT, SHM_STAT_ANY, SHM_LOCK, SHM_UNLOCK"))
}

// Flags of System V's calls, above the nine bits of a mode.
var (
	ipcFlags   = Flags(Flag{abi.IPC_CREAT, "IPC_CREAT"}, Flag{abi.IPC_EXCL, "IPC_EXCL"}, Flag{abi.IPC_NOWAIT, "IPC_NOWAIT"})
	shmatFlags = Flags(Flag{abi.SHM_RDONLY, "SHM_RDONLY"}, Flag{abi.SHM_RND, "SHM_RND"}, Flag{abi.SHM_REMAP, "SHM_REMAP"}, Flag{abi.SHM_EXEC, "SHM_EXEC"})
)

// sysShmget implements shmget(2): all but SHM_HUGETLB.
func sysShmget(t *task.Task, a Args) (uint64, error) {
	id, err := t.Sys.SysV.Shm.Get(t.Thread, a.Int(0), a[1], a.Int(2))
	return uint64(id), err
}

// sysShmat implements shmat(2) with all of its flags.
func sysShmat(t *task.Task, a Args) (uint64, error) {
	addr, err := t.Sys.SysV.Shm.Attach(t.Thread, a.Int(0), a.Addr(1), a.Int(2))
	return uint64(addr), err
}

// sysShmdt implements shmdt(2).
func sysShmdt(t *task.Task, a Args) (uint64, error) {
	return 0, t.Sys.SysV.Shm.DetachAt(t.Thread, a.Addr(0))
}

// sysShmctl implements shmctl(2) with all of its commands; SHM_LOCK changes only what IPC_STAT shows, for nothing is swapped.
func sysShmctl(t *task.Task, a Args) (uint64, error) {
	tab, id, buf := t.Sys.SysV.Shm, a.Int(0), a.Addr(2)
	switch cmd := a.Int(1); cmd {
	case abi.IPC_STAT, abi.SHM_STAT, abi.SHM_STAT_ANY:
		ds, nr, err := tab.Stat(t.Thread, id, cmd != abi.IPC_STAT, cmd != abi.SHM_STAT_ANY)
		return statAnswer(t, buf, cmd == abi.IPC_STAT, &ds, nr, err)
	case abi.IPC_SET:
		ds, err := mm.CopyInStruct[abi.ShmidDs](t.Thread, buf)
		if err != nil {
			return 0, err
		}
		return 0, tab.Set(t.Thread, id, ds.Perm)
	case abi.IPC_RMID:
		return 0, tab.Remove(t.Thread, id)
	case abi.IPC_INFO:
		i, highest := tab.Limits(t.Thread)
		return uint64(highest), mm.CopyOutStruct(t.Thread, buf, &i)
	case abi.SHM_INFO:
		u, highest := tab.Usage(t.Thread)
		return uint64(highest), mm.CopyOutStruct(t.Thread, buf, &u)
	case abi.SHM_LOCK, abi.SHM_UNLOCK:
		return 0, tab.Lock(t.Thread, id, cmd == abi.SHM_LOCK)
	}
	return 0, errno.EINVAL.Because("no such command")
}
