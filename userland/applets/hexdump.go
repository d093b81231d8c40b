package applets

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// hexdump - show bytes as hexadecimal numbers
//
//	-C  bytes and characters (otherwise 16 bit words)   -n N  only N bytes   -s N  skip N bytes
//	-v  do not shorten repeated lines
func init() {
	box.Register(&box.Cmd{Name: "hexdump", Usage: "hexdump [-Cv] [-n LENGTH] [-s OFFSET] [FILE]...", Run: hexdump})
}

func hexdump(args []string) int {
	o, files := box.Parse(args, "Cvn:s:x", "canonical=C length=n skip=s no-squeezing=v")
	num := func(c byte, def int64) int64 {
		if !o.Has(c) {
			return def
		}
		s := o.Str(c, "")
		var n int64
		if _, err := fmt.Sscanf(s, "0x%x", &n); strings.HasPrefix(s, "0x") && err == nil {
			return n
		}
		n, _ = countArg(args[0], s)
		return n
	}
	skip, left := num('s', 0), num('n', 1<<62)
	off := skip
	var row []byte
	prev, starred := "", false
	flush := func() {
		if len(row) == 0 {
			return
		}
		if string(row) == prev && len(row) == 16 && !o.Has('v') {
			if !starred {
				box.Out.WriteString("*\n")
			}
			starred = true
		} else {
			starred = false
			hexRow(off, row, o.Has('C'))
		}
		prev = string(row)
		off += int64(len(row))
		row = row[:0]
	}
	status := box.EachFile(args[0], files, func(path string, fd box.FD) error {
		if skip > 0 {
			if n, err := unix.Seek(int(fd), skip, unix.SEEK_SET); err == nil {
				skip -= n
			}
		}
		buf := make([]byte, 4096)
		for left > 0 {
			n, err := fd.Read(buf)
			p := buf[:n]
			if d := min(skip, int64(len(p))); d > 0 { // a pipe: skip by reading
				skip -= d
				p = p[d:]
			}
			p = p[:min(left, int64(len(p)))]
			left -= int64(len(p))
			for _, b := range p {
				if row = append(row, b); len(row) == 16 {
					flush()
				}
			}
			if err != nil {
				break
			}
		}
		return nil
	})
	flush()
	width := 7
	if o.Has('C') {
		width = 8
	}
	if off > 0 {
		fmt.Fprintf(box.Out, "%0*x\n", width, off)
	}
	return status
}

func hexRow(off int64, row []byte, canonical bool) {
	if !canonical {
		fmt.Fprintf(box.Out, "%07x", off)
		for i := 0; i < len(row); i += 2 {
			w := uint16(row[i])
			if i+1 < len(row) {
				w |= uint16(row[i+1]) << 8
			}
			fmt.Fprintf(box.Out, " %04x", w)
		}
		box.Out.WriteByte('\n')
		return
	}
	fmt.Fprintf(box.Out, "%08x ", off)
	for i := 0; i < 16; i++ {
		if i%8 == 0 {
			box.Out.WriteByte(' ')
		}
		if i < len(row) {
			fmt.Fprintf(box.Out, "%02x ", row[i])
		} else {
			box.Out.WriteString("   ")
		}
	}
	text := make([]byte, len(row))
	for i, b := range row {
		if text[i] = b; b < 32 || b > 126 {
			text[i] = '.'
		}
	}
	fmt.Fprintf(box.Out, " |%s|\n", text)
}
