package applets

import (
	"strings"

	"vitrine/userland/box"
)

// echo - print arguments
//
//	-n  no newline at the end
//	-e  interpret backslash escapes: \n \t \\ \a \b \c \e \f \r \v \0NNN \xHH
//	-E  do not (the default)
func init() {
	box.Register(&box.Cmd{Name: "echo", Usage: "echo [-neE] [STRING]...", Run: echo, Builtin: true, RawHelp: true})
}

func echo(args []string) int {
	newline, escapes := true, false
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				newline = false
			case 'e':
				escapes = true
			case 'E':
				escapes = false
			}
		}
		args = args[1:]
	}
	s := strings.Join(args, " ")
	if escapes {
		var stop bool
		if s, stop = unescape(s, true); stop {
			newline = false
		}
	}
	box.Out.WriteString(s)
	if newline {
		box.Out.WriteByte('\n')
	}
	return 0
}
