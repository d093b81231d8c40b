package applets

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vitrine/userland/box"
)

// test - evaluate a condition; also called [
//
//	-e -f -d -h -L -p -S -b -c FILE  exists, and is a regular file, a directory, a link ...
//	-r -w -x -s -g -u -k FILE        readable, writable, executable, not empty, mode bits
//	-t FD                            is a terminal
//	-z -n STRING, A = B, A != B, A < B, A > B
//	N -eq -ne -lt -le -gt -ge M      numbers
//	F1 -nt -ot -ef F2                newer, older, the same file
//	! EXPR, EXPR -a EXPR, EXPR -o EXPR, ( EXPR )
func init() {
	u := "test EXPRESSION | [ EXPRESSION ]"
	box.Register(&box.Cmd{Name: "test", Usage: u, Run: testMain, Builtin: true, RawHelp: true})
	box.Register(&box.Cmd{Name: "[", Usage: u, Run: testMain, Builtin: true, RawHelp: true})
}

// tester is a recursive descent parser that evaluates as it goes.
type tester struct {
	name string
	args []string
}

func testMain(args []string) int {
	t := &tester{args[0], args[1:]}
	if args[0] == "[" {
		if len(t.args) == 0 || t.args[len(t.args)-1] != "]" {
			return t.bad("missing ]")
		}
		t.args = t.args[:len(t.args)-1]
	}
	if t.eval() {
		return 0
	}
	return 1
}

// bad reports a wrong expression: status 2, as POSIX wants.
func (t *tester) bad(msg string) int {
	box.Warn(t.name, msg, nil)
	box.Exit(2)
	return 2
}

// eval decides by the number of arguments first, as POSIX does, so that
// test "$x" = "(" works whatever x is.
func (t *tester) eval() bool {
	switch a := t.args; len(a) {
	case 0:
		return false
	case 1:
		return a[0] != ""
	case 2:
		if a[0] == "!" {
			return a[1] == ""
		}
		return t.unary(a[0], a[1])
	case 3:
		if isBinary(a[1]) {
			return t.binary(a[0], a[1], a[2])
		}
	case 4:
		if a[0] == "!" {
			return !(&tester{t.name, a[1:]}).eval()
		}
	}
	v := t.or()
	if len(t.args) > 0 {
		t.bad("unexpected operator " + t.args[0])
	}
	return v
}

func (t *tester) next(word string) bool {
	if len(t.args) > 0 && t.args[0] == word {
		t.args = t.args[1:]
		return true
	}
	return false
}

func (t *tester) or() bool {
	v := t.and()
	for t.next("-o") {
		w := t.and() // not short-circuit: the arguments must be consumed
		v = v || w
	}
	return v
}

func (t *tester) and() bool {
	v := t.primary()
	for t.next("-a") {
		w := t.primary()
		v = v && w
	}
	return v
}

func (t *tester) primary() bool {
	a := t.args
	switch {
	case len(a) == 0:
		t.bad("argument expected")
	case len(a) >= 3 && isBinary(a[1]):
		t.args = a[3:]
		return t.binary(a[0], a[1], a[2])
	case a[0] == "!":
		t.args = a[1:]
		return !t.primary()
	case a[0] == "(":
		t.args = a[1:]
		v := t.or()
		if !t.next(")") {
			t.bad("closing paren expected")
		}
		return v
	case len(a) >= 2 && len(a[0]) == 2 && a[0][0] == '-' && strings.IndexByte("bcdefghkLnpOGrSstuwxz", a[0][1]) >= 0:
		t.args = a[2:]
		return t.unary(a[0], a[1])
	}
	t.args = a[1:]
	return a[0] != ""
}

func isBinary(op string) bool {
	switch op {
	case "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (t *tester) number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		t.bad("Illegal number: " + s)
	}
	return n
}

func (t *tester) binary(a, op, b string) bool {
	switch op {
	case "=", "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case ">":
		return a > b
	case "-nt", "-ot", "-ef":
		sa, ea := stat(a)
		sb, eb := stat(b)
		switch {
		case op == "-ef":
			return ea == nil && eb == nil && sa.Dev == sb.Dev && sa.Ino == sb.Ino
		case op == "-nt":
			return ea == nil && (eb != nil || sa.Mtim.Nano() > sb.Mtim.Nano())
		}
		return eb == nil && (ea != nil || sa.Mtim.Nano() < sb.Mtim.Nano())
	}
	x, y := t.number(a), t.number(b)
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	}
	return x >= y
}

func (t *tester) unary(op, a string) bool {
	if len(op) != 2 || op[0] != '-' {
		t.bad(fmt.Sprintf("%s: unexpected operator", op))
	}
	switch op[1] {
	case 'n':
		return a != ""
	case 'z':
		return a == ""
	case 't':
		return isatty(int(t.number(a)))
	case 'r':
		return unix.Faccessat(unix.AT_FDCWD, a, unix.R_OK, unix.AT_EACCESS) == nil
	case 'w':
		return unix.Faccessat(unix.AT_FDCWD, a, unix.W_OK, unix.AT_EACCESS) == nil
	case 'x':
		return unix.Faccessat(unix.AT_FDCWD, a, unix.X_OK, unix.AT_EACCESS) == nil
	case 'h', 'L':
		st, err := lstat(a)
		return err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
	}
	st, err := stat(a)
	if err != nil {
		return false
	}
	kinds := map[byte]uint32{
		'f': unix.S_IFREG, 'd': unix.S_IFDIR, 'p': unix.S_IFIFO, 'S': unix.S_IFSOCK,
		'b': unix.S_IFBLK, 'c': unix.S_IFCHR,
	}
	bits := map[byte]uint32{'u': unix.S_ISUID, 'g': unix.S_ISGID, 'k': unix.S_ISVTX}
	switch c := op[1]; {
	case c == 'e':
		return true
	case c == 's':
		return st.Size > 0
	case c == 'O':
		return int(st.Uid) == unix.Geteuid()
	case c == 'G':
		return int(st.Gid) == unix.Getegid()
	case kinds[c] != 0:
		return st.Mode&unix.S_IFMT == kinds[c]
	case bits[c] != 0:
		return st.Mode&bits[c] != 0
	}
	t.bad(op + ": unexpected operator")
	return false
}
