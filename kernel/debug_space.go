package kernel

import (
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
)

// debugSpace is what is set in an address space. Guarded by guestDebug.mu.
type debugSpace struct {
	sites map[uint64]*debugSite
	pages []uint64           // where instructions are executed out of line
	slots int                // used of the last page
	shown map[place]struct{} // where a breakpoint was told of whose instruction waits, with the stack, for some thread to come back
}

// site finds a breakpoint. A child of fork(2) has what its parent had; that it is one shows by the int3 in its memory, for other programs
// may have breakpoints at the same addresses. Caller holds g.mu.
func (g *guestDebug) site(t *sched.Thread, as *mm.AddressSpace, addr uint64) *debugSite {
	if sp := g.spaces[as]; sp != nil {
		return sp.sites[addr]
	}
	var b [1]byte
	if n, err := mm.AccessRemote(t, as, mm.UAddr(addr), b[:], false, true); n == 0 || err != nil || b[0] != int3 {
		return nil
	}
	for _, sp := range g.spaces {
		if sp.sites[addr] == nil {
			continue
		}
		c := &debugSpace{sites: map[uint64]*debugSite{}, pages: append([]uint64(nil), sp.pages...), slots: sp.slots}
		for a, s := range sp.sites {
			copied := *s
			c.sites[a] = &copied
		}
		g.spaces[as] = c
		return c.sites[addr]
	}
	return nil
}

// loaded is called when a program has been executed or a library mapped.
func (k *Kernel) loaded(t *task.Task, exec bool) {
	g := &k.guest
	if exec && g.active.Load() {
		g.mu.Lock(t.Thread)
		as := mm.Of(t.Thread)
		g.drop(as)                                                 // what was there is gone with the old image
		g.spaces[as] = &debugSpace{sites: map[uint64]*debugSite{}} // it is no child's, which would have what its parent had
		g.prune()
		g.mu.Unlock(t.Thread)
		t.Debug = nil
	}
	GuestImage(t)
	k.serveDebug(t.Thread)
}

// prune forgets address spaces that nobody uses any more. Caller holds g.mu.
func (g *guestDebug) prune() {
	for as := range g.spaces {
		if as.Users() <= 0 {
			g.drop(as)
		}
	}
}

// maxPast bounds what is kept of address spaces that are gone.
const maxPast = 1 << 14

// drop forgets an address space. Caller holds g.mu.
func (g *guestDebug) drop(as *mm.AddressSpace) {
	if sp := g.spaces[as]; sp != nil {
		if len(g.past) > maxPast {
			clear(g.past)
		}
		for a, s := range sp.sites {
			g.past[a] = s
		}
	}
	delete(g.spaces, as)
}
