package applets

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// ls - list directories
//
//	-a  also names that begin with a dot     -A  the same without . and ..
//	-l  long format                          -h  sizes with units
//	-1  one name per line                    -C  columns, also into a pipe
//	-d  directories themselves               -R  recursively
//	-t  newest first    -S  largest first    -r  reverse    -U unsorted
//	-i  inode numbers   -s  blocks           -n  numeric user and group
//	-F  mark the kind of file: / @ * | =     -p  mark directories with /
//	-L  follow symbolic links                --color[=never|always|auto]
func init() {
	box.Register(&box.Cmd{Name: "ls", Usage: "ls [-aAlh1CdRtSrUisnFpLg] [--color[=WHEN]] [FILE]...", Run: ls})
}

// lsEntry is one name to be listed.
type lsEntry struct {
	name string // as printed
	path string
	st   unix.Stat_t
	link string // the target of a symbolic link, for -l
}

// lsRun is one run of ls.
type lsRun struct {
	box.Opts
	name   string
	color  bool
	width  int // of the terminal; 0: one name per line
	status int
}

func ls(args []string) int {
	o, files := box.Parse(args, "aAlh1CdRtSrUisnFpLgGc,", "all=a almost-all=A color=c recursive=R human-readable=h reverse=r directory=d inode=i classify=F size=s numeric-uid-gid=n")
	r := &lsRun{Opts: o, name: args[0]}
	tty := isatty(1)
	switch o.Str('c', "") {
	case "":
		r.color = tty || o.Has('c')
	case "auto":
		r.color = tty
	default:
		r.color = o.Str('c', "") != "never" && o.Str('c', "") != "none"
	}
	if (tty || o.Has('C')) && !o.Has('1') {
		_, r.width = winsize(1)
	}
	if len(files) == 0 {
		files = []string{"."}
	}
	var plain, dirs []lsEntry
	for _, f := range files {
		e, err := r.entry(f, f, !o.Has('l') || o.Has('L'))
		if err != nil {
			r.status = 2
			box.Warn(r.name, "cannot access '"+f+"'", err)
			continue
		}
		if e.st.Mode&unix.S_IFMT == unix.S_IFDIR && !o.Has('d') {
			dirs = append(dirs, e)
		} else {
			plain = append(plain, e)
		}
	}
	r.sort(plain)
	r.sort(dirs)
	if len(plain) > 0 {
		r.print(plain)
	}
	for i, d := range dirs {
		if i > 0 || len(plain) > 0 {
			box.Out.WriteByte('\n')
		}
		r.dir(d.path, len(files) > 1 || o.Has('R'))
	}
	return r.status
}

// entry looks a file up. With follow, a symbolic link to somewhere counts as what it leads to.
func (r *lsRun) entry(path, name string, follow bool) (lsEntry, error) {
	e := lsEntry{name: name, path: path}
	var err error
	if e.st, err = lstat(path); err != nil {
		return e, err
	}
	if e.st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if follow {
			if st, err := stat(path); err == nil {
				e.st = st
				return e, nil
			}
		}
		e.link, _ = readlink(path)
	}
	return e, nil
}

func (r *lsRun) dir(path string, title bool) {
	names, err := readDir(path)
	if err != nil {
		r.status = 2
		box.Warn(r.name, "cannot open directory '"+path+"'", err)
		return
	}
	if title {
		fmt.Fprintf(box.Out, "%s:\n", path)
	}
	if r.Has('a') {
		names = append([]string{".", ".."}, names...)
	}
	var list []lsEntry
	var blocks int64
	for _, n := range names {
		if n[0] == '.' && !r.Has('a') && !r.Has('A') {
			continue
		}
		e, err := r.entry(join(path, n), n, r.Has('L'))
		if err != nil {
			r.status = 1
			box.Warn(r.name, "cannot access '"+join(path, n)+"'", err)
			continue
		}
		blocks += e.st.Blocks
		list = append(list, e)
	}
	r.sort(list)
	if r.Has('l') || r.Has('s') || r.Has('n') || r.Has('g') {
		total := fmt.Sprint(blocks / 2)
		if r.Has('h') {
			total = human(uint64(blocks) * 512)
		}
		fmt.Fprintf(box.Out, "total %s\n", total)
	}
	r.print(list)
	if !r.Has('R') {
		return
	}
	for _, e := range list {
		if e.st.Mode&unix.S_IFMT == unix.S_IFDIR && e.name != "." && e.name != ".." {
			box.Out.WriteByte('\n')
			r.dir(e.path, true)
		}
	}
}

func (r *lsRun) sort(list []lsEntry) {
	if !r.Has('U') {
		sort.SliceStable(list, func(i, j int) bool {
			a, b := &list[i], &list[j]
			switch {
			case r.Has('t') && a.st.Mtim != b.st.Mtim:
				return a.st.Mtim.Nano() > b.st.Mtim.Nano()
			case r.Has('S') && a.st.Size != b.st.Size:
				return a.st.Size > b.st.Size
			}
			return a.name < b.name
		})
	}
	if r.Has('r') {
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
}

func (r *lsRun) print(list []lsEntry) {
	if r.Has('l') || r.Has('n') || r.Has('g') {
		r.printLong(list)
		return
	}
	cells := make([]cell, len(list))
	for i := range list {
		e := &list[i]
		pre := ""
		if r.Has('i') {
			pre = fmt.Sprintf("%7d ", e.st.Ino)
		}
		if r.Has('s') {
			pre += fmt.Sprintf("%4d ", e.st.Blocks/2)
		}
		mark := r.mark(e)
		cells[i] = cell{text: pre + r.paint(e) + mark, width: runeLen(pre) + runeLen(e.name) + len(mark)}
	}
	columns(cells, r.width)
}

// printLong prints the table of -l with columns just wide enough.
func (r *lsRun) printLong(list []lsEntry) {
	rows := make([][]string, len(list))
	var width [6]int
	now := time.Now()
	for i := range list {
		st := &list[i].st
		user, group := box.UserName(st.Uid), box.GroupName(st.Gid)
		if r.Has('n') {
			user, group = fmt.Sprint(st.Uid), fmt.Sprint(st.Gid)
		}
		size := fmt.Sprint(st.Size)
		switch kind := st.Mode & unix.S_IFMT; {
		case kind == unix.S_IFCHR || kind == unix.S_IFBLK:
			size = fmt.Sprintf("%d, %d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		case r.Has('h'):
			size = human(uint64(st.Size))
		}
		ino, blocks := "", ""
		if r.Has('i') {
			ino = fmt.Sprint(st.Ino)
		}
		if r.Has('s') {
			blocks = fmt.Sprint(st.Blocks / 2)
		}
		rows[i] = []string{ino, blocks, fmt.Sprint(st.Nlink), user, group, size}
		for c, s := range rows[i] {
			width[c] = max(width[c], runeLen(s))
		}
	}
	for i, row := range rows {
		e := &list[i]
		for c := 0; c < 2; c++ { // inode and blocks, when asked for
			if width[c] > 0 {
				fmt.Fprintf(box.Out, "%*s ", width[c], row[c])
			}
		}
		fmt.Fprintf(box.Out, "%s %*s ", modeString(e.st.Mode), width[2], row[2])
		if !r.Has('g') {
			fmt.Fprintf(box.Out, "%-*s ", width[3], row[3])
		}
		fmt.Fprintf(box.Out, "%-*s %*s %s %s%s", width[4], row[4], width[5], row[5],
			lsTime(time.Unix(e.st.Mtim.Unix()), now), r.paint(e), r.mark(e))
		if e.link != "" {
			box.Out.WriteString(" -> " + e.link)
		}
		box.Out.WriteByte('\n')
	}
}

// lsTime shows the clock for recent files and the year for others.
func lsTime(t, now time.Time) string {
	if age := now.Sub(t); age > 182*24*time.Hour || age < -time.Hour {
		return t.Format("Jan _2  2006")
	}
	return t.Format("Jan _2 15:04")
}

// mark returns the character that -F or -p puts behind a name.
func (r *lsRun) mark(e *lsEntry) string {
	switch kind := e.st.Mode & unix.S_IFMT; {
	case !r.Has('F') && !r.Has('p'):
	case kind == unix.S_IFDIR:
		return "/"
	case !r.Has('F'):
	case kind == unix.S_IFLNK && !r.Has('l'):
		return "@"
	case kind == unix.S_IFIFO:
		return "|"
	case kind == unix.S_IFSOCK:
		return "="
	case kind == unix.S_IFREG && e.st.Mode&0o111 != 0:
		return "*"
	}
	return ""
}

// paint puts the name into the colour of its kind.
func (r *lsRun) paint(e *lsEntry) string {
	if !r.color {
		return e.name
	}
	code := ""
	switch e.st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		code = "1;34"
	case unix.S_IFLNK:
		code = "1;36"
	case unix.S_IFCHR, unix.S_IFBLK:
		code = "1;33"
	case unix.S_IFIFO:
		code = "33"
	case unix.S_IFSOCK:
		code = "1;35"
	default:
		if e.st.Mode&0o111 == 0 {
			return e.name
		}
		code = "1;32"
	}
	return "\x1b[" + code + "m" + strings.ReplaceAll(e.name, "\x1b", "?") + "\x1b[m"
}
