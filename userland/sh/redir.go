package sh

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// highFD is the first descriptor for the shell's own use; scripts use low ones.
const highFD = 20

// redirectFailed is the exit status when a redirection fails, the same as in dash.
const redirectFailed = 2

// plan says which descriptors a child gets: child descriptor -> ours. What the
// plan does not mention is inherited.
type plan struct {
	fds  map[int]int // value -1: closed
	mine []int       // opened for the plan, to be closed in the shell
}

func newPlan() *plan { return &plan{fds: map[int]int{}} }

func (pl *plan) set(fd, from int) { pl.fds[fd] = from }

// from resolves a descriptor of the child to one of ours.
func (pl *plan) from(fd int) int {
	if f, ok := pl.fds[fd]; ok {
		return f
	}
	return fd
}

func (pl *plan) close() {
	for _, fd := range pl.mine {
		unix.Close(fd)
	}
	pl.mine = nil
}

// planRedirects adds redirections to a child's plan: nothing changes in the shell.
func (sh *Shell) planRedirects(pl *plan, redirs []*syntax.Redirect) bool {
	for _, r := range redirs {
		fd, from, opened, ok := sh.openRedirect(r, pl.from)
		if !ok {
			return false
		}
		if opened {
			pl.mine = append(pl.mine, from)
		}
		pl.set(fd, from)
		if r.Op == syntax.RdrAll || r.Op == syntax.AppAll {
			pl.set(2, from)
		}
	}
	return true
}

// savedFD remembers what a descriptor was before a redirection.
type savedFD struct{ fd, copy int } // copy -1: it was closed

// redirect changes the shell's own descriptors for a builtin or compound command.
// undo puts them back.
func (sh *Shell) redirect(redirs []*syntax.Redirect) (undo func(), ok bool) {
	var saved []savedFD
	undo = func() {
		box.Out.Flush()
		for i := len(saved) - 1; i >= 0; i-- {
			s := saved[i]
			if s.copy < 0 {
				unix.Close(s.fd)
				continue
			}
			unix.Dup3(s.copy, s.fd, 0)
			unix.Close(s.copy)
		}
		saved = nil
	}
	sh.undoKeep = func() { // for exec: the redirections stay
		for _, s := range saved {
			if s.copy >= 0 {
				unix.Close(s.copy)
			}
		}
		saved = nil
	}
	box.Out.Flush()
	for _, r := range redirs {
		fd, from, opened, ok := sh.openRedirect(r, func(fd int) int { return fd })
		if !ok {
			return undo, false
		}
		targets := []int{fd}
		if r.Op == syntax.RdrAll || r.Op == syntax.AppAll {
			targets = append(targets, 2)
		}
		for _, t := range targets {
			cp, err := unix.FcntlInt(uintptr(t), unix.F_DUPFD_CLOEXEC, highFD)
			if err != nil {
				cp = -1
			}
			saved = append(saved, savedFD{t, cp})
			switch {
			case from < 0:
				unix.Close(t)
			case from != t:
				unix.Dup3(from, t, 0)
			default: // opened right at the place: it must survive exec
				unix.FcntlInt(uintptr(t), unix.F_SETFD, 0)
			}
		}
		if opened && from != fd {
			unix.Close(from)
		}
	}
	return undo, true
}

// keepRedirects makes the last redirections permanent and returns an undo that
// does nothing more.
func (sh *Shell) keepRedirects(func()) func() {
	sh.undoKeep()
	return func() {}
}

// openRedirect opens the file of a redirection. It returns the descriptor to be
// changed and the one it shall become (-1: closed); opened tells that the latter
// is new. resolve maps the number in >&n.
func (sh *Shell) openRedirect(r *syntax.Redirect, resolve func(int) int) (fd, from int, opened, ok bool) {
	fd = 1
	switch r.Op {
	case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		fd = 0
	}
	if r.N != nil {
		n, err := strconv.Atoi(r.N.Value)
		if err != nil {
			sh.fail(2, r.N.Value+": bad descriptor")
		}
		fd = n
	}
	flags := 0
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		return fd, sh.textPipe(sh.hereDoc(r)), true, true
	case syntax.WordHdoc:
		return fd, sh.textPipe(sh.literal(r.Word) + "\n"), true, true
	case syntax.DplIn, syntax.DplOut:
		return sh.dupRedirect(r, fd, resolve)
	case syntax.RdrIn:
		flags = unix.O_RDONLY
	case syntax.RdrInOut:
		flags = unix.O_RDWR | unix.O_CREAT
	case syntax.AppOut, syntax.AppAll:
		flags = unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND
	case syntax.RdrOut, syntax.RdrAll, syntax.RdrClob:
		flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC
	default:
		sh.fail(2, "this redirection is not supported")
	}
	path := sh.literal(r.Word)
	if sh.opt.noclobber && r.Op == syntax.RdrOut {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			flags |= unix.O_EXCL
		} else if st.Mode&unix.S_IFMT == unix.S_IFREG {
			sh.errorf(path + ": cannot overwrite existing file")
			return 0, 0, false, false
		}
	}
	f, err := box.OpenFile(path, flags, 0o666)
	if err != nil {
		verb := "cannot open "
		if flags&unix.O_CREAT != 0 {
			verb = "cannot create "
		}
		sh.errorf(verb + path + ": " + box.Strerror(err))
		return 0, 0, false, false
	}
	return fd, int(f), true, true
}

// dupRedirect does n>&m, n<&m and n>&-.
func (sh *Shell) dupRedirect(r *syntax.Redirect, fd int, resolve func(int) int) (int, int, bool, bool) {
	word := sh.literal(r.Word)
	if word == "-" {
		return fd, -1, false, true
	}
	n, err := strconv.Atoi(word)
	if err != nil {
		sh.errorf(word + ": bad descriptor")
		return 0, 0, false, false
	}
	from := resolve(n)
	if from >= 0 {
		_, err = unix.FcntlInt(uintptr(from), unix.F_GETFD, 0)
	}
	if from < 0 || err != nil {
		sh.errorf(word + ": " + box.Strerror(unix.EBADF))
		return 0, 0, false, false
	}
	return fd, from, false, true
}

// hereDoc expands the text of a here-document; with a quoted delimiter it is taken as it is.
func (sh *Shell) hereDoc(r *syntax.Redirect) string {
	if r.Hdoc == nil {
		return ""
	}
	quoted := false
	for _, p := range r.Word.Parts {
		l, isLit := p.(*syntax.Lit)
		quoted = quoted || !isLit || strings.Contains(l.Value, `\`)
	}
	var b strings.Builder
	lineStart := true
	for _, p := range r.Hdoc.Parts {
		l, isLit := p.(*syntax.Lit)
		if !isLit {
			b.WriteString(joinPieces(sh.parts(nil, []syntax.WordPart{p}, true, false)))
			lineStart = false
			continue
		}
		s := l.Value
		if r.Op == syntax.DashHdoc {
			s = stripTabs(s, lineStart)
		}
		lineStart = strings.HasSuffix(s, "\n")
		if !quoted {
			s = unescapeQuoted(s, false)
		}
		b.WriteString(s)
	}
	return b.String()
}

// stripTabs removes leading tabs of each line, for <<-.
func stripTabs(s string, lineStart bool) string {
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		if i > 0 || lineStart {
			lines[i] = strings.TrimLeft(l, "\t")
		}
	}
	return strings.Join(lines, "")
}

// pipe returns the two ends of a new pipe, both close-on-exec.
func (sh *Shell) pipe() (r, w int) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		sh.fail(2, "cannot create pipe: "+box.Strerror(err))
	}
	return p[0], p[1]
}

// textPipe returns the read end of a pipe that delivers the text.
func (sh *Shell) textPipe(text string) int {
	r, w := sh.pipe()
	if len(text) <= 4096 { // fits into any pipe: no need for a second thread
		box.FD(w).WriteString(text)
		unix.Close(w)
		return r
	}
	go func() {
		box.FD(w).WriteString(text)
		unix.Close(w)
	}()
	return r
}
