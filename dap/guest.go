package dap

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// programs is what a Debugger may offer for the programs that run on the kernel.
type programs interface {
	Modules() ([]session.Module, error)
	ReadProgram(pid int, addr uint64, n int) ([]byte, error)
	WriteProgram(pid int, addr uint64, b []byte) error
	DisassembleProgram(pid int, addr uint64, skip, n int) ([]session.Instruction, error)
}

// reference names an address to a client: of a process by a number behind it, 0x401000@12, for program and kernel may use the same ones.
func reference(space int, addr uint64) string {
	if space == 0 {
		return hex(addr)
	}
	return hex(addr) + "@" + strconv.Itoa(space)
}

// cutSpace takes the process off a reference; 0: the kernel.
func cutSpace(ref string) (addr string, space int) {
	addr, pid, ok := strings.Cut(ref, "@")
	if n, err := strconv.Atoi(pid); ok && err == nil && n > 0 {
		return addr, n
	}
	return ref, 0
}

// readBytes reads the memory of the kernel or of a process.
func (c *conn) readBytes(space int, addr uint64, n int) ([]byte, error) {
	dbg := c.debugger()
	if space == 0 {
		return dbg.ReadMemory(addr, n)
	}
	p, ok := dbg.(programs)
	if !ok {
		return nil, errNoPrograms
	}
	return p.ReadProgram(space, addr, n)
}

// writeBytes writes it.
func (c *conn) writeBytes(space int, addr uint64, b []byte) error {
	dbg := c.debugger()
	if space == 0 {
		return dbg.WriteMemory(addr, b)
	}
	p, ok := dbg.(programs)
	if !ok {
		return errNoPrograms
	}
	return p.WriteProgram(space, addr, b)
}

// codeOf disassembles, likewise.
func (c *conn) codeOf(space int, addr uint64, skip, n int) ([]session.Instruction, error) {
	dbg := c.debugger()
	if space == 0 {
		return dbg.Disassemble(addr, skip, n)
	}
	p, ok := dbg.(programs)
	if !ok {
		return nil, errNoPrograms
	}
	return p.DisassembleProgram(space, addr, skip, n)
}

var errNoPrograms = fmt.Errorf("programs can't be seen from here")

// programFrame completes a frame of a program's, or the boundary to it.
func programFrame(d *dap.StackFrame, f *session.Frame) {
	d.Name = printable(f.Func)
	d.InstructionPointerReference = reference(f.Space, f.PC)
	d.ModuleId = nil
	switch {
	case f.Boundary:
		d.PresentationHint = "label"
	case f.Doubtful:
		d.PresentationHint, d.Name = "subtle", d.Name+" (doubtful)"
	case f.File == "":
		d.PresentationHint = "subtle"
	}
	if f.Program {
		d.ModuleId = moduleID(f.Space, f.Image)
	}
}

func moduleID(pid int, image string) string { return fmt.Sprintf("%d %s", pid, image) }

// programModules lists the images of all processes.
func (c *conn) programModules() (mods []dap.Module) {
	p, ok := c.debugger().(programs)
	if !ok {
		return nil
	}
	ms, err := p.Modules()
	if err != nil {
		return nil
	}
	for _, m := range ms {
		d := dap.Module{
			Id: moduleID(m.PID, m.Path), Name: printable(fmt.Sprintf("%s (%d %s)", path.Base(m.Path), m.PID, m.Comm)), Path: printable(m.Path),
			IsUserCode: m.Symbols == "DWARF", SymbolStatus: map[string]string{"DWARF": "Symbols loaded", "symbols": "Only names of functions", "none": "No symbols"}[m.Symbols],
			AddressRange: fmt.Sprintf("%#x-%#x", m.Start, m.End), Version: m.BuildID,
		}
		if m.Broken != "" {
			d.SymbolStatus += "; " + printable(m.Broken)
		}
		mods = append(mods, d)
	}
	return mods
}

// programSpec reads program:NAME, a function of programs.
func programSpec(name string) (session.Spec, bool) {
	fn, ok := strings.CutPrefix(name, "program:")
	fn = strings.TrimSpace(fn)
	return session.Spec{Kind: session.Function, Func: fn, Program: true}, ok && fn != ""
}
