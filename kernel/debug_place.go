package kernel

import (
	"encoding/binary"

	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// place is where a program is: what a runtime takes along that lets another thread go on there, as Go's does with goroutines.
type place struct{ rip, rsp uint64 }

// maxShown bounds what is remembered of stacks that never come back.
const maxShown = 256

// injected reports whether t is at the first instruction of a function that it was made to call at p, instead of going on there: a signal's
// handler has seen to that.
func (p place) injected(t *task.Task) bool {
	if p.rip == 0 || t.Regs.RSP+8 != p.rsp {
		return false
	}
	var ret [8]byte
	n, err := mm.AccessRemote(t.Thread, mm.Of(t.Thread), mm.UAddr(t.Regs.RSP), ret[:], false, true)
	return err == nil && n == len(ret) && binary.LittleEndian.Uint64(ret[:]) == p.rip
}

// remember notes that the debugger was told of a breakpoint whose instruction is yet to be executed.
func (g *guestDebug) remember(t *task.Task, p place) {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	sp := g.spaces[mm.Of(t.Thread)]
	if sp == nil {
		return
	}
	if sp.shown == nil || len(sp.shown) >= maxShown {
		sp.shown = map[place]struct{}{}
	}
	sp.shown[p] = struct{}{}
}

// again reports whether that was remembered, and forgets it. Caller holds g.mu.
func (g *guestDebug) again(as *mm.AddressSpace, p place) bool {
	sp := g.spaces[as]
	if sp == nil {
		return false
	}
	_, ok := sp.shown[p]
	delete(sp.shown, p)
	return ok
}
