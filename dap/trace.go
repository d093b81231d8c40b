package dap

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// TraceArguments are those of vitrine/trace.
type TraceArguments struct {
	Max int `json:"max,omitempty"` // newest records; 0: 1000
}

// The layout of ktrace.Record.
const (
	recordSize = 56
	recordArgs = 24
)

// traceRecords shows the newest events that the kernel has recorded: kernel.The.Trace, read from its memory.
func (c *conn) traceRecords(_ *request, a *TraceArguments) (any, error) {
	dbg := c.debugger()
	const buffer = "kernel.The.Trace"
	number := func(expr string) (uint64, error) {
		v, err := dbg.Eval(0, 0, expr)
		if err != nil {
			return 0, err
		}
		return strconv.ParseUint(v.Value, 10, 64)
	}
	size, err := number("len(" + buffer + ".ring)")
	if err != nil {
		return nil, err
	}
	body := LinesBody{Lines: []string{}}
	if size == 0 {
		return body, nil
	}
	written, err := number(buffer + ".n")
	if err != nil {
		return nil, err
	}
	first, err := dbg.Eval(0, 0, buffer+".ring[0]")
	if err != nil {
		return nil, err
	}
	if first.Size != recordSize || size > 1<<20 {
		return nil, fmt.Errorf("the trace of this kernel has another format")
	}
	raw, err := dbg.ReadMemory(first.Addr, int(size)*recordSize)
	if err != nil {
		return nil, err
	}
	kinds := map[uint64]*eventKind{}
	n := min(size, written, uint64(max(a.Max, 0)))
	if a.Max <= 0 {
		n = min(size, written, 1000)
	}
	for i := written - n; i < written; i++ {
		r := raw[i%size*recordSize:]
		if len(r) < recordSize {
			break
		}
		word := func(at int) uint64 { return binary.LittleEndian.Uint64(r[at:]) }
		id := word(8)
		if kinds[id] == nil {
			kinds[id] = c.eventKind(dbg, id)
		}
		var b strings.Builder
		t := word(0)
		fmt.Fprintf(&b, "%d.%06d [%d] %s", t/1e9, t%1e9/1e3, word(16), kinds[id].name)
		for j, f := range kinds[id].fields {
			fmt.Fprintf(&b, " %s=%d", f, word(recordArgs+8*j))
		}
		body.Lines = append(body.Lines, printable(b.String()))
	}
	return body, nil
}

// eventKind is a declared event.
type eventKind struct {
	name   string
	fields []string
}

func (c *conn) eventKind(dbg Debugger, id uint64) *eventKind {
	k := &eventKind{name: fmt.Sprintf("event-%d", id)}
	text := func(expr string) (string, bool) {
		v, err := dbg.Eval(0, 0, expr)
		if err != nil {
			return "", false
		}
		s, err := strconv.Unquote(v.Value)
		return s, err == nil
	}
	expr := fmt.Sprintf("ktrace.kinds[%d]", id)
	if s, ok := text(expr + ".Name"); ok {
		k.name = s
	}
	for j := range 4 {
		s, ok := text(fmt.Sprintf("%s.Fields[%d]", expr, j))
		if !ok {
			break
		}
		k.fields = append(k.fields, s)
	}
	return k
}
