package session

import (
	"fmt"
	"slices"

	"vitrine/debugserver/engine"
)

// freeze makes the machine stand still. The kernel's threads stand already, and with them the clock: a program that still runs
// sees no time pass, instead of a gap when it is frozen.
func (s *Session) freeze() (err error) {
	if s.still { // one instruction was executed, and nothing else
		return nil
	}
	s.still = true
	if s.frozen = s.userRuns(); s.frozen {
		err = s.machine.FreezeCells()
	}
	s.machine.PauseDevices()
	return err
}

// thaw is the way back. Devices may now complete into RAM what they held back; the kernel does not run yet. The clock goes on
// when it does.
func (s *Session) thaw() {
	s.still = false
	s.machine.ResumeDevices()
	if s.frozen {
		s.machine.ThawCells()
	}
}

// resume begins a run command. The caller is an operation.
func (s *Session) resume(by string, thread int, command func() (engine.Stop, error)) {
	s.thaw()
	s.begin(by, thread, command)
}

// begin is resume for a command that lets only one thread execute one instruction: the machine stands still all the while.
func (s *Session) begin(by string, thread int, command func() (engine.Stop, error)) {
	s.standstillOver()
	s.command, s.by = command, by
	s.setState(Running, nil)
	s.publish(Event{Running: &Resumed{By: by, Thread: thread}})
}

// advance runs the kernel until there is something to tell or to do.
func (s *Session) advance() {
	s.mu.Lock()
	if len(s.ops) > 0 { // they come first
		s.mu.Unlock()
		return
	}
	s.runs = s.e
	s.mu.Unlock()
	if s.judgeLater() {
		return
	}
	command := s.command
	// What is not ended by this run, because somebody wanted a look meanwhile, goes on.
	if s.command = s.e.Proceed; s.still {
		s.command = command // one instruction
	}
	var st engine.Stop
	err := s.guarded(func() (err error) { st, err = command(); return err })
	s.mu.Lock()
	s.runs = nil
	s.mu.Unlock()
	s.standstillOver()
	if err != nil {
		if gone := s.e.Valid(); gone != nil {
			s.ended()
			return
		}
		s.stopped(Stop{Reason: ReasonPause, Text: err.Error()}, st.Goroutine)
		return
	}
	if st.Reason == engine.ReasonExited {
		s.ended()
		return
	}
	if stop, ok := s.judge(&st); ok {
		s.stopped(stop, st.Goroutine)
	}
}

// stopped ends the run command: the machine stands still. Break here to see every stop.
func (s *Session) stopped(stop Stop, goroutine int64) {
	s.command = nil
	s.clearTemps()
	s.cancelRun(stop.Reason != ReasonStep)
	if err := s.freeze(); err != nil {
		stop.Text = joinText(stop.Text, "not everything stands still: "+err.Error())
	}
	s.seq++
	stop.Seq = s.seq
	if goroutine != 0 {
		s.e.SwitchGoroutine(goroutine)
	}
	if stop.Thread == 0 {
		stop.Thread = s.currentThread()
	}
	s.setState(Stopped, &stop)
	s.publish(Event{Stopped: &stop})
}

// judgeLater judges what other threads had come to when the machine last stopped: they stand there still. It reports whether that is a stop.
func (s *Session) judgeLater() bool {
	if s.still || len(s.later) == 0 { // one instruction is executed, and they stay
		return false
	}
	st := engine.Stop{Hits: s.later}
	s.later = nil
	stop, ok := s.judge(&st)
	if ok {
		s.stopped(stop, st.Goroutine)
	}
	return ok
}

// ended is the end of the kernel process.
func (s *Session) ended() {
	s.command = nil
	s.e.Detach()
	s.e, s.later = nil, nil
	<-s.machine.Done()
	status, why := s.machine.Ended()
	x := &Exit{Status: status, Text: why}
	s.mu.Lock()
	s.state, s.stop, s.exit = Exited, nil, x
	s.mu.Unlock()
	s.publish(Event{Exited: x})
}

// standstillOver forgets what was found out about a kernel that has run since.
func (s *Session) standstillOver() {
	s.values.forget()
	s.threads = nil
	s.guests.forget()
}

// verdict is what a hit comes to.
type verdict struct {
	stop   bool
	reason Reason
	text   string
	id     int    // the breakpoint's; 0: none
	more   []int  // others that were hit with it
	at     string // function at whose beginning the stop is to be shown; "": here
}

// judge decides whether what the engine has stopped for is a stop for the clients.
func (s *Session) judge(st *engine.Stop) (Stop, bool) {
	var stop Stop
	accept := false
	for i := range st.Hits {
		h := &st.Hits[i]
		if h.Breakpoint == nil {
			continue
		}
		p, ok := h.Breakpoint.Value.(*point)
		if !ok {
			continue
		}
		if accept && h.Goroutine != st.Goroutine {
			s.later = append(s.later, *h)
			continue
		}
		v := s.hit(p, h)
		if !v.stop {
			continue
		}
		if !accept {
			stop.Reason, stop.Text, accept = v.reason, v.text, true
			st.Goroutine = h.Goroutine
		}
		for _, id := range append([]int{v.id}, v.more...) {
			if id != 0 && !slices.Contains(stop.Hits, id) {
				stop.Hits = append(stop.Hits, id)
			}
		}
	}
	if accept {
		if st.Err != nil { // a condition that can't be evaluated counts as true
			stop.Text = joinText(stop.Text, st.Err.Error())
		}
		return stop, true
	}
	stop.By = s.by
	if st.Done && st.Reason != engine.ReasonCall { // a step that ended together with a hit that nobody wants
		return Stop{Reason: ReasonStep, By: s.by}, true
	}
	switch st.Reason {
	case engine.ReasonPanic, engine.ReasonFatal:
		return Stop{Reason: ReasonException, Text: st.Text}, true
	case engine.ReasonHardcoded:
		return Stop{Reason: ReasonBreakpoint, Text: "a breakpoint in the kernel's code"}, true
	case engine.ReasonStep:
		stop.Reason = ReasonStep
		return stop, true
	}
	if st.Err != nil {
		return Stop{Reason: ReasonBreakpoint, Text: st.Err.Error()}, true
	}
	return Stop{}, false
}

func joinText(a, b string) string {
	if a == "" {
		return b
	}
	return fmt.Sprintf("%s; %s", a, b)
}
