package session

import (
	"fmt"
	"os"

	"vitrine/debugserver/views"
	"vitrine/kernel/kview"
)

// evaluator returns what evaluates views in the stopped kernel.
func (s *Session) evaluator() (*views.Evaluator, error) {
	if s.viewer != nil {
		return s.viewer, nil
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/exe", s.e.Pid())) // whatever has become of the file's name since
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := views.Find(f)
	if err != nil {
		return nil, err
	}
	s.viewer = views.New(func(b []byte, addr uint64) (int, error) { return s.e.ReadMemory(b, addr) }, a)
	return s.viewer, nil
}

// view evaluates a view in the stopped kernel.
func (s *Session) view(name string) (kview.Table, error) {
	ev, err := s.evaluator()
	if err != nil {
		return kview.Table{}, err
	}
	return ev.Table(name)
}
