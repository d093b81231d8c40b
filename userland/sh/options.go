package sh

import (
	"sort"
	"strings"

	"vitrine/userland/box"
)

// options are what set(1) switches.
type options struct {
	allexport, errexit, noglob, noexec, nounset, verbose, xtrace bool
	monitor, noclobber, notify, ignoreeof, pipefail, stdin, hash bool
}

// optionTable maps letters and long names to the fields.
var optionTable = []struct {
	letter byte
	name   string
	field  func(o *options) *bool
}{
	{'a', "allexport", func(o *options) *bool { return &o.allexport }},
	{'b', "notify", func(o *options) *bool { return &o.notify }},
	{'C', "noclobber", func(o *options) *bool { return &o.noclobber }},
	{'e', "errexit", func(o *options) *bool { return &o.errexit }},
	{'f', "noglob", func(o *options) *bool { return &o.noglob }},
	{'h', "hashall", func(o *options) *bool { return &o.hash }},
	{0, "ignoreeof", func(o *options) *bool { return &o.ignoreeof }},
	{'m', "monitor", func(o *options) *bool { return &o.monitor }},
	{'n', "noexec", func(o *options) *bool { return &o.noexec }},
	{'u', "nounset", func(o *options) *bool { return &o.nounset }},
	{0, "pipefail", func(o *options) *bool { return &o.pipefail }},
	{'s', "stdin", func(o *options) *bool { return &o.stdin }},
	{'v', "verbose", func(o *options) *bool { return &o.verbose }},
	{'x', "xtrace", func(o *options) *bool { return &o.xtrace }},
}

// byLetter and byName return the switch, or nil.
func (o *options) byLetter(c byte) *bool {
	for _, e := range optionTable {
		if e.letter == c && c != 0 {
			return e.field(o)
		}
	}
	return nil
}

func (o *options) byName(name string) *bool {
	for _, e := range optionTable {
		if e.name == name {
			return e.field(o)
		}
	}
	return nil
}

// letters returns $-.
func (o *options) letters() string {
	var b strings.Builder
	for _, e := range optionTable {
		if e.letter != 0 && *e.field(o) {
			b.WriteByte(e.letter)
		}
	}
	return b.String()
}

// print lists the options for "set -o", or as commands for "set +o".
func (o *options) print(asCommands bool) {
	table := append(optionTable[:0:0], optionTable...)
	sort.Slice(table, func(i, j int) bool { return table[i].name < table[j].name })
	for _, e := range table {
		on := *e.field(o)
		switch {
		case asCommands && on:
			box.Out.WriteString("set -o " + e.name + "\n")
		case asCommands:
			box.Out.WriteString("set +o " + e.name + "\n")
		case on:
			box.Out.WriteString(e.name + strings.Repeat(" ", 16-len(e.name)) + "on\n")
		default:
			box.Out.WriteString(e.name + strings.Repeat(" ", 16-len(e.name)) + "off\n")
		}
	}
}
