package applets

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// dd - copy blocks
//
//	if=FILE of=FILE  bs=N ibs=N obs=N  count=N  skip=N seek=N (blocks)
//	conv=notrunc,noerror,sync,fsync    status=none
func init() {
	box.Register(&box.Cmd{Name: "dd", Usage: "dd [if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=notrunc,sync,...] [status=none]", Run: dd})
}

func dd(args []string) int {
	opt := map[string]string{"if": "-", "bs": "512", "count": "", "skip": "0", "seek": "0"}
	for _, a := range args[1:] {
		k, v, ok := strings.Cut(a, "=")
		if !ok {
			box.UsageError(args[0])
		}
		if k == "ibs" || k == "obs" {
			k = "bs"
		}
		opt[k] = v
	}
	num := func(k string) int64 { n, _ := countArg(args[0], opt[k]); return n }
	conv := map[string]bool{}
	for _, c := range strings.Split(opt["conv"], ",") {
		conv[c] = true
	}
	bs := num("bs")
	if bs <= 0 || bs > 1<<30 {
		return box.Fail(args[0], "invalid block size", nil)
	}
	in, err := box.Open(opt["if"])
	if err != nil {
		return box.Fail(args[0], opt["if"], err)
	}
	out := box.Stdout
	if of := opt["of"]; of != "" {
		flags := unix.O_WRONLY | unix.O_CREAT
		if !conv["notrunc"] && num("seek") == 0 {
			flags |= unix.O_TRUNC
		}
		if out, err = box.OpenFile(of, flags, 0o666); err != nil {
			return box.Fail(args[0], of, err)
		}
		if n := num("seek"); n > 0 {
			if !conv["notrunc"] {
				unix.Ftruncate(int(out), n*bs)
			}
			if _, err := unix.Seek(int(out), n*bs, unix.SEEK_SET); err != nil {
				return box.Fail(args[0], of, err)
			}
		}
	}
	buf := make([]byte, bs)
	if n := num("skip"); n > 0 {
		if _, err := unix.Seek(int(in), n*bs, unix.SEEK_CUR); err != nil {
			for ; n > 0; n-- { // a pipe
				in.Read(buf)
			}
		}
	}
	limit := int64(-1)
	if opt["count"] != "" {
		limit = num("count")
	}
	var full, part, outFull, outPart, total int64
	status := 0
	start := time.Now()
	for limit < 0 || full+part < limit {
		n, err := in.Read(buf)
		if n == 0 {
			if err != nil && err.Error() != "EOF" {
				status = box.Fail(args[0], "read error", err)
				if conv["noerror"] {
					continue
				}
			}
			break
		}
		if int64(n) == bs {
			full++
		} else {
			part++
			if conv["sync"] {
				clear(buf[n:])
				n = int(bs)
			}
		}
		m, werr := out.Write(buf[:n])
		total += int64(m)
		if int64(m) == bs {
			outFull++
		} else if m > 0 {
			outPart++
		}
		if werr != nil {
			status = box.Fail(args[0], "write error", werr)
			break
		}
	}
	if conv["fsync"] || conv["fdatasync"] {
		unix.Fsync(int(out))
	}
	if err := out.Close(); err != nil {
		status = box.Fail(args[0], opt["of"], err)
	}
	if opt["status"] != "none" {
		sec := time.Since(start).Seconds()
		fmt.Fprintf(box.Stderr, "%d+%d records in\n%d+%d records out\n%d bytes (%sB) copied, %.3f s, %sB/s\n",
			full, part, outFull, outPart, total, human(uint64(total)), sec, human(uint64(float64(total)/max(sec, 1e-6))))
	}
	return status
}
