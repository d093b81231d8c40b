package applets

import (
	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// umount - detach filesystems
//
//	-f  force
//	-l  lazy: detach now, clean up when it is no longer busy
//	-a  all of /proc/self/mounts, the last one first
func init() {
	box.Register(&box.Cmd{Name: "umount", Usage: "umount [-fla] DIR...", Run: umount})
}

func umount(args []string) int {
	o, dirs := box.Parse(args, "flarR", "force=f lazy=l all=a")
	flags := 0
	if o.Has('f') {
		flags |= unix.MNT_FORCE
	}
	if o.Has('l') {
		flags |= unix.MNT_DETACH
	}
	if o.Has('a') {
		data, _ := box.ReadFile("/proc/self/mounts")
		list := parseMounts(string(data))
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].dir != "/" {
				dirs = append(dirs, list[i].dir)
			}
		}
	} else if len(dirs) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, d := range dirs {
		if err := unix.Unmount(d, flags); err != nil {
			status = box.Fail(args[0], d, err)
		}
	}
	return status
}
