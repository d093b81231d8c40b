package applets

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// diff - show how two files differ, in the unified format
//
//	-u, -U N  unified with N lines around (3)   -q  only whether   -r  directories recursively
//	-b -w  ignore changes of blanks, all blanks   -i  ignore case   -N  missing files as empty
func init() {
	box.Register(&box.Cmd{Name: "diff", Usage: "diff [-uqrbwiN] [-U N] FILE1 FILE2", Run: diff})
}

type differ struct {
	box.Opts
	name   string
	status int
}

func diff(args []string) int {
	o, files := box.Parse(args, "uqrbwiNaU:", "unified=u brief=q recursive=r new-file=N ignore-case=i")
	if len(files) != 2 {
		box.UsageError(args[0])
	}
	d := &differ{Opts: o, name: args[0]}
	a, b := files[0], files[1]
	switch da, db := isDir(a), isDir(b); {
	case da && db:
		d.dirs(a, b)
		return d.status
	case da:
		a = join(a, b[strings.LastIndexByte(b, '/')+1:])
	case db:
		b = join(b, a[strings.LastIndexByte(a, '/')+1:])
	}
	d.files(a, b)
	return d.status
}

func (d *differ) dirs(a, b string) {
	seen := map[string]int{}
	for i, dir := range []string{a, b} {
		names, err := readDir(dir)
		if err != nil {
			box.Warn(d.name, dir, err)
			d.status = 2
			return
		}
		for _, n := range names {
			seen[n] |= 1 << i
		}
	}
	for _, n := range sortedKeys(seen) {
		pa, pb := join(a, n), join(b, n)
		switch {
		case seen[n] != 3 && !d.Has('N'):
			only := a
			if seen[n] == 2 {
				only = b
			}
			fmt.Fprintf(box.Out, "Only in %s: %s\n", only, n)
			d.status = max(d.status, 1)
		case isDir(pa) && isDir(pb):
			if d.Has('r') {
				d.dirs(pa, pb)
			}
		default:
			d.files(pa, pb)
		}
	}
}

func (d *differ) read(path string) ([]string, bool, bool) {
	var data []byte
	fd, err := box.Open(path)
	if err == nil {
		data, err = readAll(fd)
		fd.Close()
	}
	if err != nil && !(d.Has('N') && err == unix.ENOENT) {
		box.Warn(d.name, path, err)
		d.status = 2
		return nil, false, false
	}
	return strings.SplitAfter(string(data), "\n"), strings.IndexByte(string(data), 0) >= 0, true
}

func (d *differ) files(a, b string) {
	la, binA, okA := d.read(a)
	lb, binB, okB := d.read(b)
	if !okA || !okB {
		return
	}
	trim := func(l []string) []string { // SplitAfter leaves an empty text behind the last newline
		if l[len(l)-1] == "" {
			return l[:len(l)-1]
		}
		return l
	}
	la, lb = trim(la), trim(lb)
	edits := diffLines(d.keys(la), d.keys(lb))
	same := true
	for _, e := range edits {
		same = same && e.op == ' '
	}
	if same {
		return
	}
	d.status = max(d.status, 1)
	switch {
	case binA || binB:
		fmt.Fprintf(box.Out, "Binary files %s and %s differ\n", a, b)
	case d.Has('q'):
		fmt.Fprintf(box.Out, "Files %s and %s differ\n", a, b)
	default:
		fmt.Fprintf(box.Out, "--- %s\n+++ %s\n", a, b)
		printHunks(edits, la, lb, d.Int('U', 3))
	}
}

// keys maps lines to what is compared.
func (d *differ) keys(l []string) []string {
	if !d.Has('b') && !d.Has('w') && !d.Has('i') {
		return l
	}
	k := make([]string, len(l))
	for i, s := range l {
		if d.Has('w') {
			s = strings.Join(strings.Fields(s), "")
		} else if d.Has('b') {
			s = strings.Join(strings.Fields(s), " ")
		}
		if d.Has('i') {
			s = strings.ToLower(s)
		}
		k[i] = s
	}
	return k
}

// edit is one step from file a to file b: ' ' both, '-' only a, '+' only b. i and j
// are the positions in a and b before the step.
type edit struct {
	op   byte
	i, j int
}

// diffLines finds the shortest edit script by Myers' O(ND) algorithm ("An O(ND)
// Difference Algorithm and Its Variations", 1986): v[k] is how far in a the best
// path with d edits gets on diagonal k = i-j; the history of v leads back.
func diffLines(a, b []string) []edit {
	n, m := len(a), len(b)
	off := n + m + 1
	v := make([]int, 2*off+1)
	var history [][]int
	for d := 0; ; d++ {
		// Only diagonals -d-1 .. d+1 can matter for the way back.
		history = append(history, append([]int(nil), v[off-d-1:off+d+2]...))
		for k := -d; k <= d; k += 2 {
			i := v[off+k-1] + 1
			if k == -d || k != d && v[off+k-1] < v[off+k+1] {
				i = v[off+k+1]
			}
			j := i - k
			for i < n && j < m && a[i] == b[j] {
				i++
				j++
			}
			v[off+k] = i
			if i >= n && j >= m {
				return diffBack(history, d, n, m)
			}
		}
	}
}

func diffBack(history [][]int, d, i, j int) []edit {
	var rev []edit
	for ; d >= 0; d-- {
		v := history[d]
		at := func(k int) int { return v[k+d+1] }
		k := i - j
		prevK := k - 1
		if k == -d || k != d && at(k-1) < at(k+1) {
			prevK = k + 1
		}
		pi := at(prevK)
		pj := pi - prevK
		if d == 0 {
			pi, pj = 0, 0
		}
		for i > pi && j > pj {
			i--
			j--
			rev = append(rev, edit{' ', i, j})
		}
		if d == 0 {
			break
		}
		if prevK == k+1 {
			j--
			rev = append(rev, edit{'+', i, j})
		} else {
			i--
			rev = append(rev, edit{'-', i, j})
		}
	}
	for l, r := 0, len(rev)-1; l < r; l, r = l+1, r-1 {
		rev[l], rev[r] = rev[r], rev[l]
	}
	return rev
}

// printHunks prints the changes with lines around them.
func printHunks(edits []edit, a, b []string, around int) {
	for p := 0; p < len(edits); {
		if edits[p].op == ' ' {
			p++
			continue
		}
		from, to, quiet := max(0, p-around), p, 0
		for to < len(edits) && quiet <= 2*around { // changes close to each other share a hunk
			if quiet++; edits[to].op != ' ' {
				quiet = 0
			}
			to++
		}
		to -= max(0, quiet-around)
		na, nb := 0, 0
		for _, e := range edits[from:to] {
			if e.op != '+' {
				na++
			}
			if e.op != '-' {
				nb++
			}
		}
		fmt.Fprintf(box.Out, "@@ -%s +%s @@\n", hunkRange(edits[from].i, na), hunkRange(edits[from].j, nb))
		for _, e := range edits[from:to] {
			line := ""
			if e.op == '+' {
				line = b[e.j]
			} else {
				line = a[e.i]
			}
			box.Out.WriteString(string(e.op) + line)
			if !strings.HasSuffix(line, "\n") {
				box.Out.WriteString("\n\\ No newline at end of file\n")
			}
		}
		p = to
	}
}

func hunkRange(start, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, n)
}
