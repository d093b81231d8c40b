package sh

import (
	"os"
	"sort"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// lookup returns a variable or special parameter.
func (sh *Shell) lookup(name string) expand.Variable {
	str := func(s string) expand.Variable { return expand.Variable{Set: true, Kind: expand.String, Str: s} }
	switch name {
	case "@", "*":
		return expand.Variable{Set: true, Kind: expand.Indexed, List: sh.params}
	case "#":
		return str(strconv.Itoa(len(sh.params)))
	case "?":
		return str(strconv.Itoa(sh.status))
	case "$":
		return str(strconv.Itoa(sh.pid))
	case "!":
		if sh.lastBg == 0 {
			return expand.Variable{}
		}
		return str(strconv.Itoa(sh.lastBg))
	case "-":
		s := sh.opt.letters()
		if sh.interactive {
			s += "i"
		}
		return str(s)
	case "0":
		return str(sh.name)
	case "LINENO":
		return str(strconv.Itoa(int(sh.line)))
	case "RANDOM":
		return str(strconv.Itoa(sh.random()))
	}
	if name != "" && name[0] >= '1' && name[0] <= '9' {
		if n, err := strconv.Atoi(name); err == nil {
			if n <= len(sh.params) {
				return str(sh.params[n-1])
			}
			return expand.Variable{}
		}
	}
	return sh.vars[name]
}

// random is a small linear congruential generator: $RANDOM needs no better.
func (sh *Shell) random() int {
	if sh.seed == 0 {
		sh.seed = uint32(os.Getpid())*2654435761 + 1
	}
	sh.seed = sh.seed*1103515245 + 12345
	return int(sh.seed>>16) & 0x7fff
}

// get returns the value of a variable, "" when it is unset.
func (sh *Shell) get(name string) string {
	v := sh.lookup(name)
	if v.Kind == expand.Indexed {
		if len(v.List) == 0 {
			return ""
		}
		return v.List[0]
	}
	return v.Str
}

// set assigns a value; a read-only variable ends the command.
func (sh *Shell) set(name, value string) {
	sh.assign(name, expand.Variable{Set: true, Kind: expand.String, Str: value})
}

// assign replaces a variable's value and keeps its attributes.
func (sh *Shell) assign(name string, v expand.Variable) {
	old := sh.vars[name]
	if old.ReadOnly {
		sh.fail(2, name+": is read only")
	}
	v.Exported = v.Exported || old.Exported || sh.opt.allexport
	v.Local = old.Local
	sh.vars[name] = v
	if v.Exported {
		sh.env = nil
	}
	switch name {
	case "PATH":
		sh.hashed = map[string]string{}
	case "OPTIND":
		sh.getoptsPos = 0
	case "RANDOM":
		n, _ := strconv.Atoi(v.Str)
		sh.seed = uint32(n) | 1
	}
}

// export assigns and marks for export.
func (sh *Shell) export(name, value string) {
	sh.assign(name, expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: value})
}

// unset removes a variable.
func (sh *Shell) unset(name string) bool {
	v, ok := sh.vars[name]
	if v.ReadOnly {
		sh.errorf("unset: " + name + ": is read only")
		return false
	}
	if ok {
		delete(sh.vars, name)
		sh.env = nil
		if name == "PATH" {
			sh.hashed = map[string]string{}
		}
	}
	return true
}

// pushLocals opens the scope of a function; dropLocals closes scopes until only
// depth are left and brings back what local has hidden in them.
func (sh *Shell) pushLocals() { sh.locals = append(sh.locals, nil) }

func (sh *Shell) dropLocals(depth int) {
	for len(sh.locals) > depth {
		top := len(sh.locals) - 1
		for name, old := range sh.locals[top] {
			sh.restore(name, old)
		}
		sh.locals = sh.locals[:top]
	}
}

// restore puts a variable back as it was.
func (sh *Shell) restore(name string, old expand.Variable) {
	if old.Declared() {
		sh.vars[name] = old
	} else {
		delete(sh.vars, name)
	}
	sh.env = nil
	if name == "PATH" {
		sh.hashed = map[string]string{}
	}
}

// local hides a variable until the function returns. As in dash, it keeps its
// value until something is assigned.
func (sh *Shell) local(name string) {
	top := len(sh.locals) - 1
	if sh.locals[top] == nil {
		sh.locals[top] = map[string]expand.Variable{}
	}
	if _, done := sh.locals[top][name]; !done {
		sh.locals[top][name] = sh.vars[name]
	}
}

// environ returns the exported variables as execve(2) wants them.
func (sh *Shell) environ() []string {
	if sh.env == nil {
		sh.env = make([]string, 0, 32)
		for name, v := range sh.vars {
			if v.Exported && v.Set {
				sh.env = append(sh.env, name+"="+v.String())
			}
		}
		sort.Strings(sh.env)
	}
	return sh.env
}

// names returns the names of all variables, sorted.
func (sh *Shell) names() []string {
	names := make([]string, 0, len(sh.vars))
	for n := range sh.vars {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// quote writes a string so that the shell reads it back as the same one word.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// arithEnv gives package expand, which does our arithmetic, access to the variables.
type arithEnv struct{ sh *Shell }

func (e arithEnv) Get(name string) expand.Variable {
	v := e.sh.lookup(name)
	if !v.Set && e.sh.opt.nounset {
		e.sh.fail(2, name+": parameter not set")
	}
	return v
}

func (e arithEnv) Each(f func(string, expand.Variable) bool) {
	for _, n := range e.sh.names() {
		if !f(n, e.sh.vars[n]) {
			return
		}
	}
}

func (e arithEnv) Set(name string, v expand.Variable) error {
	e.sh.assign(name, v)
	return nil
}

// arith evaluates an arithmetic expression.
func (sh *Shell) arith(x syntax.ArithmExpr) int {
	if x == nil {
		return 0
	}
	n, err := expand.Arithm(&expand.Config{Env: arithEnv{sh}, CmdSubst: sh.cmdSubstTo}, x)
	if err != nil {
		sh.fail(2, "arithmetic expression: "+err.Error())
	}
	return n
}

// setList assigns an array.
func (sh *Shell) setList(name string, list []string) {
	sh.assign(name, expand.Variable{Set: true, Kind: expand.Indexed, List: list})
}
