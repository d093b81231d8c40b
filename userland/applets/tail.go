package applets

import (
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// tail - print the last lines
//
//	-n N  lines (from line N on with +N)   -c N  bytes   -f  go on as the file grows
//	-q -v  titles: never, always           -s SECONDS  between looks with -f
func init() {
	box.Register(&box.Cmd{Name: "tail", Usage: "tail [-n [+]N | -c [+]N | -N] [-fqv] [-s SECONDS] [FILE]...", Run: tail})
}

func tail(args []string) int {
	args = obsolete(args)
	o, files := box.Parse(args, "n:c:fFqvs:", "lines=n bytes=c follow=f quiet=q verbose=v")
	title := titles(files, o)
	status := box.EachFile(args[0], files, func(path string, fd box.FD) error {
		title(path)
		if o.Has('c') {
			n, sign := countArg(args[0], o.Str('c', ""))
			data, err := readAll(fd)
			from := max(0, len(data)-int(n))
			if sign == '+' {
				from = min(len(data), max(0, int(n)-1))
			}
			box.Out.Write(data[from:])
			return err
		}
		n, sign := countArg(args[0], o.Str('n', "10"))
		var ring []string // the last n lines, oldest at next
		next, line := 0, int64(0)
		err := box.Lines(fd, func(l []byte, full bool) bool {
			line++
			switch {
			case sign == '+':
				if line >= n {
					box.Out.WriteString(lineText(l, full))
				}
			case n == 0:
			case int64(len(ring)) < n:
				ring = append(ring, lineText(l, full))
			default:
				ring[next] = lineText(l, full)
				next = (next + 1) % len(ring)
			}
			return true
		})
		for i := range ring {
			box.Out.WriteString(ring[(next+i)%len(ring)])
		}
		return err
	})
	if (o.Has('f') || o.Has('F')) && len(files) > 0 {
		tailFollow(args[0], files, title, time.Duration(o.Int('s', 1))*time.Second)
	}
	return status
}

// tailFollow prints what is added to the files, until it is killed.
func tailFollow(name string, files []string, title func(string), pause time.Duration) {
	size := make([]int64, len(files))
	for i, f := range files {
		if st, err := stat(f); err == nil {
			size[i] = st.Size
		}
	}
	box.Out.Flush()
	last := len(files) - 1
	for {
		nanosleep(pause)
		for i, f := range files {
			st, err := stat(f)
			if err != nil || st.Size == size[i] {
				continue
			}
			if st.Size < size[i] {
				box.Warn(name, f+": file truncated", nil)
				size[i] = 0
			}
			fd, err := box.Open(f)
			if err != nil {
				continue
			}
			if i != last {
				title(f)
				last = i
			}
			unix.Seek(int(fd), size[i], unix.SEEK_SET)
			n, _ := box.Copy(box.Out, fd)
			size[i] += n
			fd.Close()
			box.Out.Flush()
		}
	}
}
