package applets

import (
	"fmt"
	"unicode/utf8"

	"vitrine/userland/box"
)

// wc - count lines, words and bytes
//
//	-l  lines   -w  words   -c  bytes   -m  characters   -L  the longest line
func init() {
	box.Register(&box.Cmd{Name: "wc", Usage: "wc [-lwcmL] [FILE]...", Run: wc})
}

type wcCount struct{ lines, words, bytes, chars, longest int }

func wc(args []string) int {
	o, files := box.Parse(args, "lwcmL", "lines=l words=w bytes=c chars=m")
	all := !(o.Has('l') || o.Has('w') || o.Has('c') || o.Has('m') || o.Has('L'))
	width := 7
	if len(files) <= 1 && !all && o.Count('l')+o.Count('w')+o.Count('c')+o.Count('m')+o.Count('L') == 1 {
		width = 1
	}
	show := func(c wcCount, path string) {
		sep := ""
		col := func(on bool, n int) {
			if on {
				fmt.Fprintf(box.Out, "%s%*d", sep, width, n)
				sep = " "
			}
		}
		col(all || o.Has('l'), c.lines)
		col(all || o.Has('w'), c.words)
		col(o.Has('m'), c.chars)
		col(all || o.Has('c'), c.bytes)
		col(o.Has('L'), c.longest)
		if path != "" && !(path == "-" && len(files) == 0) {
			box.Out.WriteString(" " + path)
		}
		box.Out.WriteByte('\n')
	}
	var total wcCount
	status := box.EachFile(args[0], files, func(path string, fd box.FD) error {
		var c wcCount
		inWord := false
		width := 0
		buf := make([]byte, 64<<10)
		for {
			n, err := fd.Read(buf)
			c.bytes += n
			for _, b := range buf[:n] {
				if b == '\n' {
					c.lines++
					c.longest = max(c.longest, width)
					width = 0
				} else if utf8.RuneStart(b) {
					width++
				}
				if utf8.RuneStart(b) {
					c.chars++
				}
				space := b == ' ' || b >= '\t' && b <= '\r'
				if !space && !inWord {
					c.words++
				}
				inWord = !space
			}
			if n == 0 || err != nil {
				c.longest = max(c.longest, width)
				break
			}
		}
		show(c, path)
		total.lines += c.lines
		total.words += c.words
		total.bytes += c.bytes
		total.chars += c.chars
		total.longest = max(total.longest, c.longest)
		return nil
	})
	if len(files) > 1 {
		show(total, "total")
	}
	return status
}
