package session

import (
	"errors"
	"os"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/views"
)

// ErrCore is returned for what a core dump can't do.
var ErrCore = errors.New("this is a core dump: it neither runs nor changes")

// OpenCore makes a session of a core dump and connects a client to it: a machine that stands still for ever. kernel is the file of the
// kernel that it is of; of another build it is views.ErrOtherBuild. What programs were doing can't be seen.
func OpenCore(kernel, core string) (*Client, error) {
	mem, anchors, err := openCore(kernel, core)
	if err != nil {
		return nil, err
	}
	e, err := engine.OpenCore(kernel, core)
	if err != nil {
		mem.close()
		return nil, err
	}
	s := New(mem)
	s.e, s.still = e, true
	s.viewer = views.New(mem.Read, anchors)
	err = s.do(func() error { // on the session's goroutine, as everything
		s.stopped(Stop{Reason: ReasonPause, Text: "a core dump"}, s.busy())
		return nil
	})
	if err != nil {
		e.Detach()
		mem.close()
		return nil, err
	}
	c, err := s.Connect("console", true)
	if err != nil {
		e.Detach()
		mem.close()
	}
	return c, err
}

// dead reports whether it is a core dump.
func (s *Session) dead() bool { return s.e != nil && s.e.Tracer() == nil }

// coreMachine is the machine of a core dump.
type coreMachine struct {
	*views.Core
	files []*os.File
}

// openCore opens both files. With an error they are closed.
func openCore(kernel, core string) (m *coreMachine, a views.Anchors, err error) {
	m = &coreMachine{}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	for _, name := range []string{core, kernel} {
		f, err := os.Open(name)
		if err != nil {
			return m, a, err
		}
		m.files = append(m.files, f)
	}
	m.Core, a, err = views.OpenCore(m.files[0], m.files[1])
	return m, a, err
}

func (m *coreMachine) close() {
	for _, f := range m.files {
		f.Close()
	}
}

// A machine that is a file has nothing to do when it is told to stand still or to go on.

func (m *coreMachine) PID() int              { return 0 }
func (m *coreMachine) Done() <-chan struct{} { return nil }
func (m *coreMachine) Ended() (int, string)  { return 0, "" }
func (m *coreMachine) Kill()                 {}
func (m *coreMachine) FreezeCells() error    { return nil }
func (m *coreMachine) ThawCells()            {}
func (m *coreMachine) FreezeClock()          {}
func (m *coreMachine) ThawClock()            {}
func (m *coreMachine) PauseDevices()         {}
func (m *coreMachine) ResumeDevices()        {}
