package kernel

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/ksync"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// Breakpoints in programs, as a debugger asks for them in the debug ring, and the steps from instruction to instruction.
//
//	int3 in a private copy of the page ─▶ SIGTRAP ─▶ debugTrap ─▶ GuestStop: the debugger stops the machine here
//	                                                    │
//	next return to user code: the instruction is executed out of line, in a page of the kernel's own, with the trap
//	flag set ─▶ SIGTRAP ─▶ stepped: RIP goes back to where the program thinks it is
//
// The int3 stays in place all the while, so that no other thread slips by. An instruction that can't be executed elsewhere takes its own
// place for that moment.

// GuestStop is called where a program has come to a breakpoint (why 1), has made its steps (2), or is about to leave the kernel (3).
// A debugger's breakpoint is here; nothing is held, and the program goes on when it returns.
//
//go:noinline
//go:nosplit
func GuestStop(t *task.Task, addr, why uint64) {}

// Reasons of GuestStop.
const (
	stopBreak = 1 + iota
	stopStep
	stopUser
)

// GuestImage is called when a program has been executed, or a library mapped, and nothing of it has run yet. What a debugger asks for
// here is done before it runs.
//
//go:noinline
//go:nosplit
func GuestImage(t *task.Task) {}

// Flags of a breakpoint.
const (
	siteCall    = 1 << iota // the instruction leaves its return address on the stack
	siteInPlace             // it can be executed where it is only
)

// guestDebug is what debuggers have asked for.
type guestDebug struct {
	active   atomic.Bool  // somebody has ever asked for something
	draining atomic.Bool  // requests are being served
	nsteps   atomic.Int32 // len(steps)

	mu     ksync.Mutex                      // rankDebug
	spaces map[*mm.AddressSpace]*debugSpace // guarded by mu; without references: see prune
	past   map[uint64]*debugSite            // of address spaces that are gone, for their children; guarded by mu
	steps  map[int]debugStep                // by thread ID: asked for, not taken yet; guarded by mu

	open  atomic.Int32                    // len(turns)
	turns map[*mm.AddressSpace]*task.Task // who has watched pages open: see debug_watch.go; guarded by mu
	given atomic.Int64                    // how often one has given its turn
	turn  ksync.WaitQueue                 // where the others wait
}

var classDebug = &ksync.Class{Name: "debug", Rank: ksync.RankDebug}

// debugSite is a breakpoint. All but slot is immutable; slot is guarded by guestDebug.mu.
type debugSite struct {
	addr  uint64
	size  uint64 // of the instruction
	flags uint8
	code  []byte // the same instruction, as if it lay at addr; relative jumps have their long form
	rel   int    // where in code is a displacement of 4 bytes; 0: nowhere
	orig  byte
	slot  uint64 // where it is executed; 0: nowhere yet
	off   bool   // taken away; it is kept for children of fork(2), whose memory may still have the int3; guarded by guestDebug.mu
}

// debugStep is what a task is to do: steps while RIP is in [lo, hi), or a stop before it leaves the kernel.
type debugStep struct {
	lo, hi uint64
	user   bool
	cancel bool
}

// debugTask is a task's own state.
type debugTask struct {
	over place      // a breakpoint that it has come to and not yet passed
	at   *debugSite // whose instruction it executes
	step *debugStep // its steps
	flag bool       // the trap flag is ours

	access *debugAccess // to watched memory, by the instruction under way
	hits   []WatchHit   // to be told when it is over

	// A signal's handler is no part of a step: it runs until the program is back at the place where the signal has come.
	back place // that place; 0: no handler runs
}

// The processor's exceptions (Intel SDM vol. 3, table 6-1).
const (
	trapDebug      = 1
	trapBreakpoint = 3
)

// debugTrap implements task.Hooks.DebugTrap.
func (k *Kernel) debugTrap(t *task.Task, i *task.SigInfo) bool {
	if !k.guest.active.Load() {
		return false
	}
	switch i.TrapNo {
	case trapBreakpoint:
		return k.guest.hit(t)
	case trapDebug:
		return k.guest.stepped(t)
	}
	return false
}

// hit is an int3: one of ours, or the program's.
func (g *guestDebug) hit(t *task.Task) bool {
	at := t.Regs.RIP - 1
	as := mm.Of(t.Thread)
	g.mu.Lock(t.Thread)
	s := g.site(t.Thread, as, at)
	off := s != nil && s.off
	again := s != nil && g.again(as, place{at, t.Regs.RSP})
	if s == nil {
		if s = g.past[at]; s != nil && g.same(t, s) {
			off = true
		} else {
			s = nil
		}
	}
	g.mu.Unlock(t.Thread)
	if s == nil {
		return false
	}
	t.Regs.RIP = at
	d := stateOf(t)
	d.stopFlag(t)
	if off {
		g.poke(t, as, at, []byte{s.orig})
		return true
	}
	d.over = place{at, t.Regs.RSP}
	if !again {
		GuestStop(t, at, stopBreak)
	}
	return true
}

// stepped is the end of an instruction with the trap flag set.
func (g *guestDebug) stepped(t *task.Task) bool {
	d, _ := t.Debug.(*debugTask)
	if d == nil { // a child that was forked in the middle of a step
		t.Debug = &debugTask{}
		t.Regs.RFLAGS &^= amd64.FlagTF
		return true
	}
	done := !d.flag || d.at == nil || g.finish(t, d)
	g.endAccess(t, d, true)
	if !done {
		return true
	}
	if !d.flag { // the program's own
		g.tell(t, d)
		return false
	}
	d.stopFlag(t)
	g.tell(t, d)
	if s := d.step; s != nil && d.back.rip == 0 && (t.Regs.RIP < s.lo || t.Regs.RIP >= s.hi) {
		d.step = nil
		GuestStop(t, t.Regs.RIP, stopStep)
	}
	return true
}

// finish makes the program believe that the instruction was executed where it is. False: it is not over, a repeated one.
func (g *guestDebug) finish(t *task.Task, d *debugTask) bool {
	s := d.at
	switch t.Regs.RIP {
	case s.slot:
		return false
	case s.slot + uint64(len(s.code)):
		t.Regs.RIP = s.addr + s.size
	}
	if s.slot == 0 {
		g.rearm(t, s)
	} else if s.flags&siteCall != 0 {
		var ret [8]byte
		if as := mm.Of(t.Thread); g.peek(t, as, t.Regs.RSP, ret[:]) && binary.LittleEndian.Uint64(ret[:]) == s.slot+uint64(len(s.code)) {
			binary.LittleEndian.PutUint64(ret[:], s.addr+s.size)
			g.poke(t, as, t.Regs.RSP, ret[:])
		}
	}
	d.at, d.over = nil, place{}
	return true
}

const int3 = 0xcc

// rearm puts an int3 back that had to make way for its instruction.
func (g *guestDebug) rearm(t *task.Task, s *debugSite) {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	if as := mm.Of(t.Thread); g.site(t.Thread, as, s.addr) == s && !s.off {
		g.poke(t, as, s.addr, []byte{int3})
	}
}

// same reports whether what follows an int3 is the rest of a breakpoint's instruction.
func (g *guestDebug) same(t *task.Task, s *debugSite) bool {
	b := make([]byte, s.size-1)
	return uint64(len(s.code)) == s.size && s.rel == 0 && g.peek(t, mm.Of(t.Thread), s.addr+1, b) && bytes.Equal(b, s.code[1:]) ||
		s.rel != 0 || uint64(len(s.code)) != s.size
}

// stateOf returns the task's state, making it if need be. Only the task itself may call it.
func stateOf(t *task.Task) *debugTask {
	d, _ := t.Debug.(*debugTask)
	if d == nil {
		d = &debugTask{}
		t.Debug = d
	}
	return d
}

// stopFlag takes the trap flag away if we have set it.
func (d *debugTask) stopFlag(t *task.Task) {
	if d.flag {
		t.Regs.RFLAGS &^= amd64.FlagTF
		d.flag = false
	}
}

// beforeUser prepares what the task is to do next: it is about to leave the kernel. It reports whether the debugger was shown something, and
// so may have asked for more.
func (g *guestDebug) beforeUser(t *task.Task, signal bool) (again bool) {
	if g.nsteps.Load() > 0 {
		g.takeStep(t)
	}
	d, _ := t.Debug.(*debugTask)
	if d == nil {
		return false
	}
	if signal { // it comes first: its frame must not show what we do
		g.undo(t, d)
		g.tell(t, d)
		if d.step != nil && d.back.rip == 0 {
			d.back = place{t.Regs.RIP, t.Regs.RSP}
		}
		return false
	}
	if d.access != nil && d.access.at != (place{t.Regs.RIP, t.Regs.RSP}) {
		g.endAccess(t, d, true)
		g.tell(t, d)
		return true
	}
	switch {
	case d.back == place{t.Regs.RIP, t.Regs.RSP}:
		d.back.rip = 0
	case d.back.injected(t):
		// Go's runtime takes the processor from a goroutine. Another thread may be the one that goes on with it: the debugger sees to that.
		d.back.rip, d.over, d.step = 0, place{}, nil
		d.stopFlag(t)
		GuestStop(t, t.Regs.RIP, stopStep)
		return true
	case d.over.injected(t):
		g.remember(t, d.over)
		d.over = place{}
	}
	if d.step != nil && d.step.user {
		d.step = nil
		GuestStop(t, t.Regs.RIP, stopUser)
		return true
	}
	if d.at == nil && d.over == (place{t.Regs.RIP, t.Regs.RSP}) {
		g.begin(t, d)
	}
	switch {
	case d.access == nil && (d.step == nil || d.back.rip != 0) && (d.at == nil || t.Regs.RIP != d.at.slot && t.Regs.RIP != d.at.addr):
		d.stopFlag(t)
	case t.Regs.RFLAGS&amd64.FlagTF == 0:
		t.Regs.RFLAGS |= amd64.FlagTF
		d.flag = true
	}
	return false
}

// takeStep takes what was asked of the task.
func (g *guestDebug) takeStep(t *task.Task) {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	s, ok := g.steps[t.ID]
	if !ok {
		return
	}
	delete(g.steps, t.ID)
	g.nsteps.Store(int32(len(g.steps)))
	d := stateOf(t)
	d.back.rip = 0
	if d.step = &s; s.cancel {
		d.step = nil
	}
}

// undo goes back to the beginning of an instruction that was to be executed out of line.
func (g *guestDebug) undo(t *task.Task, d *debugTask) {
	if d.access != nil {
		g.endAccess(t, d, t.Regs.RIP != d.access.at.rip)
	}
	if s := d.at; s != nil {
		switch t.Regs.RIP {
		case s.slot:
			t.Regs.RIP = s.addr
		case s.addr:
			g.rearm(t, s)
		default:
			return
		}
		d.over, d.at = place{s.addr, t.Regs.RSP}, nil
	}
	d.stopFlag(t)
}

// peek reads a program's memory as poke writes it: it is no access that a watch would tell of.
func (g *guestDebug) peek(t *task.Task, as *mm.AddressSpace, addr uint64, b []byte) bool {
	n, err := mm.AccessRemote(t.Thread, as, mm.UAddr(addr), b, false, true)
	return err == nil && n == len(b)
}

// poke writes to a program's memory, also where it may not.
func (g *guestDebug) poke(t *task.Task, as *mm.AddressSpace, addr uint64, b []byte) bool {
	n, err := mm.AccessRemote(t.Thread, as, mm.UAddr(addr), b, true, true)
	return err == nil && n == len(b)
}
