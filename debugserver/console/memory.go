package console

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vitrine/debugserver/session"
)

var memoryCommands = []*command{
	{
		name: "x", args: "[/COUNT FORMAT SIZE] ADDRESS", doc: "show memory", repeat: bare,
		help: `
FORMAT is x hexadecimal, d decimal, u unsigned, o octal, t binary, c characters, a addresses with what is
there, s strings that end with a zero, i instructions. SIZE is b, h, w or g: 1, 2, 4 or 8 bytes. ADDRESS is a
number or a pointer: x/8xg kernel.The.Sched. An empty line goes on behind.`,
		run: func(in *Interp, args string) error { return in.examine(args) }, words: exprWords,
	},
	{
		name: "disas", short: []string{"disassemble"}, args: "[COUNT] [PLACE]", doc: "show machine code, of the selected frame or from an address on",
		run: func(in *Interp, args string) error { return in.disasCommand(args) }, words: placeWords,
	},
}

// dump is what x shows, and where it goes on.
type dump struct {
	count  int
	format byte
	size   int
	addr   uint64
}

var unitSizes = map[byte]int{'b': 1, 'h': 2, 'w': 4, 'g': 8}

func (in *Interp) examine(args string) error {
	d := dump{count: 1, format: 'x', size: 8}
	if in.dump.format != 0 {
		d.format, d.size = in.dump.format, in.dump.size
	}
	format, expr := cutFormat(args)
	if args == "" {
		if in.dump.addr == 0 {
			return usageOf("x")
		}
		d = in.dump
	} else {
		if err := d.parse(format); err != nil {
			return err
		}
		if expr == "" {
			d.addr = in.dump.addr
		} else {
			var err error
			if d.addr, err = in.address(expr); err != nil {
				return err
			}
		}
	}
	err := in.showMemory(&d)
	in.dump = d
	return err
}

// parse reads COUNT FORMAT SIZE.
func (d *dump) parse(text string) error {
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(text)
	}
	if digits > 0 {
		n, err := strconv.Atoi(text[:digits])
		if err != nil || n < 1 || n > 1<<16 {
			return fmt.Errorf("/%s: a count from 1 to 65536", text)
		}
		d.count = n
	}
	for _, c := range []byte(text[digits:]) {
		switch {
		case unitSizes[c] != 0:
			d.size = unitSizes[c]
		case strings.IndexByte("xduotcasi", c) >= 0:
			d.format = c
			switch c {
			case 'a':
				d.size = 8
			case 'c', 's':
				d.size = 1
			}
		default:
			return fmt.Errorf("/%s: %q is no format or size; see help x", text, c)
		}
	}
	return nil
}

// registersIn replaces $pc, $sp and $rax by their values.
func (in *Interp) registersIn(expr string) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(expr, "$")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' })
		if end < 0 {
			end = len(rest)
		}
		v, err := in.register(rest[:end])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%#x", v)
		expr = rest[end:]
	}
}

// register returns a register of the selected frame.
func (in *Interp) register(name string) (uint64, error) {
	switch name {
	case "pc", "rip":
		f, err := in.currentFrame()
		return f.PC, err
	case "sp", "fp":
		name = map[string]string{"sp": "rsp", "fp": "rbp"}[name]
	}
	t, f := in.selection()
	rs, err := in.c.Registers(t, f)
	if err != nil {
		return 0, err
	}
	for _, r := range rs {
		if strings.EqualFold(r.Name, name) {
			return r.Bits, nil
		}
	}
	return 0, fmt.Errorf("there is no register $%s", name)
}

// address evaluates an expression to an address: a number, or what a pointer points to.
func (in *Interp) address(expr string) (uint64, error) {
	expr, err := in.registersIn(strings.TrimSpace(expr))
	if err != nil {
		return 0, err
	}
	if n, err := strconv.ParseUint(expr, 0, 64); err == nil {
		return n, nil
	}
	t, f := in.selection()
	v, err := in.c.Eval(t, f, "uintptr("+expr+")")
	if err != nil {
		v2, err2 := in.c.Eval(t, f, expr)
		if err2 != nil {
			return 0, err2
		}
		if text, _, _ := strings.Cut(v2.Value, " "); v2.Space != 0 { // a program's: a pointer's value, or where something is
			if n, err := strconv.ParseUint(text, 0, 64); err == nil && strings.HasPrefix(text, "0x") {
				return n, nil
			}
			if v2.Addr != 0 {
				return v2.Addr, nil
			}
		}
		switch v2.Kind {
		case "func":
			return v2.Addr, nil
		case "slice", "string", "map", "chan", "struct", "array":
			if v2.Addr != 0 {
				return 0, fmt.Errorf("%s is a %s, not an address; it lies at %#x", expr, v2.Kind, v2.Addr)
			}
		}
		return 0, err
	}
	text, _, _ := strings.Cut(v.Value, " ")
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no address: %s", expr, clip(v.Value, 40))
	}
	return n, nil
}

func (in *Interp) showMemory(d *dump) error {
	switch d.format {
	case 'i':
		return in.dumpCode(d)
	case 's':
		return in.dumpStrings(d)
	}
	data, err := in.readMemory(d.addr, d.count*d.size)
	if err != nil {
		return err
	}
	perLine := max(16/d.size, 1)
	if d.format == 'c' {
		perLine = 8
	}
	var b strings.Builder
	n := len(data) / d.size
	for i := range n {
		if i%perLine == 0 {
			if i > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%#x:", d.addr+uint64(i*d.size))
		}
		b.WriteString("\t" + in.unit(d, data[i*d.size:(i+1)*d.size]))
	}
	b.WriteByte('\n')
	in.out.Write([]byte(b.String()))
	d.addr += uint64(n * d.size)
	if n < d.count {
		return fmt.Errorf("memory at %#x is not mapped", d.addr)
	}
	return nil
}

// unit shows one unit of memory.
func (in *Interp) unit(d *dump, b []byte) string {
	var word [8]byte
	copy(word[:], b)
	u := binary.LittleEndian.Uint64(word[:])
	shift := 64 - 8*d.size
	switch d.format {
	case 'd':
		return strconv.FormatInt(int64(u<<shift)>>shift, 10)
	case 'u':
		return strconv.FormatUint(u, 10)
	case 'o':
		return fmt.Sprintf("0%0*o", (8*d.size+2)/3, u)
	case 't':
		return fmt.Sprintf("%0*b", 8*d.size, u)
	case 'c':
		return fmt.Sprintf("%d %s", u, strconv.QuoteRuneToASCII(rune(u)))
	case 'a':
		if at := in.symbol(u); at != "" {
			return fmt.Sprintf("%#x <%s>", u, at)
		}
		return fmt.Sprintf("%#x", u)
	}
	return fmt.Sprintf("0x%0*x", 2*d.size, u)
}

// symbol names the function that an address lies in.
func (in *Interp) symbol(addr uint64) string {
	ins, err := in.code(addr, 0, 1)
	if err != nil || len(ins) == 0 || ins[0].Func == "" {
		return ""
	}
	return shortFunc(ins[0].Func)
}

func (in *Interp) dumpStrings(d *dump) error {
	const most = 4096
	for range d.count {
		data, err := in.readMemory(d.addr, most)
		if err != nil {
			return err
		}
		n := strings.IndexByte(string(data), 0)
		end := n
		if n < 0 {
			n, end = len(data), len(data)-1
		}
		in.printf("%#x:\t%q\n", d.addr, data[:n])
		d.addr += uint64(end + 1)
	}
	return nil
}

func (in *Interp) dumpCode(d *dump) error {
	ins, err := in.code(d.addr, 0, d.count)
	if err != nil {
		return err
	}
	in.instructions(ins, 0)
	if len(ins) > 0 {
		last := ins[len(ins)-1]
		d.addr = last.Addr + uint64(len(last.Bytes))
	}
	return nil
}

func (in *Interp) disasCommand(args string) error {
	n := 0
	first, rest, _ := strings.Cut(strings.TrimSpace(args), " ")
	if c, err := strconv.Atoi(strings.TrimPrefix(first, "/")); err == nil && c > 0 {
		n, args = c, rest
	}
	pc := uint64(0)
	f, err := in.currentFrame()
	if err == nil {
		pc = f.PC
	}
	if args == "" {
		if err != nil {
			return err
		}
		return in.disassemble(pc, n, pc)
	}
	addr, err := in.address(strings.TrimPrefix(args, "*"))
	if err != nil {
		return err
	}
	return in.disassemble(addr, n, pc)
}

// disassemble shows n instructions from an address on; 0: some around it.
func (in *Interp) disassemble(addr uint64, n int, pc uint64) error {
	skip := 0
	if n == 0 {
		skip, n = -6, 20
	}
	ins, err := in.code(addr, skip, n)
	if err != nil {
		return err
	}
	if len(ins) == 0 {
		return errors.New("there is no code")
	}
	in.instructions(ins, pc)
	return nil
}

func (in *Interp) instructions(ins []session.Instruction, pc uint64) {
	var b strings.Builder
	file, line := "", 0
	for _, i := range ins {
		if len(ins) > 1 && (i.File != file || i.Line != line) {
			file, line = i.File, i.Line
			if file != "" {
				fmt.Fprintf(&b, "%s:%d  %s\n", in.shortFile(file), line, strings.TrimSpace(in.sourceLine(file, line)))
			}
		}
		mark := "  "
		if i.Addr == pc {
			mark = "=>"
		} else if i.Breakpoint {
			mark = " *"
		}
		fmt.Fprintf(&b, "%s %#x  %-24x %s\n", mark, i.Addr, i.Bytes, i.Text)
	}
	in.out.Write([]byte(b.String()))
}
