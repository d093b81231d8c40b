package applets

import (
	"bufio"
	"fmt"

	"vitrine/userland/box"
)

// cmp - compare two files byte by byte
//
//	-s  only the status   -l  all differences
func init() {
	box.Register(&box.Cmd{Name: "cmp", Usage: "cmp [-sl] FILE1 [FILE2]", Run: cmpMain})
}

func cmpMain(args []string) int {
	o, files := box.Parse(args, "sl", "silent=s quiet=s verbose=l")
	if len(files) == 0 || len(files) > 2 {
		box.UsageError(args[0])
	}
	if len(files) == 1 {
		files = append(files, "-")
	}
	var r [2]*bufio.Reader
	for i, f := range files {
		fd, err := box.Open(f)
		if err != nil {
			box.Warn(args[0], f, err)
			return 2
		}
		defer fd.Close()
		r[i] = bufio.NewReaderSize(fd, 32<<10)
	}
	status, line := 0, 1
	for n := 1; ; n++ {
		a, ea := r[0].ReadByte()
		b, eb := r[1].ReadByte()
		if ea != nil || eb != nil {
			if (ea == nil) != (eb == nil) {
				status = 1
				short := files[0]
				if ea == nil {
					short = files[1]
				}
				if !o.Has('s') {
					box.Warn(args[0], fmt.Sprintf("EOF on %s after byte %d, line %d", short, n-1, line), nil)
				}
			}
			return status
		}
		if a != b {
			status = 1
			switch {
			case o.Has('l'):
				fmt.Fprintf(box.Out, "%d %3o %3o\n", n, a, b)
			case !o.Has('s'):
				fmt.Fprintf(box.Out, "%s %s differ: byte %d, line %d\n", files[0], files[1], n, line)
				return 1
			default:
				return 1
			}
		}
		if a == '\n' {
			line++
		}
	}
}
