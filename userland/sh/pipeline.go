package sh

import (
	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// pipeline starts all commands of a | b | c at once and waits for them.
func (sh *Shell) pipeline(cmd *syntax.BinaryCmd) {
	whole := &syntax.Stmt{Cmd: cmd}
	j := sh.startPipeline(whole, flatten(nil, cmd), true)
	sh.status = sh.waitForeground(j)
}

// element is one command of a pipeline.
type element struct {
	st   *syntax.Stmt
	both bool // |& : standard error goes into the pipe too
}

// flatten turns the tree ((a | b) | c) into a list.
func flatten(list []element, cmd *syntax.BinaryCmd) []element {
	add := func(list []element, st *syntax.Stmt) []element {
		if b, ok := st.Cmd.(*syntax.BinaryCmd); ok && len(st.Redirs) == 0 && !st.Negated &&
			(b.Op == syntax.Pipe || b.Op == syntax.PipeAll) {
			return flatten(list, b)
		}
		return append(list, element{st: st})
	}
	list = add(list, cmd.X)
	list[len(list)-1].both = cmd.Op == syntax.PipeAll
	return add(list, cmd.Y)
}

// startPipeline starts the processes as one job. Each gets the read end of the
// pipe before it and the write end of the pipe behind it.
func (sh *Shell) startPipeline(whole *syntax.Stmt, list []element, fg bool) *job {
	var pids []int
	pgrp, in, lastStatus := 0, -1, 0
	for i, el := range list {
		pl := newPlan()
		out, next := -1, -1
		if in >= 0 {
			pl.set(0, in)
		}
		if i < len(list)-1 {
			next, out = sh.pipe()
			pl.set(1, out)
			if el.both {
				pl.set(2, out)
			}
		}
		if i == 0 && !fg {
			sh.noInput(pl)
		}
		pid, status := sh.startElement(el.st, pl, pgrp, fg)
		lastStatus = status
		if in >= 0 {
			unix.Close(in)
		}
		if out >= 0 {
			unix.Close(out)
		}
		in = next
		if pid == 0 {
			continue // reported; the rest of the pipeline runs and sees end of file
		}
		if pgrp == 0 {
			pgrp = pid
		}
		pids = append(pids, pid)
	}
	j := sh.newJob(pids, whole)
	if lastStatus != 0 {
		j.failed = lastStatus
	}
	return j
}

// startElement starts one command as a process: a program directly, everything
// else in a subshell.
func (sh *Shell) startElement(st *syntax.Stmt, pl *plan, pgrp int, fg bool) (pid, status int) {
	defer pl.close()
	if cmd, ok := st.Cmd.(*syntax.CallExpr); ok && !st.Negated && len(cmd.Args) > 0 && sh.startsProgram(cmd) {
		args := sh.fields(cmd.Args)
		if len(args) > 0 && sh.isProgram(args[0]) {
			if sh.opt.xtrace {
				sh.trace(args...)
			}
			if !sh.planRedirects(pl, st.Redirs) {
				return 0, redirectFailed
			}
			return sh.startProgram(cmd, args, pl, pgrp, fg)
		}
	}
	bare := *st
	bare.Background = false
	text := nodeText(&bare)
	if sub, ok := st.Cmd.(*syntax.Subshell); ok && len(st.Redirs) == 0 && !st.Negated {
		text = stmtsText(sub.Stmts) // it is a subshell already: no need for a second one inside
	}
	pid, err := sh.forkText(text, pl, pgrp, fg)
	if err != nil {
		sh.errorf("cannot fork: " + box.Strerror(err))
		return 0, 126
	}
	return pid, 0
}

// startsProgram looks at the unexpanded name, to expand the words of a command
// only once: what is expanded in a subshell must not be expanded here too.
func (sh *Shell) startsProgram(cmd *syntax.CallExpr) bool {
	name := plainLit(cmd.Args[0])
	return name != "" && sh.isProgram(name)
}

// isProgram reports whether a name runs a program, and no function, alias or
// builtin that needs this shell. echo, test and the like are programs too.
func (sh *Shell) isProgram(name string) bool {
	if _, ok := sh.aliases[name]; ok {
		return false
	}
	_, isBuiltin := builtins[name]
	return !isBuiltin && sh.funcs[name] == nil
}

// background starts a statement without waiting for it.
func (sh *Shell) background(st *syntax.Stmt) {
	list := []element{{st: st}}
	if b, ok := st.Cmd.(*syntax.BinaryCmd); ok && len(st.Redirs) == 0 && !st.Negated &&
		(b.Op == syntax.Pipe || b.Op == syntax.PipeAll) {
		list = flatten(nil, b)
	}
	restore := sh.ignoreKeyboard()
	j := sh.startPipeline(st, list, false)
	restore()
	sh.status = 0
	if len(j.procs) == 0 {
		sh.status = j.failed
		return
	}
	sh.lastBg = j.procs[len(j.procs)-1].pid
	sh.keepJob(j)
}

// noInput gives a background command /dev/null as standard input, because without
// job control nothing else keeps it from stealing what is typed to the shell.
func (sh *Shell) noInput(pl *plan) {
	if sh.tty >= 0 {
		return
	}
	if _, planned := pl.fds[0]; planned {
		return
	}
	if fd, err := box.OpenFile("/dev/null", unix.O_RDONLY, 0); err == nil {
		pl.mine = append(pl.mine, int(fd))
		pl.set(0, int(fd))
	}
}
