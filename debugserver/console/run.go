package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vitrine/debugserver/session"
)

const waitHelp = "\nIt waits for the next stop; with & behind it, it does not."

var runCommands = []*command{
	{
		name: "continue", short: []string{"c"}, args: "[&]", doc: "let the machine run", help: waitHelp, repeat: whole,
		run: func(in *Interp, args string) error {
			_, bg := background(args)
			return in.resume(bg, in.c.Continue)
		},
	},
	{
		name: "next", short: []string{"n"}, args: "[COUNT]", doc: "go to the next line of this task, over calls", repeat: whole,
		help: "\nOther tasks run meanwhile; it stays on this one, also when it sleeps on the way.",
		run:  func(in *Interp, args string) error { return in.steps(args, session.StepOver) },
	},
	{
		name: "step", short: []string{"s"}, args: "[COUNT]", doc: "go to the next line of this task, into calls", repeat: whole,
		run: func(in *Interp, args string) error { return in.steps(args, session.StepInto) },
	},
	{
		name: "stepi", short: []string{"si"}, args: "[COUNT]", doc: "execute one instruction", repeat: whole,
		run: func(in *Interp, args string) error { return in.stepsInstruction(args, session.StepInstruction) },
	},
	{
		name: "nexti", short: []string{"ni"}, args: "[COUNT]", doc: "execute one instruction, a call as a whole", repeat: whole,
		run: func(in *Interp, args string) error { return in.stepsInstruction(args, session.StepOverInstruction) },
	},
	{
		name: "finish", short: []string{"fin", "stepout"}, doc: "run until the selected function has returned", repeat: whole,
		run: func(in *Interp, args string) error { return in.finish() },
	},
	{
		name: "until", short: []string{"u", "advance"}, args: "PLACE", doc: "run to a place, for once", help: placeHelp + "\n\nThe selected task alone counts. Without PLACE it is next.",
		run: func(in *Interp, args string) error { return in.until(args) }, words: placeWords,
	},
	{
		name: "jump", short: []string{"j"}, args: "LINE | FILE:LINE", doc: "go on from another line of the function, without what lies between",
		help: "\nThe machine stays stopped: continue or step goes on from there.",
		run:  func(in *Interp, args string) error { return in.jump(args) },
	},
	{
		name: "pause", short: []string{"interrupt", "stop"}, doc: "stop the machine where it is",
		run: func(in *Interp, _ string) error { return in.resume(false, in.c.Pause) },
	},
	{
		name: "wait", args: "[SECONDS]", doc: "wait for the next stop, unless the machine stands still",
		run: func(in *Interp, args string) error { return in.await(args) },
	},
	{
		name: "detach", doc: "leave the debugger; the machine runs on if nobody else debugs it",
		run: func(*Interp, string) error { return ErrQuit },
	},
	{
		name: "kill", doc: "switch the machine off",
		run: func(in *Interp, _ string) error { return in.c.Kill() },
	},
}

// steps makes so many steps. Another stop on the way ends them.
func (in *Interp) steps(args string, how session.Step) error {
	args, bg := background(args)
	n := 1
	if args != "" {
		var err error
		if n, err = strconv.Atoi(args); err != nil || n < 1 {
			return fmt.Errorf("%q is no number of steps", args)
		}
	}
	if err := in.stopped(); err != nil {
		return err
	}
	thread, _ := in.selection()
	for range n {
		if err := in.resume(bg, func() error { return in.c.Step(thread, how) }); err != nil {
			return err
		}
		st, stop := in.c.State()
		if in.NoWait || st != session.Stopped || stop.Reason != session.ReasonStep {
			return nil
		}
	}
	return nil
}

// stepsInstruction shows where the instructions went.
func (in *Interp) stepsInstruction(args string, how session.Step) error {
	if err := in.steps(args, how); err != nil {
		return err
	}
	if st, _ := in.c.State(); in.NoWait || st != session.Stopped {
		return nil
	}
	f, err := in.currentFrame()
	if err != nil {
		return err
	}
	return in.disassemble(f.PC, 1, f.PC)
}

// finish steps out of the selected frame's function.
func (in *Interp) finish() error {
	if err := in.stopped(); err != nil {
		return err
	}
	thread, frame := in.selection()
	if frame == 0 {
		return in.resume(false, func() error { return in.c.Step(thread, session.StepOut) })
	}
	fs, _, err := in.c.Stack(thread, frame+1, 1)
	if err != nil || len(fs) == 0 {
		return errors.Join(errors.New("the selected frame has no caller"), err)
	}
	return in.resume(false, func() error { return in.c.RunTo(thread, session.Spec{Kind: session.Address, Addr: fs[0].PC}) })
}

func (in *Interp) until(args string) error {
	args, bg := background(args)
	if args == "" {
		return in.steps("", session.StepOver)
	}
	if err := in.stopped(); err != nil {
		return err
	}
	s, err := in.parseSpec(args)
	if err != nil {
		return err
	}
	if s.Kind == session.Syscall || s.Kind == session.Exception { // no place in code
		s.Temporary = true
		if err := in.install(s); err != nil {
			return err
		}
		return in.resume(bg, in.c.Continue)
	}
	thread, _ := in.selection()
	if thread == 0 {
		if _, stop := in.c.State(); stop != nil {
			thread = stop.Thread
		}
	}
	return in.resume(bg, func() error { return in.c.RunTo(thread, s) })
}

func (in *Interp) jump(args string) error {
	s, err := in.parsePlace(strings.TrimSpace(args), session.Spec{})
	if err != nil {
		return err
	}
	if s.Kind != session.Line {
		return usageOf("jump")
	}
	thread, _ := in.selection()
	return in.resume(false, func() error { return in.c.Jump(thread, s.File, s.Line) })
}

// await waits for a stop; Interrupt and the time make one.
func (in *Interp) await(args string) error {
	st, stop := in.c.State()
	if in.NoWait {
		return errors.New("nothing waits here: the stop is shown when it comes")
	}
	if st != session.Running {
		if stop != nil {
			return in.wait(stop.Seq - 1) // until it has been shown
		}
		return nil
	}
	in.mu.Lock()
	before := in.seq
	in.mu.Unlock()
	late := make(chan struct{})
	if args != "" {
		sec, err := strconv.ParseFloat(args, 64)
		if err != nil || sec < 0 || sec > 1e6 {
			return fmt.Errorf("%q is no number of seconds", args)
		}
		t := time.AfterFunc(time.Duration(sec*float64(time.Second)), func() {
			close(late)
			in.Interrupt()
		})
		defer t.Stop()
	}
	if err := in.wait(before); err != nil {
		return err
	}
	select {
	case <-late:
		return fmt.Errorf("no stop within %s seconds; the machine was stopped now", args)
	default:
	}
	return nil
}
