package session

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/tracer"
	"vitrine/debugserver/views"
)

// Machine is what the session needs of a running machine (hostdev/board, and who watches it).
type Machine interface {
	PID() int // of the kernel process
	Done() <-chan struct{}
	Ended() (status int, why string) // after Done
	Kill()

	FreezeCells() error
	ThawCells()
	FreezeClock()
	ThawClock()
	PauseDevices()
	ResumeDevices()
}

// Symbols keeps what is known of kernels from their files over sessions of one process. Preload fills it early.
var symbols engine.Cache

// Preload reads a kernel's symbols, which a session of it then finds ready.
func Preload(kernel string) error { return symbols.Preload(kernel) }

// Session is one debugging session.
type Session struct {
	machine Machine

	mu      sync.Mutex
	ops     []func()       // to be run by the session's goroutine
	state   State          // as clients know it
	stop    *Stop          // while Stopped
	exit    *Exit          // once Exited
	clients []*Client      // in the order of their coming
	runs    *engine.Engine // while the kernel's threads run
	started bool

	wake chan struct{} // there is something in ops

	// The rest is the session's goroutine's alone.
	e       *engine.Engine
	command func() (engine.Stop, error) // what runs; nil: the machine stands still
	by      string                      // who gave it
	seq     int                         // of the last stop
	points  map[int]*point              // breakpoints by ID
	lastID  int
	calls   map[int][2]int // how many watch a system call, before and after it
	numbers map[string]int // of system calls, by name
	boot    *point         // on the beginning of Boot; nil: nobody waits for it
	values  values         // what clients look into
	threads *threadList    // of this standstill
	viewer  *views.Evaluator
	cpus    *cpuState    // where they are
	still   bool         // cells and devices stand still
	frozen  bool         // cells were, at the last stop
	temps   []*point     // places that a run command goes to
	later   []engine.Hit // of other threads, at the last stop: see judgeLater
	look    *time.Timer  // for idle

	guests    guests
	callInfos map[int]*callInfo
}

// New makes a session; nothing is traced before Connect.
func New(m Machine) *Session {
	return &Session{machine: m, wake: make(chan struct{}, 1), points: map[int]*point{}, calls: map[int][2]int{}}
}

// State is the run state, with the stop or the end.
func (s *Session) State() (State, *Stop, *Exit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.stop, s.exit
}

// Clients returns the names of those who are connected.
func (s *Session) Clients() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, c := range s.clients {
		names = append(names, c.Name)
	}
	return names
}

// do runs f on the session's goroutine while the kernel's threads stand still, for a moment if the machine runs.
func (s *Session) do(f func() error) error {
	done := make(chan error, 1)
	s.mu.Lock()
	if !s.started {
		s.started = true
		go s.loop()
	}
	s.ops = append(s.ops, func() { done <- s.guarded(f) })
	if s.runs != nil {
		s.runs.Halt()
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return <-done
}

// guarded keeps a bug here from taking the supervisor, and with it the machine, along.
func (s *Session) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			buf := make([]byte, 4096)
			err = fmt.Errorf("internal error of the debugger: %v\n%s", r, buf[:runtime.Stack(buf, false)])
		}
	}()
	return f()
}

// loop is the session's goroutine: the tracer's thread.
func (s *Session) loop() {
	runtime.LockOSThread()
	for {
		s.serve()
		if s.command == nil {
			s.idle()
			continue
		}
		s.advance()
	}
}

// lookEvery is how often a kernel that stands still is looked after.
const lookEvery = 100 * time.Millisecond

// idle waits until there is something to do. A kernel that is killed while it stands still is noticed here or nowhere: until
// the tracer has reaped its threads, it has not ended for the machine either.
func (s *Session) idle() {
	if s.e == nil || s.dead() {
		<-s.wake
		return
	}
	if s.look == nil {
		s.look = time.NewTimer(lookEvery)
	}
	s.look.Reset(lookEvery)
	select {
	case <-s.wake:
		s.look.Stop()
	case <-s.look.C:
		if s.e.Tracer().Poll() {
			s.standstillOver()
			s.ended()
		}
	}
}

// serve runs what was asked for.
func (s *Session) serve() {
	for {
		s.mu.Lock()
		if len(s.ops) == 0 {
			s.mu.Unlock()
			return
		}
		op := s.ops[0]
		s.ops = s.ops[1:]
		s.mu.Unlock()
		op()
	}
}

// attach begins to trace the kernel. It stands still afterwards.
func (s *Session) attach() error {
	select {
	case <-s.machine.Done():
		return ErrExited
	default:
	}
	pid := s.machine.PID()
	if pid == 0 {
		return errors.New("the machine is not switched on")
	}
	t, err := tracer.Attach(pid, true)
	if err != nil {
		return err
	}
	s.machine.FreezeClock()
	e, err := engine.Attach(t, &symbols)
	if err != nil {
		t.Detach()
		s.machine.ThawClock()
		return err
	}
	s.e = e
	// The clock stands whenever the kernel's threads do, be it for a condition that turns out to be false.
	t.OnRun, t.OnStop = s.machine.ThawClock, s.machine.FreezeClock
	return nil
}

// detach lets the kernel run on without us.
func (s *Session) detach() error {
	if s.e == nil {
		return nil
	}
	s.clearAll()
	if s.still {
		s.thaw()
	}
	s.machine.ThawClock()
	err := s.e.Detach()
	s.e, s.command, s.viewer, s.numbers, s.cpus, s.callInfos = nil, nil, nil, nil, nil, nil
	s.guests.leave()
	s.boot = nil
	s.later = nil
	s.standstillOver()
	if m, ok := s.machine.(*coreMachine); ok {
		m.close()
	}
	s.setState(Detached, nil)
	return err
}

func (s *Session) setState(st State, stop *Stop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != Exited {
		s.state, s.stop = st, stop
	}
}

// live is the state of a session that can do something.
func (s *Session) live() error {
	st, _, _ := s.State()
	switch {
	case st == Exited:
		return ErrExited
	case s.e == nil:
		return errors.New("nobody debugs this machine")
	}
	return nil
}
