// Package bootparam reads the kernel command line. A parameter is declared
// where it is used,
//
//	var paramDepth = bootparam.Int("p9.depth", 32, "requests under way at a time")
//	...
//	depth := paramDepth.Get(params)
//
// so that adding one touches one file, and looked up on the *Params of a
// kernel instance. The table of declared parameters (All) feeds
// docs/ref/bootparams.md and `vitrine help bootparams`.
//
// The command line is Linux's: words separated by blanks, double quotes keep
// blanks together, dashes and underscores in names are the same, of a name given twice the
// last counts. What follows "--" goes to init, and so do words that nobody has declared: name=value as
// environment, others as arguments (names with a dot are dropped, as Linux does with modules').
package bootparam

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Decl is a declared parameter.
type Decl struct {
	Name    string
	Default string
	Doc     string
	check   func(value string) error
}

var table = map[string]*Decl{} // by normal name; filled at init, then constant

func declare(name, def, doc string, check func(string) error) *Decl {
	n := normal(name)
	if table[n] != nil {
		panic("bootparam: " + name + " is declared twice")
	}
	d := &Decl{Name: name, Default: def, Doc: doc, check: check}
	table[n] = d
	return d
}

// All returns all declared parameters by name.
func All() []*Decl {
	var all []*Decl
	for _, d := range table {
		all = append(all, d)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// normal makes a-b and a_b the same name.
func normal(name string) string { return strings.ReplaceAll(name, "-", "_") }

// IntParam is a number. K, M and G at its end multiply; 0x makes it hexadecimal.
type IntParam struct {
	decl *Decl
	def  int
}

// Int declares a number.
func Int(name string, def int, doc string) IntParam {
	return IntParam{declare(name, strconv.Itoa(def), doc, func(v string) error { _, err := parseInt(v); return err }), def}
}

// Get returns the number that the command line gives, or the default.
func (p IntParam) Get(ps *Params) int {
	if v, ok := ps.value(p.decl); ok {
		if n, err := parseInt(v); err == nil {
			return n
		}
	}
	return p.def
}

func parseInt(v string) (int, error) {
	shift := 0
	if n := len(v); n > 1 && !strings.HasPrefix(v, "0x") {
		shift = map[byte]int{'k': 10, 'm': 20, 'g': 30}[v[n-1]|0x20]
		if shift > 0 {
			v = v[:n-1]
		}
	}
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil || n<<shift>>shift != n {
		return 0, fmt.Errorf("%q is not a number", v)
	}
	return int(n << shift), nil
}

// StringParam is a text.
type StringParam struct {
	decl *Decl
	def  string
}

// String declares a text.
func String(name, def, doc string) StringParam {
	return StringParam{declare(name, def, doc, func(string) error { return nil }), def}
}

// Get returns the text that the command line gives, or the default.
func (p StringParam) Get(ps *Params) string {
	if v, ok := ps.value(p.decl); ok {
		return v
	}
	return p.def
}

// FlagParam is a switch: "name" or "name=1" turns it on, "name=0" off.
type FlagParam struct {
	decl *Decl
	def  bool
}

// Flag declares a switch that is off by default.
func Flag(name, doc string) FlagParam { return flag(name, false, doc) }

// FlagOn declares a switch that is on by default.
func FlagOn(name, doc string) FlagParam { return flag(name, true, doc) }

func flag(name string, def bool, doc string) FlagParam {
	text := map[bool]string{false: "off", true: "on"}[def]
	return FlagParam{declare(name, text, doc, func(v string) error { _, err := parseFlag(v); return err }), def}
}

// Get reports whether the switch is on.
func (p FlagParam) Get(ps *Params) bool {
	if v, ok := ps.value(p.decl); ok {
		if on, err := parseFlag(v); err == nil {
			return on
		}
	}
	return p.def
}

func parseFlag(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "", "1", "y", "yes", "on", "true":
		return true, nil
	case "0", "n", "no", "off", "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", v)
}

// Params is one kernel's command line. Immutable after Parse.
type Params struct {
	Line     string   // the whole line
	InitArgs []string // arguments for init
	InitEnv  []string // environment for init
	Warnings []string // what Parse found odd, for the log

	values []setting // in the order of the line
}

type setting struct{ name, value string }

// Parse reads a command line. It always succeeds: a machine with a typo in its command
// line boots, and its log says so.
func Parse(line string) *Params {
	ps := &Params{Line: line}
	words := split(line)
	for i, w := range words {
		if w == "--" {
			ps.InitArgs = append(ps.InitArgs, words[i+1:]...)
			break
		}
		name, value, eq := strings.Cut(w, "=")
		switch d := table[normal(name)]; {
		case d != nil:
			if err := d.check(value); err != nil {
				ps.warn("%s: %v; it stays %s", name, err, d.Default)
			}
			ps.values = append(ps.values, setting{normal(name), value})
		case strings.Contains(name, "."):
			ps.warn("unknown parameter %s", name)
		case eq:
			ps.InitEnv = append(ps.InitEnv, w)
		default:
			ps.InitArgs = append(ps.InitArgs, w)
		}
	}
	return ps
}

// Environ returns init's environment: base, where the line does not say otherwise, and what the line adds.
func (ps *Params) Environ(base ...string) []string {
	env := base[:len(base):len(base)]
next:
	for _, kv := range ps.InitEnv {
		name, _, _ := strings.Cut(kv, "=")
		for i := range env {
			if old, _, _ := strings.Cut(env[i], "="); old == name {
				env = append(append(env[:i:i], kv), env[i+1:]...)
				continue next
			}
		}
		env = append(env, kv)
	}
	return env
}

func (ps *Params) warn(format string, args ...any) {
	ps.Warnings = append(ps.Warnings, fmt.Sprintf(format, args...))
}

// value returns what the line says last of a parameter. Nil Params say nothing.
func (ps *Params) value(d *Decl) (string, bool) {
	if ps == nil {
		return "", false
	}
	for i := len(ps.values) - 1; i >= 0; i-- {
		if s := ps.values[i]; s.name == normal(d.Name) {
			return s.value, true
		}
	}
	return "", false
}

// split cuts a line into words. A double quote keeps blanks together and is
// dropped; within quotes, a backslash before a quote or a backslash stands for that character.
// That last rule goes beyond Linux, so that Join can carry any text.
func split(line string) []string {
	var words []string
	var w strings.Builder
	in, quoted := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '"':
			quoted, in = !quoted, true
		case quoted && c == '\\' && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\'):
			i++
			w.WriteByte(line[i])
		case !quoted && (c == ' ' || c == '\t' || c == '\n'):
			if in {
				words = append(words, w.String())
				w.Reset()
				in = false
			}
		default:
			w.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, w.String())
	}
	return words
}

// Join makes a line of words that Parse cuts into the same words again.
func Join(words ...string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w != "" && !strings.ContainsAny(w, " \t\n\"") {
			b.WriteString(w)
			continue
		}
		b.WriteByte('"')
		for j := range len(w) {
			if w[j] == '"' || w[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(w[j])
		}
		b.WriteByte('"')
	}
	return b.String()
}
