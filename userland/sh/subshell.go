package sh

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// A subshell is this program started again:
//
//	parent                                    child: sh --subshell FD
//	  pipe2 ─────────────────────────────────> reads FD until end of file
//	  fork+exec                                decodes the state
//	  writes state and commands                parses and executes the commands
//	  closes the pipe, waits
//
// The state is a sequence of strings, each with its length before it: "5:hello".

// runSubshell executes ( list ) and waits for it.
func (sh *Shell) runSubshell(st *syntax.Stmt, cmd *syntax.Subshell) {
	defer sh.closeProcSubst()
	pl := newPlan()
	defer pl.close()
	if !sh.planRedirects(pl, st.Redirs) {
		sh.status = redirectFailed
		return
	}
	pid, err := sh.forkText(stmtsText(cmd.Stmts), pl, 0, true)
	if err != nil {
		sh.errorf("cannot fork: " + box.Strerror(err))
		sh.status = 126
		return
	}
	sh.status = sh.waitForeground(sh.newJob([]int{pid}, st))
}

// forkText starts a subshell that executes the text.
func (sh *Shell) forkText(text string, pl *plan, pgrp int, fg bool) (int, error) {
	r, w := sh.pipe()
	fd, err := unix.FcntlInt(uintptr(r), unix.F_DUPFD, highFD) // without close-on-exec
	unix.Close(r)
	if err != nil {
		unix.Close(w)
		return 0, err
	}
	pid, err := sh.spawn(selfPath(), []string{"sh", "--subshell", strconv.Itoa(fd)}, sh.environ(), pl, pgrp, fg)
	unix.Close(fd)
	if err == nil {
		// The child reads all before it does anything else, so this cannot block for long.
		box.FD(w).Write(sh.encode(text))
	}
	unix.Close(w)
	return pid, err
}

// cmdSubst executes $( ) and returns its output without the newlines at the end.
func (sh *Shell) cmdSubst(cs *syntax.CmdSubst) string {
	sh.substRan = true
	var out []byte
	if data, ok := sh.substInProcess(cs); ok {
		out = data
	} else {
		out = sh.substProcess(cs)
	}
	s := strings.ReplaceAll(string(out), "\x00", "")
	return strings.TrimRight(s, "\n")
}

// substInProcess does two common cases without a process: $(<file), and a single
// builtin that can change nothing, like $(echo ...).
func (sh *Shell) substInProcess(cs *syntax.CmdSubst) ([]byte, bool) {
	if len(cs.Stmts) == 0 {
		sh.status = 0
		return nil, true
	}
	st := cs.Stmts[0]
	if len(cs.Stmts) != 1 || st.Background || st.Negated {
		return nil, false
	}
	if st.Cmd == nil && len(st.Redirs) == 1 && st.Redirs[0].Op == syntax.RdrIn && st.Redirs[0].N == nil {
		data, err := box.ReadFile(sh.literal(st.Redirs[0].Word))
		if sh.status = 0; err != nil {
			sh.errorf("cannot open " + sh.literal(st.Redirs[0].Word) + ": " + box.Strerror(err))
			sh.status = 1
		}
		return data, true
	}
	cmd, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || len(st.Redirs) > 0 || len(cmd.Assigns) > 0 || len(cmd.Args) == 0 || sh.opt.xtrace || !pureWords(cmd.Args) {
		return nil, false
	}
	name := plainLit(cmd.Args[0])
	c := box.Lookup(name)
	if !sh.isProgram(name) && name != "pwd" || c == nil || !c.Builtin && name != "pwd" {
		return nil, false
	}
	args := sh.fields(cmd.Args)
	var b strings.Builder
	box.Capture(&b, func() {
		if bi, ok := builtins[name]; ok {
			sh.status = bi.run(sh, args)
		} else {
			sh.status = box.Run(c, args)
		}
	})
	return []byte(b.String()), true
}

// pureWords reports whether expanding the words changes nothing in the shell:
// no ${x=word}, no arithmetic that might assign.
func pureWords(words []*syntax.Word) bool {
	pure := true
	for _, w := range words {
		syntax.Walk(w, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.ArithmExp, *syntax.ProcSubst:
				pure = false
			case *syntax.ParamExp:
				if n.Exp != nil && n.Exp.Op != syntax.DefaultUnset && n.Exp.Op != syntax.DefaultUnsetOrNull {
					pure = pure && n.Exp.Op >= syntax.RemSmallSuffix
				}
			}
			return pure
		})
	}
	return pure
}

// substProcess runs the commands in a process and collects what it writes.
func (sh *Shell) substProcess(cs *syntax.CmdSubst) []byte {
	r, w := sh.pipe()
	pl := newPlan()
	pl.set(1, w)
	// The process stays in our process group, so that ^C ends it and us alike.
	tty := sh.tty
	sh.tty = -1
	var pid, status int
	if len(cs.Stmts) == 1 && !cs.Stmts[0].Background {
		pid, status = sh.startElement(cs.Stmts[0], pl, 0, false)
	} else {
		var err error
		if pid, err = sh.forkText(stmtsText(cs.Stmts), pl, 0, false); err != nil {
			sh.errorf("cannot fork: " + box.Strerror(err))
			status = 126
		}
	}
	sh.tty = tty
	unix.Close(w)
	var out []byte
	buf := make([]byte, 16<<10)
	for pid != 0 {
		n, err := box.FD(r).Read(buf)
		out = append(out, buf[:n]...)
		if err != nil {
			break
		}
	}
	unix.Close(r)
	if pid != 0 {
		j := sh.newJob([]int{pid}, nil)
		j.ownGroup = false
		status = sh.waitForeground(j)
	}
	sh.status = status
	return out
}

// closeProcSubst closes our ends of the pipes made for <( ) and >( ).
func (sh *Shell) closeProcSubst() {
	for _, fd := range sh.fdJobs {
		unix.Close(fd)
	}
	sh.fdJobs = nil
}

// encoder writes the state; decoder reads it.
type encoder struct{ buf []byte }

func (e *encoder) str(s string) {
	e.buf = strconv.AppendInt(e.buf, int64(len(s)), 10)
	e.buf = append(append(e.buf, ':'), s...)
}
func (e *encoder) num(n int) { e.str(strconv.Itoa(n)) }
func (e *encoder) list(l []string) {
	e.num(len(l))
	for _, s := range l {
		e.str(s)
	}
}

type decoder struct{ buf []byte }

func (d *decoder) str() string {
	for i, c := range d.buf {
		if c == ':' {
			n, err := strconv.Atoi(string(d.buf[:i]))
			if err != nil || i+1+n > len(d.buf) {
				break
			}
			s := string(d.buf[i+1 : i+1+n])
			d.buf = d.buf[i+1+n:]
			return s
		}
	}
	d.buf = nil
	return ""
}
func (d *decoder) num() int { n, _ := strconv.Atoi(d.str()); return n }
func (d *decoder) list() []string {
	l := make([]string, d.num())
	for i := range l {
		l[i] = d.str()
	}
	return l
}

// encode writes the state that a subshell inherits, and its commands. The current
// directory, the umask and the descriptors are inherited by the process itself.
func (sh *Shell) encode(text string) []byte {
	e := &encoder{}
	e.str(text)
	e.str(sh.name)
	e.list(sh.params)
	for _, n := range []int{sh.pid, sh.status, sh.lastBg, sh.calls, int(sh.line)} {
		e.num(n)
	}
	for _, o := range optionTable {
		on := 0
		if *o.field(&sh.opt) {
			on = 1
		}
		e.num(on)
	}
	e.num(sh.noErrexit)
	e.num(len(sh.vars))
	for name, v := range sh.vars {
		flags := ""
		for _, f := range []struct {
			on bool
			c  string
		}{{v.Set, "s"}, {v.Exported, "x"}, {v.ReadOnly, "r"}, {v.Kind == expand.Indexed, "a"}} {
			if f.on {
				flags += f.c
			}
		}
		e.str(name)
		e.str(flags)
		if v.Kind == expand.Indexed {
			e.list(v.List)
		} else {
			e.str(v.Str)
		}
	}
	e.num(len(sh.funcs))
	for name, f := range sh.funcs {
		e.str(name)
		e.str(f.text)
	}
	e.num(len(sh.aliases))
	for name, a := range sh.aliases {
		e.str(name)
		e.str(a)
	}
	for sh.wait(false) { // jobs in a pipeline shows ours as they are now
	}
	var jobs []string
	for _, j := range sh.jobs {
		if j.id > 0 {
			jobs = append(jobs, sh.jobLine(j, false), sh.jobLine(j, true), strconv.Itoa(j.pgrp))
		}
	}
	e.list(jobs)
	e.num(len(sh.traps))
	for sig, cmd := range sh.traps {
		e.num(sig)
		e.str(cmd)
	}
	return e.buf
}

// subshellMain is what "sh --subshell FD" does.
func subshellMain(fd int) int {
	var data []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := box.FD(fd).Read(buf)
		data = append(data, buf[:n]...)
		if err != nil {
			break
		}
	}
	unix.Close(fd)
	sh := newShell("sh")
	sh.subshell = true
	text := sh.decode(&decoder{data})
	exit := sh.run(func() { sh.runText(text, "subshell") })
	_ = exit // the end of the text ends it anyway
	return sh.finish()
}

// decode sets the state of a subshell and returns its commands.
func (sh *Shell) decode(d *decoder) string {
	text := d.str()
	sh.name = d.str()
	sh.params = d.list()
	sh.pid, sh.status, sh.lastBg, sh.calls, sh.line = d.num(), d.num(), d.num(), d.num(), uint(d.num())
	if sh.calls > 0 { // return and local are allowed in a subshell of a function
		sh.pushLocals()
	}
	for _, o := range optionTable {
		*o.field(&sh.opt) = d.num() != 0
	}
	sh.opt.monitor = false
	sh.noErrexit = d.num()
	sh.vars = map[string]expand.Variable{}
	sh.env = nil
	for n := d.num(); n > 0; n-- {
		name, flags := d.str(), d.str()
		v := expand.Variable{
			Kind: expand.String, Set: strings.Contains(flags, "s"),
			Exported: strings.Contains(flags, "x"), ReadOnly: strings.Contains(flags, "r"),
		}
		if strings.Contains(flags, "a") {
			v.Kind, v.List = expand.Indexed, d.list()
		} else {
			v.Str = d.str()
		}
		sh.vars[name] = v
	}
	for n := d.num(); n > 0; n-- {
		name, def := d.str(), d.str()
		sh.funcs[name] = parseFunction(def)
	}
	for n := d.num(); n > 0; n-- {
		name := d.str()
		sh.aliases[name] = d.str()
	}
	sh.parentJobs = d.list()
	for n := d.num(); n > 0; n-- {
		sig, cmd := d.num(), d.str()
		// Traps are reset in a subshell, ignored signals stay ignored (POSIX 2.11).
		if cmd == "" && sig != 0 {
			sh.traps[sig] = ""
			signal.Ignore(syscall.Signal(sig))
		}
	}
	return text
}

// parseFunction parses the text of a definition that nodeText has written.
func parseFunction(text string) *function {
	f, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err == nil && len(f.Stmts) == 1 {
		if d, ok := f.Stmts[0].Cmd.(*syntax.FuncDecl); ok {
			return &function{body: d.Body, text: text}
		}
	}
	os.Stderr.WriteString("sh: bad function in subshell\n")
	return nil
}
