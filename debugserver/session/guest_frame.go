package session

import (
	"errors"
	"fmt"

	"golang.org/x/arch/x86/x86asm"

	"vitrine/debugserver/guest"
)

// What a program's frame has to show. ok is false where the frame is the kernel's.

func (s *Session) programVariables(thread, frame int, args bool) (vs []Variable, ok bool, err error) {
	st, f := s.program(thread, frame)
	if f == nil {
		return nil, s.isBoundary(thread, frame), nil
	}
	get := st.task.space.Locals
	if args {
		get = st.task.space.Arguments
	}
	values, err := get(f)
	if err != nil {
		return nil, true, nil //nolint:nilerr // a program without DWARF has no variables, which is no news
	}
	last := map[string]int{}
	for i, v := range values {
		last[v.Name] = i
	}
	for i, v := range values {
		r := s.showProgram(v, v.Name, st.task.pid)
		if last[v.Name] != i { // hidden by one further inside
			r.Name, r.Expr = "("+v.Name+")", ""
		}
		vs = append(vs, r)
	}
	return vs, true, nil
}

// programEval evaluates an expression in a program's frame. What means nothing there may mean something to the kernel.
func (s *Session) programEval(thread, frame int, expr string) (v Variable, ok bool, err error) {
	st, f := s.program(thread, frame)
	if f == nil {
		return v, false, nil
	}
	x, err := st.task.space.Eval(f, expr)
	if err != nil {
		if k, kerr := s.kernelEval(thread, expr); kerr == nil {
			return k, true, nil
		}
		return v, true, err
	}
	return s.showProgram(x, expr, st.task.pid), true, nil
}

// kernelEval evaluates in the kernel's innermost frame.
func (s *Session) kernelEval(thread int, expr string) (Variable, error) {
	w, err := s.where(thread, 0)
	if err != nil {
		return Variable{}, err
	}
	v, err := s.e.Eval(w, expr, lineLoad)
	if err != nil {
		return Variable{}, err
	}
	return s.show(v, expr, expr, w), nil
}

// kernelFrame is a frame for expressions of the kernel's: the innermost one in the place of one of the program's.
func (s *Session) kernelFrame(thread, frame int) int {
	if _, f := s.program(thread, frame); f != nil || s.isBoundary(thread, frame) {
		return 0
	}
	return frame
}

func (s *Session) showProgram(v *guest.Value, expr string, pid int) Variable {
	r := Variable{Name: v.Name, Type: v.TypeName(), Value: v.Format(), Expr: expr, Addr: v.Addr, Size: v.Size(), Space: pid}
	r.Named, r.Indexed = v.Children()
	if r.Named+r.Indexed > 0 {
		r.Ref = s.values.add(&ref{program: v, shown: expr, space: pid})
	}
	return r
}

func (s *Session) programChildren(r *ref, from, n int) (vs []Variable) {
	named, indexed := r.program.Children()
	for i := max(from, 0); i < min(named+indexed, from+n); i++ {
		c := r.program.Child(i)
		expr := ""
		switch {
		case r.shown == "":
		case c.Name == "*":
			expr = deref(r.shown)
		case indexed > 0:
			expr = index(r.shown, fmt.Sprint(i))
		default:
			expr = member(r.shown, c.Name)
		}
		vs = append(vs, s.showProgram(c, expr, r.space))
	}
	return vs
}

// space returns the address space of a process.
func (s *Session) space(pid int) (*guestSpace, error) {
	t, err := s.guestTask(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return t.space, nil
}

// readProgram reads a process's memory.
func (s *Session) readProgram(pid int, addr uint64, n int) ([]byte, error) {
	if n < 0 || n > maxMemory {
		return nil, fmt.Errorf("%d bytes at once; %d is the most", n, maxMemory)
	}
	sp, err := s.space(pid)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	k, err := sp.Mem.Read(b, addr)
	if k == 0 && n > 0 {
		return nil, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return b[:k], nil
}

// disassembleProgram is disassemble for a process's code.
func (s *Session) disassembleProgram(pid int, addr uint64, skip, n int) ([]Instruction, error) {
	const longest = 15
	if n < 0 || n > 65536 || skip < -65536 || skip > 65536 {
		return nil, errors.New("too many instructions")
	}
	sp, err := s.space(pid)
	if err != nil {
		return nil, err
	}
	start := addr
	if skip < 0 { // from the function's beginning, if that is far enough
		l := sp.Where(addr)
		if l.Func == "" {
			skip = 0
		}
		start = addr - l.Offset
	}
	var all []Instruction
	at := -1
	for pc := start; len(all) < 1<<17; {
		if pc >= addr && at < 0 {
			at = len(all)
		}
		if at >= 0 && len(all) >= at+skip+n {
			break
		}
		b := make([]byte, longest)
		k, err := sp.Mem.Read(b, pc)
		if k == 0 {
			if len(all) == 0 {
				return nil, err
			}
			break
		}
		in, derr := x86asm.Decode(b[:k], 64)
		i := Instruction{Addr: pc, Text: "(bad)"}
		size := 1
		if derr == nil && in.Len > 0 {
			size = in.Len
			i.Text = x86asm.IntelSyntax(in, pc, func(a uint64) (string, uint64) {
				if l := sp.Where(a); l.Func != "" {
					return l.Func, a - l.Offset
				}
				return "", 0
			})
		}
		i.Bytes = b[:size]
		l := sp.Where(pc)
		i.Func, i.File, i.Line = l.Func, s.guests.hostSource(l.File), l.Line
		all = append(all, i)
		pc += uint64(size)
	}
	if at < 0 {
		at = len(all)
	}
	from := min(max(at+skip, 0), len(all))
	return all[from:min(from+n, len(all))], nil
}

// Module is an image that a process has mapped.
type Module struct {
	PID     int
	Comm    string
	Path    string
	Start   uint64
	End     uint64
	BuildID string
	Symbols string // what is known of it: "DWARF", "symbols", "none"
	Broken  string // what is wrong with its file
}

// Modules lists every image of every process.
func (c *Client) Modules() ([]Module, error) {
	return ask(c, func(s *Session) ([]Module, error) { return s.modules() })
}

func (s *Session) modules() (ms []Module, err error) {
	tasks, err := s.guestTasks()
	if err != nil {
		return nil, err
	}
	for _, tid := range sortedIDs(tasks) {
		t, err := s.lookAtTask(tasks[tid])
		if err != nil || t.pid != tid {
			continue
		}
		comm, _ := t.Text("comm")
		for _, im := range t.space.Images {
			m := Module{PID: t.pid, Comm: comm, Path: im.Path, Start: im.Start, End: im.End, BuildID: im.BuildID, Symbols: "none"}
			if im.Debug() {
				m.Symbols = "DWARF"
			} else {
				im.Functions(func(string) bool { m.Symbols = "symbols"; return false })
			}
			if im.Broken != nil {
				m.Broken = im.Broken.Error()
			}
			ms = append(ms, m)
		}
	}
	return ms, nil
}

// ReadProgram reads the memory of a process (see Frame.Space and Variable.Space), DisassembleProgram disassembles its code.
func (c *Client) ReadProgram(pid int, addr uint64, n int) ([]byte, error) {
	return ask(c, func(s *Session) ([]byte, error) { return s.readProgram(pid, addr, n) })
}

// WriteProgram writes a process's memory, where the process itself could.
func (c *Client) WriteProgram(pid int, addr uint64, b []byte) error {
	return c.do(func(s *Session) error {
		sp, err := s.space(pid)
		if err != nil {
			return err
		}
		s.values.forget()
		s.guests.stacks = nil
		return sp.ram.Write(addr, b)
	})
}

// DisassembleProgram: see ReadProgram.
func (c *Client) DisassembleProgram(pid int, addr uint64, skip, n int) ([]Instruction, error) {
	return ask(c, func(s *Session) ([]Instruction, error) { return s.disassembleProgram(pid, addr, skip, n) })
}

// MapSource makes source paths of programs that begin with one prefix begin with another.
func (c *Client) MapSource(from, to string) error {
	return c.do(func(s *Session) error {
		s.guests.maps = append(s.guests.maps, [2]string{from, to})
		return nil
	})
}
