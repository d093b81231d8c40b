package session

import (
	"maps"
	"slices"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
)

// guestStopHook is where the kernel passes when a program has come to a breakpoint (kernel/debug_guest.go).
const guestStopHook = "vitrine/kernel.GuestStop"

// guestBreaks is what is set in programs.
type guestBreaks struct{}

// leave is for when the session has let the kernel go.
func (g *guests) leave() { g.forget(); g.debug = nil }

// mended is a space's memory as the program made it: without breakpoints.
func (s *Session) mended(sp *guestSpace) guest.Memory { return sp.ram }

// atGuestStop reports whether a thread stands where its program has come to a breakpoint.
func (s *Session) atGuestStop(thread int) bool {
	w, err := s.where(thread, 0)
	if err != nil {
		return false
	}
	fs, err := s.e.Stack(engine.Where{Goroutine: w.Goroutine, TID: w.TID}, 1)
	return err == nil && len(fs) > 0 && fs[0].Function == guestStopHook
}

func sortedIDs[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
