package sh

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vitrine/userland/box"
)

// Shell is the state of one shell process.
type Shell struct {
	name   string   // $0
	params []string // $1 and so on
	pid    int      // $$: in a subshell still the pid of the main shell
	status int      // $?
	lastBg int      // $!, 0: none yet

	vars    map[string]expand.Variable
	locals  []map[string]expand.Variable // per function call: the values that local has hidden
	env     []string                     // cache of exported variables as "K=V"; nil: stale
	funcs   map[string]*function
	aliases map[string]string
	hashed  map[string]string // command name -> path
	opt     options

	interactive bool
	subshell    bool
	loginShell  bool

	jump      jump // break, continue or return on its way out
	jumpN     int  // loops left to leave
	loops     int  // loops around this statement
	calls     int  // functions and sourced files around this statement
	noErrexit int  // > 0: inside a condition, where set -e does not apply
	substRan  bool // a command substitution has set status since the command began
	line      uint // $LINENO

	tty        int // the controlling terminal when job control is on, else -1
	pgrp       int // our process group, with job control
	ttyModes   *unix.Termios
	jobs       []*job
	parentJobs []string // in a subshell: line, long line and group of each job of the parent
	childless  bool     // the last wait4 has found no children at all
	fdJobs     []int    // descriptors of process substitutions, closed after the command
	undoKeep   func()   // makes the redirections done last permanent

	traps  map[int]string
	sigc   chan os.Signal // signals caught for traps or by an interactive shell; nil: none
	inTrap bool

	getoptsPos int // position inside a cluster of options
	seed       uint32
	hist       *history
}

// function is a defined function; text is its definition, kept for subshells.
type function struct {
	body *syntax.Stmt
	text string
}

type jump int

const (
	jumpNone jump = iota
	jumpBreak
	jumpContinue
	jumpReturn
)

// unwind is the value of a panic that ends what the shell is doing.
type unwind struct {
	status int
	exit   bool // exit the shell; otherwise an interactive shell goes back to its prompt
}

// newShell returns a shell with the variables of the environment.
func newShell(name string) *Shell {
	sh := &Shell{
		name:    name,
		pid:     os.Getpid(),
		vars:    map[string]expand.Variable{},
		funcs:   map[string]*function{},
		aliases: map[string]string{},
		hashed:  map[string]string{},
		traps:   map[int]string{},
		tty:     -1,
	}
	for _, kv := range os.Environ() {
		if k, v, ok := strings.Cut(kv, "="); ok && syntax.ValidName(k) {
			sh.vars[k] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: v}
		}
	}
	sh.setDefault("IFS", " \t\n", true)
	sh.setDefault("PS1", `vitrine:\w# `, false)
	sh.setDefault("PS2", "> ", false)
	sh.setDefault("PS4", "+ ", false)
	sh.setDefault("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", false)
	sh.setDefault("OPTIND", "1", true)
	sh.set("PPID", strconv.Itoa(os.Getppid()))
	sh.initPWD()
	return sh
}

// setDefault sets a variable that the environment has not set, or always when force.
func (sh *Shell) setDefault(name, value string, force bool) {
	if v := sh.vars[name]; force || !v.Set {
		sh.vars[name] = expand.Variable{Set: true, Kind: expand.String, Str: value}
	}
}

// initPWD takes $PWD from the environment if it is an absolute path of the current
// directory, so that the path through symbolic links is kept; otherwise asks getcwd(2).
func (sh *Shell) initPWD() {
	var here, there unix.Stat_t
	if pwd := sh.get("PWD"); strings.HasPrefix(pwd, "/") && unix.Stat(pwd, &there) == nil &&
		unix.Stat(".", &here) == nil && here.Ino == there.Ino && here.Dev == there.Dev {
		return
	}
	if cwd, err := unix.Getwd(); err == nil {
		sh.export("PWD", cwd)
	}
}

// errorf prints "sh: message" to standard error.
func (sh *Shell) errorf(msg string) {
	sh.errorTo(box.Stderr, msg)
}

// errorTo is errorf for another descriptor: the one a command has redirected its
// standard error to.
func (sh *Shell) errorTo(fd box.FD, msg string) {
	box.Out.Flush()
	prefix := sh.name
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 && sh.interactive {
		prefix = prefix[i+1:]
	}
	prefix = strings.TrimPrefix(prefix, "-")
	if !sh.interactive && sh.line > 0 {
		prefix += ": " + strconv.Itoa(int(sh.line))
	}
	fd.WriteString(prefix + ": " + msg + "\n")
}

// fail reports an error that ends the current command, and the shell itself when
// nobody sits in front of it.
func (sh *Shell) fail(status int, msg string) {
	sh.errorf(msg)
	panic(unwind{status: status, exit: !sh.interactive})
}

// run executes f, stops an unwinding panic, and reports whether the shell shall exit.
func (sh *Shell) run(f func()) (exit bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unwind:
			sh.status, exit = r.status, r.exit
			sh.jump, sh.loops, sh.calls, sh.noErrexit = jumpNone, 0, 0, 0
			sh.dropLocals(0)
		default:
			panic(r)
		}
	}()
	f()
	return false
}

// finish runs the EXIT trap and returns the exit status of the shell.
func (sh *Shell) finish() int {
	if cmd, ok := sh.traps[0]; ok {
		delete(sh.traps, 0)
		status := sh.status
		if !sh.run(func() { sh.runText(cmd, "trap") }) {
			sh.status = status // the trap's own "exit N" wins, its last command does not
		}
	}
	sh.hangup()
	box.Out.Flush()
	return sh.status & 0xff
}
