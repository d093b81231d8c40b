package dap

import (
	"errors"
	"strings"
	"unicode/utf16"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// forced marks a line as a command, as cppdbg has it.
const forced = "-exec "

// evaluate evaluates a Go expression, or in the REPL a command.
func (c *conn) evaluate(q *request, a *dap.EvaluateArguments) (any, error) {
	p, err := c.h.place(a.FrameId)
	if err != nil {
		return nil, err
	}
	dbg := c.debugger()
	expr := strings.TrimSpace(a.Expression)
	if a.Context == "repl" {
		line, force := strings.CutPrefix(expr, forced)
		if f := c.s.opts.Command; f != nil {
			text, ok, err := f(q.ctx, c.attachedTo(), clientOf(dbg), p.thread, p.frame, line, force)
			if ok || err != nil {
				return dap.EvaluateResponseBody{Result: strings.TrimRight(text, "\n")}, err
			}
		}
		if force {
			return nil, errors.New("this server has no command language")
		}
	}
	eval := dbg.Eval
	if a.Context == "clipboard" {
		eval = dbg.EvalLong
	}
	v, err := eval(p.thread, p.frame, expr)
	if err != nil {
		return nil, quietError{err}
	}
	d := c.child(p, &v)
	if state, _ := dbg.State(); state != session.Stopped {
		d.VariablesReference = 0 // the value is gone by the time somebody opens it
	}
	if a.Format != nil && a.Format.Hex {
		d.Value = inHex(d.Value, d.Type)
	}
	return dap.EvaluateResponseBody{
		Result: d.Value, Type: d.Type, PresentationHint: d.PresentationHint, VariablesReference: d.VariablesReference,
		NamedVariables: d.NamedVariables, IndexedVariables: d.IndexedVariables, MemoryReference: d.MemoryReference,
	}, nil
}

// completions continues the expression that the text ends with, and the command.
func (c *conn) completions(_ *request, a *dap.CompletionsArguments) (any, error) {
	p, err := c.h.place(a.FrameId)
	if err != nil {
		return nil, err
	}
	column := a.Column
	if c.init.ColumnsStartAt1 {
		column--
	}
	text := a.Text
	if lines := strings.Split(text, "\n"); a.Line > 0 && c.lineIn(a.Line) <= len(lines) {
		text = lines[c.lineIn(a.Line)-1]
	}
	units := utf16.Encode([]rune(text))
	text = string(utf16.Decode(units[:max(0, min(column, len(units)))]))
	start := len(text)
	for start > 0 && strings.IndexByte(" \t,;(+-*/%&|^!<>=", text[start-1]) < 0 {
		start--
	}
	prefix := text[start:]
	dbg := c.debugger()
	body := dap.CompletionsResponseBody{Targets: c.commandWords(dbg, text)}
	found, err := dbg.Complete(p.thread, p.frame, prefix)
	if err != nil && len(body.Targets) == 0 {
		return nil, err
	}
	for _, s := range found {
		item := c.completion(text, start, s, "variable")
		switch i := strings.LastIndexByte(s, '.'); {
		case i >= 0:
			item.Label, item.Type = s[i+1:], "field"
		case strings.HasSuffix(s, "("):
			item.Type = "function"
		}
		body.Targets = append(body.Targets, item)
	}
	return body, nil
}

// commandWords continues the command that the text is, if it is one.
func (c *conn) commandWords(dbg Debugger, text string) []dap.CompletionItem {
	items := []dap.CompletionItem{}
	if c.s.opts.Words == nil {
		return items
	}
	line := strings.TrimPrefix(text, forced)
	words, start := c.s.opts.Words(clientOf(dbg), line)
	for _, w := range words {
		items = append(items, c.completion(text, len(text)-len(line)+start, w, "keyword"))
	}
	return items
}

// completion replaces the end of a text, from a byte on.
func (c *conn) completion(text string, from int, word string, kind dap.CompletionItemType) dap.CompletionItem {
	at := len(utf16.Encode([]rune(text[:from])))
	if c.init.ColumnsStartAt1 {
		at++
	}
	return dap.CompletionItem{Label: word, Text: word, Start: at, Length: len(utf16.Encode([]rune(text[from:]))), Type: kind}
}
