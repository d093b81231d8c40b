package console

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"vitrine/debugserver/session"
)

// currentFrame returns the selected frame.
func (in *Interp) currentFrame() (session.Frame, error) {
	t, f := in.selection()
	fs, _, err := in.c.Stack(t, f, 1)
	if err == nil && len(fs) == 0 {
		err = errors.New("this thread has no such frame")
	}
	if err != nil {
		return session.Frame{}, err
	}
	return fs[0], nil
}

// showFrame prints a frame and its source line. In a stop the task is named, too.
func (in *Interp) showFrame(thread, frame int, withTask bool) error {
	fs, _, err := in.c.Stack(thread, frame, 1)
	if err == nil && len(fs) == 0 {
		err = errors.New("no frames")
	}
	if err != nil {
		in.printf("(no stack: %v)\n", err)
		return err
	}
	var b strings.Builder
	if withTask {
		if name := in.threadName(thread); name != "" {
			fmt.Fprintf(&b, "task %s: ", name)
		}
	}
	in.frameLine(&b, thread, &fs[0])
	b.WriteByte('\n')
	if text := in.sourceLine(fs[0].File, fs[0].Line); text != "" {
		fmt.Fprintf(&b, "%d\t%s\n", fs[0].Line, text)
	}
	in.out.Write([]byte(b.String()))
	return nil
}

// threadName is the number and name of a thread; 0: of the one that stopped.
func (in *Interp) threadName(thread int) string {
	if _, stop := in.c.State(); thread == 0 && stop != nil {
		thread = stop.Thread
	}
	ts, err := in.c.Threads()
	if err != nil {
		return ""
	}
	for _, t := range ts {
		if t.ID == thread {
			return clean(t.Name)
		}
	}
	return ""
}

// frameLine writes "syscall.sysOpenat(t = …) at kernel/syscall/open.go:45".
func (in *Interp) frameLine(b *strings.Builder, thread int, f *session.Frame) {
	if f.Boundary {
		fmt.Fprintf(b, "#%d  %s", f.Index, clean(f.Func))
		return
	}
	name := shortFunc(f.Func)
	if f.Program {
		name = clean(f.Func)
	}
	fmt.Fprintf(b, "#%d  %s(", f.Index, name)
	if args, err := in.c.Arguments(thread, f.Index); err == nil {
		sep := ""
		for _, a := range args {
			if strings.HasPrefix(a.Name, "~") {
				continue // a result without a name: there is none yet
			}
			fmt.Fprintf(b, "%s%s = %s", sep, a.Name, brief(&a, 32))
			sep = ", "
		}
	}
	b.WriteByte(')')
	if f.Program {
		b.WriteString(in.programLine(f))
	} else if f.File != "" {
		fmt.Fprintf(b, " at %s:%d", in.shortFile(f.File), f.Line)
	} else {
		fmt.Fprintf(b, " at %#x", f.PC)
	}
}

// brief is a value in a few characters.
func brief(v *session.Variable, n int) string {
	s := clean(v.Value)
	if v.Kind == "ptr" && v.Named > 0 {
		// A pointer to a struct: where, not what.
		if i := strings.Index(s, "{"); i > 0 {
			s = strings.TrimSpace(s[:i]) + "{…}"
		}
	}
	return clip(s, n)
}

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// shortFunc leaves a function's package without the directories before it.
func shortFunc(name string) string {
	// The path ends at the last slash before the first parenthesis or bracket.
	end := strings.IndexAny(name, "([")
	if end < 0 {
		end = len(name)
	}
	return name[strings.LastIndexByte(name[:end], '/')+1:]
}

// treeMark is a file of the kernel's whose place tells where the source tree is.
const treeMark = "/cmd/vkernel/main.go"

// tree returns the directory of the kernel's source tree, with a slash; "" if it is not known.
func (in *Interp) tree() string {
	in.mu.Lock()
	root := in.root
	in.mu.Unlock()
	if root != "" {
		return root
	}
	files, err := in.c.Sources()
	if err != nil {
		return ""
	}
	for _, f := range files {
		if dir, ok := strings.CutSuffix(f, treeMark); ok {
			in.mu.Lock()
			in.root = dir + "/"
			in.mu.Unlock()
			return dir + "/"
		}
	}
	return ""
}

// ours reports whether a file belongs to the kernel's tree, not to Go's.
func (in *Interp) ours(file string) bool {
	t := in.tree()
	return t != "" && strings.HasPrefix(file, t)
}

// shortFile is a path within the source tree, or the last two parts of another.
func (in *Interp) shortFile(file string) string {
	if t := in.tree(); t != "" {
		if s, ok := strings.CutPrefix(file, t); ok {
			return s
		}
	}
	dir, base := path.Split(file)
	return path.Join(path.Base(dir), base)
}

// clean makes text that comes from a guest safe for a terminal.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\t' || c >= 0x7f {
			return cleanSlow(s)
		}
	}
	return s
}

func cleanSlow(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || r == '\t' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func numbers(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, ", ")
}
