package applets

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// uniq - leave out repeated lines that follow each other
//
//	-c  count them   -d  only repeated lines   -u  only lines not repeated   -i  ignore case
//	-f N  skip fields   -s N  skip characters
func init() {
	box.Register(&box.Cmd{Name: "uniq", Usage: "uniq [-cdui] [-f N] [-s N] [INPUT [OUTPUT]]", Run: uniq})
}

func uniq(args []string) int {
	o, files := box.Parse(args, "cduif:s:w:", "count=c repeated=d unique=u ignore-case=i")
	in := box.Stdin
	var err error
	if len(files) > 0 {
		if in, err = box.Open(files[0]); err != nil {
			return box.Fail(args[0], files[0], err)
		}
	}
	var out interface{ WriteString(string) (int, error) } = box.Out
	if len(files) > 1 {
		fd, err := box.OpenFile(files[1], unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o666)
		if err != nil {
			return box.Fail(args[0], files[1], err)
		}
		out = fd
	}
	key := func(l string) string {
		for n := o.Int('f', 0); n > 0; n-- {
			l = strings.TrimLeft(l, " \t")
			if i := strings.IndexAny(l, " \t"); i >= 0 {
				l = l[i:]
			} else {
				l = ""
			}
		}
		l = l[min(len(l), o.Int('s', 0)):]
		if w := o.Int('w', -1); w >= 0 {
			l = l[:min(w, len(l))]
		}
		if o.Has('i') {
			l = strings.ToLower(l)
		}
		return l
	}
	cur, n := "", 0
	flush := func() {
		if n == 0 || o.Has('d') && n == 1 || o.Has('u') && n > 1 {
			return
		}
		if o.Has('c') {
			out.WriteString(fmt.Sprintf("%7d %s\n", n, cur))
		} else {
			out.WriteString(cur + "\n")
		}
	}
	err = box.Lines(in, func(l []byte, full bool) bool {
		s := string(l)
		if n > 0 && key(s) == key(cur) {
			n++
			return true
		}
		flush()
		cur, n = s, 1
		return true
	})
	flush()
	if err != nil {
		return box.Fail(args[0], "", err)
	}
	return 0
}
