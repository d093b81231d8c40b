package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"vitrine/dap"
	"vitrine/debugserver/console"
	"vitrine/debugserver/session"
)

// dapCommand runs a line of a DAP client's REPL, if it is one of the debugger's commands.
func dapCommand(_ context.Context, m dap.Machine, c *session.Client, thread, frame int, line string, forced bool) (string, bool, error) {
	if c == nil {
		return "", false, nil
	}
	var out bytes.Buffer
	in := console.New(c, &out)
	if !forced && !isCommand(in, line) {
		return "", false, nil
	}
	if d, ok := m.(*dapMachine); ok {
		in.Dmesg = d.logLines
	}
	// The client shows by itself where the machine stops: nothing waits for it.
	word, _, _ := strings.Cut(line, " ")
	switch word {
	case "continue", "c", "next", "n", "step", "s", "stepi", "si", "nexti", "ni", "until", "u", "advance":
		line += " &"
	case "finish", "fin", "stepout":
		return "", true, c.Step(thread, session.StepOut)
	case "pause", "interrupt", "stop":
		return "", true, c.Pause()
	case "wait":
		return "", true, errors.New("the client shows the next stop when it comes")
	case "detach", "quit", "q", "exit":
		return "", true, errors.New("disconnect in the client, please")
	}
	if thread != 0 || frame != 0 {
		if st, _ := c.State(); st == session.Stopped {
			if thread != 0 {
				in.Execute(fmt.Sprintf("task %d", thread))
			}
			in.Execute(fmt.Sprintf("frame %d", frame))
			out.Reset()
		}
	}
	err := in.Execute(line)
	return out.String(), true, err
}

// dapWords completes the last word of such a line.
func dapWords(c *session.Client, line string) (words []string, start int) {
	if c == nil {
		return nil, 0
	}
	return console.New(c, io.Discard).Complete(line, len(line)), console.WordStart(line, len(line))
}

// isCommand tells a command from an expression: a command's whole name, alone or before a blank or a format; or any
// word before another one, which no expression has. A single letter alone is a variable.
func isCommand(in *console.Interp, line string) bool {
	n := strings.IndexFunc(line, func(r rune) bool { return (r < 'a' || r > 'z') && r != '?' })
	if n < 0 {
		n = len(line)
	}
	word, rest := line[:n], line[n:]
	if word == "" || len(word) == 1 && rest == "" && word != "?" {
		return false
	}
	if rest == "" || rest[0] == ' ' || rest[0] == '/' {
		if slices.Contains(in.Complete(word, len(word)), word) || word == "?" {
			return true
		}
	}
	arg := strings.TrimLeft(rest, " ")
	return rest != "" && rest[0] == ' ' && arg != "" && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\"'", rune(arg[0]))
}
