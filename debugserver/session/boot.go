package session

import (
	"errors"

	"vitrine/debugserver/engine"
)

// What needs the kernel's structures waits, in a machine that is held before its first step, for the place where they are made and nothing
// runs yet.
const bootFunction = "vitrine/kernel.(*Kernel).Boot"

var errNotBooted = errors.New("the kernel has not booted yet; it is set when it does")

// booted reports whether the kernel has made its structures.
func (s *Session) booted() bool {
	k, err := s.kernelRoot()
	return err == nil && k.Addr() != 0
}

// awaitBoot has what is pending for want of a kernel enabled as soon as there is one.
func (s *Session) awaitBoot() error {
	if s.boot != nil {
		return nil
	}
	s.boot = &point{onHit: func(p *point, _ *engine.Hit) verdict {
		p.gone, s.boot = true, nil
		s.disable(p)
		for _, q := range s.sorted() {
			if q.Pending && !q.program && !q.gone && !q.Spec.Disabled {
				s.enable(q)
				b := q.Breakpoint
				s.publish(Event{Breakpoint: &b})
			}
		}
		return verdict{}
	}}
	return s.plant(s.boot, engine.Spec{Function: bootFunction})
}
