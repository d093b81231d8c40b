package session

import (
	"errors"
	"slices"
	"strconv"
	"sync"

	"vitrine/debugserver/engine"
)

// Errors that clients tell apart.
var (
	ErrRunning = errors.New("the machine is running; stop it first")
	ErrStopped = errors.New("the machine is stopped already")
	ErrExited  = errors.New("the kernel has ended")
	ErrStale   = errors.New("the machine has run since; this value is no more")
	ErrClosed  = errors.New("this client has left")
)

// Client is one front end. Its methods may be called from any goroutine; they wait for each other.
type Client struct {
	Name   string
	Events <-chan Event // closed by Close; what nobody takes waits, any number of it

	s      *Session
	events chan Event
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	queue   []Event // that have no room in events; guarded by mu
	pumping bool    // pump runs, and hands the queue over; guarded by mu
	gone    bool    // nothing more is posted; guarded by mu
}

// eventRoom is how many events a client may be behind before a goroutine must keep them.
const eventRoom = 64

// Connect adds a client. The first one attaches to the kernel process, which runs on unless stop is set. What state the
// machine is in comes as the first event, unless it runs.
func (s *Session) Connect(name string, stop bool) (*Client, error) {
	events := make(chan Event, eventRoom)
	c := &Client{Name: name, Events: events, s: s, events: events, closed: make(chan struct{})}
	err := s.do(func() error { return s.connect(c, stop) })
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *Session) connect(c *Client, stop bool) error {
	st, at, _ := s.State()
	if st == Exited {
		return ErrExited
	}
	first := s.e == nil
	if first {
		if err := s.attach(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	for n, i := c.Name, 2; slices.ContainsFunc(s.clients, func(o *Client) bool { return o.Name == c.Name }); i++ {
		c.Name = n + " " + strconv.Itoa(i)
	}
	s.clients = append(s.clients, c)
	s.mu.Unlock()
	switch {
	case st == Stopped:
		c.post(Event{Stopped: at})
	case stop:
		s.stopped(Stop{Reason: ReasonEntry, By: c.Name}, s.busy())
	case first:
		s.command = s.e.Continue
		s.setState(Running, nil)
	}
	return nil
}

// Close takes the client's breakpoints away. The machine stays as it is while there are other clients; the last one
// lets it run on, untraced.
func (c *Client) Close() {
	c.once.Do(func() {
		c.s.do(func() error {
			s := c.s
			s.mu.Lock()
			s.clients = slices.DeleteFunc(s.clients, func(o *Client) bool { return o == c })
			last := len(s.clients) == 0
			s.mu.Unlock()
			if s.e == nil {
				return nil
			}
			s.clearOf(c)
			if last {
				return s.detach()
			}
			return nil
		})
		close(c.closed)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.gone = true; !c.pumping {
			close(c.events)
		}
	})
}

// post gives the client an event, without waiting for it.
func (c *Client) post(ev Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	if !c.pumping {
		select {
		case c.events <- ev:
			return
		default:
		}
		c.pumping = true
		go c.pump()
	}
	c.queue = append(c.queue, ev)
}

// pump hands the queue to whoever reads.
func (c *Client) pump() {
	for {
		c.mu.Lock()
		q := c.queue
		if c.queue = nil; len(q) == 0 {
			if c.pumping = false; c.gone {
				close(c.events)
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		for _, ev := range q {
			select {
			case c.events <- ev:
			case <-c.closed:
				close(c.events) // pumping stays set: nobody else sends, or closes
				return
			}
		}
	}
}

// publish tells all clients.
func (s *Session) publish(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		c.post(ev)
	}
}

// do runs f with the kernel's threads standing still, and its symbols there.
func (c *Client) do(f func(s *Session) error) error {
	select {
	case <-c.closed:
		return ErrClosed
	default:
	}
	return c.s.do(func() error {
		if err := c.s.live(); err != nil {
			return err
		}
		return f(c.s)
	})
}

// doStopped is do for what makes sense only while the machine stands still.
func (c *Client) doStopped(f func(s *Session) error) error {
	return c.do(func(s *Session) error {
		if s.command != nil {
			return ErrRunning
		}
		if s.dead() {
			return ErrCore
		}
		return f(s)
	})
}

// ask is do with a result.
func ask[T any](c *Client, f func(s *Session) (T, error)) (r T, err error) {
	err = c.do(func(s *Session) (err error) { r, err = f(s); return err })
	return r, err
}

// State is the run state, and the stop if it is Stopped.
func (c *Client) State() (State, *Stop) {
	st, stop, _ := c.s.State()
	return st, stop
}

// Run control. These return when the command is given; what becomes of it comes as an event.

// Continue lets the machine run.
func (c *Client) Continue() error {
	return c.doStopped(func(s *Session) error {
		s.resume(c.Name, 0, s.e.Continue)
		return nil
	})
}

// Pause stops it.
func (c *Client) Pause() error {
	return c.do(func(s *Session) error {
		if s.command == nil {
			return ErrStopped
		}
		s.pause(c.Name)
		return nil
	})
}

// idleText is the text of a pause at which nothing ran.
const idleText = "no task runs"

// pause stops the machine as it is, and shows the thread that holds a CPU.
func (s *Session) pause(by string) {
	stop := Stop{Reason: ReasonPause, By: by}
	g := s.busy()
	if g == 0 {
		stop.Text = idleText
	}
	s.stopped(stop, g)
}

// Step goes on with one thread (0: the one that stopped) to another line or instruction. The others run as well, but for
// StepInstruction.
func (c *Client) Step(thread int, how Step) error {
	return c.doStopped(func(s *Session) error {
		if err := s.choose(thread); err != nil {
			return err
		}
		command := map[Step]func() (engine.Stop, error){
			StepOver: s.e.Next, StepInto: s.e.Step, StepOut: s.e.StepOut,
			StepInstruction:     func() (engine.Stop, error) { return s.e.StepInstruction(false) },
			StepOverInstruction: func() (engine.Stop, error) { return s.e.StepInstruction(true) },
		}[how]
		if command == nil {
			return errors.New("no such step")
		}
		if s.atGuestStop(thread) {
			return s.stepProgram(c, thread, how)
		}
		if how == StepOut {
			if ok, err := s.stepToProgram(c, thread); ok || err != nil {
				return err
			}
		}
		if how == StepInstruction {
			s.begin(c.Name, thread, command)
			return nil
		}
		s.resume(c.Name, thread, command)
		return nil
	})
}

// choose makes a thread the current one.
func (s *Session) choose(thread int) error {
	if thread == 0 {
		return nil
	}
	g, err := s.goroutineOf(thread)
	if err != nil {
		return err
	}
	return s.e.SwitchGoroutine(g)
}

// RunTo continues to a place, for once; thread 0: whoever comes first.
func (c *Client) RunTo(thread int, place Spec) error {
	return c.doStopped(func(s *Session) error {
		p := &point{client: c}
		p.Spec = place
		if err := p.parse(); err != nil {
			return err
		}
		if thread != 0 {
			g, err := s.goroutineOf(thread)
			if err != nil {
				return err
			}
			p.goroutine = g
		}
		p.onHit = func(*point, *engine.Hit) verdict { return verdict{stop: true, reason: ReasonGoto} }
		enable := s.enableCode
		if place.Program {
			enable = s.enableProgram
		}
		if err := enable(p); err != nil {
			s.disable(p)
			return err
		}
		s.temps = append(s.temps, p)
		s.resume(c.Name, thread, s.e.Continue)
		return nil
	})
}

// Kill switches the machine off.
func (c *Client) Kill() error {
	c.s.machine.Kill()
	return nil
}

// Breakpoints. They can be set and cleared while the machine runs.

// Set sets a breakpoint. One that can't be set now is returned unverified, with a Message; an error is a Spec that makes no
// sense.
func (c *Client) Set(spec Spec) (*Breakpoint, error) {
	return ask(c, func(s *Session) (*Breakpoint, error) { return s.add(c, spec) })
}

// Change replaces condition, hit count, log text, task and Disabled of a breakpoint of this client's.
func (c *Client) Change(id int, spec Spec) (*Breakpoint, error) {
	return ask(c, func(s *Session) (*Breakpoint, error) { return s.change(c, id, spec) })
}

// Clear takes a breakpoint of this client's away.
func (c *Client) Clear(id int) error {
	return c.do(func(s *Session) error {
		p, err := s.owned(c, id)
		if err == nil {
			s.remove(p)
		}
		return err
	})
}

// Breakpoints lists everybody's.
func (c *Client) Breakpoints() []Breakpoint {
	r, _ := ask(c, func(s *Session) (r []Breakpoint, _ error) {
		for _, p := range s.sorted() {
			r = append(r, p.Breakpoint)
		}
		return r, nil
	})
	return r
}
