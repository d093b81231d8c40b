package session

import (
	"bytes"
	"errors"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

// guestRun is a step in a program. The kernel makes single steps as long as the program is in a range of addresses; then the session looks
// where it has come to, and either is content or asks for more:
//
//	out of the line's code ─▶ in a function that was called ─▶ run to its return (next), or stop behind its prologue (step)
//	                       ─▶ in the middle of a line       ─▶ to that line's end
//	                       ─▶ at the beginning of a line    ─▶ that's it
type guestRun struct {
	client    *Client
	how       Step
	tid       int
	goroutine int64           // the kernel's
	program   guest.Goroutine // a Go program's, which may change threads; ID 0: there is none
	cfa       uint64          // of the frame in which the step began
	sp        uint64          // a temporary breakpoint counts only with a stack pointer of at least this; 0: any
	final     bool            // at the temporary breakpoint the step is over
	back      bool            // there the program is back where it was interrupted
	temp      *point          // on where the program is to come back
	tempAt    uint64
	key       spaceKey
	hops      int
	watch     *point // on system calls; nil: none
	lo, hi    uint64 // the code of which single steps are made
	call      string // the system call whose handler the step leads out of; "": none
	stubRet   uint64 // where the call returns to whose stub in the linkage table is being executed; 0: none is
}

// maxHops bounds how often a step is continued; a line that calls functions in a loop needs some for each.
const maxHops = 1 << 20

// stepProgram begins a step in the program of a thread that stands at a breakpoint there.
func (s *Session) stepProgram(c *Client, thread int, how Step) error {
	b, err := s.breaks()
	if err != nil {
		return err
	}
	t, err := s.guestTask(thread)
	if err != nil {
		return err
	}
	fs, _, err := t.space.Stack(t.regs, 16)
	if err != nil || len(fs) == 0 {
		return errors.Join(errors.New("the program has no stack"), err)
	}
	g, err := s.goroutineOf(thread)
	if err != nil {
		return err
	}
	r := &guestRun{client: c, how: how, tid: t.tid, goroutine: g, cfa: fs[0].CFA, key: t.space.key()}
	r.program, _ = t.space.Goroutine(&t.regs, t.fs)
	b.run = r
	pc := fs[0].PC
	switch how {
	case StepOut:
		err = s.runToCaller(b, r, t, fs, true)
	case StepInstruction:
		err = r.steps(b, pc, pc)
	case StepOverInstruction:
		if next, ok := afterCall(t, pc); ok {
			err = s.runTo(b, r, t, next, fs[0].Regs.R[guest.RSP], true)
		} else {
			err = r.steps(b, pc, pc)
		}
	case StepOver, StepInto:
		lines, _ := t.space.LineRange(pc)
		if lines.Hi == 0 { // no lines here: as a whole
			err = s.runToCaller(b, r, t, fs, false)
		} else {
			err = r.steps(b, lines.Lo, lines.Hi)
		}
	default:
		err = errors.New("no such step")
	}
	if err == nil && (how == StepInto || how == StepInstruction) && r.mayCall(t) {
		err = s.watchOwnCalls(r)
	}
	if err != nil {
		s.cancelRun(true)
		return err
	}
	s.resume(c.Name, thread, s.e.Continue)
	return nil
}

// steps asks for single steps while the program is in [lo, hi).
func (r *guestRun) steps(b *guestBreaks, lo, hi uint64) error {
	r.lo, r.hi = lo, hi
	return b.put(debugStep, nil, uint64(r.tid), lo, hi)
}

// stub steps through a stub in the procedure linkage table.
func (r *guestRun) stub(b *guestBreaks, pc, ret uint64) error {
	r.stubRet = ret
	return r.steps(b, pc&^15, pc&^15+16)
}

// calls reports whether the program has just executed a call in the code of which single steps are made, and where that returns to. At its first
// instruction a function has its return address on top of the stack, whether or not anything is known of it.
func (r *guestRun) calls(t *guestTask) (ret, sp uint64, ok bool) {
	sp, _ = t.regs.Get(guest.RSP)
	if ret, ok = guest.Word(t.space.Mem, sp); !ok || sp >= r.cfa {
		return 0, 0, false
	}
	return ret, sp + 8, ret > r.lo && ret <= r.hi
}

// afterCall returns where the call at pc, if it is one, returns to.
func afterCall(t *guestTask, pc uint64) (uint64, bool) {
	code := make([]byte, 15)
	n, _ := t.space.Mem.Read(code, pc)
	in, err := x86asm.Decode(code[:n], 64)
	if err != nil || in.Op != x86asm.CALL {
		return 0, false
	}
	return pc + uint64(in.Len), true
}

// runTo lets the program run to an address, with the stack pointer at least at sp. final: the step is over then.
func (s *Session) runTo(b *guestBreaks, r *guestRun, t *guestTask, addr, sp uint64, final bool) error {
	s.dropTemp(b, r)
	p := &point{client: r.client, program: true}
	if err := s.use(b, t.space, addr, p); err != nil {
		return err
	}
	r.temp, r.tempAt, r.sp, r.final = p, addr, sp, final
	return nil
}

// runToCaller lets the program run to where the function of the innermost frame returns.
func (s *Session) runToCaller(b *guestBreaks, r *guestRun, t *guestTask, fs []guest.Frame, final bool) error {
	for _, f := range fs[1:] {
		if f.Inlined || f.Regs.R[guest.RSP] == fs[0].Regs.R[guest.RSP] {
			continue // part of the same call
		}
		r.cfa = f.CFA
		return s.runTo(b, r, t, f.PC, f.Regs.R[guest.RSP], final)
	}
	return errors.New("this function has no caller")
}

func (s *Session) dropTemp(b *guestBreaks, r *guestRun) {
	if r.temp != nil {
		r.temp.gone = true
		s.release(b, r.key, r.tempAt, r.temp)
		r.temp = nil
	}
}

// cancelRun ends a step. ask: the kernel may still be at it.
func (s *Session) cancelRun(ask bool) {
	b := s.guests.debug
	if b == nil || b.run == nil {
		return
	}
	r := b.run
	s.dropTemp(b, r)
	b.run = nil
	if ask {
		const nothing = ^uint64(0)
		b.put(debugStep, nil, uint64(r.tid), nothing, nothing)
	}
	s.dropHooks()
}

// mayCall reports whether there may be a system call in the code of which single steps are made.
func (r *guestRun) mayCall(t *guestTask) bool {
	const most, insn = 1 << 16, 2
	code := make([]byte, min(max(r.hi-r.lo, insn), most))
	n, _ := t.space.Mem.Read(code, r.lo)
	return bytes.Contains(code[:n], []byte{0x0f, 0x05})
}

// watchOwnCalls makes a step into a system call stop at its handler.
func (s *Session) watchOwnCalls(r *guestRun) error {
	if r.watch != nil || r.how != StepInto && r.how != StepInstruction {
		return nil
	}
	p := &point{client: r.client, goroutine: r.goroutine}
	p.Spec = Spec{Kind: Syscall, Syscall: "*"}
	if err := s.enableSyscall(p); err != nil {
		return err
	}
	show := p.onHit
	p.onHit = func(p *point, h *engine.Hit) verdict {
		v := show(p, h)
		v.reason = ReasonStep
		if v.at != "" && s.goTo(v, h.Goroutine) {
			return verdict{}
		}
		return v
	}
	s.temps = append(s.temps, p)
	r.watch = p
	return nil
}

// stepped is called where the kernel has made the steps that were asked for, or the program has come to the temporary breakpoint.
func (s *Session) stepped(b *guestBreaks, h *engine.Hit, o views.Object, tid int, why uint64) verdict {
	done := verdict{stop: true, reason: ReasonStep}
	r := b.run
	if why == stopUser {
		if t, err := s.lookAtTask(o); r != nil && r.call != "" && err == nil {
			done.text = r.call + " = " + showResult(t.regs.R[guest.RAX])
		}
		b.run = nil
		return done
	}
	if r == nil || r.tid != tid && (r.program.ID == 0 || why != stopBreak) {
		return verdict{}
	}
	t, err := s.lookAtTask(o)
	if err != nil {
		return done
	}
	if !r.follow(t, h.Goroutine) && why == stopBreak {
		return verdict{} // the thread is busy with something else
	}
	if why == stopBreak {
		if sp, _ := t.regs.Get(guest.RSP); sp < r.sp { // another call of the same function
			return verdict{}
		}
		s.dropTemp(b, r)
		if r.final {
			return done
		}
	}
	if r.back {
		r.back = false
		if r.steps(b, r.lo, r.hi) == nil {
			return verdict{}
		}
	} else if why == stopStep {
		if ret, sp, ok := preempted(t); ok && s.runTo(b, r, t, ret, sp, false) == nil {
			r.back = true
			return verdict{}
		}
	}
	if r.how == StepInstruction || r.how == StepOverInstruction || r.hops > maxHops {
		return done
	}
	r.hops++
	fs, _, err := t.space.Stack(t.regs, 16)
	if err != nil || len(fs) == 0 {
		return done
	}
	more, err := s.goOn(b, r, t, fs)
	if err != nil || !more {
		return done
	}
	return verdict{}
}

// follow reports whether t executes what is being stepped. A goroutine may have changed the thread, and its stack the place.
func (r *guestRun) follow(t *guestTask, goroutine int64) bool {
	if r.program.ID == 0 {
		return r.tid == t.tid
	}
	g, ok := t.space.Goroutine(&t.regs, t.fs)
	if !ok {
		return r.tid == t.tid
	}
	if g.ID != r.program.ID {
		return false
	}
	moved := g.High - r.program.High
	r.cfa += moved
	if r.sp != 0 {
		r.sp += moved
	}
	r.program, r.tid, r.goroutine = g, t.tid, goroutine
	if r.watch != nil {
		r.watch.goroutine = goroutine
	}
	return true
}

// preempted reports whether Go's runtime has interrupted a goroutine, where it will go on and with which stack pointer: a signal's handler has
// made it call a function (runtime.asyncPreempt).
func preempted(t *guestTask) (ret, sp uint64, ok bool) {
	pc := t.regs.R[guest.RIP]
	if at := t.space.Where(pc); at.Func != "runtime.asyncPreempt" || at.Offset != 0 {
		return 0, 0, false
	}
	sp = t.regs.R[guest.RSP]
	ret, ok = guest.Word(t.space.Mem, sp)
	return ret, sp + 8, ok
}

// goOn decides whether a step is over, and if not asks for more.
func (s *Session) goOn(b *guestBreaks, r *guestRun, t *guestTask, fs []guest.Frame) (more bool, err error) {
	pc := fs[0].PC
	lines, _ := t.space.LineRange(pc)
	ret, sp, called := r.calls(t)
	switch {
	case called && r.how == StepInto && lines.Hi != 0:
		if in := t.space.BehindPrologue(pc); in != pc && in != 0 {
			return true, s.runTo(b, r, t, in, 0, true)
		}
		return false, nil
	case called && r.how == StepInto && t.space.InPLT(pc):
		return true, r.stub(b, pc, ret)
	case called:
		return true, errors.Join(s.watchOwnCalls(r), s.runTo(b, r, t, ret, sp, false))
	case r.stubRet != 0: // the stub has gone on to the function, or to the dynamic linker, which is no place to be
		if lines.Hi != 0 {
			if in := t.space.BehindPrologue(pc); in != pc && in != 0 {
				return true, s.runTo(b, r, t, in, 0, true)
			}
			return false, nil
		}
		ret, r.stubRet = r.stubRet, 0
		return true, errors.Join(s.watchOwnCalls(r), s.runTo(b, r, t, ret, 0, false))
	case lines.Hi == 0: // returned to where nothing is known
		return true, errors.Join(s.watchOwnCalls(r), s.runToCaller(b, r, t, fs, false))
	}
	if fs[0].CFA > r.cfa {
		r.cfa = fs[0].CFA // returned: to the end of the statement that called
	}
	if pc == lines.Lo && t.space.StatementAt(pc) {
		return false, nil
	}
	return true, r.steps(b, lines.Lo, lines.Hi)
}

// kernelWays are the functions that lie between the program and what it came into the kernel for. Out of a function that one of them has called is back
// to the program: of the inner ones only where the function is what the program came for, or the way there would be left out.
var kernelWays = map[string]func(callee string) bool{
	"vitrine/kernel/trap.Run": nil, "vitrine/kernel/trap.handle": nil, "vitrine/kernel/trap.exitToUser": nil,
	"vitrine/kernel/trap.pageFault":   func(callee string) bool { return callee == "vitrine/kernel/mm.HandleFault" },
	"vitrine/kernel/trap.exception":   func(callee string) bool { return strings.HasSuffix(callee, ").ForceSignal") },
	"vitrine/kernel/syscall.Dispatch": isHandler, "vitrine/kernel/syscall.watched": isHandler,
}

// isHandler reports whether a function of the kernel's is the handler of a system call: they are called sysSomething.
func isHandler(fn string) bool {
	return strings.HasPrefix(fn[strings.LastIndexByte(fn, '.')+1:], "sys")
}

// stepToProgram lets a thread run until it leaves the kernel, if a step out of its innermost frame means that.
func (s *Session) stepToProgram(c *Client, thread int) (bool, error) {
	w, err := s.where(thread, 0)
	if err != nil {
		return false, nil //nolint:nilerr // what comes next finds that out, too
	}
	fs, err := s.e.Stack(w, 2)
	if err != nil || len(fs) < 2 {
		return false, nil //nolint:nilerr // likewise
	}
	if wanted, ok := kernelWays[fs[1].Function]; !ok || wanted != nil && !wanted(fs[0].Function) {
		return false, nil
	}
	t, err := s.guestTask(thread)
	if err != nil {
		return false, nil //nolint:nilerr // a thread without a program
	}
	b, err := s.breaks()
	if err != nil {
		return false, nil //nolint:nilerr // a machine whose programs can't be stopped
	}
	g, err := s.goroutineOf(thread)
	if err != nil {
		return false, err
	}
	b.run = &guestRun{client: c, how: StepOut, tid: t.tid, goroutine: g, key: t.space.key()}
	if isHandler(fs[0].Function) {
		b.run.call = s.showCall(t)
	}
	if err := b.put(debugStep, nil, uint64(t.tid), 0, 0); err != nil {
		s.cancelRun(false)
		return false, err
	}
	s.resume(c.Name, thread, s.e.Continue)
	return true, nil
}
