package procfs

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/cred"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// processDir describes /proc/PID.
func (k *Kernel) processDir(t *sched.Thread, g *task.ThreadGroup) *pseudo.Node {
	x := g.LeaderTask(t)
	if x == nil {
		return nil
	}
	n := k.taskDir(t, x)
	n.Key = g
	n.Children = append(n.Children, child("task", &pseudo.Node{
		Mode: abi.S_IFDIR | 0o555, UID: n.UID, GID: n.GID, Key: g,
		Lookup: func(t *sched.Thread, name string) *pseudo.Node {
			y := k.Tasks.Task(t, number(name))
			if y == nil || y.Group != g {
				return nil
			}
			return k.taskDir(t, y)
		},
		List: func(t *sched.Thread) []vfs.DirEntry {
			var out []vfs.DirEntry
			for _, y := range g.Threads(t) {
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(y.ID), Type: abi.DT_DIR})
			}
			return out
		},
	}))
	return n
}

// taskDir describes /proc/PID/task/TID; all its files belong to the task's user.
func (k *Kernel) taskDir(t *sched.Thread, x *task.Task) *pseudo.Node {
	c := x.Credentials()
	g := x.Group
	// with makes a file that only those who may trace the task can read.
	with := func(mode vfs.Mode, f func(t *sched.Thread) (string, error)) *pseudo.Node {
		return textFile(mode, func(t *sched.Thread) (string, error) {
			if err := inspect(t, x); err != nil {
				return "", err
			}
			return f(t)
		})
	}
	list := []pseudo.Child{
		child("auxv", with(0o400, func(t *sched.Thread) (string, error) { return procAuxv(t, x) })),
		child("cgroup", pseudo.Const("0::/\n")),
		child("cmdline", textFile(0o444, func(t *sched.Thread) (string, error) { return procCmdline(t, x) })),
		child("comm", commFile(x)),
		child("cwd", &pseudo.Node{Mode: abi.S_IFLNK | 0o777, Target: k.dirTarget(x, (*vfs.FS).Cwd), Follow: dirFollow(x, (*vfs.FS).Cwd)}),
		child("environ", with(0o400, func(t *sched.Thread) (string, error) { return procEnviron(t, x) })),
		child("exe", &pseudo.Node{Mode: abi.S_IFLNK | 0o777, Target: k.exeTarget(x), Follow: exeFollow(x)}),
		child("fd", k.fdDir(x)),
		child("fdinfo", k.fdinfoDir(x)),
		child("io", with(0o400, func(t *sched.Thread) (string, error) {
			return "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n", nil
		})),
		child("limits", textFile(0o444, func(t *sched.Thread) (string, error) { return procLimits(t, g), nil })),
		child("loginuid", pseudo.Const("4294967295")),
		child("maps", with(0o444, func(t *sched.Thread) (string, error) { return procMaps(t, x) })),
		child("mem", memFile(x)),
		child("mountinfo", textFile(0o444, func(t *sched.Thread) (string, error) { return k.procMountinfo(t, x) })),
		child("mounts", textFile(0o444, func(t *sched.Thread) (string, error) { return k.procMounts(t, x) })),
		child("net", netDir()),
		child("oom_adj", pseudo.Const("0\n")),
		child("oom_score", textFile(0o444, func(t *sched.Thread) (string, error) { return procOOMScore(t, x) })),
		child("oom_score_adj", oomAdjFile(x)),
		child("personality", with(0o400, func(*sched.Thread) (string, error) { return "00000000\n", nil })),
		child("root", &pseudo.Node{Mode: abi.S_IFLNK | 0o777, Target: k.dirTarget(x, (*vfs.FS).Root), Follow: dirFollow(x, (*vfs.FS).Root)}),
		child("sessionid", pseudo.Const("4294967295")),
		child("smaps", with(0o444, func(t *sched.Thread) (string, error) { return procSmaps(t, x) })),
		child("stat", textFile(0o444, func(t *sched.Thread) (string, error) { return k.procPIDStat(t, x), nil })),
		child("statm", textFile(0o444, func(t *sched.Thread) (string, error) { return procStatm(t, x), nil })),
		child("status", textFile(0o444, func(t *sched.Thread) (string, error) { return k.procStatus(t, x), nil })),
		child("syscall", with(0o400, func(t *sched.Thread) (string, error) { return procSyscall(t, x) })),
		child("uid_map", pseudo.Const("         0          0 4294967295\n")),
		child("gid_map", pseudo.Const("         0          0 4294967295\n")),
		child("wchan", textFile(0o444, func(t *sched.Thread) (string, error) {
			if _, name := k.Tasks.Sched.Snapshot(x.Thread); name != "" {
				return name, nil
			}
			return "0", nil
		})),
	}
	for i := range list {
		list[i].Node.UID, list[i].Node.GID, list[i].Node.Key = c.EUID, c.EGID, x
	}
	return &pseudo.Node{Mode: abi.S_IFDIR | 0o555, Key: x, UID: c.EUID, GID: c.EGID, Children: list}
}

// inspect says whether t may look into x's memory and files (ptrace(2), "access mode checking").
func inspect(t *sched.Thread, x *task.Task) error {
	me, its := t.Cred, x.Credentials()
	if cur := task.Current(t); cur != nil && cur.Group == x.Group || me.Has(cred.CapSysPtrace) {
		return nil
	}
	if me.FSUID == its.EUID && me.FSUID == its.UID && me.FSUID == its.SUID &&
		me.FSGID == its.EGID && me.FSGID == its.GID && me.FSGID == its.SGID {
		return nil
	}
	return errno.EACCES.Because("the process belongs to another user")
}

// memory reads n bytes of a task's memory; what cannot be read is left out.
func memory(t *sched.Thread, x *task.Task, from, to mm.UAddr) (string, error) {
	as := x.AddressSpace(t)
	if as == nil || to <= from {
		return "", nil
	}
	defer as.Release(t)
	b := make([]byte, min(uint64(to-from), 128<<10))
	n, err := mm.AccessRemote(t, as, from, b, false, true)
	if n > 0 {
		err = nil
	}
	return string(b[:n]), err
}

func usage(t *sched.Thread, x *task.Task) (mm.Usage, bool) {
	as := x.AddressSpace(t)
	if as == nil {
		return mm.Usage{}, false
	}
	defer as.Release(t)
	return as.Usage(t), true
}

// procCmdline is /proc/PID/cmdline: the arguments, each with a zero after it.
func procCmdline(t *sched.Thread, x *task.Task) (string, error) {
	u, _ := usage(t, x)
	return memory(t, x, u.ArgStart, u.ArgEnd)
}

// procEnviron is /proc/PID/environ: the environment that the program began with.
func procEnviron(t *sched.Thread, x *task.Task) (string, error) {
	u, _ := usage(t, x)
	return memory(t, x, u.EnvStart, u.EnvEnd)
}

func procAuxv(t *sched.Thread, x *task.Task) (string, error) {
	as := x.AddressSpace(t)
	if as == nil {
		return "", nil
	}
	defer as.Release(t)
	return string(as.Auxv(t)), nil
}

// procSyscall is /proc/PID/syscall: number, arguments, stack pointer and program counter.
func procSyscall(t *sched.Thread, x *task.Task) (string, error) {
	if state, _ := x.Sys.Sched.Snapshot(x.Thread); state == sched.Running || !x.Last.Active {
		return "running\n", nil
	}
	a := x.Last.Args
	return fmt.Sprintf("%d %#x %#x %#x %#x %#x %#x %#x %#x\n", x.Last.Nr, a[0], a[1], a[2], a[3], a[4], a[5], x.Regs.RSP, x.Regs.RIP), nil
}

// commFile is /proc/PID/comm, which the process itself may change.
func commFile(x *task.Task) *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFREG | 0o644,
		Read: func(t *sched.Thread) ([]byte, error) { return []byte(x.Comm(t) + "\n"), nil },
		Write: func(t *sched.Thread, p []byte) error {
			cur := task.Current(t)
			if cur == nil || cur.Group != x.Group {
				return errno.EINVAL.Because("only the process itself changes its name")
			}
			x.SetComm(t, strings.TrimRight(string(p), "\n"))
			return nil
		},
	}
}

func procOOMScore(t *sched.Thread, x *task.Task) (string, error) {
	as := x.AddressSpace(t)
	if as == nil {
		return "0\n", nil
	}
	defer as.Release(t)
	return fmt.Sprintf("%d\n", as.OOMScore(x.Group.OOMAdj(task.Current(t)))), nil
}

// oomAdjFile is /proc/PID/oom_score_adj: -1000 (never killed) to 1000 (first).
func oomAdjFile(x *task.Task) *pseudo.Node {
	return &pseudo.Node{
		Mode: abi.S_IFREG | 0o644,
		Read: func(t *sched.Thread) ([]byte, error) {
			return fmt.Appendf(nil, "%d\n", x.Group.OOMAdj(task.Current(t))), nil
		},
		Write: func(t *sched.Thread, p []byte) error {
			n, err := strconv.Atoi(strings.TrimSpace(string(p)))
			if err != nil || n < -1000 || n > 1000 {
				return errno.EINVAL
			}
			cur := task.Current(t)
			if n < x.Group.OOMAdj(cur) && !t.Cred.Has(cred.CapSysResource) {
				return errno.EACCES.Because("lowering it takes CAP_SYS_RESOURCE")
			}
			x.Group.SetOOMAdj(cur, n)
			return nil
		},
	}
}

var limitNames = [abi.RLIM_NLIMITS][2]string{
	{"Max cpu time", "seconds"},
	{"Max file size", "bytes"},
	{"Max data size", "bytes"},
	{"Max stack size", "bytes"},
	{"Max core file size", "bytes"},
	{"Max resident set", "bytes"},
	{"Max processes", "processes"},
	{"Max open files", "files"},
	{"Max locked memory", "bytes"},
	{"Max address space", "bytes"},
	{"Max file locks", "locks"},
	{"Max pending signals", "signals"},
	{"Max msgqueue size", "bytes"},
	{"Max nice priority", ""},
	{"Max realtime priority", ""},
	{"Max realtime timeout", "us"},
}

// procLimits is /proc/PID/limits.
func procLimits(t *sched.Thread, g *task.ThreadGroup) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	show := func(v uint64) string {
		if v == mm.NoLimit {
			return "unlimited"
		}
		return strconv.FormatUint(v, 10)
	}
	for i, n := range limitNames {
		l := g.Rlimit(t, i)
		fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", n[0], show(l.Cur), show(l.Max), n[1])
	}
	return b.String()
}

// netDir is /proc/PID/net without a network: tables with their heads alone, as programs expect them.
func netDir() *pseudo.Node {
	const sockets = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	return pseudo.Dir(
		child("dev", pseudo.Const("Inter-|   Receive                                                |  Transmit\n"+
			" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n")),
		child("route", pseudo.Const("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n")),
		child("tcp", pseudo.Const(sockets)), child("tcp6", pseudo.Const(sockets)),
		child("udp", pseudo.Const(sockets)), child("udp6", pseudo.Const(sockets)), child("raw", pseudo.Const(sockets)),
		child("unix", pseudo.Const("Num       RefCount Protocol Flags    Type St Inode Path\n")),
	)
}
