package console

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

	"vitrine/debugserver/session"
)

// programs is what a Client may offer for the programs that run on the kernel.
type programs interface {
	Modules() ([]session.Module, error)
	ReadProgram(pid int, addr uint64, n int) ([]byte, error)
	DisassembleProgram(pid int, addr uint64, skip, n int) ([]session.Instruction, error)
	MapSource(from, to string) error
}

var errNoPrograms = errors.New("programs can't be seen from here")

var programCommands = []*command{
	{
		name: "modules", short: []string{"images"}, args: "[TASK]", doc: "list the programs and libraries that processes have mapped",
		run: func(in *Interp, args string) error { return in.modules(args) },
	},
	{
		name: "map", args: "FROM TO", doc: "look for sources of programs whose paths begin with FROM in TO",
		help: "\nPaths are those of the machine on which the program was compiled: map /build/src /home/me/src.",
		run: func(in *Interp, args string) error {
			w := strings.Fields(args)
			p, ok := in.c.(programs)
			if len(w) != 2 {
				return usageOf("map")
			}
			if !ok {
				return errNoPrograms
			}
			return p.MapSource(w[0], w[1])
		},
	},
}

func (in *Interp) modules(args string) error {
	p, ok := in.c.(programs)
	if !ok {
		return errNoPrograms
	}
	ms, err := p.Modules()
	if err != nil {
		return err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "PID\tPROGRAM\tSTART\tEND\tSYMBOLS\tBUILD ID\tFILE\n")
	n := 0
	for _, m := range ms {
		if args != "" && args != m.Comm && args != fmt.Sprint(m.PID) {
			continue
		}
		id := m.BuildID
		if len(id) > 12 {
			id = id[:12]
		}
		broken := ""
		if m.Broken != "" {
			broken = "  (" + clip(clean(m.Broken), 60) + ")"
		}
		fmt.Fprintf(w, "%d\t%s\t%#x\t%#x\t%s\t%s\t%s%s\n", m.PID, clean(m.Comm), m.Start, m.End, m.Symbols, id, clean(m.Path), broken)
		n++
	}
	w.Flush()
	if n == 0 {
		in.printf("none\n")
		return nil
	}
	in.out.Write([]byte(b.String()))
	return nil
}

// space returns the process whose memory addresses mean in the selected frame; 0: the kernel's.
func (in *Interp) space() int {
	f, err := in.currentFrame()
	if err != nil {
		return 0
	}
	return f.Space
}

// readMemory reads memory of what the selected frame belongs to.
func (in *Interp) readMemory(addr uint64, n int) ([]byte, error) {
	if p, ok := in.c.(programs); ok {
		if pid := in.space(); pid != 0 {
			return p.ReadProgram(pid, addr, n)
		}
	}
	return in.c.ReadMemory(addr, n)
}

// code disassembles, likewise.
func (in *Interp) code(addr uint64, skip, n int) ([]session.Instruction, error) {
	if p, ok := in.c.(programs); ok {
		if pid := in.space(); pid != 0 {
			return p.DisassembleProgram(pid, addr, skip, n)
		}
	}
	return in.c.Disassemble(addr, skip, n)
}

// programLine is how a frame of a program, or the boundary to it, ends a line.
func (in *Interp) programLine(f *session.Frame) string {
	doubt := ""
	if f.Doubtful {
		doubt = "  (doubtful)"
	}
	switch {
	case f.Boundary:
		return ""
	case f.File != "":
		return fmt.Sprintf(" at %s:%d%s", clean(in.shortFile(f.File)), f.Line, doubt)
	case f.Image != "":
		return fmt.Sprintf(" at %#x in %s%s", f.PC, clean(path.Base(f.Image)), doubt)
	}
	return fmt.Sprintf(" at %#x%s", f.PC, doubt)
}
