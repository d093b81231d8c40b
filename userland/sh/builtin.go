package sh

import (
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// builtin is a command that runs in the shell, because it changes the shell.
type builtin struct {
	run     func(sh *Shell, args []string) int
	special bool // POSIX 2.14: found before functions, assignments before it stay
}

// builtins is filled by init, because the builtins refer to the table themselves.
// Commands like echo and test are not here: package box knows them, see
// box.Cmd.Builtin.
var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		":": {func(*Shell, []string) int { return 0 }, true}, ".": {biDot, true}, "source": {biDot, false},
		"break": {biBreak, true}, "continue": {biBreak, true}, "eval": {biEval, true}, "exec": {biExec, true},
		"exit": {biExit, true}, "export": {biExport, true}, "readonly": {biExport, true}, "return": {biReturn, true},
		"set": {biSet, true}, "shift": {biShift, true}, "times": {biTimes, true}, "trap": {biTrap, true},
		"unset": {biUnset, true},
		"alias": {biAlias, false}, "unalias": {biUnalias, false}, "cd": {biCd, false}, "pwd": {biPwd, false},
		"command": {biCommand, false}, "type": {biType, false}, "hash": {biHash, false}, "getopts": {biGetopts, false},
		"local": {biLocal, false}, "read": {biRead, false}, "umask": {biUmask, false}, "ulimit": {biUlimit, false},
		"jobs": {biJobs, false}, "fg": {biFg, false}, "bg": {biFg, false}, "wait": {biWait, false}, "kill": {biKill, false},
		"history": {biHistory, false},
	}
}

// biDot - . FILE [ARG]...: execute the commands of a file in this shell
func biDot(sh *Shell, args []string) int {
	if len(args) < 2 {
		sh.fail(2, args[0]+": filename argument required")
	}
	path := args[1]
	if !strings.Contains(path, "/") {
		for _, dir := range strings.Split(sh.get("PATH"), ":") {
			if p := slash(dir) + path; exists(p) && !isDir(p) {
				path = p
				break
			}
		}
	}
	data, err := box.ReadFile(path)
	if err != nil {
		sh.fail(2, args[0]+": "+args[1]+": "+box.Strerror(err))
	}
	if len(args) > 2 {
		params := sh.params
		sh.params = args[2:]
		defer func() { sh.params = params }()
	}
	sh.calls++
	sh.status = 0
	sh.runText(string(data), path)
	sh.calls = max(sh.calls-1, 0)
	if sh.jump == jumpReturn {
		sh.jump = jumpNone
	}
	return sh.status
}

// biBreak - break [N], continue [N]
func biBreak(sh *Shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 1 {
			sh.fail(2, args[0]+": bad number: "+args[1])
		}
	}
	if sh.loops == 0 {
		return 0
	}
	sh.jump, sh.jumpN = jumpBreak, min(n, sh.loops)
	if args[0] == "continue" {
		sh.jump = jumpContinue
	}
	return 0
}

// biEval - eval [ARG]...: execute the arguments as commands
func biEval(sh *Shell, args []string) int {
	text := strings.Join(args[1:], " ")
	if strings.TrimSpace(text) == "" {
		return 0
	}
	sh.status = 0
	sh.runText(text, "eval")
	return sh.status
}

// biExec - exec [COMMAND [ARG]...]: become the command; alone, make redirections permanent
func biExec(sh *Shell, args []string) int {
	a := args[1:]
	if len(a) > 0 && a[0] == "--" {
		a = a[1:]
	}
	if len(a) == 0 {
		return 0
	}
	err := sh.become(a, sh.environ())
	status := 126
	msg := box.Strerror(err)
	if err == unix.ENOENT {
		status, msg = 127, "not found"
	}
	sh.fail(status, "exec: "+a[0]+": "+msg)
	return status
}

// biExit - exit [STATUS]
func biExit(sh *Shell, args []string) int {
	panic(unwind{status: sh.statusArg(args), exit: true})
}

// biReturn - return [STATUS]: leave the function or sourced file
func biReturn(sh *Shell, args []string) int {
	status := sh.statusArg(args)
	if sh.calls == 0 {
		panic(unwind{status: status, exit: !sh.interactive})
	}
	sh.jump = jumpReturn
	return status
}

func (sh *Shell) statusArg(args []string) int {
	if len(args) < 2 {
		return sh.status
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		sh.fail(2, args[0]+": bad number: "+args[1])
	}
	return n & 0xff
}

// biExport - export NAME[=VALUE]..., readonly NAME[=VALUE]..., -p lists
func biExport(sh *Shell, args []string) int {
	ro := args[0] == "readonly"
	a := args[1:]
	remove := false
	for len(a) > 0 && (a[0] == "-p" || a[0] == "--" || a[0] == "-n") {
		remove = remove || a[0] == "-n"
		a = a[1:]
	}
	if len(a) == 0 {
		for _, n := range sh.names() {
			if v := sh.vars[n]; ro && v.ReadOnly || !ro && v.Exported {
				box.Out.WriteString(args[0] + " " + n)
				if v.Set {
					box.Out.WriteString("=" + quote(v.String()))
				}
				box.Out.WriteByte('\n')
			}
		}
		return 0
	}
	for _, arg := range a {
		name, val, has := strings.Cut(arg, "=")
		if !syntax.ValidName(name) {
			sh.fail(2, args[0]+": "+name+": bad variable name")
		}
		if has {
			sh.set(name, val)
		}
		v := sh.vars[name]
		if v.Kind == expand.Unknown {
			v.Kind = expand.String
		}
		if ro {
			v.ReadOnly = true
		} else {
			v.Exported = !remove
		}
		sh.vars[name] = v
		sh.env = nil
	}
	return 0
}

// biLocal - local NAME[=VALUE]...
func biLocal(sh *Shell, args []string) int {
	if len(sh.locals) == 0 {
		sh.errorf("local: not in a function")
		return 1
	}
	for _, arg := range args[1:] {
		name, val, has := strings.Cut(arg, "=")
		if strings.HasPrefix(arg, "-") {
			continue
		}
		if !syntax.ValidName(name) {
			sh.fail(2, "local: "+name+": bad variable name")
		}
		sh.local(name)
		if has {
			sh.set(name, val)
		}
	}
	return 0
}

// declare does the useful part of bash's declare: attributes -x and -r, and local
// variables in functions.
func (sh *Shell) declare(args []string) int {
	verb, i := "", 1
	for ; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		switch {
		case strings.Contains(args[i], "A"):
			sh.fail(2, args[0]+": associative arrays are not supported")
		case strings.Contains(args[i], "x"):
			verb = "export"
		case strings.Contains(args[i], "r"):
			verb = "readonly"
		}
	}
	rest := args[i:]
	if len(sh.locals) > 0 {
		for _, a := range rest {
			name, _, _ := strings.Cut(a, "=")
			sh.local(name)
		}
	}
	for _, a := range rest {
		name, val, has := strings.Cut(a, "=")
		if has {
			sh.set(name, val)
		}
		if verb != "" {
			builtins[verb].run(sh, []string{verb, name})
		}
	}
	return 0
}

// biUnset - unset [-fv] NAME...
func biUnset(sh *Shell, args []string) int {
	status, onlyFunc := 0, false
	for _, name := range args[1:] {
		switch {
		case name == "-f":
			onlyFunc = true
		case name == "-v":
			onlyFunc = false
		case onlyFunc:
			delete(sh.funcs, name)
		default:
			if _, isVar := sh.vars[name]; !isVar && sh.funcs[name] != nil {
				delete(sh.funcs, name)
			} else if !sh.unset(name) {
				status = 1
			}
		}
	}
	return status
}

// biShift - shift [N]
func biShift(sh *Shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 0 {
			sh.fail(2, "shift: bad number: "+args[1])
		}
	}
	if n > len(sh.params) {
		sh.fail(2, "shift: can't shift that many")
	}
	sh.params = sh.params[n:]
	return 0
}

// biSet - set [-abCefhmnuvx] [-o OPTION] [--] [ARG]...
func biSet(sh *Shell, args []string) int {
	if len(args) == 1 {
		for _, n := range sh.names() {
			if v := sh.vars[n]; v.Set {
				box.Out.WriteString(n + "=" + quote(v.String()) + "\n")
			}
		}
		return 0
	}
	rest, setParams := sh.setOptions(args[1:])
	if setParams {
		sh.params = rest
	}
	return 0
}

// setOptions parses options as set and the shell's own command line take them.
// setParams tells that arguments (or "--") follow.
func (sh *Shell) setOptions(a []string) (rest []string, setParams bool) {
	for len(a) > 0 {
		arg := a[0]
		if arg == "--" || arg == "-" {
			return a[1:], arg == "--" || len(a) > 1
		}
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			return a, true
		}
		on := arg[0] == '-'
		a = a[1:]
		for i := 1; i < len(arg); i++ {
			if arg[i] == 'o' {
				if len(a) == 0 {
					sh.opt.print(!on)
					continue
				}
				f := sh.opt.byName(a[0])
				if f == nil {
					sh.fail(2, "set: "+a[0]+": no such option")
				}
				*f = on
				a = a[1:]
				continue
			}
			f := sh.opt.byLetter(arg[i])
			if f == nil {
				sh.fail(2, "set: illegal option "+arg[:1]+string(arg[i]))
			}
			*f = on
		}
		if sh.opt.monitor != (sh.tty >= 0) {
			sh.setMonitor(sh.opt.monitor)
		}
	}
	return nil, false
}

// biTimes - times: what the shell and its children have used
func biTimes(sh *Shell, args []string) int {
	var t unix.Tms
	unix.Times(&t)
	show := func(ticks int64) string {
		return strconv.FormatInt(ticks/6000, 10) + "m" + strconv.FormatFloat(float64(ticks%6000)/100, 'f', 2, 64) + "s"
	}
	box.Out.WriteString(show(t.Utime) + " " + show(t.Stime) + "\n" + show(t.Cutime) + " " + show(t.Cstime) + "\n")
	return 0
}

// biAlias - alias [NAME[=VALUE]]...
func biAlias(sh *Shell, args []string) int {
	if len(args) == 1 {
		var names []string
		for n := range sh.aliases {
			names = append(names, n)
		}
		sort.Strings(names)
		args = append(args, names...)
	}
	status := 0
	for _, a := range args[1:] {
		name, val, has := strings.Cut(a, "=")
		if has {
			sh.aliases[name] = val
		} else if val, ok := sh.aliases[name]; ok {
			box.Out.WriteString(name + "='" + quoteBare(val) + "'\n")
		} else {
			sh.errorf("alias: " + name + ": not found")
			status = 1
		}
	}
	return status
}

// quoteBare is the inside of quote, for texts that are always shown in quotes.
func quoteBare(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }

// biUnalias - unalias [-a] NAME...
func biUnalias(sh *Shell, args []string) int {
	status := 0
	for _, a := range args[1:] {
		if a == "-a" {
			sh.aliases = map[string]string{}
		} else if _, ok := sh.aliases[a]; !ok {
			sh.errorf("unalias: " + a + ": not found")
			status = 1
		}
		delete(sh.aliases, a)
	}
	return status
}
