package applets

import (
	"path"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// mv - rename files, or move them to another directory
//
//	-f  do not ask (the default)   -n  do not overwrite   -i  ask   -v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "mv", Usage: "mv [-fnivT] SOURCE... DEST", Run: mv})
}

func mv(args []string) int {
	o, files := box.Parse(args, "fnivT", "force=f verbose=v no-clobber=n")
	if len(files) < 2 {
		box.UsageError(args[0])
	}
	dest := files[len(files)-1]
	into := isDir(dest) && !o.Has('T')
	if len(files) > 2 && !into {
		return box.Fail(args[0], "target '"+dest+"' is not a directory", nil)
	}
	status := 0
	for _, src := range files[:len(files)-1] {
		to := dest
		if into {
			to = join(dest, path.Base(src))
		}
		if _, err := lstat(to); err == nil && (o.Has('n') || o.Has('i') && !ask(args[0]+": overwrite '"+to+"'? ")) {
			continue
		}
		err := unix.Rename(src, to)
		if err == unix.EXDEV { // another filesystem: copy, then remove
			c := &copier{name: args[0], deep: true, keepLink: true, keepAll: true}
			c.copy(src, to)
			if err = nil; c.status == 0 {
				r := &remover{name: args[0], deep: true, force: true}
				r.remove(src)
			} else {
				status = 1
			}
		}
		if err != nil {
			status = box.Fail(args[0], "cannot move '"+src+"' to '"+to+"'", err)
		} else if o.Has('v') {
			box.Out.WriteString("renamed '" + src + "' -> '" + to + "'\n")
		}
	}
	return status
}
