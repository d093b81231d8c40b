package sh

import (
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// simple executes a simple command: assignments, a builtin, a function or a program.
func (sh *Shell) simple(st *syntax.Stmt, cmd *syntax.CallExpr) {
	if text, ok := sh.aliasText(st, cmd); ok {
		sh.runAlias(cmd.Args[0].Lit(), text)
		return
	}
	defer sh.closeProcSubst()
	sh.substRan = false
	args := sh.fields(cmd.Args)
	if len(args) == 0 {
		sh.assignments(st, cmd)
		return
	}
	name := args[0]
	b, isBuiltin := builtins[name]
	f := sh.funcs[name]
	switch {
	case isBuiltin && b.special:
		sh.inProcess(st, cmd, args, func() { sh.status = b.run(sh, args) }, true)
	case f != nil:
		sh.inProcess(st, cmd, args, func() { sh.callFunction(f, args[1:]) }, false)
	case isBuiltin:
		sh.inProcess(st, cmd, args, func() { sh.status = b.run(sh, args) }, false)
	default:
		if c := box.Lookup(name); c != nil && c.Builtin {
			sh.inProcess(st, cmd, args, func() { sh.status = box.Run(c, args) }, false)
			return
		}
		sh.external(st, cmd, args)
	}
}

// assignments executes a command that is nothing but assignments and redirections.
func (sh *Shell) assignments(st *syntax.Stmt, cmd *syntax.CallExpr) {
	if len(st.Redirs) > 0 {
		undo, ok := sh.redirect(st.Redirs)
		defer undo()
		if !ok {
			sh.status = redirectFailed
			return
		}
	}
	for _, a := range cmd.Assigns {
		sh.assignOne(a)
	}
	if !sh.substRan {
		sh.status = 0
	}
}

// assignOne executes one assignment.
func (sh *Shell) assignOne(a *syntax.Assign) {
	name := a.Name.Value
	switch {
	case a.Array != nil:
		var list []string
		if a.Append {
			list = append(list, sh.vars[name].List...)
			if v := sh.vars[name]; v.Kind == expand.String && v.Set {
				list = []string{v.Str}
			}
		}
		for _, el := range a.Array.Elems {
			if el.Index != nil {
				sh.fail(2, name+": sparse and associative arrays are not supported")
			}
			list = append(list, sh.fields([]*syntax.Word{el.Value})...)
		}
		sh.assign(name, expand.Variable{Set: true, Kind: expand.Indexed, List: list})
	case a.Index != nil:
		sh.assignElement(name, sh.arith(a.Index), sh.assigned(a.Value), a.Append)
	case a.Append:
		sh.set(name, sh.get(name)+sh.assigned(a.Value))
	default:
		v := sh.assigned(a.Value)
		sh.set(name, v)
	}
	if sh.opt.xtrace && a.Array == nil {
		box.Stderr.WriteString(sh.get("PS4") + name + "=" + quote(sh.get(name)) + "\n")
	}
}

// assignElement sets one element of an array; the gap before it is filled with "".
func (sh *Shell) assignElement(name string, i int, s string, add bool) {
	v := sh.vars[name]
	list := append([]string(nil), v.List...)
	if v.Kind == expand.String && v.Set {
		list = []string{v.Str}
	}
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i > 1<<20 {
		sh.fail(1, name+": bad array subscript")
	}
	for len(list) <= i {
		list = append(list, "")
	}
	if add {
		s = list[i] + s
	}
	list[i] = s
	sh.assign(name, expand.Variable{Set: true, Kind: expand.Indexed, List: list})
}

// inProcess runs a builtin or a function with the redirections and assignments of
// the command. Assignments before a special builtin stay (POSIX 2.14).
func (sh *Shell) inProcess(st *syntax.Stmt, cmd *syntax.CallExpr, args []string, f func(), special bool) {
	if sh.opt.xtrace {
		sh.trace(args...)
	}
	if len(st.Redirs) > 0 {
		undo, ok := sh.redirect(st.Redirs)
		if args[0] == "exec" && ok {
			undo = sh.keepRedirects(undo)
		}
		defer undo()
		if !ok {
			sh.status = redirectFailed
			if special && !sh.interactive { // POSIX 2.8.1: this ends a script
				panic(unwind{status: sh.status, exit: true})
			}
			return
		}
	}
	for _, a := range cmd.Assigns {
		name := a.Name.Value
		if !special {
			old := sh.vars[name]
			defer sh.restore(name, old)
		}
		sh.assignOne(a)
		if !special { // functions and their commands see it in the environment
			v := sh.vars[name]
			v.Exported = true
			sh.vars[name] = v
			sh.env = nil
		}
	}
	sh.runBuiltin(f)
}

// runBuiltin catches box.Exit of commands that share the shell's process, and
// flushes what they have printed before the descriptors change again.
func (sh *Shell) runBuiltin(f func()) {
	defer func() {
		if err := box.Out.Flush(); err != nil {
			box.Out.Reset(box.Stdout) // forget the error, it belongs to this command
			if sh.status == 0 {
				sh.status = 1
			}
			if err != unix.EPIPE {
				sh.errorf("write error: " + box.Strerror(err))
			}
		}
	}()
	f()
}

// external starts a program and waits for it.
func (sh *Shell) external(st *syntax.Stmt, cmd *syntax.CallExpr, args []string) {
	if sh.opt.xtrace {
		sh.trace(args...)
	}
	pl := newPlan()
	defer pl.close()
	if !sh.planRedirects(pl, st.Redirs) {
		sh.status = redirectFailed
		return
	}
	pid, status := sh.startProgram(cmd, args, pl, 0, true)
	if pid == 0 {
		sh.status = status
		return
	}
	j := sh.newJob([]int{pid}, st)
	sh.status = sh.waitForeground(j)
}

// startProgram starts a program in process group pgrp (see spawn). Without a
// process (pid 0), the error is reported and status says which: 126 or 127.
func (sh *Shell) startProgram(cmd *syntax.CallExpr, args []string, pl *plan, pgrp int, fg bool) (pid, status int) {
	env := sh.environ()
	if len(cmd.Assigns) > 0 {
		env = append([]string(nil), env...)
		for _, a := range cmd.Assigns {
			name, val := a.Name.Value, sh.assigned(a.Value)
			if a.Append {
				val = sh.get(name) + val
			}
			env = setEnv(env, name, val)
			if name == "PATH" {
				defer sh.restore("PATH", sh.vars["PATH"])
				sh.set("PATH", val)
			}
		}
	}
	path, err := sh.lookPath(args[0])
	if err == nil {
		pid, err = sh.spawn(path, args, env, pl, pgrp, fg)
		if err == nil {
			return pid, 0
		}
	}
	// The message belongs to the command: "nosuch 2>/dev/null" is silent.
	msg, status := box.Strerror(err), 126
	if err == unix.ENOENT {
		status = 127
		if !strings.Contains(args[0], "/") {
			msg = "not found"
		}
	}
	sh.errorTo(box.FD(pl.from(2)), args[0]+": "+msg)
	return 0, status
}

// setEnv replaces or adds a variable in an environment.
func setEnv(env []string, name, val string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			env[i] = name + "=" + val
			return env
		}
	}
	return append(env, name+"="+val)
}

// aliasText returns the statement's text with its alias replaced. An alias may
// hold any text, so the statement is printed, and parsed again.
func (sh *Shell) aliasText(st *syntax.Stmt, cmd *syntax.CallExpr) (string, bool) {
	if len(sh.aliases) == 0 || len(cmd.Args) == 0 || len(cmd.Assigns) > 0 {
		return "", false
	}
	name := cmd.Args[0].Lit()
	val, ok := sh.aliases[name]
	if !ok || strings.Contains(name, `\`) {
		return "", false
	}
	seen := map[string]bool{name: true}
	for { // an alias of an alias; never the same one twice
		first, rest, _ := strings.Cut(strings.TrimLeft(val, " \t"), " ")
		next, ok := sh.aliases[first]
		if !ok || seen[first] {
			break
		}
		seen[first] = true
		val = next + " " + rest
	}
	rest := *st
	restCmd := *cmd
	restCmd.Args = append([]*syntax.Word{{Parts: []syntax.WordPart{&syntax.Lit{Value: "_"}}}}, cmd.Args[1:]...)
	rest.Cmd, rest.Negated = &restCmd, false
	return val + strings.TrimPrefix(nodeText(&rest), "_"), true
}

// runAlias executes the text with aliases switched off, so that
// alias ls='ls -F' does not go round in circles.
func (sh *Shell) runAlias(name, text string) {
	saved := sh.aliases
	sh.aliases = map[string]string{}
	defer func() {
		for k, v := range sh.aliases { // the text may have been an alias command itself
			saved[k] = v
		}
		sh.aliases = saved
	}()
	sh.runText(text, name)
}
