package applets

import (
	"path"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// cp - copy files
//
//	-r -R -a  recursively (-a also as -p -P)   -p  keep mode, owner and times
//	-f  remove what cannot be opened           -n  do not overwrite   -i  ask (answers no without a terminal)
//	-P -d  copy links as links                 -L  follow links       -v  say what is done
func init() {
	box.Register(&box.Cmd{Name: "cp", Usage: "cp [-rRapfnidPLvT] SOURCE... DEST", Run: cp})
}

// copier copies trees; mv uses it too, across filesystems.
type copier struct {
	box.Opts
	name     string
	status   int
	keepLink bool
	keepAll  bool
	deep     bool
}

func cp(args []string) int {
	o, files := box.Parse(args, "rRapfnidPLvTu", "recursive=r archive=a force=f verbose=v no-clobber=n")
	if len(files) < 2 {
		box.UsageError(args[0])
	}
	deep := o.Has('r') || o.Has('R') || o.Has('a')
	c := &copier{
		Opts: o, name: args[0], deep: deep, keepAll: o.Has('p') || o.Has('a'),
		keepLink: (deep || o.Has('P') || o.Has('d')) && !o.Has('L'),
	}
	dest := files[len(files)-1]
	into := isDir(dest) && !o.Has('T')
	if len(files) > 2 && !into {
		return box.Fail(args[0], "target '"+dest+"' is not a directory", nil)
	}
	for _, src := range files[:len(files)-1] {
		to := dest
		if into {
			to = join(dest, path.Base(src))
		}
		c.copy(src, to)
	}
	return c.status
}

func (c *copier) fail(what string, err error) {
	box.Warn(c.name, what, err)
	c.status = 1
}

// copy copies one file of any kind.
func (c *copier) copy(src, dst string) {
	look := stat
	if c.keepLink {
		look = lstat
	}
	st, err := look(src)
	if err != nil {
		c.fail("cannot stat '"+src+"'", err)
		return
	}
	if old, err := stat(dst); err == nil {
		if old.Dev == st.Dev && old.Ino == st.Ino {
			c.fail("'"+src+"' and '"+dst+"' are the same file", nil)
			return
		}
		if c.Has('n') || c.Has('i') && !ask(c.name+": overwrite '"+dst+"'? ") {
			return
		}
	}
	if c.Has('v') {
		box.Out.WriteString("'" + src + "' -> '" + dst + "'\n")
	}
	switch kind := st.Mode & unix.S_IFMT; kind {
	case unix.S_IFDIR:
		if !c.deep {
			c.fail("-r not specified; omitting directory '"+src+"'", nil)
			return
		}
		c.copyDir(src, dst, st)
		return
	case unix.S_IFLNK:
		target, err := readlink(src)
		if err == nil {
			unix.Unlink(dst)
			err = unix.Symlink(target, dst)
		}
		if err != nil {
			c.fail("cannot create link '"+dst+"'", err)
		}
		return
	case unix.S_IFREG:
		err = c.copyFile(src, dst, st)
	default:
		if c.deep {
			err = unix.Mknod(dst, st.Mode, int(st.Rdev))
		} else {
			err = c.copyFile(src, dst, st)
		}
	}
	if err != nil {
		c.fail("cannot copy '"+src+"' to '"+dst+"'", err)
		return
	}
	c.keep(dst, st)
}

func (c *copier) copyFile(src, dst string, st unix.Stat_t) error {
	in, err := box.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := box.OpenFile(dst, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, st.Mode&0o777)
	if err != nil && c.Has('f') && unix.Unlink(dst) == nil {
		out, err = box.OpenFile(dst, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, st.Mode&0o777)
	}
	if err != nil {
		return err
	}
	_, err = box.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}

func (c *copier) copyDir(src, dst string, st unix.Stat_t) {
	// Writable while it is filled; its own mode comes last.
	if err := unix.Mkdir(dst, st.Mode&0o777|0o700); err != nil && (err != unix.EEXIST || !isDir(dst)) {
		c.fail("cannot create directory '"+dst+"'", err)
		return
	}
	names, err := readDir(src)
	if err != nil {
		c.fail("cannot open directory '"+src+"'", err)
	}
	for _, n := range names {
		if sub, err := lstat(join(src, n)); err == nil && sub.Dev == st.Dev {
			if made, err := stat(dst); err == nil && sub.Ino == made.Ino {
				c.fail("cannot copy a directory, '"+src+"', into itself, '"+dst+"'", nil)
				continue
			}
		}
		c.copy(join(src, n), join(dst, n))
	}
	if st.Mode&0o700 != 0o700 {
		unix.Chmod(dst, st.Mode&0o777)
	}
	c.keep(dst, st)
}

// keep gives the copy the owner, mode and times of the original.
func (c *copier) keep(dst string, st unix.Stat_t) {
	if !c.keepAll {
		return
	}
	unix.Lchown(dst, int(st.Uid), int(st.Gid))
	unix.Chmod(dst, st.Mode&0o7777)
	unix.UtimesNano(dst, []unix.Timespec{st.Atim, st.Mtim})
}

// ask asks a question on the terminal; only y means yes.
func ask(question string) bool {
	box.Out.Flush()
	box.Stderr.WriteString(question)
	yes := false
	first := true
	var b [1]byte
	for {
		if n, err := box.Stdin.Read(b[:]); err != nil || n == 0 || b[0] == '\n' {
			return yes
		}
		if first {
			yes = b[0] == 'y' || b[0] == 'Y'
		}
		first = false
	}
}
