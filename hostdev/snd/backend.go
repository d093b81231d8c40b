package snd

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Backend is where sound goes to and comes from. Its methods do not wait for anybody else: they are called
// with the device's gate held.
type Backend interface {
	// Can says what a stream, Play or Record, can.
	Can(stream int) Can

	// Output and Input prepare for a stream of that format. Each ends with its Close.
	Output(f Format) (Output, error)
	Input(f Format) (Input, error)

	Close() error
}

// Output takes what a stream plays. An error of Write is for people: time goes on.
type Output interface {
	Write(p []byte) error
	// Pause says that nothing will come for a while: the stream was stopped.
	Pause()
	Close()
}

// Input gives what a stream records: it fills p, with silence where it has nothing else.
type Input interface {
	Read(p []byte)
	Close()
}

// New back-ends report errors that the guest cannot hear of here.
type logger func(format string, args ...any)

// Open returns the back-end of an -audio option: "none", "pulse", "wav:out=FILE,in=FILE". Log hears what goes wrong
// later.
func Open(spec string, log func(format string, args ...any)) (Backend, error) {
	if log == nil {
		log = func(string, ...any) {}
	}
	kind, args, _ := strings.Cut(spec, ":")
	switch {
	case kind == "none" && args == "":
		return Null{}, nil
	case kind == "pulse":
		return newPulse(args, log), nil
	case kind == "wav":
		var out, in string
		for _, a := range strings.Split(args, ",") {
			k, v, _ := strings.Cut(a, "=")
			switch {
			case k == "out" && v != "":
				out = v
			case k == "in" && v != "":
				in = v
			default:
				return nil, fmt.Errorf("%q: want wav:out=FILE,in=FILE", spec)
			}
		}
		return newWAV(out, in, log)
	}
	return nil, fmt.Errorf("%q is not none, pulse or wav:out=FILE,in=FILE", spec)
}

// Null plays to nobody and records silence.
type Null struct{}

// Can implements Backend.
func (Null) Can(int) Can { return anything() }

// Output implements Backend.
func (Null) Output(Format) (Output, error) { return nullStream{}, nil }

// Input implements Backend.
func (Null) Input(f Format) (Input, error) { return nullStream{f.Sample.silence()}, nil }

// Close implements Backend.
func (Null) Close() error { return nil }

type nullStream struct{ silence byte }

func (nullStream) Write([]byte) error { return nil }
func (nullStream) Pause()             {}
func (nullStream) Close()             {}
func (n nullStream) Read(p []byte)    { fill(p, n.silence) }

func fill(p []byte, b byte) {
	for i := range p {
		p[i] = b
	}
}

// Memory plays into memory and records from a reader: for tests.
type Memory struct {
	Source io.Reader // nil: silence

	mu     sync.Mutex
	played []byte
	format Format
	err    error
}

// Can implements Backend.
func (m *Memory) Can(int) Can { return anything() }

// Played returns all that was played, and its last format.
func (m *Memory) Played() ([]byte, Format) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]byte(nil), m.played...), m.format
}

// Fail makes writes fail, until it is called with nil.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Output implements Backend.
func (m *Memory) Output(f Format) (Output, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.format = f
	return memoryStream{m, f}, m.err
}

// Input implements Backend.
func (m *Memory) Input(f Format) (Input, error) { return memoryStream{m, f}, nil }

// Close implements Backend.
func (m *Memory) Close() error { return nil }

type memoryStream struct {
	m *Memory
	f Format
}

func (s memoryStream) Write(p []byte) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.err == nil {
		s.m.played = append(s.m.played, p...)
	}
	return s.m.err
}

func (s memoryStream) Read(p []byte) {
	n := 0
	if s.m.Source != nil {
		n, _ = io.ReadFull(s.m.Source, p)
	}
	fill(p[n:], s.f.Sample.silence())
}

func (s memoryStream) Pause() {}
func (s memoryStream) Close() {}
