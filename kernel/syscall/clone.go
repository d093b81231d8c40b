package syscall

import (
	"encoding/binary"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

func init() {
	Define(56, "clone", sysClone, In("flags", CloneFlags), In("stack", Addr), In("parent_tid", Addr), In("child_tid", Addr), In("tls", Addr),
		Covers("VM FS FILES SIGHAND THREAD SETTLS PARENT_SETTID CHILD_SETTID CHILD_CLEARTID VFORK PARENT PIDFD SYSVSEM IO"),
		Lacks("PTRACE; namespaces: EPERM or EINVAL"))
	Define(57, "fork", sysFork)
	Define(58, "vfork", sysVfork)
	Define(435, "clone3", sysClone3, In("args", cloneArgs), In("size", Size),
		Covers("as clone, and CLEAR_SIGHAND"), Lacks("set_tid, INTO_CGROUP"))
}

var cloneFlagNames = []Flag{
	{abi.CLONE_VM, "CLONE_VM"},
	{abi.CLONE_FS, "CLONE_FS"},
	{abi.CLONE_FILES, "CLONE_FILES"},
	{abi.CLONE_SIGHAND, "CLONE_SIGHAND"},
	{abi.CLONE_PIDFD, "CLONE_PIDFD"},
	{abi.CLONE_PTRACE, "CLONE_PTRACE"},
	{abi.CLONE_VFORK, "CLONE_VFORK"},
	{abi.CLONE_PARENT, "CLONE_PARENT"},
	{abi.CLONE_THREAD, "CLONE_THREAD"},
	{abi.CLONE_NEWNS, "CLONE_NEWNS"},
	{abi.CLONE_SYSVSEM, "CLONE_SYSVSEM"},
	{abi.CLONE_SETTLS, "CLONE_SETTLS"},
	{abi.CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"},
	{abi.CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID"},
	{abi.CLONE_DETACHED, "CLONE_DETACHED"},
	{abi.CLONE_UNTRACED, "CLONE_UNTRACED"},
	{abi.CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID"},
	{abi.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
	{abi.CLONE_NEWUTS, "CLONE_NEWUTS"},
	{abi.CLONE_NEWIPC, "CLONE_NEWIPC"},
	{abi.CLONE_NEWUSER, "CLONE_NEWUSER"},
	{abi.CLONE_NEWPID, "CLONE_NEWPID"},
	{abi.CLONE_NEWNET, "CLONE_NEWNET"},
	{abi.CLONE_IO, "CLONE_IO"},
	{abi.CLONE_CLEAR_SIGHAND, "CLONE_CLEAR_SIGHAND"},
	{abi.CLONE_INTO_CGROUP, "CLONE_INTO_CGROUP"},
}

// CloneFlags shows clone(2)'s flags with the exit signal in their low byte.
var CloneFlags Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	text := ""
	if f := v &^ abi.CSIGNAL; f != 0 {
		text = Flags(cloneFlagNames...)(t, f, a, ret)
	}
	if sig := abi.Signal(v & abi.CSIGNAL); sig != 0 || text == "" {
		if text != "" {
			text += "|"
		}
		text += sig.String()
	}
	return text
}

// cloneArgs shows a struct clone_args.
var cloneArgs Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	c, err := mm.CopyInStruct[abi.CloneArgs](t.Thread, mm.UAddr(v))
	if err != nil {
		return Addr(t, v, a, ret)
	}
	return "{flags=" + Flags(cloneFlagNames...)(t, c.Flags, a, ret) + ", exit_signal=" + abi.Signal(c.ExitSignal).String() +
		", stack=" + Addr(t, c.Stack, a, ret) + ", stack_size=" + Hex(t, c.StackSize, a, ret) + "}"
}

// sysClone implements clone(2): new threads and processes. Of the flags it lacks CLONE_PTRACE (ignored) and namespaces.
func sysClone(t *task.Task, a Args) (uint64, error) {
	flags := uint64(uint32(a[0]))
	r := task.CloneRequest{
		Flags: flags &^ abi.CSIGNAL, ExitSignal: abi.Signal(flags & abi.CSIGNAL),
		Stack: a[1], ParentTID: a.Addr(2), ChildTID: a.Addr(3), TLS: a[4],
	}
	if flags&abi.CLONE_PIDFD != 0 {
		if flags&abi.CLONE_DETACHED != 0 {
			return 0, errno.EINVAL.Because("CLONE_PIDFD with CLONE_DETACHED")
		}
		r.PIDFD = r.ParentTID
	}
	return clone(t, r)
}

// sysFork implements fork(2).
func sysFork(t *task.Task, a Args) (uint64, error) {
	return clone(t, task.CloneRequest{ExitSignal: abi.SIGCHLD})
}

// sysVfork implements vfork(2): the caller waits until the child has called execve or exit.
func sysVfork(t *task.Task, a Args) (uint64, error) {
	return clone(t, task.CloneRequest{Flags: abi.CLONE_VFORK | abi.CLONE_VM, ExitSignal: abi.SIGCHLD})
}

// sysClone3 implements clone3(2): clone with its arguments in a struct. It lacks set_tid and CLONE_INTO_CGROUP.
func sysClone3(t *task.Task, a Args) (uint64, error) {
	size := a[1]
	if size > mm.PageSize {
		return 0, errno.E2BIG
	}
	if size < abi.CLONE_ARGS_SIZE_VER0 {
		return 0, errno.EINVAL.Because("struct clone_args is too small")
	}
	buf := make([]byte, max(size, abi.CLONE_ARGS_SIZE_VER2))
	if err := mm.CopyIn(t.Thread, buf[:size], a.Addr(0)); err != nil {
		return 0, err
	}
	for _, b := range buf[abi.CLONE_ARGS_SIZE_VER2:] {
		if b != 0 {
			return 0, errno.E2BIG.Because("struct clone_args has a newer field")
		}
	}
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(buf[8*i:]) }
	c := abi.CloneArgs{
		Flags: field(0), PIDFD: field(1), ChildTID: field(2), ParentTID: field(3), ExitSignal: field(4), Stack: field(5),
		StackSize: field(6), TLS: field(7), SetTID: field(8), SetTIDSize: field(9), Cgroup: field(10),
	}
	switch {
	case c.Flags>>34 != 0, c.Flags&(abi.CLONE_DETACHED|abi.CSIGNAL&^abi.CLONE_NEWTIME) != 0:
		return 0, errno.EINVAL.Because("unknown flag")
	case c.ExitSignal > abi.NSIG:
		return 0, errno.EINVAL.Because("the exit signal is no signal")
	case c.Flags&(abi.CLONE_THREAD|abi.CLONE_PARENT) != 0 && c.ExitSignal != 0:
		return 0, errno.EINVAL.Because("an exit signal with CLONE_THREAD or CLONE_PARENT")
	case (c.Stack == 0) != (c.StackSize == 0):
		return 0, errno.EINVAL.Because("stack and stack_size belong together")
	case (c.SetTID == 0) != (c.SetTIDSize == 0):
		return 0, errno.EINVAL.Because("set_tid and set_tid_size belong together")
	case c.SetTID != 0:
		return 0, errno.EINVAL.Because("set_tid is not supported")
	}
	return clone(t, task.CloneRequest{
		Flags: c.Flags, ExitSignal: abi.Signal(c.ExitSignal), Stack: c.Stack + c.StackSize, TLS: c.TLS,
		ParentTID: mm.UAddr(c.ParentTID), ChildTID: mm.UAddr(c.ChildTID), PIDFD: mm.UAddr(c.PIDFD),
	})
}

func clone(t *task.Task, r task.CloneRequest) (uint64, error) {
	id, err := t.Clone(r)
	return uint64(id), err
}
