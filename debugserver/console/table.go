package console

import (
	"fmt"
	"slices"
	"strings"
)

// command is one command of the language.
type command struct {
	name   string
	short  []string // other names
	args   string   // synopsis
	doc    string   // one line
	help   string   // more
	repeat again
	run    func(in *Interp, args string) error
	words  func(in *Interp, args string) []string // completions of the last word of args; nil: none
}

// again says what an empty line after the command does.
type again uint8

const (
	whole again = iota + 1 // the same line again
	bare                   // the command without arguments: it goes on where it was
)

// group is a chapter of help.
type group struct {
	title    string
	commands []*command
}

// groups in the order of help. Filled by init, for commands refer to it.
var groups []group

func init() {
	groups = []group{
		{"Breakpoints", breakpointCommands},
		{"Running", runCommands},
		{"Tasks and stacks", stackCommands},
		{"Data", dataCommands},
		{"Memory and code", memoryCommands},
		{"Source", sourceCommands},
		{"Programs", programCommands},
		{"Kernel", kernelCommands},
		{"Other", otherCommands},
	}
}

// find returns the command that a word means: its name, another name, or the only one that begins so.
func find(word string) (*command, error) {
	var begins []*command
	for _, g := range groups {
		for _, c := range g.commands {
			if c.name == word || slices.Contains(c.short, word) {
				return c, nil
			}
			if word != "" && strings.HasPrefix(c.name, word) {
				begins = append(begins, c)
			}
		}
	}
	switch len(begins) {
	case 0:
		return nil, fmt.Errorf("there is no command %q; help lists them", word)
	case 1:
		return begins[0], nil
	}
	names := make([]string, len(begins))
	for i, c := range begins {
		names[i] = c.name
	}
	return nil, fmt.Errorf("%q may be %s", word, strings.Join(names, ", "))
}

// names returns all commands' names.
func names() (all []string) {
	for _, g := range groups {
		for _, c := range g.commands {
			all = append(all, c.name)
		}
	}
	slices.Sort(all)
	return all
}

// usage is the error for arguments that make no sense.
func (c *command) usage() error { return fmt.Errorf("usage: %s", strings.TrimSpace(c.name+" "+c.args)) }

// usageOf is usage for a command's own functions, which can't name the table that they are in.
func usageOf(name string) error {
	c, err := find(name)
	if err != nil {
		return err
	}
	return c.usage()
}
