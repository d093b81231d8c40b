package dap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"vitrine/debugserver/session"
)

// Machine is a kernel as its supervisor has it.
type Machine interface {
	Name() string
	PID() int        // of the kernel process
	Program() string // the kernel's file
	Terminal() bool  // the guest's streams are the console, not ports that Watch shows
	Connect(name string, stop bool) (Debugger, error)
	Boot() error // lets a launched one begin; called once
	Kill()       // switches it off
	Done() <-chan struct{}
	Outcome() (status int, text string) // once Done is closed; text is "" for a good end

	Console() io.ReadWriteCloser                           // another terminal on the console: its output from the scrollback on, its input
	Watch(w func(category string, p []byte)) (stop func()) // what the guest's program writes: stdout, stderr
	Input(p []byte) error                                  // to the standard input of the guest's program
	Ring(name string) []byte                               // a ring in shared RAM: dmesg, events

	// What the kernel does for us: while it stands still it can't, and ErrNoAnswer is returned after a while. It does so once it runs. Without
	// wait the call returns at once.

	// Signal sends a signal to a process of the guest.
	Signal(pid, sig int, wait bool) error

	// Record has the kernel write system calls to the ring "events": those of the names, of all if there are none, and of the process,
	// of all if it is 0; and those that others want. last is the number of the record before; -1: not known. stop ends it; it is nil only
	// with an error other than ErrNoAnswer.
	Record(names []string, pid int, wait bool) (last int64, stop func(), err error)

	// Sound tells of the streams of the sound device, with the peaks of the last moment. SoundSamples returns what a stream has played or recorded
	// of late as 16 bits, signed, little endian.
	Sound(last time.Duration) []Sound
	SoundSamples(device, direction string, last time.Duration) (Sound, []byte, error)
}

// ErrNoAnswer is a kernel that does not do what it is asked to.
var ErrNoAnswer = errors.New("the kernel does not answer")

// Host makes and finds machines: the supervisor.
type Host interface {
	// Launch builds what must be built and makes a machine, which waits for Boot. Only one exists at a time; old, if not
	// nil, is the one to replace: it ends when the new one can be built.
	Launch(ctx context.Context, cfg *LaunchConfig, p Progress, old Machine) (Machine, error)

	// Attach finds a running machine: one of this process, or a connection to the supervisor that serves DAP for it.
	Attach(name string) (Machine, io.ReadWriteCloser, error)
}

// Progress hears of what takes long.
type Progress interface {
	Begin(title string) (end func(ok bool))
	Output(text string) // as a compiler writes it
}

// Options say how a Server works.
type Options struct {
	Host Host

	// Command is the debugger's command language, for the REPL. thread and frame say where to look. forced: the line was marked as a
	// command; otherwise ok is false for a line that is none.
	Command func(ctx context.Context, m Machine, c *session.Client, thread, frame int, line string, forced bool) (text string, ok bool, err error)

	// Words completes the last word of a line in that language; start is where it begins.
	Words func(c *session.Client, line string) (words []string, start int)

	// Exe is the program to run for `console` in a terminal of the client's; "": vitrine.
	Exe string
}

// Server serves any number of clients.
type Server struct {
	opts Options

	mu       sync.Mutex
	conns    []*conn       // guarded by mu: those that have a machine, and those that may get one
	launched Machine       // guarded by mu: what Host.Launch made last, while it lives
	config   *LaunchConfig // guarded by mu: what made it; nil: not by us
	kept     Machine       // guarded by mu: it may outlive its last client
	busy     bool          // guarded by mu: a launch or restart is under way
	number   int           // guarded by mu: of the last client
	hidden   hiddenStop    // guarded by mu
}

// NewServer returns a server.
func NewServer(o Options) *Server { return &Server{opts: o} }

// Serve serves one client until it leaves or talks nonsense. It closes the connection.
func (s *Server) Serve(rw io.ReadWriteCloser) error {
	c := newConn(s, rw)
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	err := c.serve()
	s.left(c)
	return err
}

// left forgets a client. With the last one a launched machine ends.
func (s *Server) left(c *conn) {
	s.mu.Lock()
	if i := slices.Index(s.conns, c); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
	}
	m := s.launched
	if m == s.kept {
		m = nil
	}
	for _, o := range s.conns {
		if o.attachedTo() == m {
			m = nil
			break
		}
	}
	s.mu.Unlock()
	mine := c.attachedTo()
	c.leave() // first: a traced process dies slowly
	if mine != nil && (m == mine || c.kill) {
		mine.Kill()
	}
}

// Close switches the launched machine off and drops all clients.
func (s *Server) Close() {
	s.mu.Lock()
	m, conns := s.launched, slices.Clone(s.conns)
	s.mu.Unlock()
	for _, c := range conns {
		c.rw.Close()
		c.leave()
	}
	if m != nil {
		m.Kill()
		<-m.Done()
	}
}

// clientName makes a name that no other client of this server has.
func (s *Server) clientName(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	if name == "" {
		name = "DAP client"
	}
	if s.number == 1 {
		return name
	}
	return fmt.Sprintf("%s (%d)", name, s.number)
}

var errBusy = errors.New("another client is launching the machine; attach when it runs")

// begin reserves the server for a launch or restart.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return errBusy
	}
	s.busy = true
	return nil
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
}

// current returns the launched machine if it is alive.
func (s *Server) current() (Machine, *LaunchConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.launched != nil {
		select {
		case <-s.launched.Done():
			s.launched = nil
		default:
		}
	}
	return s.launched, s.config
}

// launchedBy reports whether a machine was launched, and with what configuration.
func (s *Server) launchedBy(m Machine) (bool, *LaunchConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.launched != m {
		return false, nil
	}
	return true, s.config
}

func (s *Server) setCurrent(m Machine, cfg *LaunchConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.launched, s.config = m, cfg
}

// clientsOf lists the clients of a machine.
func (s *Server) clientsOf(m Machine) (of []*conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.attachedTo() == m {
			of = append(of, c)
		}
	}
	return of
}

// hiddenStop is a breakpoint of the server's own, see (*conn).boot.
type hiddenStop struct {
	machine Machine
	id      int
	owner   *conn
	pause   bool // somebody has found the machine standing there, and wants it to
}

func (s *Server) setHidden(m Machine, id int, owner *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = hiddenStop{machine: m, id: id, owner: owner}
}

// pauseHidden notes that the machine is to stand still after all, if it is at that stop.
func (s *Server) pauseHidden(m Machine, st *session.Stop) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.hidden.machine == m && s.hidden.id != 0 && st != nil && slices.Contains(st.Hits, s.hidden.id)
	s.hidden.pause = s.hidden.pause || at
	return at
}

// pauseWanted reports whether it is.
func (s *Server) pauseWanted(m Machine) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden.machine == m && s.hidden.pause
}

func (s *Server) hiddenOf(m Machine) (id int, owner *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hidden.machine != m {
		return 0, nil
	}
	return s.hidden.id, s.hidden.owner
}
