package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var kernelCommands = []*command{
	{
		name: "view", short: []string{"v"}, args: "[NAME]", doc: "show a table of kernel structures, or list the tables",
		run: func(in *Interp, args string) error { return in.view(args) }, words: viewNames,
	},
	{
		name: "dmesg", args: "[COUNT]", doc: "show the kernel's log, or its last lines",
		run: func(in *Interp, args string) error { return in.dmesg(args) },
	},
	{
		name: "trace", args: "[COUNT | on | off]", doc: "show the last events that the kernel has recorded, or switch recording",
		run: func(in *Interp, args string) error { return in.trace(args) },
	},
	{
		name: "core", args: "FILE", doc: "write a core dump of the kernel process; `vitrine view -core FILE` reads it",
		run: func(in *Interp, args string) error {
			if args == "" {
				return usageOf("core")
			}
			if err := in.c.Core(in.path(args)); err != nil {
				return err
			}
			in.printf("%s written\n", args)
			return nil
		},
	},
}

func (in *Interp) view(name string) error {
	if name == "" {
		vs, err := in.c.Views()
		if err != nil {
			return err
		}
		for _, v := range vs {
			in.printf("%-12s %s\n", v.Name, v.Doc)
		}
		return nil
	}
	tb, err := in.c.View(name)
	if err != nil && len(tb.Rows) == 0 {
		return err
	}
	var b strings.Builder
	tb.Write(&b)
	in.out.Write([]byte(b.String()))
	return err
}

func (in *Interp) dmesg(args string) error {
	if in.Dmesg == nil {
		return errors.New("the kernel's log is not to be had here")
	}
	lines := in.Dmesg()
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil || n < 1 {
			return usageOf("dmesg")
		}
		lines = lines[max(len(lines)-n, 0):]
	}
	for _, l := range lines {
		in.printf("%s\n", clean(l))
	}
	return nil
}

// traceBuffer is the kernel's ring of events.
const (
	traceBuffer = `"vitrine/kernel".The.Trace`
	traceKinds  = `"vitrine/kernel/ktrace".kinds`
)

func (in *Interp) trace(args string) error {
	n := 20
	switch args {
	case "on", "off":
		value := map[string]string{"on": "1", "off": "0"}[args]
		_, err := in.c.Assign(0, 0, traceBuffer+".on.v", value)
		return err
	case "":
	default:
		var err error
		if n, err = strconv.Atoi(args); err != nil || n < 1 {
			return usageOf("trace")
		}
	}
	written, err := in.number(traceBuffer + ".n")
	if err != nil {
		return err
	}
	size, err := in.number("cap(" + traceBuffer + ".ring)")
	if err != nil {
		return err
	}
	if written == 0 {
		in.printf("no events; trace on switches recording on\n")
		return nil
	}
	count := min(uint64(n), written, size)
	for i := written - count; i < written; i++ {
		if in.interrupted() {
			return errInterrupted
		}
		line, err := in.event(fmt.Sprintf("%s.ring[%d]", traceBuffer, i%size))
		if err != nil {
			return err
		}
		in.printf("%s\n", line)
	}
	return nil
}

// event shows one record, as ktrace's own String does.
func (in *Interp) event(record string) (string, error) {
	var v [7]uint64
	for i, field := range []string{"Time", "Kind", "TID", "Args[0]", "Args[1]", "Args[2]", "Args[3]"} {
		var err error
		if v[i], err = in.number(record + "." + field); err != nil {
			return "", err
		}
	}
	kind := fmt.Sprintf("%s[%d]", traceKinds, v[1])
	name, err := in.c.Eval(0, 0, kind+".Name")
	if err != nil {
		return "", err
	}
	fields, err := in.number("len(" + kind + ".Fields)")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%06d [%d] %s", v[0]/1e9, v[0]%1e9/1e3, v[2], unquote(name.Value))
	for i := range min(fields, 4) {
		f, err := in.c.Eval(0, 0, fmt.Sprintf("%s.Fields[%d]", kind, i))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, " %s=%d", unquote(f.Value), int64(v[3+i]))
	}
	return clean(b.String()), nil
}

// number evaluates to an integer.
func (in *Interp) number(expr string) (uint64, error) {
	v, err := in.c.Eval(0, 0, expr)
	if err != nil {
		return 0, err
	}
	i, err := strconv.ParseInt(v.Value, 0, 64)
	if err == nil {
		return uint64(i), nil
	}
	u, err := strconv.ParseUint(v.Value, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %s, not a number", expr, clip(v.Value, 40))
	}
	return u, nil
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
