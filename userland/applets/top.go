package applets

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// top - show the busiest processes, again and again
//
//	-d SECONDS  between pictures (2)   -n N  pictures, then end   -b  for a file: no screen control
//	Keys: q quit, P by CPU, M by memory, N by pid, T by time, space now
func init() {
	box.Register(&box.Cmd{Name: "top", Usage: "top [-b] [-d SECONDS] [-n COUNT]", Run: top})
}

// topRun remembers the last picture: shares are differences.
type topRun struct {
	order byte
	prev  map[int]uint64 // ticks used, by pid
	stat  []uint64       // the line cpu of /proc/stat
	when  time.Time
	rows  int
	cols  int
	batch bool
}

func top(args []string) int {
	o, _ := box.Parse(args, "bd:n:", "")
	t := &topRun{order: 'P', batch: o.Has('b') || !isatty(1)}
	delay := time.Duration(o.Int('d', 2)) * time.Second
	if !t.batch {
		restore, err := rawMode(0)
		if err != nil {
			return box.Fail(args[0], "standard input", err)
		}
		defer restore()
	}
	for n := 0; ; n++ {
		t.rows, t.cols = winsize(1)
		if t.batch {
			t.rows, t.cols = 1<<20, 1<<20
		}
		if err := t.picture(); err != nil {
			return box.Fail(args[0], "/proc", err)
		}
		if o.Has('n') && n+1 >= o.Int('n', 1) {
			return 0
		}
		if t.batch {
			nanosleep(delay)
		} else if t.wait(delay) {
			box.Out.WriteString("\n")
			return 0
		}
	}
}

// wait waits for a key or the time of the next picture; quit: the key was q.
func (t *topRun) wait(d time.Duration) (quit bool) {
	p := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
	n, err := unix.Poll(p, int(d.Milliseconds()))
	if err != nil || n == 0 {
		return false
	}
	var b [1]byte
	if k, err := box.Stdin.Read(b[:]); err != nil || k == 0 {
		return true
	}
	switch b[0] {
	case 'q', 'Q', 3:
		return true
	case 'P', 'M', 'N', 'T':
		t.order = b[0]
	}
	return false
}

func (t *topRun) picture() error {
	list, err := processes()
	if err != nil {
		return err
	}
	now := time.Now()
	elapsed := now.Sub(t.when).Seconds()
	mem := keyValues("/proc/meminfo")
	share := map[int]float64{}
	used := map[int]uint64{}
	states := map[byte]int{}
	for _, p := range list {
		states[p.state]++
		ticks := p.utime + p.stime
		used[p.pid] = ticks
		if old, ok := t.prev[p.pid]; ok && ticks >= old && elapsed > 0 {
			share[p.pid] = float64(ticks-old) / userHz / elapsed * 100
		}
	}
	t.prev, t.when = used, now
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		switch t.order {
		case 'M':
			return a.rss > b.rss
		case 'N':
			return a.pid < b.pid
		case 'T':
			return used[a.pid] > used[b.pid]
		}
		return share[a.pid] > share[b.pid]
	})
	var lines []string
	up := time.Duration(uptimeSeconds()) * time.Second
	lines = append(lines, fmt.Sprintf("top - %s up %s, load average: %s", now.Format("15:04:05"), up, loadAverage()),
		fmt.Sprintf("Tasks: %d total, %d running, %d sleeping, %d stopped, %d zombie", len(list), states['R'],
			states['S']+states['D']+states['I'], states['T']+states['t'], states['Z']),
		t.cpuLine(),
		fmt.Sprintf("Mem: %s total, %s free, %s buff/cache", human(mem["MemTotal"]<<10), human(mem["MemFree"]<<10), human((mem["Buffers"]+mem["Cached"])<<10)),
		"", fmt.Sprintf("%7s %-8s %4s %7s %7s %s %5s %5s %9s %s", "PID", "USER", "NI", "VIRT", "RES", "S", "%CPU", "%MEM", "TIME+", "COMMAND"))
	head := len(lines)
	for _, p := range list {
		if len(lines) >= t.rows-1 {
			break
		}
		ticks := used[p.pid]
		lines = append(lines, fmt.Sprintf("%7d %-8.8s %4d %7s %7s %c %5.1f %5s %6d:%02d %s", p.pid, box.UserName(p.uid), p.nice,
			human(p.vsize), human(p.rss), p.state, share[p.pid], topMem(p, mem["MemTotal"]), ticks/userHz/60, ticks/userHz%60, p.comm))
	}
	if !t.batch {
		box.Out.WriteString("\x1b[H")
	}
	for i, l := range lines {
		if r := []rune(l); len(r) > t.cols {
			l = string(r[:t.cols])
		}
		if !t.batch {
			if i == head-1 {
				l = "\x1b[7m" + l + strings.Repeat(" ", max(0, t.cols-len(l))) + "\x1b[m"
			}
			l += "\x1b[K"
		}
		box.Out.WriteString(l + "\n")
	}
	if t.batch {
		box.Out.WriteString("\n")
	} else {
		box.Out.WriteString("\x1b[J")
	}
	return box.Out.Flush()
}

func topMem(p *process, totalKB uint64) string {
	if totalKB == 0 {
		return "0.0"
	}
	return fmt.Sprintf("%.1f", float64(p.rss)/1024/float64(totalKB)*100)
}

// cpuLine tells what the CPUs have done since the last picture.
func (t *topRun) cpuLine() string {
	data, _ := box.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(data), "\n")
	var now []uint64
	for _, f := range strings.Fields(line) {
		var n uint64
		if _, err := fmt.Sscan(f, &n); err == nil {
			now = append(now, n)
		}
	}
	old := t.stat
	t.stat = now
	var sum uint64
	part := make([]uint64, 5) // user nice system idle iowait
	for i, n := range now {
		if i < len(old) {
			n -= min(n, old[i])
		}
		sum += n
		if i < len(part) {
			part[i] = n
		}
	}
	if sum == 0 {
		return "%Cpu: no data"
	}
	pct := func(n uint64) float64 { return float64(n) / float64(sum) * 100 }
	return fmt.Sprintf("%%Cpu: %.1f user, %.1f system, %.1f nice, %.1f idle, %.1f wait", pct(part[0]), pct(part[2]), pct(part[1]), pct(part[3]), pct(part[4]))
}
