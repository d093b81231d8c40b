package engine

import (
	"fmt"
	"strings"

	"github.com/go-delve/delve/pkg/proc"
)

// Instruction is one of the program's.
type Instruction struct {
	Addr  uint64
	Bytes []byte
	Text  string
	Location
	Target  *Location // of a call or jump, if it is known
	Current bool      // the current thread is here
	Break   bool      // a breakpoint is here
}

// Flavour is a syntax of assembly.
type Flavour = proc.AssemblyFlavour

// The three flavours.
const (
	GoFlavour    = proc.GoFlavour
	IntelFlavour = proc.IntelFlavour
	GNUFlavour   = proc.GNUFlavour
)

const maxDisassembly = 256 << 10

// Disassemble returns the instructions in [lo, hi), without breakpoints. w's thread says what is current.
func (e *Engine) Disassemble(w Where, lo, hi uint64, f Flavour) (r []Instruction, err error) {
	defer guard(&err)
	if hi < lo || hi-lo > maxDisassembly {
		return nil, fmt.Errorf("disassemble %#x to %#x: too much", lo, hi)
	}
	regs, err := e.regsOf(w)
	if err != nil {
		return nil, err
	}
	ins, err := proc.Disassemble(e.target.Memory(), regs, e.target.Breakpoints(), e.sym.bi, lo, hi)
	if err != nil {
		return nil, err
	}
	for i := range ins {
		in := &ins[i]
		x := Instruction{Addr: in.Loc.PC, Bytes: in.Bytes, Text: in.Text(f, e.sym.bi), Location: place(in.Loc), Current: in.AtPC, Break: in.Breakpoint}
		if in.DestLoc != nil {
			l := place(*in.DestLoc)
			x.Target = &l
		}
		r = append(r, x)
	}
	return r, nil
}

// DisassembleFunction returns the instructions of the function that an address lies in.
func (e *Engine) DisassembleFunction(w Where, addr uint64, f Flavour) ([]Instruction, error) {
	fn := e.sym.bi.PCToFunc(addr)
	if fn == nil {
		return nil, fmt.Errorf("no function at %#x", addr)
	}
	return e.Disassemble(w, fn.Entry, min(fn.End, fn.Entry+maxDisassembly), f)
}

// Register is a register of a frame's.
type Register struct {
	Name  string // in small letters: rip, xmm0
	Bytes []byte // little-endian
}

// Registers returns the registers of a thread, the vector ones if wanted. In an outer frame they are the thread's
// still.
func (e *Engine) Registers(w Where, vectors bool) (r []Register, err error) {
	defer guard(&err)
	regs, err := e.regsOf(w)
	if err != nil {
		return nil, err
	}
	all, err := regs.Slice(vectors)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.Reg != nil {
			x.Reg.FillBytes()
			r = append(r, Register{Name: strings.ToLower(x.Name), Bytes: x.Reg.Bytes})
		}
	}
	return r, nil
}

func (e *Engine) regsOf(w Where) (proc.Registers, error) {
	th := e.target.CurrentThread()
	switch {
	case w.TID != 0:
		t, ok := e.target.FindThread(w.TID)
		if !ok {
			return nil, errNoThread(w.TID)
		}
		th = t
	case w.Goroutine != 0:
		g, err := e.goroutine(w.Goroutine)
		if err != nil {
			return nil, err
		}
		if g.Thread == nil {
			return nil, fmt.Errorf("goroutine %d is on no thread", w.Goroutine)
		}
		th = g.Thread
	}
	return th.Registers()
}

// ReadMemory reads the program's memory; fewer bytes than wanted come without an error when the rest is not mapped.
func (e *Engine) ReadMemory(b []byte, addr uint64) (n int, err error) {
	defer guard(&err)
	if e.tracer != nil {
		return e.tracer.Read(b, addr)
	}
	return e.target.Memory().ReadMemory(b, addr)
}

// WriteMemory writes the program's memory.
func (e *Engine) WriteMemory(addr uint64, b []byte) (n int, err error) {
	defer guard(&err)
	if e.tracer == nil {
		return 0, ErrNotLive
	}
	n, err = e.tracer.Write(addr, b)
	e.proc.mem.forget()
	e.target.ClearCaches()
	return n, err
}
