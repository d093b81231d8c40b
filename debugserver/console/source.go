package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/debugserver/session"
)

var sourceCommands = []*command{
	{
		name: "list", short: []string{"l"}, args: "[LINE | FILE:LINE | FUNCTION | -]", doc: "show source; it goes on where it ended, - goes back", repeat: bare,
		run: func(in *Interp, args string) error { return in.list(args) }, words: placeWords,
	},
	{
		name: "source", args: "FILE", doc: "run the commands of a file; the first that fails ends it",
		help: "\nA line that begins with # is a comment.",
		run:  func(in *Interp, args string) error { return in.source(args) },
	},
}

// listing is where list has been.
type listing struct {
	file       string
	first, end int // lines shown, end excluded
}

const listLines = 10

func (in *Interp) list(args string) error {
	in.mu.Lock()
	l := in.listing
	in.mu.Unlock()
	var from int
	switch {
	case args == "" && l.file != "":
		from = l.end
	case args == "-" && l.file != "":
		if l.first <= 1 {
			return errors.New("this is the beginning of the file")
		}
		from = l.first - listLines
	default:
		file, line, err := in.locate(args)
		if err != nil {
			return err
		}
		l.file, from = file, line-listLines/2
	}
	from = max(from, 1)
	lines, err := in.sourceLines(l.file)
	if err != nil {
		return err
	}
	if from > len(lines) {
		return fmt.Errorf("%s has %d lines", in.shortFile(l.file), len(lines))
	}
	here := 0
	if f, err := in.currentFrame(); err == nil && f.File == l.file {
		here = f.Line
	}
	to := min(from+listLines, len(lines)+1)
	if l.end > 0 && args == "-" {
		to = min(to, l.first)
	} else {
		l.end = to
	}
	l.first = from
	var b strings.Builder
	for n := from; n < to; n++ {
		mark := "  "
		if n == here {
			mark = "=>"
		}
		fmt.Fprintf(&b, "%s%5d\t%s\n", mark, n, lines[n-1])
	}
	in.out.Write([]byte(b.String()))
	in.mu.Lock()
	in.listing = l
	in.mu.Unlock()
	return nil
}

// locate finds the file and line of a place.
func (in *Interp) locate(text string) (string, int, error) {
	if text == "" || text == "-" {
		f, err := in.currentFrame()
		if err == nil && f.File == "" {
			err = errors.New("the selected frame has no source")
		}
		return f.File, f.Line, err
	}
	s, err := in.parsePlace(text, session.Spec{})
	if err != nil {
		return "", 0, err
	}
	switch s.Kind {
	case session.Line:
		file, err := in.findSource(s.File)
		return file, s.Line, err
	case session.Function:
		names, err := in.c.Functions(s.Func, 1000)
		if err != nil {
			return "", 0, err
		}
		for _, n := range names {
			if rest, ok := strings.CutSuffix(n, s.Func); ok && (rest == "" || strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, "/")) {
				if file, line, err := in.lineOfFunction(n); err == nil {
					return file, line, nil
				}
			}
		}
		return "", 0, fmt.Errorf("the kernel has no function %s", s.Func)
	case session.Address:
		return in.lineOf(s.Addr)
	}
	return "", 0, usageOf("list")
}

// lineOfFunction finds a function's source by its name in full.
func (in *Interp) lineOfFunction(name string) (string, int, error) {
	// The expression is its package, quoted, and the rest.
	end := strings.IndexAny(name, "([")
	if end < 0 {
		end = len(name)
	}
	slash := strings.LastIndexByte(name[:end], '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return "", 0, fmt.Errorf("%s is no function", name)
	}
	v, err := in.c.Eval(0, 0, fmt.Sprintf("%q%s", name[:slash+dot], name[slash+dot:]))
	if err != nil {
		return "", 0, err
	}
	return in.lineOf(v.Addr)
}

func (in *Interp) lineOf(addr uint64) (string, int, error) {
	ins, err := in.c.Disassemble(addr, 0, 1)
	if err == nil && (len(ins) == 0 || ins[0].File == "") {
		err = fmt.Errorf("there is no source for %#x", addr)
	}
	if err != nil {
		return "", 0, err
	}
	return ins[0].File, ins[0].Line, nil
}

// findSource finds the kernel's file whose path ends so.
func (in *Interp) findSource(end string) (string, error) {
	files, err := in.c.Sources()
	if err != nil {
		return "", err
	}
	var found []string
	for _, f := range files {
		if f == end || strings.HasSuffix(f, "/"+end) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("the kernel has no source file %s", end)
	case 1:
		return found[0], nil
	}
	for _, f := range found {
		if in.ours(f) {
			return f, nil
		}
	}
	return found[0], nil
}

// sourceLines reads a source file, where it lay when the kernel was built.
func (in *Interp) sourceLines(file string) ([]string, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

// maxFile is more than any script or source file has.
const maxFile = 8 << 20

// readFile reads a file of reasonable size. A device or pipe might never end.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", name), err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is too large", name)
	}
	return data, err
}

// sourceLine returns one line; "" if it is not to be had.
func (in *Interp) sourceLine(file string, line int) string {
	if file == "" {
		return ""
	}
	lines, err := in.sourceLines(file)
	if err != nil || line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}

// maxDepth bounds files that source each other.
const maxDepth = 10

func (in *Interp) source(name string) error {
	if name == "" {
		return usageOf("source")
	}
	if in.depth >= maxDepth {
		return errors.New("files that source each other")
	}
	data, err := in.ReadFile(in.path(name))
	if err != nil {
		return err
	}
	in.depth++
	defer func() { in.depth-- }()
	n := 0
	for l := range bytes.Lines(data) {
		n++
		line := strings.TrimSpace(string(l))
		if line == "" {
			continue
		}
		if err := in.Execute(line); err != nil {
			if errors.Is(err, ErrQuit) {
				return err
			}
			return fmt.Errorf("%s:%s: %w", name, strconv.Itoa(n), err)
		}
		if in.interrupted() {
			return errInterrupted
		}
	}
	return nil
}

// path is a file as the user means it.
func (in *Interp) path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) || in.Dir == "" {
		return name
	}
	return filepath.Join(in.Dir, name)
}
