package applets

import (
	"fmt"

	"vitrine/userland/box"
)

// cat - concatenate files to standard output
//
//	-n  number the lines
//	-u  unbuffered, which it always is
func init() {
	box.Register(&box.Cmd{Name: "cat", Usage: "cat [-nu] [FILE]...", Run: cat})
}

func cat(args []string) int {
	o, files := box.Parse(args, "nu", "number=n")
	line := 0
	return box.EachFile(args[0], files, func(path string, fd box.FD) error {
		if !o.Has('n') {
			// Straight from descriptor to descriptor: what arrives is seen at once.
			_, err := box.Copy(box.Stdout, fd)
			return err
		}
		return box.Lines(fd, func(l []byte, full bool) bool {
			line++
			fmt.Fprintf(box.Out, "%6d\t%s\n", line, l)
			return true
		})
	})
}
