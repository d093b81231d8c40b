package session

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"slices"
	"time"

	"vitrine/debugserver/engine"
)

// Jump sets a thread's program counter to a line of the function that it is in. What the lines between would have done is
// not done.
func (c *Client) Jump(thread int, file string, line int) error {
	return c.doStopped(func(s *Session) error {
		w, err := s.where(thread, 0)
		if err != nil {
			return err
		}
		frames, err := s.e.Stack(w, 1)
		if err != nil || len(frames) == 0 {
			return errors.Join(errors.New("this thread has no stack"), err)
		}
		if file, err = s.e.Source(file); err != nil {
			return err
		}
		ins, err := s.e.DisassembleFunction(engine.Where{}, frames[0].PC, engine.IntelFlavour)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(ins, func(i engine.Instruction) bool { return i.File == file && i.Line == line })
		if i < 0 {
			return fmt.Errorf("line %d has no code in %s; only a line of the function that the thread is in will do", line, frames[0].Function)
		}
		if err := s.choose(thread); err != nil {
			return err
		}
		tid, _ := s.e.Current()
		regs, err := s.e.Tracer().Regs(tid)
		if err != nil {
			return err
		}
		if regs.Rip != frames[0].PC {
			return errors.New("this thread holds no CPU: it can't be moved")
		}
		r := *regs
		r.Rip = ins[i].Addr
		if err := s.e.Tracer().SetRegs(tid, &r); err != nil {
			return err
		}
		s.standstillOver()
		if err := s.e.Changed(tid); err != nil {
			return err
		}
		s.seq++
		stop := Stop{Seq: s.seq, Reason: ReasonGoto, By: c.Name, Thread: s.currentThread()}
		s.setState(Stopped, &stop)
		s.publish(Event{Stopped: &stop})
		return nil
	})
}

// callLimit is how long a called function may take.
const callLimit = 5 * time.Second

// Call evaluates an expression that may call functions of the kernel. They run on the thread that stopped, which must
// hold a CPU and no spinlock, with everything else standing still: clock, devices, user code. So a function that sleeps never
// comes back; after some seconds it is given up, and goes on when the machine does.
func (c *Client) Call(thread, frame int, expr string) (results []Variable, err error) {
	err = c.doStopped(func(s *Session) error {
		if err := s.mayCall(thread); err != nil {
			return err
		}
		if frame != 0 {
			return errors.New("functions are called in the innermost frame; choose frame 0")
		}
		w, err := s.where(thread, 0)
		if err != nil {
			return err
		}
		if !callsSomething(expr) {
			v, err := s.eval(thread, 0, expr, longLoad)
			results = append(results, v)
			return err
		}
		vs, err := s.call(expr)
		for i, v := range vs {
			results = append(results, s.show(v, fmt.Sprintf("result %d", i), "", w))
		}
		return err
	})
	return results, err
}

// callsSomething reports whether there is a call in an expression; a type's conversion looks like one.
func callsSomething(expr string) (found bool) {
	x, err := parser.ParseExpr(expr)
	if err != nil {
		return true // Delve's own syntax goes further
	}
	ast.Inspect(x, func(n ast.Node) bool {
		_, call := n.(*ast.CallExpr)
		found = found || call
		return true
	})
	return found
}

// call has the current thread evaluate an expression, and perhaps call functions.
func (s *Session) call(expr string) ([]*engine.Variable, error) {
	s.standstillOver()
	s.e.Tracer().ClearInterrupt() // one that came too late for the last run
	timer := time.AfterFunc(callLimit, s.e.Halt)
	st, err := s.e.Call(expr, longLoad)
	timer.Stop()
	if err != nil {
		return nil, err
	}
	switch st.Reason {
	case engine.ReasonExited:
		s.ended()
		return nil, ErrExited
	case engine.ReasonCall:
		return st.Results, nil
	}
	if stop, ok := s.judge(&st); ok {
		stop.Text = joinText(stop.Text, "inside the called function")
		s.stopped(stop, st.Goroutine)
		return nil, fmt.Errorf("stopped inside the function: %s", stop.Text)
	}
	return nil, fmt.Errorf("the function has not returned after %v: it sleeps, or waits for something that stands still. It goes on when the machine does", callLimit)
}

// mayCall checks the policy of Call.
func (s *Session) mayCall(thread int) error {
	if err := s.choose(thread); err != nil {
		return err
	}
	if err := s.live(); err != nil {
		return err
	}
	l, err := s.list()
	if err != nil {
		return err
	}
	id := s.currentThread()
	i := slices.IndexFunc(l.all, func(t Thread) bool { return t.ID == id })
	if i < 0 || !l.all[i].Current || l.all[i].expr == "" {
		return errors.New("functions can be called only on a thread of the kernel that holds a CPU")
	}
	spin, err := s.e.Eval(engine.Where{}, operand(l.all[i].expr)+".noSpin", engine.LoadConfig{})
	if err != nil {
		return err
	}
	if engine.Format(spin) != "0" {
		return errors.New("this thread holds a spinlock: a function that takes it would never return. Step out first")
	}
	return nil
}

// Lines returns the lines of a file in a range on which a breakpoint can be.
func (c *Client) Lines(file string, from, to int) ([]int, error) {
	return ask(c, func(s *Session) ([]int, error) {
		file, err := s.e.Source(file)
		if err != nil {
			return nil, err
		}
		return s.e.Lines(file, from, to)
	})
}

// Core writes a core dump of the kernel process to a file.
func (c *Client) Core(path string) error {
	return c.do(func(s *Session) error { return s.e.Dump(path) })
}
