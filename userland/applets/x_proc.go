package applets

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// userHz is the unit of times in /proc: the ABI fixes it at 100 per second.
const userHz = 100

// process is what /proc/PID/stat, status and cmdline tell. Fields that a kernel
// does not give stay zero.
type process struct {
	pid, ppid, pgrp, session, tpgid int
	comm                            string
	state                           byte
	tty                             int
	utime, stime                    uint64 // in ticks of userHz
	nice, threads                   int
	start                           uint64 // ticks after boot
	vsize, rss                      uint64 // bytes
	uid                             uint32
	args                            []string
}

// processes reads all of /proc, by rising pid.
func processes() ([]*process, error) {
	names, err := readDir("/proc")
	if err != nil {
		return nil, err
	}
	var list []*process
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if p := readProcess(pid); p != nil { // nil: it has ended meanwhile
			list = append(list, p)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].pid < list[j].pid })
	return list, nil
}

// readProcess reads one process, or returns nil when it is gone.
func readProcess(pid int) *process {
	dir := "/proc/" + strconv.Itoa(pid)
	data, err := box.ReadFile(dir + "/stat")
	if err != nil {
		return nil
	}
	p := parseStat(string(data))
	if p == nil {
		return nil
	}
	p.pid = pid
	if st, err := stat(dir); err == nil {
		p.uid = st.Uid
	}
	if cmd, err := box.ReadFile(dir + "/cmdline"); err == nil && len(cmd) > 0 {
		p.args = strings.Split(strings.TrimRight(string(cmd), "\x00"), "\x00")
	}
	return p
}

// parseStat parses /proc/PID/stat, see proc(5). The command name stands in
// parentheses and may itself contain blanks and parentheses, so the last one counts.
func parseStat(s string) *process {
	open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if open < 0 || end < open {
		return nil
	}
	p := &process{comm: s[open+1 : end]}
	f := strings.Fields(s[end+1:])
	num := func(field int) int64 { // numbered as in proc(5), where the state is field 3
		if field-3 >= len(f) {
			return 0
		}
		n, err := strconv.ParseInt(f[field-3], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	if len(f) > 0 {
		p.state = f[0][0]
	}
	p.ppid, p.pgrp, p.session, p.tty, p.tpgid = int(num(4)), int(num(5)), int(num(6)), int(num(7)), int(num(8))
	p.utime, p.stime = uint64(num(14)), uint64(num(15))
	p.nice, p.threads, p.start = int(num(19)), int(num(20)), uint64(num(22))
	p.vsize, p.rss = uint64(num(23)), uint64(num(24))*uint64(unix.Getpagesize())
	return p
}

// command returns the command line, or the name in brackets when there is none
// (kernel threads and zombies).
func (p *process) command() string {
	if len(p.args) == 0 {
		return "[" + p.comm + "]"
	}
	return strings.Join(p.args, " ")
}

// ttyName names the controlling terminal from its device number.
func (p *process) ttyName() string {
	major, minor := (p.tty>>8)&0xfff, p.tty&0xff|(p.tty>>12)&0xfff00
	n := strconv.Itoa(minor)
	switch {
	case p.tty == 0:
		return "?"
	case major >= 136 && major < 144:
		return "pts/" + strconv.Itoa(minor+(major-136)*256)
	case major == 4 && minor < 64:
		return "tty" + n
	case major == 4:
		return "ttyS" + strconv.Itoa(minor-64)
	case major == 5 && minor == 1:
		return "console"
	case major == 229:
		return "hvc" + n
	}
	return strconv.Itoa(major) + "," + n
}

// stat column of ps: the state and what else is worth a letter.
func (p *process) stateString() string {
	s := string(p.state)
	if p.nice < 0 {
		s += "<"
	} else if p.nice > 0 {
		s += "N"
	}
	if p.session == p.pid {
		s += "s"
	}
	if p.threads > 1 {
		s += "l"
	}
	if p.tpgid == p.pgrp && p.tty != 0 {
		s += "+"
	}
	return s
}

// cpuTime writes ticks as "M:SS" or "HH:MM:SS".
func cpuTime(ticks uint64, long bool) string {
	s := ticks / userHz
	pad := func(n uint64) string { return strconv.FormatUint(n+100, 10)[1:] }
	if long {
		h := s / 3600
		if h < 100 {
			return pad(h) + ":" + pad(s/60%60) + ":" + pad(s%60)
		}
		return strconv.FormatUint(h, 10) + ":" + pad(s/60%60) + ":" + pad(s%60)
	}
	return strconv.FormatUint(s/60, 10) + ":" + pad(s%60)
}

// uptimeSeconds returns the first number of /proc/uptime, or the monotonic clock.
func uptimeSeconds() float64 {
	data, _ := box.ReadFile("/proc/uptime")
	if f := strings.Fields(string(data)); len(f) > 0 {
		if v, err := strconv.ParseFloat(f[0], 64); err == nil {
			return v
		}
	}
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return float64(ts.Nano()) / 1e9
}

// bootTime returns when the machine was started.
func bootTime() time.Time {
	return time.Now().Add(-time.Duration(uptimeSeconds() * float64(time.Second)))
}

// keyValues parses files like /proc/meminfo: "MemTotal:  1024 kB".
func keyValues(path string) map[string]uint64 {
	data, _ := box.ReadFile(path)
	kv := map[string]uint64{}
	for _, line := range strings.Split(string(data), "\n") {
		k, v, ok := strings.Cut(line, ":")
		if f := strings.Fields(v); ok && len(f) > 0 {
			n, _ := strconv.ParseUint(f[0], 10, 64)
			kv[k] = n
		}
	}
	return kv
}
