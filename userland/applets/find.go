package applets

import (
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// find - search a tree of files
//
//	-name -iname -path PATTERN   -type fdlpscb   -size [+-]N[ckMG]   -mtime -mmin [+-]N
//	-newer FILE  -perm [-]MODE  -user NAME  -empty  -links N  -maxdepth N  -mindepth N  -xdev  -depth
//	-print  -print0  -ls  -delete  -prune  -quit  -exec CMD {} ;  -exec CMD {} +
//	! -not  -a -and  -o -or  ( )
func init() {
	box.Register(&box.Cmd{Name: "find", Usage: "find [PATH]... [EXPRESSION]", Run: find, RawHelp: true})
}

// findFile is the file under examination.
type findFile struct {
	path  string
	st    unix.Stat_t
	depth int
}

// findExpr is a node of the expression: it examines a file.
type findExpr func(f *findFile) bool

// findRun is one run of find; it is also the parser of the expression.
type findRun struct {
	name               string
	args               []string
	acts               bool // the expression prints or does something by itself
	maxDepth, minDepth int
	xdev, depthFirst   bool
	prune, quit        bool
	status             int
	batches            []*findBatch
}

// findBatch collects files for -exec ... +.
type findBatch struct {
	cmd   []string
	files []string
}

func find(args []string) int {
	r := &findRun{name: args[0], maxDepth: 1 << 30}
	i := 1
	for i < len(args) && !strings.HasPrefix(args[i], "-") && args[i] != "(" && args[i] != "!" {
		i++
	}
	roots := args[1:i]
	if len(roots) == 0 {
		roots = []string{"."}
	}
	r.args = args[i:]
	expr := findExpr(func(*findFile) bool { return true })
	if len(r.args) > 0 {
		expr = r.or()
		if len(r.args) > 0 {
			r.bad("unexpected '" + r.args[0] + "'")
		}
	}
	if !r.acts {
		test := expr
		expr = func(f *findFile) bool {
			if test(f) {
				box.Out.WriteString(f.path + "\n")
			}
			return true
		}
	}
	for _, root := range roots {
		st, err := lstat(root)
		if err != nil {
			r.status = box.Fail(r.name, "'"+root+"'", err)
			continue
		}
		r.walk(expr, &findFile{root, st, 0}, st.Dev)
		if r.quit {
			break
		}
	}
	for _, b := range r.batches {
		r.flush(b)
	}
	return r.status
}

func (r *findRun) walk(expr findExpr, f *findFile, dev uint64) {
	examine := func() {
		r.prune = false
		if f.depth >= r.minDepth {
			expr(f)
		}
	}
	if !r.depthFirst {
		examine()
	}
	dir := f.st.Mode&unix.S_IFMT == unix.S_IFDIR
	if dir && !r.quit && !(r.prune && !r.depthFirst) && f.depth < r.maxDepth && !(r.xdev && f.st.Dev != dev) {
		names, err := readDir(f.path)
		if err != nil {
			r.status = box.Fail(r.name, "'"+f.path+"'", err)
		}
		for _, n := range names {
			p := join(f.path, n)
			st, err := lstat(p)
			if err != nil {
				if err != unix.ENOENT { // gone meanwhile, as processes in /proc are
					r.status = box.Fail(r.name, "'"+p+"'", err)
				}
				continue
			}
			r.walk(expr, &findFile{p, st, f.depth + 1}, dev)
			if r.quit {
				return
			}
		}
	}
	if r.depthFirst {
		examine()
	}
}

func (r *findRun) bad(msg string) {
	box.Warn(r.name, msg, nil)
	box.Exit(1)
}

func (r *findRun) or() findExpr {
	x := r.and()
	for len(r.args) > 0 && (r.args[0] == "-o" || r.args[0] == "-or") {
		r.args = r.args[1:]
		a, b := x, r.and()
		x = func(f *findFile) bool { return a(f) || b(f) }
	}
	return x
}

func (r *findRun) and() findExpr {
	x := r.not()
	for len(r.args) > 0 && r.args[0] != "-o" && r.args[0] != "-or" && r.args[0] != ")" {
		if r.args[0] == "-a" || r.args[0] == "-and" {
			r.args = r.args[1:]
		}
		a, b := x, r.not()
		x = func(f *findFile) bool { return a(f) && b(f) }
	}
	return x
}

func (r *findRun) not() findExpr {
	if len(r.args) == 0 {
		r.bad("expression expected")
	}
	switch word := r.next(); word {
	case "!", "-not":
		x := r.not()
		return func(f *findFile) bool { return !x(f) }
	case "(":
		x := r.or()
		if len(r.args) == 0 || r.next() != ")" {
			r.bad("missing )")
		}
		return x
	default:
		return r.primary(word)
	}
}

func (r *findRun) next() string {
	if len(r.args) == 0 {
		r.bad("argument expected")
	}
	s := r.args[0]
	r.args = r.args[1:]
	return s
}

// count parses +N, -N or N and returns the comparison.
func (r *findRun) count(s string) func(n int64) bool {
	sign := byte(0)
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign = s[0]
		s = s[1:]
	}
	want, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		r.bad("invalid number '" + s + "'")
	}
	return func(n int64) bool {
		switch sign {
		case '+':
			return n > want
		case '-':
			return n < want
		}
		return n == want
	}
}

func (r *findRun) primary(word string) findExpr {
	yes := func(*findFile) bool { return true }
	switch word {
	case "-name", "-iname":
		pat, fold := r.next(), word == "-iname"
		if fold {
			pat = strings.ToLower(pat)
		}
		return func(f *findFile) bool {
			n := path.Base(f.path)
			if fold {
				n = strings.ToLower(n)
			}
			ok, _ := path.Match(pat, n)
			return ok
		}
	case "-path", "-wholename":
		pat := r.next()
		return func(f *findFile) bool { // here a star matches slashes too
			ok, _ := path.Match(strings.ReplaceAll(pat, "/", "\x01"), strings.ReplaceAll(f.path, "/", "\x01"))
			return ok
		}
	case "-type":
		kinds := map[string]uint32{
			"f": unix.S_IFREG, "d": unix.S_IFDIR, "l": unix.S_IFLNK, "p": unix.S_IFIFO,
			"s": unix.S_IFSOCK, "c": unix.S_IFCHR, "b": unix.S_IFBLK,
		}
		want := map[uint32]bool{}
		for _, t := range strings.Split(r.next(), ",") {
			k, ok := kinds[t]
			if !ok {
				r.bad("unknown type '" + t + "'")
			}
			want[k] = true
		}
		return func(f *findFile) bool { return want[f.st.Mode&unix.S_IFMT] }
	case "-size":
		s := r.next()
		unit := int64(512)
		if u, ok := map[byte]int64{'c': 1, 'w': 2, 'b': 512, 'k': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}[s[len(s)-1]]; ok {
			unit = u
			s = s[:len(s)-1]
		}
		is := r.count(s)
		return func(f *findFile) bool { return is((f.st.Size + unit - 1) / unit) }
	case "-mtime", "-mmin":
		is, unit := r.count(r.next()), 24*time.Hour
		if word == "-mmin" {
			unit = time.Minute
		}
		now := time.Now()
		return func(f *findFile) bool { return is(int64(now.Sub(time.Unix(f.st.Mtim.Unix())) / unit)) }
	case "-newer":
		ref := r.next()
		st, err := stat(ref)
		if err != nil {
			box.Die(r.name, "'"+ref+"'", err)
		}
		return func(f *findFile) bool { return f.st.Mtim.Nano() > st.Mtim.Nano() }
	case "-perm":
		s := r.next()
		all := strings.HasPrefix(s, "-")
		mode, err := box.ParseMode(strings.TrimLeft(s, "-/"), 0, false, 0)
		if err != nil {
			r.bad("invalid mode '" + s + "'")
		}
		any := strings.HasPrefix(s, "/")
		return func(f *findFile) bool {
			m := f.st.Mode & 0o7777
			return m == mode || all && m&mode == mode || any && m&mode != 0
		}
	case "-user":
		uid, ok := box.UserID(r.next())
		if !ok {
			r.bad("no such user")
		}
		return func(f *findFile) bool { return f.st.Uid == uid }
	case "-links":
		is := r.count(r.next())
		return func(f *findFile) bool { return is(int64(f.st.Nlink)) }
	case "-empty":
		return func(f *findFile) bool {
			switch f.st.Mode & unix.S_IFMT {
			case unix.S_IFREG:
				return f.st.Size == 0
			case unix.S_IFDIR:
				names, err := readDir(f.path)
				return err == nil && len(names) == 0
			}
			return false
		}
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(r.next())
		if err != nil {
			r.bad("invalid depth")
		}
		if word == "-maxdepth" {
			r.maxDepth = n
		} else {
			r.minDepth = n
		}
		return yes
	case "-xdev", "-mount":
		r.xdev = true
		return yes
	case "-depth":
		r.depthFirst = true
		return yes
	case "-true":
		return yes
	case "-prune":
		return func(*findFile) bool { r.prune = true; return true }
	}
	return r.action(word)
}
