package applets

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"vitrine/userland/box"
)

// ps - list processes
//
//	ps           those of this terminal          ps -e, -A   all
//	ps -f        full lines                      ps aux      all, BSD style
//	-o COLUMNS   choose: pid,ppid,pgid,sid,tpgid,uid,user,tty,stat,nlwp,ni,vsz,rss,time,
//	             stime,pcpu,comm,args            -p PIDS     only these
func init() {
	box.Register(&box.Cmd{Name: "ps", Usage: "ps [-eAfl] [-o COLUMN,...] [-p PID,...] | ps aux", Run: ps})
}

// psColumn is one column of the table.
type psColumn struct {
	title string
	left  bool
	value func(p *process) string
}

var psColumns = map[string]psColumn{
	"pid":   {"PID", false, func(p *process) string { return strconv.Itoa(p.pid) }},
	"ppid":  {"PPID", false, func(p *process) string { return strconv.Itoa(p.ppid) }},
	"pgid":  {"PGID", false, func(p *process) string { return strconv.Itoa(p.pgrp) }},
	"sid":   {"SID", false, func(p *process) string { return strconv.Itoa(p.session) }},
	"tpgid": {"TPGID", false, func(p *process) string { return strconv.Itoa(p.tpgid) }},
	"uid":   {"UID", false, func(p *process) string { return strconv.Itoa(int(p.uid)) }},
	"user":  {"USER", true, func(p *process) string { return box.UserName(p.uid) }},
	"tty":   {"TTY", true, (*process).ttyName},
	"stat":  {"STAT", true, (*process).stateString},
	"s":     {"S", true, func(p *process) string { return string(p.state) }},
	"nlwp":  {"NLWP", false, func(p *process) string { return strconv.Itoa(p.threads) }},
	"ni":    {"NI", false, func(p *process) string { return strconv.Itoa(p.nice) }},
	"vsz":   {"VSZ", false, func(p *process) string { return strconv.FormatUint(p.vsize/1024, 10) }},
	"rss":   {"RSS", false, func(p *process) string { return strconv.FormatUint(p.rss/1024, 10) }},
	"pcpu":  {"%CPU", false, psCPU},
	"pmem":  {"%MEM", false, psMem},
	"time":  {"TIME", false, func(p *process) string { return cpuTime(p.utime+p.stime, true) }},
	"btime": {"TIME", false, func(p *process) string { return cpuTime(p.utime+p.stime, false) }},
	"stime": {"STIME", true, psStart},
	"start": {"START", true, psStart},
	"comm":  {"COMMAND", true, func(p *process) string { return p.comm }},
	"cmd":   {"CMD", true, (*process).command},
	"cmdc":  {"CMD", true, func(p *process) string { return p.comm }},
	"args":  {"COMMAND", true, (*process).command},
}

var psAlias = map[string]string{
	"pgrp": "pgid", "sess": "sid", "tt": "tty", "tname": "tty", "state": "s",
	"command": "args", "ucmd": "comm", "nice": "ni", "%cpu": "pcpu", "%mem": "pmem", "cputime": "time", "vsize": "vsz",
}

func ps(args []string) int {
	// BSD style options come without a dash.
	for i, a := range args[1:] {
		if i == 0 && a != "" && strings.Trim(a, "auxwfelj") == "" {
			args = append([]string{args[0], "-" + strings.ReplaceAll(a, "f", ""), "-b"}, args[2:]...)
			break
		}
	}
	o, _ := box.Parse(args, "aAbdefluxwjo:p:", "")
	list, err := processes()
	if err != nil {
		return box.Fail(args[0], "/proc", err)
	}
	format := "pid,tty,time,cmdc"
	switch {
	case o.Has('o'):
		format = strings.Join(o.Values('o'), ",")
	case o.Has('u'):
		format = "user,pid,pcpu,pmem,vsz,rss,tty,stat,start,btime,args"
	case o.Has('b'):
		format = "pid,tty,stat,btime,args"
	case o.Has('j'):
		format = "pid,pgid,sid,tty,time,cmdc"
	case o.Has('l'):
		format = "s,uid,pid,ppid,ni,vsz,tty,time,cmdc"
	case o.Has('f'):
		format = "user,pid,ppid,pcpu,stime,tty,time,cmd"
	}
	var cols []psColumn
	for _, name := range strings.Split(format, ",") {
		name, title, named := strings.Cut(name, "=")
		if alias := psAlias[name]; alias != "" {
			name = alias
		}
		c, ok := psColumns[name]
		if !ok {
			return box.Fail(args[0], "unknown column '"+name+"'", nil)
		}
		if named {
			c.title = title
		}
		cols = append(cols, c)
	}
	return psPrint(cols, psSelect(list, o))
}

// psSelect keeps the processes that the options ask for.
func psSelect(list []*process, o box.Opts) []*process {
	want := map[int]bool{}
	for _, v := range o.Values('p') {
		for _, s := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
			n, _ := strconv.Atoi(s)
			want[n] = true
		}
	}
	self := readProcess(os.Getpid())
	var out []*process
	for _, p := range list {
		switch {
		case len(want) > 0:
			if !want[p.pid] {
				continue
			}
		case o.Has('e') || o.Has('A') || (o.Has('a') && o.Has('x')) || o.Has('d'):
		case o.Has('a'):
			if p.tty == 0 {
				continue
			}
		case o.Has('x'):
			if self != nil && p.uid != self.uid {
				continue
			}
		case self != nil && p.tty != self.tty:
			continue
		}
		out = append(out, p)
	}
	return out
}

// psPrint prints the table; the last column may be cut at the terminal's edge.
func psPrint(cols []psColumn, list []*process) int {
	rows := make([][]string, 0, len(list)+1)
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i] = c.title
	}
	rows = append(rows, head)
	for _, p := range list {
		row := make([]string, len(cols))
		for i, c := range cols {
			row[i] = c.value(p)
		}
		rows = append(rows, row)
	}
	width := make([]int, len(cols))
	for _, row := range rows {
		for i, s := range row {
			width[i] = max(width[i], runeLen(s))
		}
	}
	limit := 0
	if isatty(1) {
		_, limit = winsize(1)
	}
	for r, row := range rows {
		if r == 0 && strings.Join(row, "") == "" {
			continue // all titles empty: ps -o pid=
		}
		var b strings.Builder
		for i, s := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			switch {
			case !cols[i].left:
				fmt.Fprintf(&b, "%*s", width[i], s)
			case i == len(row)-1:
				b.WriteString(s)
			default:
				fmt.Fprintf(&b, "%-*s", width[i], s)
			}
		}
		line := b.String()
		if limit > 0 && runeLen(line) > limit {
			line = string([]rune(line)[:limit])
		}
		box.Out.WriteString(line + "\n")
	}
	if len(list) == 0 {
		return 1
	}
	return 0
}

// psCPU is the share of one CPU over the life of the process, as ps defines it.
func psCPU(p *process) string {
	life := uptimeSeconds() - float64(p.start)/userHz
	if life <= 0 {
		return "0.0"
	}
	return strconv.FormatFloat(float64(p.utime+p.stime)/userHz/life*100, 'f', 1, 64)
}

func psMem(p *process) string {
	total := keyValues("/proc/meminfo")["MemTotal"]
	if total == 0 {
		return "0.0"
	}
	return strconv.FormatFloat(float64(p.rss)/1024/float64(total)*100, 'f', 1, 64)
}

func psStart(p *process) string {
	t := bootTime().Add(time.Duration(p.start) * time.Second / userHz)
	if time.Since(t) > 24*time.Hour {
		return t.Format("Jan02")
	}
	return t.Format("15:04")
}
