package applets

import (
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// chmod - change permissions
//
// The mode is octal or like u+x,go-w.   -R  recursively   -v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "chmod", Usage: "chmod [-Rv] MODE FILE...", Run: chmod})
}

func chmod(args []string) int {
	// A mode may begin with a dash: chmod -x file.
	for i := 1; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		if strings.Trim(args[i], "-rwxXst") == "" && args[i] != "--" {
			args = append(append(append([]string{}, args[:i]...), "--", "a"+args[i]), args[i+1:]...)
			break
		}
	}
	o, rest := box.Parse(args, "Rvf", "recursive=R verbose=v")
	if len(rest) < 2 {
		box.UsageError(args[0])
	}
	umask := unix.Umask(0)
	unix.Umask(umask)
	status := 0
	for _, f := range rest[1:] {
		walk(f, o.Has('R'), func(path string, st *unix.Stat_t, err error) {
			if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
				if o.Has('R') {
					return // a link has no permissions of its own
				}
				*st, err = stat(path)
			}
			var mode uint32
			if err == nil {
				mode, err = box.ParseMode(rest[0], st.Mode, st.Mode&unix.S_IFMT == unix.S_IFDIR, uint32(umask))
			}
			if err == nil {
				err = unix.Chmod(path, mode)
			}
			if err != nil {
				status = box.Fail(args[0], path, err)
			} else if o.Has('v') {
				box.Out.WriteString("mode of '" + path + "' is " + modeString(st.Mode&unix.S_IFMT | mode)[1:] + "\n")
			}
		})
	}
	return status
}

// walk calls f for a file and, when deep, for all that is below it.
func walk(path string, deep bool, f func(path string, st *unix.Stat_t, err error)) {
	st, err := lstat(path)
	kind := st.Mode & unix.S_IFMT
	f(path, &st, err)
	if err != nil || !deep || kind != unix.S_IFDIR {
		return
	}
	names, err := readDir(path)
	if err != nil {
		f(path, &st, err)
	}
	for _, n := range names {
		walk(join(path, n), true, f)
	}
}

// chown - change owner and group
//
//	chown USER[:GROUP] FILE...   -R  recursively   -h  links themselves
func init() {
	box.Register(&box.Cmd{Name: "chown", Usage: "chown [-Rh] USER[:GROUP] FILE...", Run: chown})
}

func chown(args []string) int {
	o, rest := box.Parse(args, "Rhv", "recursive=R")
	if len(rest) < 2 {
		box.UsageError(args[0])
	}
	user, group, _ := strings.Cut(strings.Replace(rest[0], ".", ":", 1), ":")
	uid, gid := -1, -1
	if user != "" {
		n, ok := box.UserID(user)
		if !ok {
			return box.Fail(args[0], "invalid user: '"+user+"'", nil)
		}
		uid = int(n)
	}
	if group != "" {
		n, ok := box.GroupID(group)
		if !ok {
			return box.Fail(args[0], "invalid group: '"+group+"'", nil)
		}
		gid = int(n)
	}
	status := 0
	for _, f := range rest[1:] {
		walk(f, o.Has('R'), func(path string, st *unix.Stat_t, err error) {
			if err == nil && (o.Has('h') || o.Has('R')) {
				err = unix.Lchown(path, uid, gid)
			} else if err == nil {
				err = unix.Chown(path, uid, gid)
			}
			if err != nil {
				status = box.Fail(args[0], path, err)
			}
		})
	}
	return status
}
