package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"vitrine/machine/ctl"
)

// The protocol between `vitrine ps` and its like and the supervisor of a running
// machine: frames as in machine/ctl. One request, one answer; for console, exec, debug and a
// following dmesg, then parts in both directions until one side closes.

// ask is a request.
type ask struct {
	Op     string   // info, view, dmesg, exec, console, dap (then that protocol), kill
	View   string   `json:",omitempty"`
	Args   []string `json:",omitempty"`
	Argv   []string `json:",omitempty"`
	Dir    string   `json:",omitempty"`
	Term   string   `json:",omitempty"` // exec: the client is such a terminal …
	Cols   int      `json:",omitempty"` // … of this size
	Rows   int      `json:",omitempty"`
	Follow bool     `json:",omitempty"`

	Running bool `json:",omitempty"` // debug: let the machine run
}

// answer is the reply to it.
type answer struct {
	Error string     `json:",omitempty"`
	Table *ctl.Table `json:",omitempty"`
	Lines []string   `json:",omitempty"`
}

// part is a piece of a stream.
type part struct {
	Stream int    `json:",omitempty"` // 0 to the guest, 1 output, 2 error output
	Data   []byte `json:",omitempty"`
	End    bool   `json:",omitempty"` // of the stream
	Exited bool   `json:",omitempty"` // the program has ended, with Status
	Status int    `json:",omitempty"`
	Cols   int    `json:",omitempty"` // the client's window has a new size
	Rows   int    `json:",omitempty"`
}

// wire is one end of a connection. Any goroutine may send.
type wire struct {
	rw io.ReadWriter
	mu sync.Mutex
}

func (w *wire) send(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > ctl.MaxMessage {
		return ctl.ErrTooLarge
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.rw.Write(append(b, body...))
	return err
}

func (w *wire) receive(v any) error {
	var head [4]byte
	if _, err := io.ReadFull(w.rw, head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > ctl.MaxMessage {
		return ctl.ErrTooLarge
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(w.rw, body); err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// streamWriter sends what is written to it as parts of a stream.
type streamWriter struct {
	w      *wire
	stream int
}

func (s streamWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 64<<10)
		if err := s.w.send(part{Stream: s.stream, Data: rest[:n]}); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// request asks a running machine and returns the connection for what follows.
func request(name string, a ask) (*wire, io.Closer, *answer, error) {
	conn, _, err := dial(name)
	if err != nil {
		return nil, nil, nil, err
	}
	w := &wire{rw: conn}
	var r answer
	err = w.send(a)
	if err == nil {
		err = w.receive(&r)
	}
	switch {
	case err == io.EOF:
		err = errors.New("the machine ended before it answered")
	case err == nil && r.Error != "":
		err = errors.New(r.Error)
	}
	if err != nil {
		conn.Close()
		return nil, nil, nil, err
	}
	return w, conn, &r, nil
}
