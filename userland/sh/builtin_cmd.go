package sh

import (
	"sort"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// biCommand - command [-pvV] NAME [ARG]...: run a command, not a function; -v tells what it is
func biCommand(sh *Shell, args []string) int {
	a := args[1:]
	how := byte(0)
	for len(a) > 0 && len(a[0]) > 1 && a[0][0] == '-' {
		if a[0] == "--" {
			a = a[1:]
			break
		}
		for _, c := range []byte(a[0][1:]) {
			if c != 'p' {
				how = c
			}
		}
		a = a[1:]
	}
	if len(a) == 0 {
		return 0
	}
	switch how {
	case 'v', 'V':
		status := 0
		for _, name := range a {
			if !sh.describe(name, how == 'V') {
				status = 127
			}
		}
		return status
	}
	if b, ok := builtins[a[0]]; ok {
		return b.run(sh, a)
	}
	if c := box.Lookup(a[0]); c != nil && c.Builtin {
		return box.Run(c, a)
	}
	pl := newPlan()
	pid, status := sh.startProgram(&syntax.CallExpr{}, a, pl, 0, true)
	if pid == 0 {
		return status
	}
	words := make([]*syntax.Word, len(a))
	for i, s := range a {
		words[i] = &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: s}}}
	}
	return sh.waitForeground(sh.newJob([]int{pid}, &syntax.Stmt{Cmd: &syntax.CallExpr{Args: words}}))
}

// describe prints what a name means, for type and command -v.
func (sh *Shell) describe(name string, long bool) bool {
	say := func(short, text string) bool {
		if long {
			short = name + " is " + text
		}
		box.Out.WriteString(short + "\n")
		return true
	}
	if a, ok := sh.aliases[name]; ok {
		return say("alias "+name+"='"+quoteBare(a)+"'", "an alias for "+a)
	}
	if syntax.IsKeyword(name) {
		return say(name, "a shell keyword")
	}
	b, isBuiltin := builtins[name]
	if isBuiltin && b.special {
		return say(name, "a special shell builtin")
	}
	if sh.funcs[name] != nil {
		return say(name, "a shell function")
	}
	if c := box.Lookup(name); isBuiltin || c != nil && c.Builtin {
		return say(name, "a shell builtin")
	}
	p, err := sh.lookPath(name)
	if err == nil && exists(p) {
		return say(p, p)
	}
	if long {
		sh.errorf(name + ": not found")
	}
	return false
}

// biType - type NAME...
func biType(sh *Shell, args []string) int {
	status := 0
	for _, name := range args[1:] {
		if !sh.describe(name, true) {
			status = 127
		}
	}
	return status
}

// biHash - hash [-r] [NAME]...: the remembered paths of commands
func biHash(sh *Shell, args []string) int {
	status := 0
	if len(args) == 1 {
		var paths []string
		for _, p := range sh.hashed {
			paths = append(paths, p)
		}
		sort.Strings(paths)
		for _, p := range paths {
			box.Out.WriteString(p + "\n")
		}
	}
	for _, name := range args[1:] {
		if name == "-r" {
			sh.hashed = map[string]string{}
			continue
		}
		delete(sh.hashed, name)
		if _, err := sh.lookPath(name); err != nil {
			sh.errorf("hash: " + name + ": not found")
			status = 1
		}
	}
	return status
}

// biGetopts - getopts OPTSTRING NAME [ARG]...: take the next option from the arguments
func biGetopts(sh *Shell, args []string) int {
	if len(args) < 3 {
		sh.fail(2, "usage: getopts OPTSTRING NAME [ARG]...")
	}
	spec, name, argv := args[1], args[2], sh.params
	if len(args) > 3 {
		argv = args[3:]
	}
	silent := strings.HasPrefix(spec, ":")
	ind, _ := strconv.Atoi(sh.get("OPTIND"))
	if ind < 1 {
		ind = 1
	}
	pos := sh.getoptsPos
	if pos == 0 {
		if ind > len(argv) || len(argv[ind-1]) < 2 || argv[ind-1][0] != '-' || argv[ind-1] == "--" {
			if ind <= len(argv) && argv[ind-1] == "--" {
				ind++
			}
			sh.set("OPTIND", strconv.Itoa(ind))
			sh.set(name, "?")
			return 1
		}
		pos = 1
	}
	cur := argv[ind-1]
	c := cur[pos]
	pos++
	next := func() {
		ind++
		pos = 0
	}
	result, optarg, hasArg := string(c), "", false
	k := strings.IndexByte(spec, c)
	switch {
	case k < 0 || c == ':':
		if silent {
			optarg, hasArg = string(c), true
		} else {
			sh.errorf("illegal option -" + string(c))
		}
		result = "?"
	case k+1 < len(spec) && spec[k+1] == ':':
		if pos < len(cur) {
			optarg, hasArg = cur[pos:], true
			next()
			break
		}
		if ind < len(argv) {
			optarg, hasArg = argv[ind], true
			ind++
			next()
			break
		}
		if silent {
			result, optarg, hasArg = ":", string(c), true
		} else {
			sh.errorf("no arg for -" + string(c) + " option")
			result = "?"
		}
		next()
	}
	if pos >= len(cur) && pos != 0 {
		next()
	}
	sh.set("OPTIND", strconv.Itoa(ind))
	sh.getoptsPos = pos // after set, which resets it
	sh.set(name, result)
	if hasArg {
		sh.set("OPTARG", optarg)
	} else {
		sh.unset("OPTARG")
	}
	return 0
}
