package tracer

import (
	"encoding/binary"
	"math"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"
)

// relocate rewrites an instruction so that it means the same at base.
func relocate(in x86asm.Inst, code []byte, addr, base uint64) ([]byte, bool) {
	next := addr + uint64(in.Len)
	out := append([]byte(nil), code...)
	switch in.Op {
	case x86asm.CALL, x86asm.LCALL, x86asm.INT, x86asm.LOOP, x86asm.LOOPE, x86asm.LOOPNE,
		x86asm.JCXZ, x86asm.JECXZ, x86asm.JRCXZ, x86asm.XBEGIN, x86asm.SYSCALL:
		return nil, false // would leave the slot's address behind, or has no long form
	}
	if in.PCRel == 0 {
		return out, true
	}
	for _, a := range in.Args {
		r, ok := a.(x86asm.Rel)
		if !ok {
			continue
		}
		op := []byte{0xe9} // jmp rel32
		if in.Op != x86asm.JMP {
			c := code[0] // 70+cc rel8
			if in.PCRel != 1 {
				c = code[in.PCRelOff-1] // 0f 80+cc rel32
			}
			op = []byte{0x0f, 0x80 | c&0xf}
		}
		d, ok := rel32(base+uint64(len(op))+4, next+uint64(int64(r)))
		return append(op, d...), ok
	}
	if in.PCRel != 4 {
		return nil, false
	}
	old := int32(binary.LittleEndian.Uint32(code[in.PCRelOff:]))
	d, ok := rel32(base+uint64(in.Len), next+uint64(int64(old)))
	copy(out[in.PCRelOff:], d)
	return out, ok
}

func rel32(from, to uint64) ([]byte, bool) {
	d := int64(to - from)
	return binary.LittleEndian.AppendUint32(nil, uint32(d)), d >= math.MinInt32 && d <= math.MaxInt32
}

// emulable tells whether emulateCall can do the instruction.
func emulable(in x86asm.Inst) bool {
	if in.Op != x86asm.CALL || in.Len == 0 || in.DataSize != 64 && in.PCRel == 0 {
		return false
	}
	switch a := in.Args[0].(type) {
	case x86asm.Rel:
		return true
	case x86asm.Reg:
		return register(&unix.PtraceRegs{}, a) != nil
	case x86asm.Mem:
		r := &unix.PtraceRegs{}
		return a.Segment == 0 && in.AddrSize == 64 && register(r, a.Base) != nil && (a.Index == 0 || register(r, a.Index) != nil)
	}
	return false
}

// emulateCall does a call on behalf of a thread that stands at breakpoint b.
func (t *Tracer) emulateCall(th *Thread, b *breakpoint, r *unix.PtraceRegs) bool {
	in := t.decode(b)
	if !emulable(in) {
		return false
	}
	next := b.addr + uint64(in.Len)
	var target uint64
	switch a := in.Args[0].(type) {
	case x86asm.Rel:
		target = next + uint64(int64(a))
	case x86asm.Reg:
		target = *register(r, a)
	case x86asm.Mem:
		at := *register(r, a.Base) + uint64(a.Disp)
		if a.Base == x86asm.RIP {
			at += uint64(in.Len) // Rip is still b.addr
		}
		if a.Index != 0 {
			at += *register(r, a.Index) * uint64(a.Scale)
		}
		var w [8]byte
		if n, err := t.Read(w[:], at); err != nil || n != len(w) {
			return false
		}
		target = binary.LittleEndian.Uint64(w[:])
	}
	if t.poke(r.Rsp-8, binary.LittleEndian.AppendUint64(nil, next)) != nil {
		return false
	}
	r.Rsp -= 8
	r.Rip = target
	th.dirty = true
	return true
}

// register returns where a 64-bit register is, or nil.
func register(r *unix.PtraceRegs, reg x86asm.Reg) *uint64 {
	switch reg {
	case x86asm.RIP:
		return &r.Rip
	case x86asm.RAX:
		return &r.Rax
	case x86asm.RCX:
		return &r.Rcx
	case x86asm.RDX:
		return &r.Rdx
	case x86asm.RBX:
		return &r.Rbx
	case x86asm.RSP:
		return &r.Rsp
	case x86asm.RBP:
		return &r.Rbp
	case x86asm.RSI:
		return &r.Rsi
	case x86asm.RDI:
		return &r.Rdi
	case x86asm.R8:
		return &r.R8
	case x86asm.R9:
		return &r.R9
	case x86asm.R10:
		return &r.R10
	case x86asm.R11:
		return &r.R11
	case x86asm.R12:
		return &r.R12
	case x86asm.R13:
		return &r.R13
	case x86asm.R14:
		return &r.R14
	case x86asm.R15:
		return &r.R15
	}
	return nil
}
