package applets

import (
	"fmt"
	"strconv"

	"vitrine/userland/box"
)

// pstree - show the processes as a tree
//
//	-p  process ids   -a  arguments   PID  only below this one
func init() {
	box.Register(&box.Cmd{Name: "pstree", Usage: "pstree [-pa] [PID]", Run: pstree})
}

func pstree(args []string) int {
	o, rest := box.Parse(args, "pa", "")
	list, err := processes()
	if err != nil {
		return box.Fail(args[0], "/proc", err)
	}
	children := map[int][]*process{}
	byPid := map[int]*process{}
	for _, p := range list {
		byPid[p.pid] = p
		children[p.ppid] = append(children[p.ppid], p)
	}
	var roots []*process
	if len(rest) > 0 {
		pid, _ := strconv.Atoi(rest[0])
		if byPid[pid] == nil {
			return box.Fail(args[0], "no process "+rest[0], nil)
		}
		roots = []*process{byPid[pid]}
	} else {
		for _, p := range list {
			if byPid[p.ppid] == nil { // pid 1, and the kernel's own
				roots = append(roots, p)
			}
		}
	}
	var show func(p *process, before, own string)
	show = func(p *process, before, own string) {
		label := p.comm
		if o.Has('a') && len(p.args) > 0 {
			label = p.command()
		}
		if o.Has('p') {
			label += "(" + itoa(p.pid) + ")"
		}
		if p.threads > 1 {
			label += fmt.Sprintf(" {%d threads}", p.threads)
		}
		box.Out.WriteString(before + own + label + "\n")
		switch own {
		case "├─":
			before += "│ "
		case "└─":
			before += "  "
		}
		kids := children[p.pid]
		for i, c := range kids {
			if i == len(kids)-1 {
				show(c, before, "└─")
			} else {
				show(c, before, "├─")
			}
		}
	}
	for _, r := range roots {
		show(r, "", "")
	}
	return 0
}
