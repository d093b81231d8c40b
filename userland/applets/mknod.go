package applets

import (
	"sort"
	"strconv"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// mkfifo - make named pipes: -m MODE
// mknod - make device files: mknod [-m MODE] NAME b|c|u MAJOR MINOR, mknod NAME p
func init() {
	box.Register(&box.Cmd{Name: "mkfifo", Usage: "mkfifo [-m MODE] NAME...", Run: mkfifo})
	box.Register(&box.Cmd{Name: "mknod", Usage: "mknod [-m MODE] NAME b|c|u MAJOR MINOR | NAME p", Run: mknod})
}

// nodeMode parses -m.
func nodeMode(name string, o box.Opts) uint32 {
	mode, err := box.ParseMode(o.Str('m', "666"), 0o666, false, 0)
	if err != nil {
		box.Die(name, "invalid mode '"+o.Str('m', "")+"'", nil)
	}
	return mode
}

func mkfifo(args []string) int {
	o, names := box.Parse(args, "m:", "mode=m")
	if len(names) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, n := range names {
		err := unix.Mkfifo(n, nodeMode(args[0], o))
		if err == nil && o.Has('m') { // the umask does not count for an explicit mode
			err = unix.Chmod(n, nodeMode(args[0], o))
		}
		if err != nil {
			status = box.Fail(args[0], "cannot create fifo '"+n+"'", err)
		}
	}
	return status
}

func mknod(args []string) int {
	o, rest := box.Parse(args, "m:", "mode=m")
	if len(rest) != 4 && !(len(rest) == 2 && rest[1] == "p") {
		box.UsageError(args[0])
	}
	kind := map[string]uint32{"b": unix.S_IFBLK, "c": unix.S_IFCHR, "u": unix.S_IFCHR, "p": unix.S_IFIFO}[rest[1]]
	dev := uint64(0)
	if len(rest) == 4 {
		major, e1 := strconv.ParseUint(rest[2], 0, 32)
		minor, e2 := strconv.ParseUint(rest[3], 0, 32)
		if e1 != nil || e2 != nil || kind == 0 {
			box.UsageError(args[0])
		}
		dev = unix.Mkdev(uint32(major), uint32(minor))
	}
	if err := unix.Mknod(rest[0], kind|nodeMode(args[0], o), int(dev)); err != nil {
		return box.Fail(args[0], rest[0], err)
	}
	return 0
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
