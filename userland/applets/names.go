package applets

import (
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// basename, dirname - parts of a path
// readlink, realpath - where links lead
// pwd - the current directory
func init() {
	box.Register(&box.Cmd{Name: "basename", Usage: "basename PATH [SUFFIX] | basename -a PATH...", Run: basename})
	box.Register(&box.Cmd{Name: "dirname", Usage: "dirname PATH...", Run: dirname})
	box.Register(&box.Cmd{Name: "readlink", Usage: "readlink [-fn] PATH...", Run: readlinkMain})
	box.Register(&box.Cmd{Name: "realpath", Usage: "realpath PATH...", Run: realpath})
	box.Register(&box.Cmd{Name: "pwd", Usage: "pwd [-LP]", Run: pwd})
}

func basename(args []string) int {
	o, rest := box.Parse(args, "as:", "multiple=a suffix=s")
	if len(rest) == 0 {
		box.UsageError(args[0])
	}
	suffix := o.Str('s', "")
	if !o.Has('a') && !o.Has('s') {
		if len(rest) > 2 {
			box.UsageError(args[0])
		}
		if len(rest) == 2 {
			suffix = rest[1]
		}
		rest = rest[:1]
	}
	for _, p := range rest {
		b := path.Base(p)
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		box.Out.WriteString(b + "\n")
	}
	return 0
}

func dirname(args []string) int {
	if len(args) < 2 {
		box.UsageError(args[0])
	}
	for _, p := range args[1:] {
		p = strings.TrimRight(p, "/")
		i := strings.LastIndexByte(p, '/')
		switch {
		case p == "" && args[1] != "":
			p = "/"
		case i < 0:
			p = "."
		default:
			if p = strings.TrimRight(p[:i], "/"); p == "" {
				p = "/"
			}
		}
		box.Out.WriteString(p + "\n")
	}
	return 0
}

func readlinkMain(args []string) int {
	o, rest := box.Parse(args, "fnem", "canonicalize=f no-newline=n")
	if len(rest) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, p := range rest {
		var t string
		var err error
		if o.Has('f') || o.Has('e') || o.Has('m') {
			t, err = canonical(p)
		} else {
			t, err = readlink(p)
		}
		if err != nil {
			status = 1 // silently, as everywhere
			continue
		}
		box.Out.WriteString(t)
		if !o.Has('n') {
			box.Out.WriteByte('\n')
		}
	}
	return status
}

// canonical resolves all links; the last part need not exist.
func canonical(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	if r, err := filepath.EvalSymlinks(abs); err == nil {
		return r, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", unix.ENOENT
	}
	return join(dir, filepath.Base(abs)), nil
}

func realpath(args []string) int {
	_, rest := box.Parse(args, "esmqP", "")
	if len(rest) == 0 {
		box.UsageError(args[0])
	}
	status := 0
	for _, p := range rest {
		r, err := canonical(p)
		if err != nil {
			status = box.Fail(args[0], p, err)
			continue
		}
		box.Out.WriteString(r + "\n")
	}
	return status
}

func pwd(args []string) int {
	dir, err := unix.Getwd()
	if err != nil {
		return box.Fail(args[0], "", err)
	}
	box.Out.WriteString(dir + "\n")
	return 0
}
