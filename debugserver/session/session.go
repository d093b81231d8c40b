package session

// Machine is what the session needs of the mainboard (hostdev/board).
type Machine interface {
	PID() int // of the kernel process
	Done() <-chan struct{}
	Kill()

	FreezeCells() error
	ThawCells()
	FreezeClock()
	ThawClock()
	PauseDevices()
	ResumeDevices()
}

// Session is one debugging session.
type Session struct{}

// New makes a session; nothing is traced before Connect.
func New(m Machine) *Session { return &Session{} }

// Connect adds a client. The first one attaches to the kernel process, which goes on running unless stop is set: then
// there is a Stopped event with ReasonEntry.
func (s *Session) Connect(name string, stop bool) (*Client, error) { return nil, nil }
