package box

import (
	"bufio"
	"io"
)

// Lines calls f for each line of r without its newline, until f returns false.
// full tells whether the line had its newline, which only a last line may lack.
func Lines(r io.Reader, f func(line []byte, full bool) bool) error {
	br := bufio.NewReaderSize(r, 32<<10)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long, part...)
			continue
		}
		line := part
		if long != nil {
			line = append(long, part...)
			long = nil
		}
		if err != nil && len(line) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
		full := len(line) > 0 && line[len(line)-1] == '\n'
		if full {
			line = line[:len(line)-1]
		}
		if !f(line, full) {
			return nil
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// EachFile opens each file (standard input when there are none), calls f, and
// reports failures in the name of the command. It returns the exit status.
func EachFile(name string, files []string, f func(path string, fd FD) error) int {
	if len(files) == 0 {
		files = []string{"-"}
	}
	status := 0
	for _, path := range files {
		fd, err := Open(path)
		if err == nil {
			err = f(path, fd)
			fd.Close()
		}
		if err != nil {
			Warn(name, path, err)
			status = 1
		}
	}
	return status
}
