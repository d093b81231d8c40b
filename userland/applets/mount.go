package applets

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// mount - attach a filesystem, or list what is mounted
//
//	-t TYPE     the filesystem's type
//	-o OPTIONS  ro, rw, nosuid, nodev, noexec, remount, bind, rbind, noatime, ...;
//	            unknown ones are given to the filesystem
//	-r          same as -o ro
func init() {
	box.Register(&box.Cmd{Name: "mount", Usage: "mount [-t TYPE] [-o OPTIONS] [-r] [DEVICE] [DIR]", Run: mount})
}

// mountFlags maps option names to the bits of mount(2); a leading "no" of an
// option in clearFlags takes the bit away.
var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"sync": unix.MS_SYNCHRONOUS, "remount": unix.MS_REMOUNT, "noatime": unix.MS_NOATIME,
	"nodiratime": unix.MS_NODIRATIME, "bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC,
	"move": unix.MS_MOVE, "relatime": unix.MS_RELATIME, "private": unix.MS_PRIVATE, "shared": unix.MS_SHARED,
	"rw": 0, "defaults": 0, "suid": 0, "dev": 0, "exec": 0, "async": 0, "atime": 0,
}

func mount(args []string) int {
	o, rest := box.Parse(args, "t:o:ra", "bind=B")
	if len(rest) == 0 {
		return mountList(args[0], o.Str('t', ""))
	}
	var flags uintptr
	var data []string
	if o.Has('r') {
		flags |= unix.MS_RDONLY
	}
	for _, opts := range o.Values('o') {
		for _, opt := range strings.Split(opts, ",") {
			if bit, ok := mountFlags[opt]; ok {
				flags |= bit
			} else if opt != "" {
				data = append(data, opt)
			}
		}
	}
	source, dir := rest[0], rest[len(rest)-1]
	if len(rest) > 2 || (len(rest) == 1 && flags&unix.MS_REMOUNT == 0 && !o.Has('t')) {
		box.UsageError(args[0])
	}
	if len(rest) == 1 {
		source = o.Str('t', "none")
	}
	if err := unix.Mount(source, dir, o.Str('t', ""), flags, strings.Join(data, ",")); err != nil {
		return box.Fail(args[0], fmt.Sprintf("mounting %s on %s failed", source, dir), err)
	}
	return 0
}

// mountList prints /proc/self/mounts in words.
func mountList(name, fstype string) int {
	data, err := box.ReadFile("/proc/self/mounts")
	if err != nil {
		return box.Fail(name, "/proc/self/mounts", err)
	}
	for _, m := range parseMounts(string(data)) {
		if fstype == "" || m.fstype == fstype {
			fmt.Fprintf(box.Out, "%s on %s type %s (%s)\n", m.source, m.dir, m.fstype, m.options)
		}
	}
	return 0
}
