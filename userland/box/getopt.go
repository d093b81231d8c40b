package box

import (
	"strconv"
	"strings"
)

// Opts are the options found on a command line.
type Opts struct {
	name  string
	count map[byte]int
	value map[byte][]string
}

// Parse splits args into options and operands, as getopt_long(3) does.
//
//	o, files := box.Parse(args, "lan:", "all=a lines=n")
//
// spec lists the option letters; a colon after a letter means that it takes a
// value, a comma that it takes an optional value (only as --long=value). long
// maps long names to letters. Options and operands may be mixed, "--" ends the
// options; a spec that begins with '+' ends them at the first operand, for
// commands that run another command (env, nice, xargs). Wrong options end the
// command with its usage.
func Parse(args []string, spec, long string) (Opts, []string) {
	o := Opts{name: args[0], count: map[byte]int{}, value: map[byte][]string{}}
	spec, stopEarly := strings.CutPrefix(spec, "+")
	var rest []string
	i := 1
	for ; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return o, append(rest, args[i+1:]...)
		case strings.HasPrefix(a, "--"):
			i += o.parseLong(a[2:], args[i+1:], spec, long)
		case len(a) > 1 && a[0] == '-':
			i += o.parseShort(a[1:], args[i+1:], spec)
		case stopEarly:
			return o, append(rest, args[i:]...)
		default:
			rest = append(rest, a)
		}
	}
	return o, rest
}

// parseShort takes a cluster like "lan5" and returns how many of the following
// arguments it has used up.
func (o *Opts) parseShort(cluster string, next []string, spec string) int {
	for j := 0; j < len(cluster); j++ {
		c := cluster[j]
		k := strings.IndexByte(spec, c)
		if k < 0 || c == ':' || c == ',' {
			o.bad("invalid option -- '" + string(c) + "'")
		}
		o.count[c]++
		if k+1 >= len(spec) || spec[k+1] != ':' {
			continue
		}
		if j+1 < len(cluster) {
			o.value[c] = append(o.value[c], cluster[j+1:])
			return 0
		}
		if len(next) == 0 {
			o.bad("option requires an argument -- '" + string(c) + "'")
		}
		o.value[c] = append(o.value[c], next[0])
		return 1
	}
	return 0
}

func (o *Opts) parseLong(a string, next []string, spec, long string) int {
	name, val, hasVal := strings.Cut(a, "=")
	for _, def := range strings.Fields(long) {
		l, letter, _ := strings.Cut(def, "=")
		if l != name {
			continue
		}
		c := letter[0]
		o.count[c]++
		k := strings.IndexByte(spec, c)
		takes := k >= 0 && k+1 < len(spec) && spec[k+1] == ':'
		switch {
		case hasVal:
			o.value[c] = append(o.value[c], val)
		case takes && len(next) > 0:
			o.value[c] = append(o.value[c], next[0])
			return 1
		case takes:
			o.bad("option requires an argument -- '" + name + "'")
		}
		return 0
	}
	o.bad("unrecognized option '--" + name + "'")
	return 0
}

func (o *Opts) bad(msg string) {
	Warn(o.name, msg, nil)
	UsageError(o.name)
}

// Has reports whether the option was given.
func (o Opts) Has(c byte) bool { return o.count[c] > 0 }

// Count returns how often the option was given.
func (o Opts) Count(c byte) int { return o.count[c] }

// Values returns all values given for the option.
func (o Opts) Values(c byte) []string { return o.value[c] }

// Str returns the last value given for the option, or def.
func (o Opts) Str(c byte, def string) string {
	if v := o.value[c]; len(v) > 0 {
		return v[len(v)-1]
	}
	return def
}

// Int returns the last value given for the option as a number, or def. A value
// that is no number ends the command.
func (o Opts) Int(c byte, def int) int {
	v := o.value[c]
	if len(v) == 0 {
		return def
	}
	n, err := strconv.Atoi(v[len(v)-1])
	if err != nil {
		o.bad("invalid number '" + v[len(v)-1] + "'")
	}
	return n
}
