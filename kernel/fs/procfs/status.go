package procfs

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/cred"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
)

var stateNames = map[string]string{
	"R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "Z": "zombie", "X": "dead",
}

// state returns the letter that ps(1) shows.
func (k *Kernel) state(t *sched.Thread, x *task.Task) string {
	if x.ID == x.Group.ID && x.Group.Zombie(t) {
		return "Z"
	}
	s, _ := k.Tasks.Sched.Snapshot(x.Thread)
	return s.String()
}

// procPIDStat is /proc/PID/stat: one line of 52 fields (proc(5)).
func (k *Kernel) procPIDStat(t *sched.Thread, x *task.Task) string {
	g := x.Group
	i := g.Info(t)
	self, children := g.Rusage(t)
	u, _ := usage(t, x)
	ttyNr, tpgid := 0, -1
	if i.TTY != nil {
		ttyNr, tpgid = int(i.TTY.Dev()), i.TTY.Foreground(t)
	}
	own, group := x.PendingSignals(t)
	var ignored, caught abi.SigSet
	for s := abi.Signal(1); s <= abi.NSIG; s++ {
		switch g.Action(t, s).Handler {
		case abi.SIG_DFL:
		case abi.SIG_IGN:
			ignored |= 1 << (s - 1)
		default:
			caught |= 1 << (s - 1)
		}
	}
	f := []any{
		x.ID, "(" + x.Comm(t) + ")", k.state(t, x), i.PPID, i.PGID, i.SID, ttyNr, tpgid, 0x400000,
		self.MinFaults, children.MinFaults, self.MajFaults, children.MajFaults,
		self.UTime / tick, self.STime / tick, children.UTime / tick, children.STime / tick,
		20 + x.NiceVal, x.NiceVal, i.Threads, 0, g.StartTime() / tick,
		u.Total * 4096, u.RSS, g.Rlimit(t, abi.RLIMIT_RSS).Cur,
		0, 0, 0, 0, 0, // code, stack: for tracers
		uint64(own | group), uint64(x.SignalMask(t)), uint64(ignored), uint64(caught),
		0, 0, 0, int(i.ExitSignal), x.CPUNumber(), 0, 0, 0, 0, 0,
		u.BrkStart, u.Brk, u.BrkStart, uint64(u.ArgStart), uint64(u.ArgEnd), uint64(u.EnvStart), uint64(u.EnvEnd), i.Status,
	}
	return strings.TrimSuffix(fmt.Sprintln(f...), "\n") + "\n"
}

// procStatm is /proc/PID/statm, in pages.
func procStatm(t *sched.Thread, x *task.Task) string {
	u, _ := usage(t, x)
	return fmt.Sprintf("%d %d %d %d 0 %d 0\n", u.Total, u.RSS, u.File+u.Shmem, u.Exec, u.Data+u.Stack)
}

// procStatus is /proc/PID/status.
func (k *Kernel) procStatus(t *sched.Thread, x *task.Task) string {
	g := x.Group
	i := g.Info(t)
	c := x.Credentials()
	var b strings.Builder
	p := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%s:\t"+format+"\n", append([]any{name}, args...)...)
	}
	state := k.state(t, x)
	fds := 0
	if ft := x.Files(t); ft != nil {
		_, fds = ft.Count(t)
		ft.Release(t)
	}
	umask := 0
	if fs := x.Dirs(t); fs != nil {
		umask = int(fs.Umask())
		fs.DecRef(t)
	}
	p("Name", "%s", escape(x.Comm(t)))
	p("Umask", "%04o", umask)
	p("State", "%s (%s)", state, stateNames[state])
	p("Tgid", "%d", g.ID)
	p("Ngid", "0")
	p("Pid", "%d", x.ID)
	p("PPid", "%d", i.PPID)
	p("TracerPid", "0")
	p("Uid", "%d\t%d\t%d\t%d", c.UID, c.EUID, c.SUID, c.FSUID)
	p("Gid", "%d\t%d\t%d\t%d", c.GID, c.EGID, c.SGID, c.FSGID)
	p("FDSize", "%d", fds)
	groups := make([]string, len(c.Groups))
	for n, id := range c.Groups {
		groups[n] = fmt.Sprint(id)
	}
	p("Groups", "%s ", strings.Join(groups, " "))
	if u, ok := usage(t, x); ok && state != "Z" {
		kb := func(name string, pages int64) { p(name, "%8d kB", pages*4) }
		kb("VmPeak", u.Peak)
		kb("VmSize", u.Total)
		kb("VmLck", u.Locked)
		kb("VmPin", 0)
		kb("VmHWM", u.MaxRSS)
		kb("VmRSS", u.RSS)
		kb("RssAnon", u.Anon)
		kb("RssFile", u.File)
		kb("RssShmem", u.Shmem)
		kb("VmData", u.Data)
		kb("VmStk", u.Stack)
		kb("VmExe", u.Exec)
		kb("VmLib", 0)
		kb("VmPTE", u.PageTables)
		kb("VmSwap", 0)
	}
	p("Threads", "%d", i.Threads)
	own, group := x.PendingSignals(t)
	p("SigQ", "0/%d", g.Rlimit(t, abi.RLIMIT_SIGPENDING).Cur)
	p("SigPnd", "%016x", uint64(own))
	p("ShdPnd", "%016x", uint64(group))
	p("SigBlk", "%016x", uint64(x.SignalMask(t)))
	var ignored, caught uint64
	for s := abi.Signal(1); s <= abi.NSIG; s++ {
		switch g.Action(t, s).Handler {
		case abi.SIG_DFL:
		case abi.SIG_IGN:
			ignored |= 1 << (s - 1)
		default:
			caught |= 1 << (s - 1)
		}
	}
	p("SigIgn", "%016x", ignored)
	p("SigCgt", "%016x", caught)
	for _, set := range []struct {
		name string
		caps cred.CapSet
	}{{"CapInh", c.Inheritable}, {"CapPrm", c.Permitted}, {"CapEff", c.Effective}, {"CapBnd", c.Bounding}, {"CapAmb", c.Ambient}} {
		p(set.name, "%016x", uint64(set.caps))
	}
	noNew := 0
	if c.NoNewPrivs {
		noNew = 1
	}
	p("NoNewPrivs", "%d", noNew)
	p("Seccomp", "0")
	cpus := k.Tasks.AllCPUs()
	p("Cpus_allowed", "%x", x.Affinity&cpus)
	p("Cpus_allowed_list", "%s", cpuList(x.Affinity&cpus))
	p("voluntary_ctxt_switches", "%d", x.Switches.Load())
	p("nonvoluntary_ctxt_switches", "%d", x.Preempted.Load())
	return b.String()
}

// escape keeps a name on its line.
func escape(s string) string {
	return strings.NewReplacer("\n", "\\n", "\\", "\\\\").Replace(s)
}

// cpuList shows a set of CPUs as "0-3,5".
func cpuList(mask uint64) string {
	var parts []string
	for i := 0; i < 64; i++ {
		if mask>>i&1 == 0 {
			continue
		}
		j := i
		for j < 63 && mask>>(j+1)&1 != 0 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(i))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", i, j))
		}
		i = j
	}
	return strings.Join(parts, ",")
}
