package kernel

import (
	"encoding/binary"
	"errors"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
	"vitrine/machine"
	"vitrine/machine/ring"
)

// Kinds of request in the debug ring: what a debugger leaves for the kernel to do while the machine stands still.
// A request is served before any return to user code, on whichever task comes first; if none comes, because programs compute or sleep, by the
// control thread, which the watchdog's tick calls. Numbers are of 8 bytes, little-endian.
const (
	// DebugPoke writes guest memory, also where the program may not write: in a shared page of text it makes
	// a private copy. Data: PID, address, then the bytes.
	DebugPoke = 1
	// DebugBreak sets a breakpoint. Data: PID, address, then a byte each: size of the instruction, flags (1: it pushes its return
	// address; 2: it can be executed in its place only), where its code has a displacement (0: nowhere); then the code.
	DebugBreak = 2
	// DebugClear takes one away. Data: PID, address.
	DebugClear = 3
	// DebugStep has a task make steps. Data: thread ID, from, to: single steps as long as RIP is in [from, to), with both 0 a stop before
	// it leaves the kernel; with both ^0 nothing is to be done any more.
	DebugStep = 4
	// DebugWatch has the program stop after every instruction that changes memory. Data: PID, address, number of bytes, a number of the
	// debugger's that names the watch, flags (1: also after those that read it).
	DebugWatch = 5
	// DebugUnwatch takes a watch away. Data: PID, its number.
	DebugUnwatch = 6
)

// serveDebug serves what debuggers have asked for.
func (k *Kernel) serveDebug(t *sched.Thread) {
	g := &k.guest
	if k.debug.Empty() && !g.draining.Load() {
		return
	}
	g.mu.Lock(t) // whoever comes while another is at it waits until all is done
	defer g.mu.Unlock(t)
	g.draining.Store(true)
	defer g.draining.Store(false)
	for {
		r, ok := k.debug.Take()
		if !ok {
			return
		}
		if err := k.debugRequest(t, r); err != nil {
			k.Log.Warnf("debug: request of kind %d: %v", r.Kind, err)
		}
	}
}

// debugWaits has requests served that nobody has come for. Like all of the watchdog it holds no CPU.
func (k *Kernel) debugWaits() {
	if k.control != nil && !k.debug.Empty() {
		k.Sched.Interrupt(machine.LineControl)
	}
}

var errRequest = errors.New("not understood")

// debugRequest serves one request. Caller holds k.guest.mu.
func (k *Kernel) debugRequest(t *sched.Thread, r ring.Record) error {
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(r.Data[8*i:]) }
	if len(r.Data) < 16 || r.Kind == DebugStep && len(r.Data) < 24 {
		return errRequest
	}
	g := &k.guest
	if r.Kind == DebugStep {
		s := debugStep{lo: word(1), hi: word(2)}
		s.user, s.cancel = s.lo == 0 && s.hi == 0, s.lo == ^uint64(0) && s.hi == s.lo
		g.steps[int(word(0))] = s
		g.nsteps.Store(int32(len(g.steps)))
		g.active.Store(true)
		return nil
	}
	x := k.Tasks.Task(t, int(word(0)))
	if x == nil {
		return errno.ESRCH
	}
	as := x.AddressSpace(t)
	if as == nil {
		return errno.ESRCH
	}
	defer as.Release(t)
	addr := word(1)
	switch r.Kind {
	case DebugPoke:
		_, err := mm.AccessRemote(t, as, mm.UAddr(addr), r.Data[16:], true, true)
		return err
	case DebugBreak:
		return g.set(t, as, addr, r.Data[16:])
	case DebugClear:
		return g.clear(t, as, addr)
	case DebugWatch:
		return g.watch(t, as, r.Data[8:])
	case DebugUnwatch:
		as.DropWatch(t, addr)
		return nil
	}
	return errRequest
}

// set puts a breakpoint into an address space.
func (g *guestDebug) set(t *sched.Thread, as *mm.AddressSpace, addr uint64, b []byte) error {
	if len(b) < 4 || len(b) > 3+16 {
		return errRequest
	}
	s := &debugSite{addr: addr, size: uint64(b[0]), flags: b[1], rel: int(b[2]), code: b[3:]}
	if s.rel != 0 && s.rel+4 > len(s.code) {
		return errRequest
	}
	g.active.Store(true)
	g.site(t, as, addr) // a child of fork(2) gets what it has, with the rest
	sp := g.spaces[as]
	if sp == nil {
		sp = &debugSpace{sites: map[uint64]*debugSite{}}
		g.spaces[as] = sp
	}
	var was [1]byte
	if _, err := mm.AccessRemote(t, as, mm.UAddr(addr), was[:], false, true); err != nil {
		return err
	}
	if old := sp.sites[addr]; old != nil && !old.off && was[0] == int3 { // otherwise it was taken for a child's, and is none
		return nil
	}
	s.orig = was[0]
	if s.orig == int3 { // the program's own, or left by what is not known any more: the debugger knows what was there
		s.orig = s.code[0]
	}
	if _, err := mm.AccessRemote(t, as, mm.UAddr(addr), []byte{int3}, true, true); err != nil {
		return err
	}
	sp.sites[addr] = s
	return nil
}

// clear takes a breakpoint away. A task that executes its instruction out of line does so to the end: its page stays.
func (g *guestDebug) clear(t *sched.Thread, as *mm.AddressSpace, addr uint64) error {
	s := g.site(t, as, addr)
	if s == nil || s.off {
		return nil
	}
	s.off = true
	_, err := mm.AccessRemote(t, as, mm.UAddr(addr), []byte{s.orig}, true, true)
	return err
}
