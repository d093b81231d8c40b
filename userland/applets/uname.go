package applets

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// uname - the system's name: -s system, -n node, -r release, -v version, -m machine, -o, -a all
// hostname - print or set the node's name; -F takes it from a file
// id, whoami - who this process is: -u user, -g group, -n names
func init() {
	box.Register(&box.Cmd{Name: "uname", Usage: "uname [-asnrvmpo]", Run: uname})
	box.Register(&box.Cmd{Name: "hostname", Usage: "hostname [NAME | -F FILE]", Run: hostname})
	box.Register(&box.Cmd{Name: "id", Usage: "id [-ugGnr]", Run: id})
	box.Register(&box.Cmd{Name: "whoami", Usage: "whoami", Run: func([]string) int {
		box.Out.WriteString(box.UserName(uint32(unix.Geteuid())) + "\n")
		return 0
	}})
}

func uname(args []string) int {
	o, _ := box.Parse(args, "asnrvmpoi", "all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m")
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return box.Fail(args[0], "", err)
	}
	all := []struct {
		c byte
		s string
	}{
		{'s', unix.ByteSliceToString(u.Sysname[:])},
		{'n', unix.ByteSliceToString(u.Nodename[:])},
		{'r', unix.ByteSliceToString(u.Release[:])},
		{'v', unix.ByteSliceToString(u.Version[:])},
		{'m', unix.ByteSliceToString(u.Machine[:])},
		{'o', "GNU/Linux"},
	}
	var out []string
	for _, f := range all {
		if o.Has('a') || o.Has(f.c) || f.c == 'm' && (o.Has('p') || o.Has('i')) || len(args) == 1 && f.c == 's' {
			out = append(out, f.s)
		}
	}
	box.Out.WriteString(strings.Join(out, " ") + "\n")
	return 0
}

func hostname(args []string) int {
	o, rest := box.Parse(args, "sfF:i", "file=F")
	if f := o.Str('F', ""); f != "" {
		data, err := box.ReadFile(f)
		if err != nil {
			return box.Fail(args[0], f, err)
		}
		rest = []string{strings.TrimSpace(string(data))}
	}
	if len(rest) > 0 {
		if err := unix.Sethostname([]byte(rest[0])); err != nil {
			return box.Fail(args[0], "cannot set the name", err)
		}
		return 0
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return box.Fail(args[0], "", err)
	}
	name := unix.ByteSliceToString(u.Nodename[:])
	if o.Has('s') {
		name, _, _ = strings.Cut(name, ".")
	}
	box.Out.WriteString(name + "\n")
	return 0
}

func id(args []string) int {
	o, _ := box.Parse(args, "ugGnr", "user=u group=g groups=G name=n")
	uid, gid := uint32(unix.Geteuid()), uint32(unix.Getegid())
	if o.Has('r') {
		uid, gid = uint32(unix.Getuid()), uint32(unix.Getgid())
	}
	groups, _ := unix.Getgroups()
	if len(groups) == 0 {
		groups = []int{int(gid)}
	}
	show := func(n uint32, name func(uint32) string) string {
		if o.Has('n') {
			return name(n)
		}
		return fmt.Sprint(n)
	}
	switch {
	case o.Has('u'):
		box.Out.WriteString(show(uid, box.UserName) + "\n")
	case o.Has('g'):
		box.Out.WriteString(show(gid, box.GroupName) + "\n")
	case o.Has('G'):
		var l []string
		for _, g := range groups {
			l = append(l, show(uint32(g), box.GroupName))
		}
		box.Out.WriteString(strings.Join(l, " ") + "\n")
	default:
		var l []string
		for _, g := range groups {
			l = append(l, fmt.Sprintf("%d(%s)", g, box.GroupName(uint32(g))))
		}
		fmt.Fprintf(box.Out, "uid=%d(%s) gid=%d(%s) groups=%s\n", uid, box.UserName(uid), gid, box.GroupName(gid), strings.Join(l, ","))
	}
	return 0
}
