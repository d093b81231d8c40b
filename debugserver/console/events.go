package console

import (
	"errors"
	"fmt"
	"strings"

	"vitrine/debugserver/session"
)

// Follow hands the client's events to Handle until the client is closed, and calls before in front of each, when the
// prompt is another already.
func (in *Interp) Follow(events <-chan session.Event, before func()) {
	for ev := range events {
		before()
		in.Handle(ev)
	}
	in.mu.Lock()
	in.ended = true
	in.changed.Broadcast()
	in.mu.Unlock()
}

// Handle shows an event, and wakes the command that waits for it.
func (in *Interp) Handle(ev session.Event) {
	switch {
	case ev.Stopped != nil:
		in.selectFrame(0, 0)
		in.showStop(ev.Stopped)
		in.mu.Lock()
		in.seq = max(in.seq, ev.Stopped.Seq)
		in.changed.Broadcast()
		in.mu.Unlock()
	case ev.Running != nil:
		if ev.Running.By != in.name {
			in.printf("[%s lets the machine run]\n", ev.Running.By)
		}
	case ev.Exited != nil:
		in.printf("[the kernel has ended%s]\n", ending(ev.Exited))
		in.mu.Lock()
		in.ended = true
		in.changed.Broadcast()
		in.mu.Unlock()
	case ev.Output != nil:
		in.printf("[%d] %s\n", ev.Output.Breakpoint, clean(ev.Output.Text))
	}
}

func ending(x *session.Exit) string {
	switch {
	case x.Text != "":
		return ": " + clean(x.Text)
	case x.Status != 0:
		return fmt.Sprintf(" with status %d", x.Status)
	}
	return ""
}

// showStop tells where and why the machine has stopped.
func (in *Interp) showStop(s *session.Stop) {
	var b strings.Builder
	if s.By != "" && s.By != in.name {
		fmt.Fprintf(&b, "[%s] ", s.By)
	}
	switch {
	case len(s.Hits) > 0 && s.Reason == session.ReasonBreakpoint:
		fmt.Fprintf(&b, "Breakpoint %s", numbers(s.Hits))
	case len(s.Hits) > 0:
		fmt.Fprintf(&b, "Breakpoint %s, %s", numbers(s.Hits), s.Reason)
	case s.Reason == session.ReasonStep || s.Reason == session.ReasonGoto:
	case s.Reason == session.ReasonEntry || s.Reason == session.ReasonPause:
		b.WriteString("Stopped")
	default:
		b.WriteString(capital(string(s.Reason)))
	}
	if s.Text != "" {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(clean(s.Text))
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	in.out.Write([]byte(b.String()))
	in.showFrame(0, 0, true)
	in.showDisplays()
}

// resume has the machine run by f and waits for its next stop, or its end. background: it does not wait.
func (in *Interp) resume(background bool, f func() error) error {
	in.mu.Lock()
	before := in.seq
	in.mu.Unlock()
	if _, stop := in.c.State(); stop != nil {
		before = max(before, stop.Seq)
	}
	if err := f(); err != nil {
		return err
	}
	if background || in.NoWait {
		return nil
	}
	return in.wait(before)
}

// wait returns when a stop later than the one of that number has been shown.
func (in *Interp) wait(before int) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting = true
	defer func() { in.waiting = false }()
	for in.seq <= before && !in.ended {
		in.changed.Wait()
	}
	return nil
}

// background cuts the & from the arguments of a run command.
func background(args string) (string, bool) {
	rest, ok := strings.CutSuffix(args, "&")
	return strings.TrimSpace(rest), ok
}

// stopped is an error unless the machine stands still.
func (in *Interp) stopped() error {
	switch st, _ := in.c.State(); st {
	case session.Running:
		return errors.New("the machine runs; pause stops it")
	case session.Exited:
		return session.ErrExited
	}
	return nil
}
