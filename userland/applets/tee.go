package applets

import (
	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// tee - copy standard input to standard output and to files
//
//	-a  append   -i  ignore ^C
func init() {
	box.Register(&box.Cmd{Name: "tee", Usage: "tee [-ai] [FILE]...", Run: tee})
}

func tee(args []string) int {
	o, files := box.Parse(args, "ai", "append=a ignore-interrupts=i")
	if o.Has('i') {
		ignoreSignal(unix.SIGINT)
	}
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC
	if o.Has('a') {
		flags = unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND
	}
	status := 0
	outs := []box.FD{box.Stdout}
	names := append([]string{"standard output"}, files...)
	for _, f := range files {
		fd, err := box.OpenFile(f, flags, 0o666)
		if err != nil {
			status = box.Fail(args[0], f, err)
			fd = -1
		}
		outs = append(outs, fd)
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := box.Stdin.Read(buf)
		for i, fd := range outs {
			if fd < 0 || n == 0 {
				continue
			}
			if _, werr := fd.Write(buf[:n]); werr != nil {
				status = box.Fail(args[0], names[i], werr)
				outs[i] = -1
			}
		}
		if err != nil {
			return status
		}
	}
}
