package syscall

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/task"
)

func init() {
	Define(32, "dup", sysDup, In("fd", FD))
	Define(33, "dup2", sysDup2, In("old", FD), In("new", FD))
	Define(292, "dup3", sysDup3, In("old", FD), In("new", FD), In("flags", Flags(Flag{abi.O_CLOEXEC, "O_CLOEXEC"})))
}

// dup gives the file of fd another descriptor, min or above.
func dup(t *task.Task, fd, min int, cloexec bool) (uint64, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	n, err := t.FDs.Install(t.Thread, f, cloexec, min)
	if err != nil {
		f.DecRef(t.Thread)
		return 0, err
	}
	return uint64(n), nil
}

// sysDup implements dup(2).
func sysDup(t *task.Task, a Args) (uint64, error) { return dup(t, a.FD(0), 0, false) }

// sysDup2 implements dup2(2).
func sysDup2(t *task.Task, a Args) (uint64, error) {
	if a.FD(0) == a.FD(1) {
		_, err := t.FDs.Entry(t.Thread, a.FD(0))
		return uint64(a.FD(1)), err
	}
	return uint64(a.FD(1)), t.FDs.Dup2(t.Thread, a.FD(0), a.FD(1), false)
}

// sysDup3 implements dup3(2): O_CLOEXEC.
func sysDup3(t *task.Task, a Args) (uint64, error) {
	if a.Int(2)&^abi.O_CLOEXEC != 0 || a.FD(0) == a.FD(1) {
		return 0, errno.EINVAL
	}
	return uint64(a.FD(1)), t.FDs.Dup2(t.Thread, a.FD(0), a.FD(1), a.Int(2) != 0)
}
