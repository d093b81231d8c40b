package syscall

import (
	"strconv"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
)

func init() {
	Define(59, "execve", sysExecve, In("path", Path), In("argv", Strings), In("envp", Addr))
	Define(322, "execveat", sysExecveat, In("dirfd", DirFD), In("path", Path), In("argv", Strings), In("envp", Addr), In("flags", Hex),
		Covers("AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW"))
}

// Bounds of the arguments of a program, as on Linux.
const (
	maxArgLen   = 128 << 10 // of one string with its NUL
	maxArgTotal = 6 << 20   // of all, at most a quarter of the stack
)

// Strings is an array of strings that ends with NULL.
var Strings Format = func(t *task.Task, v uint64, a Args, ret int64) string {
	if v == 0 {
		return "NULL"
	}
	text := "["
	for i := range uint64(8) {
		p, err := mm.CopyInStruct[uint64](t.Thread, mm.UAddr(v+8*i))
		if err != nil {
			return Addr(t, v, a, ret)
		}
		if p == 0 {
			return text + "]"
		}
		if i > 0 {
			text += ", "
		}
		text += Path(t, p, a, ret)
	}
	return text + ", ...]"
}

// sysExecve implements execve(2).
func sysExecve(t *task.Task, a Args) (uint64, error) {
	return exec(t, abi.AT_FDCWD, a.Addr(0), a.Addr(1), a.Addr(2), 0)
}

// sysExecveat implements execveat(2): AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
func sysExecveat(t *task.Task, a Args) (uint64, error) {
	return exec(t, a.FD(0), a.Addr(1), a.Addr(2), a.Addr(3), a.Int(4))
}

func exec(t *task.Task, dirfd int, path, argv, envp mm.UAddr, flags int) (uint64, error) {
	how, err := lookupFlags(flags, abi.AT_EMPTY_PATH|abi.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return 0, err
	}
	n, err := nameAt(t, dirfd, path)
	if err != nil {
		return 0, err
	}
	defer func() { n.done(t) }()
	if n.text == "" && how&vfs.EmptyPath == 0 {
		return 0, errno.ENOENT
	}
	r := task.ExecRequest{Dir: n.at, Name: n.text, How: how, Path: n.text}
	if n.dir != nil {
		r.Path = "/dev/fd/" + strconv.Itoa(dirfd)
		if n.text != "" {
			r.Path += "/" + n.text
		}
	}
	room := min(max(t.Limit(abi.RLIMIT_STACK)/4, maxArgLen), maxArgTotal)
	if r.Argv, err = copyInStrings(t, argv, &room); err != nil {
		return 0, err
	}
	if r.Envp, err = copyInStrings(t, envp, &room); err != nil {
		return 0, err
	}
	if len(r.Argv) == 0 {
		r.Argv = []string{""} // programs that count on argv[0] exist
	}
	return 0, t.Exec(r)
}

// copyInStrings copies an array of strings that ends with NULL, taking what it needs from room.
func copyInStrings(t *task.Task, addr mm.UAddr, room *uint64) ([]string, error) {
	if addr == 0 {
		return nil, nil
	}
	var list []string
	for {
		p, err := mm.CopyInStruct[uint64](t.Thread, addr)
		if err != nil {
			return nil, err
		}
		if p == 0 {
			return list, nil
		}
		s, err := mm.CopyInString(t.Thread, mm.UAddr(p), maxArgLen)
		if errno.Of(err) == errno.ENAMETOOLONG {
			return nil, errno.E2BIG.Because("an argument is longer than 128 KiB")
		}
		if err != nil {
			return nil, err
		}
		need := uint64(len(s) + 1 + 8)
		if need > *room {
			return nil, errno.E2BIG.Because("arguments and environment take more than a quarter of the stack, or 6 MiB")
		}
		*room -= need
		list = append(list, s)
		addr += 8
	}
}
