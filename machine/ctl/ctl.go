// Package ctl is the control channel between supervisor and kernel: a stream
// socket on which both send messages.
//
//	┌────────┬──────────────┐
//	│ length │ JSON         │   length: 4 bytes, little-endian, at most MaxMessage
//	└────────┴──────────────┘
//
//	supervisor                          kernel
//	  Boot ───────────────────────────▶          first message; the kernel waits for it
//	       ◀─────────────────────────── Ready    init runs
//	  View, Exec, Quiesce, Signal, Calls ▶       requests, with an ID
//	       ◀─────────────────────────── Reply    to a request, with its ID
//	       ◀─────────────────────────── Image, Exited   events
//	       ◀─────────────────────────── Halt     last message
//
// The same frames serve `vitrine ps NAME` and its like, which talk to the supervisor.
// Requests are rare: nothing that a system call needs goes this way.
package ctl

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"vitrine/machine"
)

// MaxMessage bounds a message's JSON, in bytes.
const MaxMessage = 4 << 20

// Message is one message: an ID, and one of the fields below.
type Message struct {
	ID uint64 `json:",omitempty"` // of a request and its reply

	// From the supervisor.
	Boot    *machine.Boot `json:",omitempty"`
	View    *View         `json:",omitempty"`
	Exec    *Exec         `json:",omitempty"`
	Signal  *Signal       `json:",omitempty"`
	Calls   *Calls        `json:",omitempty"`
	Quiesce *Quiesce      `json:",omitempty"`

	// From the kernel.
	Ready  *Ready  `json:",omitempty"`
	Reply  *Reply  `json:",omitempty"`
	Image  *Image  `json:",omitempty"`
	Exited *Exited `json:",omitempty"`
	Halt   *Halt   `json:",omitempty"`
}

// View asks for the rows of a kernel view. The answer is a Reply with Table.
type View struct {
	Name string   // "" lists the views
	Args []string `json:",omitempty"`
}

// Exec asks for a new process beside what runs. The answer is a Reply with
// PID, later comes Exited with the same ID.
type Exec struct {
	Argv  []string
	Env   []string  `json:",omitempty"`
	Dir   string    `json:",omitempty"`
	Tty   bool      // Files[0] becomes the terminal of the process's session
	Files [3]string // device nodes that become descriptors 0, 1, 2
}

// Signal asks for a signal to a guest process, or with PID 0 for the power button: init gets
// what Linux sends it at Ctrl-Alt-Del.
type Signal struct {
	PID    int
	Signal int
}

// Calls says which system calls the kernel records in the ring "events" from now on (kernel/ktrace). The answer is a Reply with
// Recorded and Unknown.
type Calls struct {
	Off   bool     // none
	Names []string `json:",omitempty"` // none: all
	PIDs  []int    `json:",omitempty"` // of these processes; none: of all
}

// Quiesce asks the kernel to bring every task to a place where it can be
// stopped and started again, or with Resume to let them go.
type Quiesce struct {
	Resume bool
}

// Ready says that init runs.
type Ready struct {
	Took int64 // nanoseconds from opening the machine
}

// Reply answers a request.
type Reply struct {
	Error string `json:",omitempty"` // the request failed
	Table *Table `json:",omitempty"`
	PID   int    `json:",omitempty"`

	Recorded uint64   `json:",omitempty"` // system calls until now
	Unknown  []string `json:",omitempty"` // Calls.Names that name nothing
}

// Table is a view's rows, as text: a kview.Table.
type Table struct {
	View      string
	Head      []string
	Rows      [][]string
	Exprs     []string // for each row the Go expression of its structure
	Truncated bool     // there was more than kview shows
}

// Image says that a process mapped a file with code, for whoever wants its symbols.
type Image struct {
	PID        int
	Path       string
	Base, Size uint64 // where it lies
	Offset     uint64 // in the file
	Exec       bool   // the process's main program, at execve
}

// Exited says that a process that Exec started has ended.
type Exited struct {
	Status int // exit code, or 128 + signal
}

// Halt says that the machine ends and why.
type Halt struct {
	Reason machine.HaltReason
	Status int
	Text   string `json:",omitempty"`
}

// ErrTooLarge says that a message is longer than MaxMessage.
var ErrTooLarge = errors.New("ctl: message is too large")

// Append appends m as it goes over the wire.
func Append(b []byte, m *Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return b, err
	}
	if len(body) > MaxMessage {
		return b, ErrTooLarge
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...), nil
}

// Read reads one message.
func Read(r io.Reader) (*Message, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > MaxMessage {
		return nil, ErrTooLarge
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	m := new(Message)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("ctl: %w", err)
	}
	return m, nil
}

// Conn is an end of a control channel. Any goroutine may send, one receives.
type Conn struct {
	rw io.ReadWriter
	mu sync.Mutex // a message at a time
}

// NewConn returns an end on a stream.
func NewConn(rw io.ReadWriter) *Conn { return &Conn{rw: rw} }

// Send sends a message.
func (c *Conn) Send(m *Message) error {
	b, err := Append(nil, m)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.rw.Write(b)
	return err
}

// Receive waits for the next message.
func (c *Conn) Receive() (*Message, error) { return Read(c.rw) }

// Port is the control channel as the kernel sees it: machine.LineControl says
// that a message has come.
type Port interface {
	// Receive returns the next message, or nil. It does not wait.
	Receive() *Message

	// Send sends a message. It may wait for the supervisor for a moment, never for the guest.
	Send(m *Message) error
}

// Ported is a machine.Machine with a control channel.
type Ported interface {
	Control() Port
}
