package session

import (
	"errors"
	"fmt"

	"vitrine/debugserver/guest"
)

// A thread's registers, and how variables of programs are set. While a thread is in the kernel its general registers lie in its task.Task, the
// others in the memory that it shares with its cell (kernel/platform/cell/context.go).

// places of registers in amd64.Registers, by DWARF's numbers; and of others that are shown.
var (
	registerAt = [...]int{
		guest.R15: 0, guest.R14: 1, guest.R13: 2, guest.R12: 3, guest.RBP: 4, guest.RBX: 5, guest.R11: 6, guest.R10: 7, guest.R9: 8, guest.R8: 9,
		guest.RAX: 10, guest.RCX: 11, guest.RDX: 12, guest.RSI: 13, guest.RDI: 14, guest.RIP: 16, guest.RSP: 19,
	}
	origRAXAt = 15
	flagsAt   = 18
	fsBaseAt  = 21
	gsBaseAt  = 22
)

// vectorArea is where the extended state lies: the thread's area, and where in it; 0: it is in its initial state.
func (t *guestTask) vectorArea() (addr, size uint64, err error) {
	c, err := t.Field("Context")
	if err != nil {
		return 0, 0, err
	}
	at, err := c.Uint("fp")
	if err != nil || at == 0 {
		return 0, 0, err
	}
	first, size := uint64(0), uint64(0)
	mem, err := c.Field("thread.area.mem")
	if err == nil {
		err = mem.Each("", func(b oneWord) bool { first = b.Addr(); return false })
	}
	if size, _ = c.Uint("cell.p.format.Size"); err != nil || first == 0 {
		return 0, 0, errors.Join(errors.New("this kernel's programs keep their vector registers elsewhere"), err)
	}
	return first + at, size, nil
}

// loadVectors implements guest.Vectors.
func (s *Session) loadVectors(t *guestTask) ([]byte, error) {
	addr, size, err := t.vectorArea()
	if err != nil || addr == 0 {
		return nil, err
	}
	b := make([]byte, min(size, 1<<16))
	_, err = s.e.Tracer().Read(b, addr)
	return b, err
}

// programRegisters shows a frame's registers; those beyond the general ones only of the innermost function.
func (s *Session) programRegisters(thread, frame int) (rs []Register, ok bool) {
	st, f := s.program(thread, frame)
	switch {
	case f != nil:
	case s.isBoundary(thread, frame):
		f = &guest.Frame{Regs: st.task.regs}
	default:
		return nil, false
	}
	for n, name := range guest.RegisterNames {
		if v, known := f.Regs.Get(uint64(n)); known {
			rs = append(rs, Register{Name: name, Value: fmt.Sprintf("%#x", v), Bits: v})
		}
	}
	if f.Regs.Vectors == nil {
		return rs, true
	}
	add := func(name string, v uint64) {
		rs = append(rs, Register{Name: name, Value: fmt.Sprintf("%#x", v), Bits: v})
	}
	add("rflags", st.task.flags)
	add("fs_base", st.task.fs)
	add("gs_base", st.task.gs)
	numbers, order := guest.VectorNames()
	for _, name := range order {
		b, err := f.Regs.Vector(numbers[name])
		if err != nil {
			break
		}
		rs = append(rs, Register{Name: name, Value: guest.FormatVector(name, b)})
	}
	return rs, true
}

// programAssign sets a variable of a program's.
func (s *Session) programAssign(thread, frame int, expr, value string) (v Variable, ok bool, err error) {
	st, f := s.program(thread, frame)
	if f == nil {
		return v, false, nil
	}
	stores, err := st.task.space.Assign(f, expr, value)
	if err != nil {
		if _, kerr := s.kernelEval(thread, expr); kerr == nil {
			return v, false, nil // something of the kernel's
		}
	}
	for i := 0; i < len(stores) && err == nil; i++ {
		err = s.store(st.task, stores[i])
	}
	if err != nil {
		return v, true, err
	}
	s.values.forget()
	s.guests.forget()
	return s.programEval(thread, frame, expr)
}

// store writes a part of what a variable or register is to be.
func (s *Session) store(t *guestTask, x guest.Store) error {
	at := x.Addr
	switch x.Kind {
	case guest.ToMemory:
		return t.space.ram.Write(at, x.Data)
	case guest.ToRegister:
		regs, err := t.Field("Regs")
		if err != nil {
			return err
		}
		at = regs.Addr() + 8*uint64(registerAt[x.Addr])
	case guest.ToVectors:
		area, _, err := t.vectorArea()
		if err != nil {
			return err
		}
		at += area
	}
	if t.user {
		return errors.New("the program runs: its registers can be set where it has stopped, or is in the kernel")
	}
	_, err := s.e.WriteMemory(at, x.Data)
	return err
}
