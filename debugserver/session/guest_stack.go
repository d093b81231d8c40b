package session

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
)

// One stack: under the kernel's frames of a task a frame for the boundary between kernel and program, then the program's.
//
//	0 … k-1   kernel     Go frames
//	k         boundary   which system call, fault, exception or interrupt
//	k+1 …     program    Frame.Program is set
//
// At a breakpoint in a program the kernel's frames would only show the debugger's own hook: there k is 0, and there is no boundary.
type oneStack struct {
	kernel   int
	boundary string // "": none
	task     *guestTask
	frames   []guest.Frame
	more     bool // there are more than were looked for
	err      error
}

const (
	maxKernelFrames  = 1024
	maxProgramFrames = 256
	trapHandle       = "vitrine/kernel/trap.handle"
)

// oneStack finds where a thread's stack goes on in its program. Nil: it is a thread without one.
func (s *Session) oneStack(thread int) *oneStack {
	if thread == 0 {
		thread = s.currentThread()
	}
	if thread == 0 || thread > GoroutineBase {
		return nil
	}
	if st, ok := s.guests.stacks[thread]; ok {
		return st
	}
	if s.guests.stacks == nil {
		s.guests.stacks = map[int]*oneStack{}
	}
	var st *oneStack
	if t, err := s.guestTask(thread); err == nil {
		st = s.buildStack(thread, t)
	}
	s.guests.stacks[thread] = st
	return st
}

func (s *Session) buildStack(thread int, t *guestTask) *oneStack {
	w, err := s.where(thread, 0)
	if err != nil {
		return nil
	}
	kernel, err := s.e.Stack(w, maxKernelFrames)
	if err != nil {
		return nil
	}
	st := &oneStack{kernel: len(kernel), task: t}
	if i := slices.IndexFunc(kernel, func(f engine.Frame) bool { return f.Function == threadBase }); i >= 0 {
		st.kernel = i
	}
	if len(kernel) > 0 && isProgramHook(kernel[0].Function) {
		st.kernel = 0
	} else {
		st.boundary = s.boundary(t, w, kernel)
	}
	st.frames, st.more, st.err = t.space.Stack(t.regs, maxProgramFrames)
	if t.user {
		for i := range st.frames {
			st.frames[i].Doubtful = true
		}
	}
	return st
}

// boundary says how the program came into the kernel.
func (s *Session) boundary(t *guestTask, w engine.Where, kernel []engine.Frame) string {
	if t.user {
		return "runs in the program; as it was when it left the kernel"
	}
	if active, err := t.Uint("Last.Active"); err == nil && active != 0 {
		return "system call " + s.showCall(t)
	}
	for i, f := range kernel {
		if f.Function != trapHandle {
			continue
		}
		w.Frame = i
		num := func(expr string) string {
			v, err := s.e.Eval(w, expr, engine.LoadConfig{})
			if err != nil {
				return "?"
			}
			return plain(v)
		}
		switch num("tr.Kind") {
		case "1", "KindPageFault (1)":
			access := map[string]string{"0": "read", "1": "write", "2": "execute"}[num("uint8(tr.Access)")]
			return strings.TrimSpace(fmt.Sprintf("page fault at %s %s", hexOf(num("tr.Addr")), access))
		case "2", "KindException (2)":
			return fmt.Sprintf("exception: signal %s", num("tr.Signal"))
		case "3", "KindInterrupt (3)":
			return "interrupt"
		}
		return "trap"
	}
	return "on the way back to the program"
}

func hexOf(text string) string {
	var n uint64
	if _, err := fmt.Sscan(text, &n); err != nil {
		return text
	}
	return fmt.Sprintf("%#x", n)
}

// showCall shows the system call under way, with what its arguments point to where that is text.
func (s *Session) showCall(t *guestTask) string {
	nr, err := t.Uint("Last.Nr")
	if err != nil {
		return "?"
	}
	c := s.callInfo(int(nr))
	args := [6]uint64{}
	if o, err := t.Field("Last.Args"); err == nil {
		i := 0
		o.Each("", func(a oneWord) bool {
			if v, err := a.Uint(""); err == nil && i < len(args) {
				args[i] = v
			}
			i++
			return true
		})
	}
	if c == nil {
		return fmt.Sprintf("%d(%#x, %#x, %#x)", nr, args[0], args[1], args[2])
	}
	var parts []string
	for i := range min(len(c.params), len(args)) {
		parts = append(parts, s.showArg(t, c, i, args[i]))
	}
	return fmt.Sprintf("%s(%s)", c.name, strings.Join(parts, ", "))
}

// program returns the frame of a program that has an index in a thread's stack, or nil.
func (s *Session) program(thread, index int) (*oneStack, *guest.Frame) {
	if thread == 0 {
		thread = s.currentThread()
	}
	if index == 0 && s.guests.stacks[thread] == nil && !s.atGuestStop(thread) {
		return nil, nil // the usual case: no need to look for a program
	}
	st := s.oneStack(thread)
	if st == nil {
		return nil, nil
	}
	i := index - st.first()
	if i < 0 || i >= len(st.frames) {
		return st, nil
	}
	return st, &st.frames[i]
}

// first is the index of the program's innermost frame.
func (st *oneStack) first() int {
	if st.boundary != "" {
		return st.kernel + 1
	}
	return st.kernel
}

// isBoundary reports whether an index in a thread's stack is the boundary's.
func (s *Session) isBoundary(thread, index int) bool {
	if index == 0 {
		return false
	}
	st := s.oneStack(thread)
	return st != nil && st.boundary != "" && index == st.kernel
}

// appendProgram adds the frames from index from on, n at most, and tells whether there are more.
func (st *oneStack) appendProgram(s *Session, r []Frame, from, n int) ([]Frame, bool) {
	i := from
	for ; n > 0; i, n = i+1, n-1 {
		switch {
		case i < st.kernel:
			return r, true
		case i < st.first():
			pc, _ := st.task.regs.Get(guest.RIP)
			r = append(r, Frame{Index: i, Func: boundaryMark + st.boundary, PC: pc, Boundary: true, Space: st.task.pid})
		case i-st.first() < len(st.frames):
			r = append(r, s.programFrame(st, i))
		default:
			return r, false
		}
	}
	return r, i < st.first()+len(st.frames) || st.more
}

// boundaryMark begins the text of a boundary.
const boundaryMark = "── "

func (s *Session) programFrame(st *oneStack, index int) Frame {
	f := &st.frames[index-st.first()]
	r := Frame{Index: index, Func: f.Func, File: s.guests.hostSource(f.File), Line: f.Line, PC: f.PC, Program: true, Doubtful: f.Doubtful, Space: st.task.pid}
	if f.Image != nil {
		r.Image = f.Image.Path
	}
	switch {
	case r.Func == "" && f.Image != nil:
		r.Func = fmt.Sprintf("%#x in %s", f.PC, path.Base(f.Image.Path))
	case r.Func == "":
		r.Func = fmt.Sprintf("%#x", f.PC)
	}
	if f.Signal {
		r.Func += " (signal handler's return)"
	}
	return r
}

// hostSource maps a source file's path by the prefixes that were given.
func (g *guests) hostSource(file string) string {
	for _, m := range g.maps {
		if rest, ok := strings.CutPrefix(file, m[0]); ok {
			return m[1] + rest
		}
	}
	return file
}
