package sh

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// condition executes a list whose status is asked for, so that set -e does not apply.
func (sh *Shell) condition(list []*syntax.Stmt) bool {
	sh.noErrexit++
	sh.stmts(list)
	sh.noErrexit--
	return sh.status == 0
}

func (sh *Shell) ifClause(c *syntax.IfClause) {
	for ; c != nil; c = c.Else {
		// An "else" is an IfClause without condition.
		if len(c.Cond) > 0 {
			ok := sh.condition(c.Cond)
			if sh.jump != jumpNone {
				return
			}
			if !ok {
				continue
			}
		}
		sh.status = 0
		sh.stmts(c.Then)
		return
	}
	sh.status = 0
}

// leave tells whether a loop ends after its body has run: by break, by return, or
// by a continue of an outer loop.
func (sh *Shell) leave() bool {
	switch sh.jump {
	case jumpNone:
		return false
	case jumpReturn:
		return true
	}
	if sh.jumpN > 1 { // meant for a loop further out
		sh.jumpN--
		return true
	}
	brk := sh.jump == jumpBreak
	sh.jump, sh.jumpN = jumpNone, 0
	return brk
}

func (sh *Shell) whileClause(c *syntax.WhileClause) {
	sh.loops++
	defer func() { sh.loops = max(sh.loops-1, 0) }()
	status := 0
	for {
		ok := sh.condition(c.Cond)
		if sh.jump != jumpNone {
			if sh.leave() {
				break
			}
			continue
		}
		if ok == c.Until {
			break
		}
		sh.stmts(c.Do)
		status = sh.status
		if sh.leave() {
			break
		}
	}
	if sh.jump != jumpReturn {
		sh.status = status
	}
}

func (sh *Shell) forClause(c *syntax.ForClause) {
	sh.loops++
	defer func() { sh.loops = max(sh.loops-1, 0) }()
	if c.Select {
		sh.fail(2, "select is not supported")
	}
	if cs, ok := c.Loop.(*syntax.CStyleLoop); ok {
		sh.arith(cs.Init)
		sh.status = 0
		for cs.Cond == nil || sh.arith(cs.Cond) != 0 {
			sh.stmts(c.Do)
			if sh.leave() {
				return
			}
			sh.arith(cs.Post)
		}
		return
	}
	it := c.Loop.(*syntax.WordIter)
	items := sh.params
	if it.InPos.IsValid() {
		items = sh.fields(it.Items)
	}
	sh.status = 0
	for _, v := range items {
		sh.set(it.Name.Value, v)
		sh.stmts(c.Do)
		if sh.leave() {
			return
		}
	}
}

func (sh *Shell) caseClause(c *syntax.CaseClause) {
	word := sh.literal(c.Word)
	sh.status = 0
	through := false // the item before ended in ;& or ;;&
	for _, item := range c.Items {
		hit := through
		through = false
		for _, p := range item.Patterns {
			if hit {
				break
			}
			hit = match(sh.pattern(p), word)
		}
		if !hit {
			continue
		}
		sh.stmts(item.Stmts)
		switch {
		case sh.jump != jumpNone:
			return
		case item.Op == syntax.Fallthrough:
			through = true
		case item.Op != syntax.Resume:
			return
		}
	}
}

// timeClause runs a pipeline and prints how long it took: the clock, and what the
// kernel has charged to our children.
func (sh *Shell) timeClause(c *syntax.TimeClause) {
	var before, after unix.Rusage
	unix.Getrusage(unix.RUSAGE_CHILDREN, &before)
	start := time.Now()
	sh.status = 0
	if c.Stmt != nil {
		sh.stmt(c.Stmt)
	}
	real := time.Since(start)
	unix.Getrusage(unix.RUSAGE_CHILDREN, &after)
	user := time.Duration(after.Utime.Nano() - before.Utime.Nano())
	sys := time.Duration(after.Stime.Nano() - before.Stime.Nano())
	box.Out.Flush()
	if c.PosixFormat {
		fmt.Fprintf(box.Stderr, "real %.2f\nuser %.2f\nsys %.2f\n", real.Seconds(), user.Seconds(), sys.Seconds())
		return
	}
	show := func(name string, d time.Duration) {
		fmt.Fprintf(box.Stderr, "%s\t%dm%.3fs\n", name, int(d.Minutes()), (d % time.Minute).Seconds())
	}
	box.Stderr.WriteString("\n")
	show("real", real)
	show("user", user)
	show("sys", sys)
}

// testClause evaluates [[ ... ]], where words are not split and == matches patterns.
func (sh *Shell) testClause(x syntax.TestExpr) bool {
	switch x := x.(type) {
	case *syntax.Word:
		return sh.literal(x) != ""
	case *syntax.ParenTest:
		return sh.testClause(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return !sh.testClause(x.X)
		}
		return sh.runTest(x.Op.String(), sh.literal(x.X.(*syntax.Word)))
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return sh.testClause(x.X) && sh.testClause(x.Y)
		case syntax.OrTest:
			return sh.testClause(x.X) || sh.testClause(x.Y)
		}
		left := sh.literal(x.X.(*syntax.Word))
		right := x.Y.(*syntax.Word)
		switch x.Op {
		case syntax.TsMatch, syntax.TsMatchShort:
			return match(sh.pattern(right), left)
		case syntax.TsNoMatch:
			return !match(sh.pattern(right), left)
		case syntax.TsBefore:
			return left < sh.literal(right)
		case syntax.TsAfter:
			return left > sh.literal(right)
		case syntax.TsReMatch:
			return sh.regexMatch(left, sh.literal(right))
		}
		return sh.runTest(left, x.Op.String(), sh.literal(right))
	}
	return false
}

// runTest asks the test command.
func (sh *Shell) runTest(args ...string) bool {
	c := box.Lookup("test")
	return c != nil && box.Run(c, append([]string{"test"}, args...)) == 0
}

// declClause does export, readonly, local, declare and typeset, which the parser
// gives with their assignments taken apart.
func (sh *Shell) declClause(d *syntax.DeclClause) {
	name := d.Variant.Value
	args := []string{name}
	type arrayAssign struct {
		name string
		a    *syntax.Assign
	}
	var arrays []arrayAssign
	for _, a := range d.Args {
		switch {
		case a.Naked && a.Name == nil:
			args = append(args, sh.fields([]*syntax.Word{a.Value})...)
		case a.Naked:
			args = append(args, a.Name.Value)
		case a.Array != nil:
			args = append(args, a.Name.Value)
			arrays = append(arrays, arrayAssign{a.Name.Value, a})
		case a.Append:
			args = append(args, a.Name.Value+"="+sh.get(a.Name.Value)+sh.assigned(a.Value))
		default:
			args = append(args, a.Name.Value+"="+sh.assigned(a.Value))
		}
	}
	if sh.opt.xtrace {
		sh.trace(args...)
	}
	if strings.HasPrefix(name, "declare") || name == "typeset" {
		sh.status = sh.declare(args)
	} else if b, ok := builtins[name]; ok {
		sh.status = b.run(sh, args)
	} else {
		sh.fail(2, name+": not supported")
	}
	for _, a := range arrays {
		sh.assignOne(a.a)
	}
	box.Out.Flush()
}
