package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	flags := Flags(Flag{abi.MCL_CURRENT, "MCL_CURRENT"}, Flag{abi.MCL_FUTURE, "MCL_FUTURE"}, Flag{abi.MCL_ONFAULT, "MCL_ONFAULT"})
	Define(149, "mlock", sysMlock, In("addr", Addr), In("length", Size))
	Define(150, "munlock", sysMunlock, In("addr", Addr), In("length", Size))
	Define(151, "mlockall", sysMlockall, In("flags", flags))
	Define(152, "munlockall", sysMunlockall)
	Define(325, "mlock2", sysMlock2, In("addr", Addr), In("length", Size), In("flags", Flags(Flag{abi.MLOCK_ONFAULT, "MLOCK_ONFAULT"})))
	Define(27, "mincore", sysMincore, In("addr", Addr), In("length", Size), Out("vec", Addr))
}

// sysMlock implements mlock(2).
func sysMlock(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).Mlock(t.Thread, a.Addr(0), a[1], false)
}

// sysMlock2 implements mlock2(2): MLOCK_ONFAULT.
func sysMlock2(t *task.Task, a Args) (uint64, error) {
	if a[2]&^abi.MLOCK_ONFAULT != 0 {
		return 0, errno.EINVAL
	}
	return 0, mm.Of(t.Thread).Mlock(t.Thread, a.Addr(0), a[1], a[2] != 0)
}

// sysMunlock implements munlock(2).
func sysMunlock(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).Munlock(t.Thread, a.Addr(0), a[1])
}

// sysMlockall implements mlockall(2): MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT.
func sysMlockall(t *task.Task, a Args) (uint64, error) {
	return 0, mm.Of(t.Thread).MlockAll(t.Thread, a.Int(0))
}

// sysMunlockall implements munlockall(2).
func sysMunlockall(t *task.Task, a Args) (uint64, error) {
	mm.Of(t.Thread).MunlockAll(t.Thread)
	return 0, nil
}

// sysMincore implements mincore(2).
func sysMincore(t *task.Task, a Args) (uint64, error) {
	addr, to := a.Addr(0), a.Addr(2)
	if addr%mm.PageSize != 0 {
		return 0, errno.EINVAL.Because("the address isn't a multiple of a page")
	}
	if a[1] > mm.UserTop {
		return 0, errno.ENOMEM
	}
	var vec [mm.PageSize]byte
	for pages := (a[1] + mm.PageSize - 1) / mm.PageSize; pages > 0; {
		n := min(pages, uint64(len(vec)))
		if err := mm.Of(t.Thread).Mincore(t.Thread, addr, n, vec[:n]); err != nil {
			return 0, err
		}
		if err := mm.CopyOut(t.Thread, to, vec[:n]); err != nil {
			return 0, err
		}
		addr, to, pages = addr+mm.UAddr(n*mm.PageSize), to+mm.UAddr(n), pages-n
		t.CondResched()
	}
	return 0, nil
}
