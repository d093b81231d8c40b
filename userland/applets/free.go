package applets

import (
	"fmt"
	"strings"
	"time"

	"vitrine/userland/box"
)

// free - memory used and free: -b bytes, -k (default), -m, -g, -h with units
// uptime - how long the system has been running
func init() {
	box.Register(&box.Cmd{Name: "free", Usage: "free [-bkmgh]", Run: free})
	box.Register(&box.Cmd{Name: "uptime", Usage: "uptime", Run: uptime})
}

func free(args []string) int {
	o, _ := box.Parse(args, "bkmgh", "human=h bytes=b kibi=k mebi=m gibi=g")
	m := keyValues("/proc/meminfo")
	if len(m) == 0 {
		return box.Fail(args[0], "cannot read /proc/meminfo", nil)
	}
	show := func(kb uint64) string {
		switch {
		case o.Has('h'):
			return human(kb * 1024)
		case o.Has('b'):
			return fmt.Sprint(kb * 1024)
		case o.Has('m'):
			return fmt.Sprint(kb >> 10)
		case o.Has('g'):
			return fmt.Sprint(kb >> 20)
		}
		return fmt.Sprint(kb)
	}
	cache := m["Buffers"] + m["Cached"] + m["SReclaimable"]
	avail, ok := m["MemAvailable"]
	if !ok {
		avail = m["MemFree"] + cache
	}
	used := m["MemTotal"] - min(m["MemTotal"], m["MemFree"]+cache)
	fmt.Fprintf(box.Out, "%7s %11s %11s %11s %11s %11s %11s\n", "", "total", "used", "free", "shared", "buff/cache", "available")
	fmt.Fprintf(box.Out, "%-7s %11s %11s %11s %11s %11s %11s\n", "Mem:", show(m["MemTotal"]), show(used), show(m["MemFree"]),
		show(m["Shmem"]), show(cache), show(avail))
	fmt.Fprintf(box.Out, "%-7s %11s %11s %11s\n", "Swap:", show(m["SwapTotal"]), show(m["SwapTotal"]-min(m["SwapTotal"], m["SwapFree"])), show(m["SwapFree"]))
	return 0
}

func uptime(args []string) int {
	up := time.Duration(uptimeSeconds()) * time.Second
	days, hours, mins := int(up.Hours())/24, int(up.Hours())%24, int(up.Minutes())%60
	s := ""
	if days == 1 {
		s = "1 day, "
	} else if days > 1 {
		s = fmt.Sprintf("%d days, ", days)
	}
	if hours > 0 {
		s += fmt.Sprintf("%2d:%02d", hours, mins)
	} else {
		s += fmt.Sprintf("%d min", mins)
	}
	load := loadAverage()
	fmt.Fprintf(box.Out, " %s up %s,  load average: %s\n", time.Now().Format("15:04:05"), s, load)
	return 0
}

// loadAverage returns the first three numbers of /proc/loadavg.
func loadAverage() string {
	data, err := box.ReadFile("/proc/loadavg")
	f := strings.Fields(string(data))
	if err != nil || len(f) < 3 {
		return "0.00, 0.00, 0.00"
	}
	return strings.Join(f[:3], ", ")
}
