package applets

import (
	"strconv"
	"strings"

	"vitrine/userland/box"
)

// cut - print parts of lines
//
//	-f LIST  fields   -c LIST  characters   -b LIST  bytes   (LIST: 1,3-5,7-)
//	-d CHAR  the field separator, tab without   -s  no lines without separator
//	--output-delimiter=TEXT   --complement
func init() {
	box.Register(&box.Cmd{Name: "cut", Usage: "cut -f LIST [-d CHAR] [-s] | -c LIST | -b LIST [FILE]...", Run: cut})
}

type cutRange struct{ from, to int }

func cut(args []string) int {
	o, files := box.Parse(args, "f:c:b:d:snO:C", "fields=f characters=c bytes=b delimiter=d only-delimited=s output-delimiter=O complement=C")
	spec := o.Str('f', o.Str('c', o.Str('b', "")))
	list, ok := parseRanges(spec)
	if !ok {
		if spec == "" {
			box.UsageError(args[0])
		}
		return box.Fail(args[0], "invalid list '"+spec+"'", nil)
	}
	sep := o.Str('d', "\t")
	outSep := o.Str('O', sep)
	in := func(i int) bool {
		for _, r := range list {
			if i >= r.from && i <= r.to {
				return !o.Has('C')
			}
		}
		return o.Has('C')
	}
	return box.EachFile(args[0], files, func(path string, fd box.FD) error {
		return box.Lines(fd, func(l []byte, full bool) bool {
			line := string(l)
			var keep []string
			switch {
			case o.Has('f'):
				if !strings.Contains(line, sep) {
					if !o.Has('s') {
						box.Out.WriteString(line + "\n")
					}
					return true
				}
				for i, f := range strings.Split(line, sep) {
					if in(i + 1) {
						keep = append(keep, f)
					}
				}
				box.Out.WriteString(strings.Join(keep, outSep))
			case o.Has('c'):
				for i, r := range []rune(line) {
					if in(i + 1) {
						box.Out.WriteRune(r)
					}
				}
			default:
				for i := range l {
					if in(i + 1) {
						box.Out.WriteByte(l[i])
					}
				}
			}
			box.Out.WriteByte('\n')
			return true
		})
	})
}

func parseRanges(s string) (list []cutRange, ok bool) {
	for _, p := range strings.Split(s, ",") {
		a, b, dash := strings.Cut(p, "-")
		r := cutRange{1, 1 << 30}
		var err error
		if a != "" {
			if r.from, err = strconv.Atoi(a); err != nil || r.from < 1 {
				return nil, false
			}
		}
		if !dash {
			r.to = r.from
		} else if b != "" {
			if r.to, err = strconv.Atoi(b); err != nil || r.to < r.from {
				return nil, false
			}
		}
		if p == "" || p == "-" {
			return nil, false
		}
		list = append(list, r)
	}
	return list, true
}
