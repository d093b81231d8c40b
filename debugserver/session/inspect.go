package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitrine/debugserver/engine"
)

// threadBase is where the scheduler has started a thread; from there on a stack is the affair of the Go runtime, whose coroutine the thread is.
const threadBase = "vitrine/kernel/sched.(*Scheduler).start.func1"

// stack returns frames of a thread.
func (s *Session) stack(thread, from, n int) ([]Frame, bool, error) {
	if s.atGuestStop(thread) {
		if st := s.oneStack(thread); st != nil {
			r, more := st.appendProgram(s, nil, from, n)
			return r, more, nil
		}
	}
	if from > 0 {
		if st := s.oneStack(thread); st != nil && from >= st.kernel {
			r, more := st.appendProgram(s, nil, from, n)
			return r, more, nil
		}
	}
	r, more, err := s.kernelStack(thread, from, n)
	if i := slices.IndexFunc(r, func(f Frame) bool { return f.Func == threadBase }); i >= 0 {
		r, more = r[:i], false
	}
	if err != nil && from == 0 || len(r) == n {
		return r, more, err
	}
	if st := s.oneStack(thread); st != nil {
		r, more = st.appendProgram(s, r, from+len(r), n-len(r))
		return r, more, nil
	}
	return r, more, err
}

// kernelStack returns the kernel's frames of a thread.
func (s *Session) kernelStack(thread, from, n int) ([]Frame, bool, error) {
	w, err := s.where(thread, from)
	if err != nil {
		return nil, false, err
	}
	fs, err := s.e.Stack(w, n+1)
	if err != nil {
		return nil, false, err
	}
	more := len(fs) > n || len(fs) == n && n > 0 && s.oneStack(thread) != nil
	var r []Frame
	for _, f := range fs[:min(n, len(fs))] {
		name := f.Function
		if name == "" {
			name = fmt.Sprintf("%#x", f.PC)
		}
		r = append(r, Frame{
			Index: f.Index, Func: name, File: f.File, Line: f.Line, PC: f.PC,
			Runtime: strings.HasPrefix(f.Function, "runtime.") || strings.HasPrefix(f.Function, "internal/runtime"),
		})
	}
	return r, more, nil
}

// frameVariables returns arguments or locals.
func (s *Session) frameVariables(thread, frame int, args bool) ([]Variable, error) {
	if vs, ok, err := s.programVariables(thread, frame, args); ok {
		return vs, err
	}
	get := s.e.Locals
	if args {
		get = s.e.Args
	}
	w, err := s.where(thread, frame)
	if err != nil {
		return nil, err
	}
	vs, err := get(w, lineLoad)
	if err != nil {
		return nil, err
	}
	// Of several with one name the last is the innermost: the others can't be named.
	last := map[string]int{}
	for i, v := range vs {
		last[v.Name] = i
	}
	var r []Variable
	for i, v := range vs {
		expr := v.Name
		name := v.Name
		switch {
		case strings.HasPrefix(v.Name, "~"):
			expr = "" // an unnamed result
		case last[v.Name] != i:
			name, expr = "("+v.Name+")", ""
		}
		r = append(r, s.show(v, name, expr, w))
	}
	return r, nil
}

func (s *Session) registers(thread, frame int) ([]Register, error) {
	if rs, ok := s.programRegisters(thread, frame); ok {
		return rs, nil
	}
	w, err := s.where(thread, frame)
	if err != nil {
		return nil, err
	}
	rs, err := s.e.Registers(engine.Where{Goroutine: w.Goroutine}, true)
	if err != nil {
		return nil, err
	}
	var out []Register
	for _, r := range rs {
		x := Register{Name: r.Name, Value: hexBytes(r.Bytes)}
		if len(r.Bytes) == 8 {
			x.Bits = binary.LittleEndian.Uint64(r.Bytes)
		}
		out = append(out, x)
	}
	return out, nil
}

// task evaluates to the task or kernel thread itself.
func (s *Session) task(thread int) (Variable, error) {
	l, err := s.list()
	if err != nil {
		return Variable{}, err
	}
	if thread == 0 {
		thread = s.currentThread()
	}
	i := slices.IndexFunc(l.all, func(t Thread) bool { return t.ID == thread })
	if i < 0 || l.all[i].expr == "" {
		return Variable{}, fmt.Errorf("%d is no thread of the kernel's scheduler", thread)
	}
	expr := l.all[i].expr
	if v, err := s.eval(0, 0, operand(expr)+".Owner.(*task.Task)", lineLoad); err == nil {
		v.Name = "task"
		return v, nil
	}
	v, err := s.eval(0, 0, expr, lineLoad)
	v.Name = "thread"
	return v, err
}

func (s *Session) eval(thread, frame int, expr string, c engine.LoadConfig) (Variable, error) {
	if v, ok, err := s.programEval(thread, frame, expr); ok {
		return v, err
	}
	frame = s.kernelFrame(thread, frame)
	w, err := s.where(thread, frame)
	if err != nil {
		return Variable{}, err
	}
	v, err := s.e.Eval(w, expr, c)
	if err != nil {
		return Variable{}, err
	}
	r := s.show(v, expr, expr, w)
	if c.MaxStringLen > lineLoad.MaxStringLen {
		r.Value = engine.Format(v)
	}
	return r, nil
}

func (s *Session) assign(thread, frame int, expr, value string) (Variable, error) {
	if v, ok, err := s.programAssign(thread, frame, expr, value); ok {
		return v, err
	}
	w, err := s.where(thread, s.kernelFrame(thread, frame))
	if err != nil {
		return Variable{}, err
	}
	err = s.e.Set(w, expr, value)
	if err != nil && strings.Contains(err.Error(), "using 'call'") && frame == 0 { // a new string needs memory, which the kernel's allocator gives
		if err = s.mayCall(thread); err == nil {
			_, err = s.call(expr + " = " + value)
		}
	}
	if err != nil {
		return Variable{}, err
	}
	s.values.forget()
	s.threads = nil
	return s.eval(thread, frame, expr, lineLoad)
}

// maxMemory is how much can be read at once, bytes.
const maxMemory = 16 << 20

func (s *Session) readMemory(addr uint64, n int) ([]byte, error) {
	if n < 0 || n > maxMemory {
		return nil, fmt.Errorf("%d bytes at once; %d is the most", n, maxMemory)
	}
	b := make([]byte, n)
	k, err := s.e.ReadMemory(b, addr)
	if k == 0 && n > 0 {
		if err == nil {
			err = errors.New("nothing is mapped there")
		}
		return nil, fmt.Errorf("memory at %#x: %w", addr, err)
	}
	return b[:k], nil
}

// disassemble returns n instructions around an address: x86 can't be read backwards, so the function's beginning is where it
// starts.
func (s *Session) disassemble(addr uint64, skip, n int) ([]Instruction, error) {
	if n < 0 || n > 65536 || skip < -65536 || skip > 65536 {
		return nil, errors.New("too many instructions")
	}
	ins, err := s.e.DisassembleFunction(engine.Where{}, addr, engine.IntelFlavour)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(ins, func(i engine.Instruction) bool { return i.Addr >= addr })
	if at < 0 {
		return nil, fmt.Errorf("%#x is no address of an instruction", addr)
	}
	// What lies outside the function comes from its neighbours.
	for at+skip < 0 && len(ins) > 0 {
		prev, err := s.e.DisassembleFunction(engine.Where{}, ins[0].Addr-1, engine.IntelFlavour)
		if err != nil || len(prev) == 0 {
			break
		}
		ins, at = append(prev, ins...), at+len(prev)
	}
	for at+skip+n > len(ins) && len(ins) > 0 {
		last := ins[len(ins)-1]
		next, err := s.e.DisassembleFunction(engine.Where{}, last.Addr+uint64(len(last.Bytes)), engine.IntelFlavour)
		if err != nil || len(next) == 0 {
			break
		}
		ins = append(ins, next...)
	}
	from := min(max(at+skip, 0), len(ins))
	var r []Instruction
	for _, i := range ins[from:min(from+n, len(ins))] {
		r = append(r, Instruction{Addr: i.Addr, Bytes: i.Bytes, Text: i.Text, Func: i.Function, File: i.File, Line: i.Line, Breakpoint: i.Break})
	}
	return r, nil
}

// hexBytes shows a little-endian register as one hexadecimal number.
func hexBytes(b []byte) string {
	r := slices.Clone(b)
	slices.Reverse(r)
	return fmt.Sprintf("0x%x", r)
}
