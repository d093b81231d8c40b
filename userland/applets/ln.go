package applets

import (
	"path"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// ln - make links
//
//	-s  symbolic   -f  replace what is there   -n  do not follow a link to a directory
//	-v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "ln", Usage: "ln [-sfnvT] TARGET... LINK", Run: ln})
}

func ln(args []string) int {
	o, files := box.Parse(args, "sfnvT", "symbolic=s force=f no-dereference=n verbose=v")
	if len(files) == 0 {
		box.UsageError(args[0])
	}
	if len(files) == 1 {
		files = append(files, ".")
	}
	dest := files[len(files)-1]
	into := isDir(dest) && !o.Has('T')
	if st, err := lstat(dest); err == nil && o.Has('n') && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		into = false
	}
	if len(files) > 2 && !into {
		return box.Fail(args[0], "target '"+dest+"' is not a directory", nil)
	}
	status := 0
	for _, target := range files[:len(files)-1] {
		link := dest
		if into {
			link = join(dest, path.Base(target))
		}
		if o.Has('f') {
			unix.Unlink(link)
		}
		var err error
		if o.Has('s') {
			err = unix.Symlink(target, link)
		} else {
			err = unix.Link(target, link)
		}
		if err != nil {
			status = box.Fail(args[0], "failed to create link '"+link+"'", err)
		} else if o.Has('v') {
			box.Out.WriteString("'" + link + "' -> '" + target + "'\n")
		}
	}
	return status
}
