package sh

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// stmts executes a list of statements until one of them jumps.
func (sh *Shell) stmts(list []*syntax.Stmt) {
	for _, st := range list {
		sh.stmt(st)
		if sh.jump != jumpNone {
			return
		}
	}
}

// stmt executes one statement and sets sh.status.
func (sh *Shell) stmt(st *syntax.Stmt) {
	sh.pollSignals()
	if sh.opt.noexec && !sh.interactive {
		return
	}
	sh.line = st.Pos().Line()
	switch {
	case st.Coprocess || st.Disown:
		sh.fail(2, "coprocesses are not supported")
	case st.Background:
		sh.background(st)
	case st.Negated:
		sh.noErrexit++
		sh.command(st)
		sh.noErrexit--
		if sh.status == 0 {
			sh.status = 1
		} else {
			sh.status = 0
		}
	default:
		sh.command(st)
		if sh.status != 0 && sh.opt.errexit && sh.noErrexit == 0 && sh.jump == jumpNone && errexitApplies(st) {
			panic(unwind{status: sh.status, exit: true})
		}
	}
	sh.pollSignals()
}

// errexitApplies reports whether set -e looks at the status of this kind of
// statement. Compound commands were judged by what runs inside them, and the
// parts of an AND-OR list by the last one of them.
func errexitApplies(st *syntax.Stmt) bool {
	switch cmd := st.Cmd.(type) {
	case *syntax.BinaryCmd:
		return cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll
	case *syntax.CallExpr, *syntax.Subshell, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.DeclClause, nil:
		return true
	}
	return len(st.Redirs) > 0 // the redirection itself may have failed
}

// command executes the command of a statement in this process, or starts what
// must be a process of its own.
func (sh *Shell) command(st *syntax.Stmt) {
	switch cmd := st.Cmd.(type) {
	case *syntax.CallExpr:
		sh.simple(st, cmd)
		return
	case *syntax.Subshell:
		sh.runSubshell(st, cmd)
		return
	}
	if len(st.Redirs) > 0 {
		undo, ok := sh.redirect(st.Redirs)
		defer undo()
		if !ok {
			sh.status = redirectFailed
			return
		}
	}
	if st.Cmd == nil { // only redirections: they have opened (or created) the files
		sh.status = 0
		return
	}
	sh.compound(st.Cmd)
}

// compound executes all that is not a simple command or a subshell.
func (sh *Shell) compound(cmd syntax.Command) {
	switch cmd := cmd.(type) {
	case *syntax.BinaryCmd:
		sh.binary(cmd)
	case *syntax.Block:
		sh.status = 0
		sh.stmts(cmd.Stmts)
	case *syntax.IfClause:
		sh.ifClause(cmd)
	case *syntax.WhileClause:
		sh.whileClause(cmd)
	case *syntax.ForClause:
		sh.forClause(cmd)
	case *syntax.CaseClause:
		sh.caseClause(cmd)
	case *syntax.FuncDecl:
		sh.define(cmd)
	case *syntax.ArithmCmd:
		sh.setBool(sh.arith(cmd.X) != 0)
	case *syntax.LetClause:
		n := 0
		for _, x := range cmd.Exprs {
			n = sh.arith(x)
		}
		sh.setBool(n != 0)
	case *syntax.TestClause:
		sh.setBool(sh.testClause(cmd.X))
	case *syntax.DeclClause:
		sh.declClause(cmd)
	case *syntax.TimeClause:
		sh.timeClause(cmd)
	default:
		sh.fail(2, "this kind of command is not supported")
	}
}

func (sh *Shell) setBool(ok bool) {
	if sh.status = 1; ok {
		sh.status = 0
	}
}

func (sh *Shell) binary(cmd *syntax.BinaryCmd) {
	switch cmd.Op {
	case syntax.AndStmt, syntax.OrStmt:
		sh.noErrexit++
		sh.stmt(cmd.X)
		sh.noErrexit--
		if sh.jump == jumpNone && (sh.status == 0) == (cmd.Op == syntax.AndStmt) {
			sh.stmt(cmd.Y)
		}
	default:
		sh.pipeline(cmd)
	}
}

// runText parses and executes text, statement by statement, as eval does.
func (sh *Shell) runText(text, what string) {
	sh.runReader(strings.NewReader(text), what)
}

// define defines a function.
func (sh *Shell) define(d *syntax.FuncDecl) {
	name := d.Name.Value
	if builtins[name].special {
		sh.fail(2, name+": is a special builtin")
	}
	sh.funcs[name] = &function{body: d.Body, text: nodeText(d)}
	sh.status = 0
}

// callFunction executes a function with new positional parameters.
func (sh *Shell) callFunction(f *function, args []string) {
	if len(sh.locals) > 1000 {
		sh.fail(2, "function calls nested too deep")
	}
	params, loops := sh.params, sh.loops
	sh.params, sh.loops = args, 0
	sh.calls++
	depth := len(sh.locals)
	sh.pushLocals()
	defer func() {
		sh.dropLocals(depth)
		sh.params, sh.loops = params, loops
		sh.calls = max(sh.calls-1, 0)
	}()
	sh.stmt(f.body)
	if sh.jump == jumpReturn {
		sh.jump = jumpNone
	}
}

// trace prints a command for set -x.
func (sh *Shell) trace(words ...string) {
	box.Out.Flush()
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	box.Stderr.WriteString(sh.get("PS4") + strings.Join(quoted, " ") + "\n")
}

// nodeText returns the source text of a node in a form that parses again.
func nodeText(n syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, n); err != nil {
		return "" // only for nodes of other shells' languages
	}
	return b.String()
}

// stmtsText is nodeText for a list.
func stmtsText(list []*syntax.Stmt) string { return nodeText(&syntax.File{Stmts: list}) }

// jobText returns a statement on one line, for jobs.
func jobText(st *syntax.Stmt) string {
	bare := *st
	bare.Background = false
	var b strings.Builder
	syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, &bare)
	line, _, more := strings.Cut(strings.TrimSpace(b.String()), "\n")
	if more {
		line += " ..."
	}
	return line
}
