package applets

import (
	"fmt"
	"strconv"
	"strings"

	"vitrine/userland/box"
)

// head - print the first lines
//
//	-n N  lines (all but the last N with -N)   -c N  bytes   -q -v  titles: never, always
func init() {
	box.Register(&box.Cmd{Name: "head", Usage: "head [-n N | -c N | -N] [-qv] [FILE]...", Run: head})
}

// obsolete rewrites the old form -5 to -n 5.
func obsolete(args []string) []string {
	if len(args) > 1 && len(args[1]) > 1 && (args[1][0] == '-' || args[1][0] == '+') && args[1][1] >= '0' && args[1][1] <= '9' {
		n := args[1]
		if n[0] == '-' {
			n = n[1:]
		}
		return append([]string{args[0], "-n", n}, args[2:]...)
	}
	return args
}

// titles prints "==> name <==" before each of several files.
func titles(files []string, o box.Opts) func(path string) {
	first := true
	return func(path string) {
		if len(files) < 2 && !o.Has('v') || o.Has('q') {
			return
		}
		if !first {
			box.Out.WriteByte('\n')
		}
		first = false
		if path == "-" {
			path = "standard input"
		}
		fmt.Fprintf(box.Out, "==> %s <==\n", path)
	}
}

// countArg parses 10, +10, -10 and 4k.
func countArg(name, s string) (n int64, sign byte) {
	t := s
	if t != "" && (t[0] == '+' || t[0] == '-') {
		sign = t[0]
		t = t[1:]
	}
	unit := int64(1)
	for suffix, u := range map[string]int64{"k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "m": 1 << 20, "b": 512, "G": 1 << 30} {
		if strings.HasSuffix(t, suffix) {
			unit = u
			t = t[:len(t)-1]
			break
		}
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		box.Die(name, "invalid number '"+s+"'", nil)
	}
	return n * unit, sign
}

func head(args []string) int {
	args = obsolete(args)
	o, files := box.Parse(args, "n:c:qv", "lines=n bytes=c quiet=q verbose=v")
	title := titles(files, o)
	n, sign := countArg(args[0], o.Str('n', "10"))
	return box.EachFile(args[0], files, func(path string, fd box.FD) error {
		title(path)
		if o.Has('c') {
			left, csign := countArg(args[0], o.Str('c', ""))
			if csign == '-' {
				data, err := readAll(fd)
				box.Out.Write(data[:max(0, len(data)-int(left))])
				return err
			}
			buf := make([]byte, 32<<10)
			for left > 0 {
				k, err := fd.Read(buf[:min(left, int64(len(buf)))])
				box.Out.Write(buf[:k])
				left -= int64(k)
				if err != nil {
					break
				}
			}
			return nil
		}
		if n == 0 && sign != '-' {
			return nil
		}
		var held []string
		line := int64(0)
		return box.Lines(fd, func(l []byte, full bool) bool {
			line++
			if sign == '-' { // hold back the last n
				held = append(held, lineText(l, full))
				if int64(len(held)) > n {
					box.Out.WriteString(held[0])
					held = held[1:]
				}
				return true
			}
			box.Out.WriteString(lineText(l, full))
			return line < n
		})
	})
}

// lineText puts the newline back.
func lineText(l []byte, full bool) string {
	if full {
		return string(l) + "\n"
	}
	return string(l)
}

// readAll reads a descriptor to its end.
func readAll(fd box.FD) ([]byte, error) {
	var b strings.Builder
	_, err := box.Copy(&b, fd)
	return []byte(b.String()), err
}
