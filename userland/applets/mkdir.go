package applets

import (
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// mkdir - make directories
//
//	-p  parents too, and no complaint when it exists   -m MODE  permissions   -v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "mkdir", Usage: "mkdir [-pv] [-m MODE] DIR...", Run: mkdir})
}

func mkdir(args []string) int {
	o, dirs := box.Parse(args, "pvm:", "parents=p mode=m verbose=v")
	if len(dirs) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, d := range dirs {
		err := makeDir(d, o.Has('p'))
		if err != nil {
			status = box.Fail(args[0], "cannot create directory '"+d+"'", err)
			continue
		}
		if o.Has('v') {
			box.Out.WriteString("created directory '" + d + "'\n")
		}
		if o.Has('m') {
			mode, err := box.ParseMode(o.Str('m', ""), 0o777, true, 0)
			if err == nil {
				err = unix.Chmod(d, mode)
			}
			if err != nil {
				status = box.Fail(args[0], d, err)
			}
		}
	}
	return status
}

// makeDir makes a directory, with parents those above it.
func makeDir(d string, parents bool) error {
	if !parents {
		return unix.Mkdir(d, 0o777)
	}
	for i := 1; i <= len(d); i++ {
		if i < len(d) && d[i] != '/' {
			continue
		}
		if err := unix.Mkdir(d[:i], 0o777); err != nil && !isDir(d[:i]) {
			return err
		}
	}
	return nil
}

// rmdir - remove empty directories
//
//	-p  their parents too
func init() {
	box.Register(&box.Cmd{Name: "rmdir", Usage: "rmdir [-p] DIR...", Run: rmdir})
}

func rmdir(args []string) int {
	o, dirs := box.Parse(args, "p", "parents=p")
	if len(dirs) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, d := range dirs {
		for {
			if err := unix.Rmdir(d); err != nil {
				status = box.Fail(args[0], "failed to remove '"+d+"'", err)
				break
			}
			i := strings.LastIndexByte(strings.TrimRight(d, "/"), '/')
			if !o.Has('p') || i <= 0 {
				break
			}
			d = d[:i]
		}
	}
	return status
}
