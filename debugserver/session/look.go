package session

import (
	"slices"
	"strings"

	"vitrine/debugserver/engine"
	"vitrine/kernel/kview"
)

// What a client can look at. Thread 0 is the one that stopped (or holds the CPU), frame 0 the innermost one. While the
// machine runs these halt it for a moment.

// Threads lists tasks and kernel threads by ID.
func (c *Client) Threads() ([]Thread, error) {
	return ask(c, func(s *Session) ([]Thread, error) {
		l, err := s.list()
		if err != nil {
			return nil, err
		}
		return slices.Clone(l.all), nil
	})
}

// Stack returns n frames of a thread's stack from the given one on, and whether there are more.
func (c *Client) Stack(thread, from, n int) (frames []Frame, more bool, err error) {
	err = c.do(func(s *Session) error {
		frames, more, err = s.stack(thread, from, n)
		return err
	})
	return frames, more, err
}

// Arguments returns the function's arguments and results, Locals its other variables, innermost scope last.
func (c *Client) Arguments(thread, frame int) ([]Variable, error) {
	return ask(c, func(s *Session) ([]Variable, error) { return s.frameVariables(thread, frame, true) })
}

// Locals: see Arguments.
func (c *Client) Locals(thread, frame int) ([]Variable, error) {
	return ask(c, func(s *Session) ([]Variable, error) { return s.frameVariables(thread, frame, false) })
}

// Registers returns the thread's registers; it must be on a CPU of the host.
func (c *Client) Registers(thread, frame int) ([]Register, error) {
	return ask(c, func(s *Session) ([]Register, error) { return s.registers(thread, frame) })
}

// Task evaluates to the thread's *task.Task; for a kernel thread its *sched.Thread.
func (c *Client) Task(thread int) (Variable, error) {
	return ask(c, func(s *Session) (Variable, error) { return s.task(thread) })
}

// Kernel evaluates to kernel.The.
func (c *Client) Kernel() (Variable, error) {
	return ask(c, func(s *Session) (Variable, error) {
		v, err := s.eval(0, 0, kernelExpr, lineLoad)
		v.Name = "kernel"
		return v, err
	})
}

const kernelExpr = `"vitrine/kernel".The`

// Eval evaluates a Go expression in a frame. It calls no functions of the kernel; Call does.
func (c *Client) Eval(thread, frame int, expr string) (Variable, error) {
	return ask(c, func(s *Session) (Variable, error) { return s.eval(thread, frame, expr, lineLoad) })
}

// EvalLong is Eval without the bounds on strings that keep lists readable.
func (c *Client) EvalLong(thread, frame int, expr string) (Variable, error) {
	return ask(c, func(s *Session) (Variable, error) { return s.eval(thread, frame, expr, longLoad) })
}

// Children returns n fields, elements or entries of a value from the given one on; n 0: all (within bounds).
func (c *Client) Children(r Ref, from, n int) ([]Variable, error) {
	return ask(c, func(s *Session) ([]Variable, error) { return s.children(r, from, n) })
}

// Assign sets a variable, or what an expression names, to the value of another expression. Refs are stale then.
func (c *Client) Assign(thread, frame int, expr, value string) (Variable, error) {
	return ask(c, func(s *Session) (Variable, error) { return s.assign(thread, frame, expr, value) })
}

// ReadMemory reads kernel memory; it returns what can be read.
func (c *Client) ReadMemory(addr uint64, n int) ([]byte, error) {
	return ask(c, func(s *Session) ([]byte, error) { return s.readMemory(addr, n) })
}

// WriteMemory writes kernel memory.
func (c *Client) WriteMemory(addr uint64, b []byte) error {
	return c.do(func(s *Session) error {
		s.values.forget()
		s.threads = nil
		_, err := s.e.WriteMemory(addr, b)
		return err
	})
}

// Disassemble returns n instructions from the skip-th (which may be negative) after addr on.
func (c *Client) Disassemble(addr uint64, skip, n int) ([]Instruction, error) {
	return ask(c, func(s *Session) ([]Instruction, error) { return s.disassemble(addr, skip, n) })
}

// Sources lists the kernel's source files.
func (c *Client) Sources() ([]string, error) {
	return ask(c, func(s *Session) ([]string, error) { return s.e.Sources(), nil })
}

// Functions lists the kernel's functions whose name contains a text, at most n.
func (c *Client) Functions(contains string, n int) ([]string, error) {
	return ask(c, func(s *Session) (r []string, _ error) {
		for _, f := range s.e.Functions() {
			if len(r) < n && strings.Contains(f, contains) {
				r = append(r, f)
			}
		}
		return r, nil
	})
}

// Locate finds where a breakpoint of a Line, Function or Address would be, without setting it.
func (c *Client) Locate(spec Spec) (*Breakpoint, error) {
	return ask(c, func(s *Session) (*Breakpoint, error) {
		p := &point{client: c}
		p.Spec = spec
		if err := p.parse(); err != nil {
			return nil, err
		}
		err := s.enableCode(p)
		s.disable(p)
		return &p.Breakpoint, err
	})
}

// Complete returns expressions that continue a prefix in a frame: variables, fields, packages' names.
func (c *Client) Complete(thread, frame int, prefix string) ([]string, error) {
	return ask(c, func(s *Session) ([]string, error) { return s.complete(thread, frame, prefix) })
}

// complete finds what can stand where the prefix ends: a field after a dot, else a variable of the frame or a function.
func (s *Session) complete(thread, frame int, prefix string) (r []string, err error) {
	w, err := s.where(thread, frame)
	if err != nil {
		return nil, err
	}
	add := func(base, name string) {
		if strings.HasPrefix(base+name, prefix) && !slices.Contains(r, base+name) {
			r = append(r, base+name)
		}
	}
	if i := strings.LastIndexByte(prefix, '.'); i > 0 {
		v, err := s.e.Eval(w, prefix[:i], lineLoad)
		if err != nil {
			return nil, nil //nolint:nilerr // nothing continues what has no value
		}
		if p := pointee(v); p != nil && len(p.Children) > 0 {
			v = p
		}
		for i2 := range v.Children {
			if v.Children[i2].Name != "" {
				add(prefix[:i+1], v.Children[i2].Name)
			}
		}
		return r, nil
	}
	for _, get := range []func(engine.Where, engine.LoadConfig) ([]*engine.Variable, error){s.e.Args, s.e.Locals} {
		vs, err := get(w, engine.LoadConfig{})
		if err != nil {
			continue
		}
		for _, v := range vs {
			add("", v.Name)
		}
	}
	return r, nil
}

// Views lists the kernel's views; View evaluates one.
func (c *Client) Views() ([]kview.View, error) {
	return ask(c, func(s *Session) ([]kview.View, error) {
		ev, err := s.evaluator()
		if err != nil {
			return nil, err
		}
		return ev.Views()
	})
}

// View: see Views. While the machine runs, structures may be in the middle of a change.
func (c *Client) View(name string) (kview.Table, error) {
	return ask(c, func(s *Session) (kview.Table, error) { return s.view(name) })
}
