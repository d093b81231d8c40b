package applets

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// rm - remove files
//
//	-r -R  directories with all that is in them   -f  no complaint about missing files
//	-d     empty directories                      -i  ask      -v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "rm", Usage: "rm [-rRfidv] FILE...", Run: rm})
}

// remover removes trees.
type remover struct {
	name                          string
	deep, force, ask, say, rmdirs bool
	status                        int
}

func rm(args []string) int {
	o, files := box.Parse(args, "rRfidv", "recursive=r force=f verbose=v dir=d")
	r := &remover{
		name: args[0], deep: o.Has('r') || o.Has('R'), force: o.Has('f'), ask: o.Has('i') && !o.Has('f'),
		say: o.Has('v'), rmdirs: o.Has('d'),
	}
	if len(files) == 0 && !r.force {
		box.UsageError(args[0])
	}
	for _, f := range files {
		switch base := path.Base(strings.TrimRight(f, "/")); {
		case path.Clean(f) == "/":
			r.fail("refusing to remove '/'", nil)
		case base == "." && f != "" || base == "..":
			r.fail("refusing to remove '.' or '..': '"+f+"'", nil)
		default:
			r.remove(f)
		}
	}
	return r.status
}

func (r *remover) fail(what string, err error) {
	box.Warn(r.name, what, err)
	r.status = 1
}

func (r *remover) remove(f string) {
	st, err := lstat(f)
	if err != nil {
		if !r.force || err != unix.ENOENT {
			r.fail("cannot remove '"+f+"'", err)
		}
		return
	}
	dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if dir && !r.deep && !r.rmdirs {
		r.fail("cannot remove '"+f+"'", unix.EISDIR)
		return
	}
	if dir && r.deep {
		names, err := readDir(f)
		if err != nil {
			r.fail("cannot open directory '"+f+"'", err)
		}
		for _, n := range names {
			r.remove(join(f, n))
		}
	}
	if r.ask && !ask(r.name+": remove '"+f+"'? ") {
		return
	}
	if dir {
		err = unix.Rmdir(f)
	} else {
		err = unix.Unlink(f)
	}
	if err != nil {
		r.fail("cannot remove '"+f+"'", err)
	} else if r.say {
		box.Out.WriteString("removed '" + f + "'\n")
	}
}
