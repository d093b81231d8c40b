package engine

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/go-delve/delve/pkg/proc"
)

// Dump writes a core file of the stopped process, which Delve and package views read. What is zero takes no room on disk: the
// guest's RAM is part of it.
func (e *Engine) Dump(path string) (err error) {
	defer guard(&err)
	if e.tracer == nil {
		return ErrNotLive
	}
	if err := e.Valid(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it has all secrets of the guest
	if err != nil {
		return err
	}
	out := &sparseFile{f: f}
	var state proc.DumpState
	e.target.Dump(out, 0, &state)
	if state.Err == nil && !state.AllDone {
		state.Err = errors.New("the dump is not complete")
	}
	if state.Err != nil {
		os.Remove(path)
	}
	return state.Err
}

// sparseFile leaves holes where zeros are written.
type sparseFile struct {
	f   *os.File
	pos int64
	end int64
}

const holeSize = 64 << 10

var zeros [holeSize]byte

func (s *sparseFile) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), holeSize)]
		if !bytes.Equal(part, zeros[:len(part)]) {
			if _, err := s.f.WriteAt(part, s.pos); err != nil {
				return len(p) - len(rest), err
			}
		}
		s.pos += int64(len(part))
		rest = rest[len(part):]
	}
	s.end = max(s.end, s.pos)
	return len(p), nil
}

func (s *sparseFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		s.pos = offset
	case io.SeekCurrent:
		s.pos += offset
	case io.SeekEnd:
		s.pos = s.end + offset
	}
	return s.pos, nil
}

// Close gives the file its length, if it ends with a hole.
func (s *sparseFile) Close() error {
	return errors.Join(s.f.Truncate(s.end), s.f.Close())
}
