package applets

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// df - free space of filesystems
//
//	-h  sizes with units   -i  inodes   -T  types   -a  also empty ones   -t TYPE
//
// du - space used by files
//
//	-s  only the sum   -h  sizes with units   -a  files too   -d N  to that depth   -b bytes  -c total
func init() {
	box.Register(&box.Cmd{Name: "df", Usage: "df [-ahikT] [-t TYPE] [FILE]...", Run: df})
	box.Register(&box.Cmd{Name: "du", Usage: "du [-sahkbcx] [-d N] [FILE]...", Run: du})
}

func df(args []string) int {
	o, files := box.Parse(args, "ahikTt:P", "human-readable=h inodes=i print-type=T all=a")
	data, err := box.ReadFile("/proc/self/mounts")
	if err != nil {
		return box.Fail(args[0], "/proc/self/mounts", err)
	}
	mounts := parseMounts(string(data))
	if len(files) > 0 { // the filesystem a file is on: the last mount with its device number
		var chosen []mountEntry
		for _, f := range files {
			st, err := stat(f)
			if err != nil {
				return box.Fail(args[0], f, err)
			}
			for i := len(mounts) - 1; i >= 0; i-- {
				if m, err := stat(mounts[i].dir); err == nil && m.Dev == st.Dev {
					chosen = append(chosen, mounts[i])
					break
				}
			}
		}
		mounts = chosen
	}
	typeHead := ""
	if o.Has('T') {
		typeHead = fmt.Sprintf("%-10s ", "Type")
	}
	switch {
	case o.Has('i'):
		fmt.Fprintf(box.Out, "%-20s %s%10s %10s %10s %5s %s\n", "Filesystem", typeHead, "Inodes", "IUsed", "IFree", "IUse%", "Mounted on")
	case o.Has('h'):
		fmt.Fprintf(box.Out, "%-20s %s%10s %10s %10s %5s %s\n", "Filesystem", typeHead, "Size", "Used", "Avail", "Use%", "Mounted on")
	default:
		fmt.Fprintf(box.Out, "%-20s %s%10s %10s %10s %5s %s\n", "Filesystem", typeHead, "1K-blocks", "Used", "Available", "Use%", "Mounted on")
	}
	seen := map[string]bool{}
	for _, m := range mounts {
		var st unix.Statfs_t
		if o.Has('t') && m.fstype != o.Str('t', "") || unix.Statfs(m.dir, &st) != nil || seen[m.dir] {
			continue
		}
		if st.Blocks == 0 && !o.Has('a') && len(files) == 0 {
			continue
		}
		seen[m.dir] = true
		total, used, avail := st.Blocks, st.Blocks-st.Bfree, st.Bavail
		unit := uint64(st.Frsize)
		if unit == 0 {
			unit = uint64(st.Bsize)
		}
		if o.Has('i') {
			total, used, avail, unit = st.Files, st.Files-st.Ffree, st.Ffree, 1
		}
		show := func(n uint64) string {
			switch {
			case o.Has('i'):
				return fmt.Sprint(n)
			case o.Has('h'):
				return human(n * unit)
			}
			return fmt.Sprint(n * unit / 1024)
		}
		percent := "-"
		if used+avail > 0 {
			percent = fmt.Sprintf("%d%%", (used*100+used+avail-1)/(used+avail))
		}
		kind := ""
		if o.Has('T') {
			kind = fmt.Sprintf("%-10s ", m.fstype)
		}
		fmt.Fprintf(box.Out, "%-20s %s%10s %10s %10s %5s %s\n", m.source, kind, show(total), show(used), show(avail), percent, m.dir)
	}
	return 0
}

// duRun is one run of du. A file with several links is counted once.
type duRun struct {
	box.Opts
	name   string
	seen   map[[2]uint64]bool
	depth  int
	status int
}

func du(args []string) int {
	o, files := box.Parse(args, "sahkbcxd:", "summarize=s all=a human-readable=h max-depth=d bytes=b total=c")
	if len(files) == 0 {
		files = []string{"."}
	}
	r := &duRun{Opts: o, name: args[0], seen: map[[2]uint64]bool{}, depth: o.Int('d', 1<<30)}
	if o.Has('s') {
		r.depth = 0
	}
	var total uint64
	for _, f := range files {
		total += r.sum(f, 0, 0)
	}
	if o.Has('c') {
		r.show(total, "total")
	}
	return r.status
}

func (r *duRun) sum(path string, depth int, dev uint64) uint64 {
	st, err := lstat(path)
	if err != nil {
		r.status = box.Fail(r.name, "'"+path+"'", err)
		return 0
	}
	if depth > 0 && r.Has('x') && st.Dev != dev {
		return 0
	}
	dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if key := [2]uint64{st.Dev, st.Ino}; !dir && st.Nlink > 1 {
		if r.seen[key] {
			return 0
		}
		r.seen[key] = true
	}
	n := uint64(st.Blocks) * 512
	if r.Has('b') {
		n = uint64(st.Size)
	}
	if dir {
		names, err := readDir(path)
		if err != nil {
			r.status = box.Fail(r.name, "'"+path+"'", err)
		}
		for _, name := range names {
			n += r.sum(join(path, name), depth+1, st.Dev)
		}
	}
	if depth == 0 || depth <= r.depth && (dir || r.Has('a')) {
		r.show(n, path)
	}
	return n
}

func (r *duRun) show(n uint64, path string) {
	switch {
	case r.Has('h'):
		box.Out.WriteString(human(n))
	case r.Has('b'):
		fmt.Fprint(box.Out, n)
	default:
		fmt.Fprint(box.Out, (n+1023)/1024)
	}
	box.Out.WriteString("\t" + path + "\n")
}
