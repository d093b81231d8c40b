package procfs

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
	"vitrine/kernel/vfs"
	"vitrine/kernel/vfs/pseudo"
)

// systemFiles are the files about the whole machine.
func (k *Kernel) systemFiles() []pseudo.Child {
	return []pseudo.Child{
		child("cgroups", pseudo.Const("#subsys_name\thierarchy\tnum_cgroups\tenabled\n")),
		child("cmdline", pseudo.Const(k.CommandLine+"\n")),
		child("cpuinfo", pseudo.Text(k.procCPUInfo)),
		child("devices", pseudo.Text(k.procDevices)),
		child("filesystems", pseudo.Text(procFilesystems)),
		child("interrupts", pseudo.Text(k.procInterrupts)),
		child("loadavg", pseudo.Text(k.procLoadavg)),
		child("meminfo", pseudo.Text(k.procMeminfo)),
		child("partitions", pseudo.Const("major minor  #blocks  name\n\n")),
		child("stat", pseudo.Text(k.procStat)),
		child("swaps", pseudo.Const("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")),
		child("uptime", pseudo.Text(k.procUptime)),
		child("version", pseudo.Text(k.procVersion)),
		child("vmstat", pseudo.Text(k.procVmstat)),
	}
}

// tick is the unit of times in /proc: USER_HZ is 100.
const tick = 10_000_000 // ns

// procVersion is /proc/version.
func (k *Kernel) procVersion(*sched.Thread) string {
	return fmt.Sprintf("Linux version %s (vitrine) (go) %s\n", k.Release, k.Version)
}

// procUptime is /proc/uptime: seconds since boot, and seconds of idleness of all CPUs.
func (k *Kernel) procUptime(t *sched.Thread) string {
	var idle int64
	for _, c := range k.Tasks.Sched.CPUs {
		idle += c.Idle()
	}
	return fmt.Sprintf("%.2f %.2f\n", float64(t.Now())/1e9, float64(idle)/1e9)
}

// procLoadavg is /proc/loadavg. The averages are those of this moment: there is no history yet.
func (k *Kernel) procLoadavg(t *sched.Thread) string {
	_, running := k.Tasks.Sched.Count()
	tasks, _ := k.Tasks.Threads(t)
	return fmt.Sprintf("%d.00 %d.00 %d.00 %d/%d %d\n", running, running, running, running, tasks, k.Tasks.LastPID(t))
}

// procMeminfo is /proc/meminfo, in KiB.
func (k *Kernel) procMeminfo(t *sched.Thread) string {
	m := k.Tasks.Memory.Stats(t)
	cached := cachedPages(m)
	var b strings.Builder
	for _, f := range []struct {
		name  string
		pages int64
	}{
		{"MemTotal", int64(m.Total)},
		{"MemFree", int64(m.Free + m.Reserved)},
		{"MemAvailable", int64(m.Free+m.Reserved) + cached},
		{"Buffers", 0},
		{"Cached", cached},
		{"SwapCached", 0},
		{"Active", int64(m.Anon)},
		{"Inactive", cached},
		{"SwapTotal", 0},
		{"SwapFree", 0},
		{"Dirty", 0},
		{"Writeback", 0},
		{"AnonPages", int64(m.Anon)},
		{"Mapped", int64(m.Mapped)},
		{"Shmem", int64(m.Shmem)},
		{"Slab", 0},
		{"SReclaimable", 0},
		{"PageTables", int64(m.PageTables)},
		{"CommitLimit", int64(m.Total) / 2},
		{"Committed_AS", int64(m.Committed)},
	} {
		fmt.Fprintf(&b, "%-15s %8d kB\n", f.name+":", f.pages*4)
	}
	return b.String()
}

// cachedPages are the pages in use that are neither programs' own nor the kernel's: the page cache.
func cachedPages(m mm.MemStats) int64 {
	return max(int64(m.Total)-int64(m.Free+m.Reserved+m.Anon+m.PageTables), 0)
}

// procStat is /proc/stat: CPU times and counts since boot.
func (k *Kernel) procStat(t *sched.Thread) string {
	var b strings.Builder
	var user, system int64
	for _, g := range k.Tasks.Processes(t) {
		u, s := g.CPUTime(t)
		user, system = user+u, system+s
	}
	var idle, switches, interrupts int64
	cpus := k.Tasks.Sched.CPUs
	for _, c := range cpus {
		idle += c.Idle()
		switches += c.Switches.Load()
		interrupts += c.Interrupts.Load()
	}
	fmt.Fprintf(&b, "cpu  %d 0 %d %d 0 0 0 0 0 0\n", user/tick, system/tick, idle/tick)
	for _, c := range cpus {
		n := int64(len(cpus))
		fmt.Fprintf(&b, "cpu%d %d 0 %d %d 0 0 0 0 0 0\n", c.ID, user/n/tick, system/n/tick, c.Idle()/tick)
	}
	_, running := k.Tasks.Sched.Count()
	_, forks := k.Tasks.Threads(t)
	fmt.Fprintf(&b, "intr %d\nctxt %d\nbtime %d\nprocesses %d\nprocs_running %d\nprocs_blocked 0\n",
		interrupts, switches, k.Tasks.Timers.WallOffset()/1e9, forks, running)
	return b.String()
}

// procVmstat is /proc/vmstat.
func (k *Kernel) procVmstat(t *sched.Thread) string {
	m := k.Tasks.Memory.Stats(t)
	var minor, major int64
	for _, g := range k.Tasks.Processes(t) {
		r, _ := g.Rusage(t)
		minor, major = minor+r.MinFaults, major+r.MajFaults
	}
	return fmt.Sprintf("nr_free_pages %d\nnr_anon_pages %d\nnr_mapped %d\nnr_file_pages %d\nnr_page_table_pages %d\npgfault %d\npgmajfault %d\n",
		m.Free, m.Anon, m.Mapped, cachedPages(m), m.PageTables, minor+major, major)
}

// procInterrupts is /proc/interrupts.
func (k *Kernel) procInterrupts(*sched.Thread) string {
	var b strings.Builder
	b.WriteString("           COUNT\n")
	for _, l := range k.IRQ.Lines {
		if l != nil {
			fmt.Fprintf(&b, "%3d: %10d   %s\n", l.Number, l.Count.Load(), l.Name)
		}
	}
	fmt.Fprintf(&b, "ERR: %10d\n", k.IRQ.Spurious.Load())
	return b.String()
}

// procCPUInfo is /proc/cpuinfo: what programs parse of it.
func (k *Kernel) procCPUInfo(*sched.Thread) string {
	var b strings.Builder
	n := len(k.Tasks.Sched.CPUs)
	for i := range n {
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: Vitrine\ncpu family\t: 6\nmodel\t\t: 0\nmodel name\t: Vitrine CPU\nstepping\t: 0\n"+
			"physical id\t: 0\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\nfpu\t\t: yes\nflags\t\t: fpu tsc cx8 cmov fxsr sse sse2 ht syscall nx lm\n"+
			"bogomips\t: 2000.00\naddress sizes\t: 48 bits physical, 48 bits virtual\n\n", i, n, i, n)
	}
	return b.String()
}

// procFilesystems is /proc/filesystems.
func procFilesystems(*sched.Thread) string {
	var b strings.Builder
	for _, f := range vfs.FSTypes() {
		if f.NoDev {
			b.WriteString("nodev")
		}
		b.WriteString("\t" + f.Name + "\n")
	}
	return b.String()
}

// procDevices is /proc/devices.
func (k *Kernel) procDevices(t *sched.Thread) string {
	return "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n229 hvc\n\nBlock devices:\n"
}

// procTTYDrivers is /proc/tty/drivers.
func (k *Kernel) procTTYDrivers(t *sched.Thread) string {
	return "/dev/tty             /dev/tty        5       0 system:/dev/tty\n" +
		"/dev/console         /dev/console    5       1 system:console\n" +
		"/dev/ptmx            /dev/ptmx       5       2 system\n" +
		"hvc                  /dev/hvc      229 0-7 system\n" +
		"pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
}

// procMounts is /proc/PID/mounts, procMountinfo the longer form.
func (k *Kernel) procMounts(t *sched.Thread, x *task.Task) (string, error) {
	fs := x.Dirs(t)
	if fs == nil {
		return "", nil
	}
	defer fs.DecRef(t)
	var b strings.Builder
	for _, m := range k.Tasks.VFS.Mounts(t, fs) {
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", mangle(m.Source), mangle(m.Point), m.Type, joinOptions(m.Options, m.SuperOpts))
	}
	return b.String(), nil
}

func (k *Kernel) procMountinfo(t *sched.Thread, x *task.Task) (string, error) {
	fs := x.Dirs(t)
	if fs == nil {
		return "", nil
	}
	defer fs.DecRef(t)
	var b strings.Builder
	for _, m := range k.Tasks.VFS.Mounts(t, fs) {
		fmt.Fprintf(&b, "%d %d %d:%d %s %s %s - %s %s %s\n", m.ID, m.Parent, m.Dev.Major(), m.Dev.Minor(), mangle(m.Root), mangle(m.Point),
			m.Options, m.Type, mangle(m.Source), m.SuperOpts)
	}
	return b.String(), nil
}

// joinOptions adds the filesystem's options to the mount's; "rw" or "ro" stands once.
func joinOptions(mount, super string) string {
	_, rest, ok := strings.Cut(super, ",")
	if !ok {
		return mount
	}
	return mount + "," + rest
}

// mangle writes blanks in a name as octal numbers, as getmntent(3) expects.
func mangle(s string) string {
	if !strings.ContainsAny(s, " \t\n\\#") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(" \t\n\\#", s[i]) >= 0 {
			fmt.Fprintf(&b, "\\%03o", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// textFile is a read-only file about a process.
func textFile(mode vfs.Mode, f func(t *sched.Thread) (string, error)) *pseudo.Node {
	return &pseudo.Node{Mode: abi.S_IFREG | mode, Read: func(t *sched.Thread) ([]byte, error) {
		s, err := f(t)
		return []byte(s), err
	}}
}
