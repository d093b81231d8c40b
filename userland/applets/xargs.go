package applets

import (
	"bufio"
	"os"
	"strings"

	"vitrine/userland/box"
)

// xargs - build commands from standard input
//
//	-n N  at most N arguments per command   -I TEXT  replace TEXT by each line
//	-0  words end in zero bytes   -d CHAR  words end in CHAR   -r  not without words   -t  show commands
func init() {
	box.Register(&box.Cmd{Name: "xargs", Usage: "xargs [-0rt] [-n N] [-L N] [-I TEXT] [-d CHAR] [COMMAND [ARG]...]", Run: xargs})
}

func xargs(args []string) int {
	o, cmd := box.Parse(args, "+0rtn:I:d:L:P:s:x", "null=0 no-run-if-empty=r max-args=n replace=I delimiter=d verbose=t")
	if len(cmd) == 0 {
		cmd = []string{"echo"}
	}
	data, err := readAll(box.Stdin)
	if err != nil {
		return box.Fail(args[0], "", err)
	}
	var words []string
	sep := ""
	switch {
	case o.Has('0'):
		sep = "\x00"
	case o.Has('d'):
		sep, _ = unescape(o.Str('d', ""), false)
	case o.Has('I') || o.Has('L'):
		sep = "\n"
	}
	if sep != "" {
		for _, w := range strings.Split(strings.TrimSuffix(string(data), sep), sep) {
			if o.Has('I') {
				w = strings.TrimLeft(w, " \t")
			}
			if w != "" || o.Has('0') && len(data) > 0 {
				words = append(words, w)
			}
		}
	} else {
		words = xargsWords(string(data))
	}
	status := 0
	run := func(argv []string) bool {
		if o.Has('t') {
			box.Stderr.WriteString(strings.Join(argv, " ") + "\n")
		}
		switch st := runCommand(args[0], argv, os.Environ(), nil); {
		case st == 126 || st == 127:
			status = st
			return false
		case st == 255 || st > 128:
			status = 124
			return false
		case st != 0:
			status = 123
		}
		return true
	}
	if text := o.Str('I', ""); text != "" {
		for _, w := range words {
			argv := make([]string, len(cmd))
			for i, a := range cmd {
				argv[i] = strings.ReplaceAll(a, text, w)
			}
			if !run(argv) {
				break
			}
		}
		return status
	}
	if len(words) == 0 {
		if !o.Has('r') {
			run(cmd)
		}
		return status
	}
	// The kernel limits the size of all arguments together; stay well below.
	limit, maxBytes := o.Int('n', o.Int('L', 5000)), 100_000
	for len(words) > 0 {
		n, bytes := 0, 0
		for n < len(words) && n < max(limit, 1) && (n == 0 || bytes+len(words[n]) < maxBytes) {
			bytes += len(words[n]) + 1
			n++
		}
		if !run(append(append([]string{}, cmd...), words[:n]...)) {
			break
		}
		words = words[n:]
	}
	return status
}

// xargsWords splits at blanks and newlines; quotes and backslashes protect them.
func xargsWords(s string) (words []string) {
	r := bufio.NewReader(strings.NewReader(s))
	var b strings.Builder
	in := false
	quote := byte(0)
	for {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				b.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == '\\':
			if c, err = r.ReadByte(); err == nil {
				b.WriteByte(c)
			}
			in = true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, b.String())
				b.Reset()
			}
			in = false
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, b.String())
	}
	return words
}
