package loader

import (
	"bytes"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
)

// script is a file's first line "#!interp arg".
type script struct{ interp, arg string }

// maxLine is how much of a file is looked at (BINPRM_BUF_SIZE).
const maxLine = 256

// readScript returns the first line of a script, or nil if the file isn't one.
func readScript(t *sched.Thread, file Image) (*script, error) {
	var buf [maxLine]byte
	n, err := file.ReadAt(t, buf[:], 0)
	if err != nil {
		return nil, err
	}
	line, ok := bytes.CutPrefix(buf[:n], []byte("#!"))
	if !ok {
		return nil, nil
	}
	whole := n < maxLine
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, whole = line[:i], true
	}
	if i := bytes.IndexByte(line, 0); i >= 0 {
		line, whole = line[:i], true
	}
	line = bytes.TrimLeft(line, " \t")
	end := bytes.IndexAny(line, " \t")
	if end < 0 {
		if !whole {
			return nil, errno.ENOEXEC.Because("the interpreter's name is cut off")
		}
		end = len(line)
	}
	if end == 0 {
		return nil, errno.ENOEXEC.Because("#! names no interpreter")
	}
	// All that follows is one argument.
	return &script{string(line[:end]), string(bytes.Trim(line[end:], " \t"))}, nil
}

// argv is what the interpreter of a script called path gets (execve(2), "Interpreter scripts").
func (s *script) argv(path string, old []string) []string {
	list := []string{s.interp}
	if s.arg != "" {
		list = append(list, s.arg)
	}
	return append(append(list, path), old[1:]...)
}
