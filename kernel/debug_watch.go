package kernel

import (
	"encoding/binary"
	"slices"

	"vitrine/kernel/mm"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
	"vitrine/kernel/task"
)

// Watchpoints in programs. Who touches a watched page traps (kernel/mm/watch.go); then
//
//	debugFault: the page is opened ─▶ the instruction is executed, with the trap flag set ─▶ stepped: closed, compared ─▶ GuestWatch
//
// A page is open for a whole process. So no other thread of it runs user code meanwhile: those that do are fetched back, and all wait for
// their turn before they leave the kernel. No access slips by, and none is blamed on another thread.

// GuestWatch is called behind an instruction that has touched watched memory, KernelWatch where the kernel itself has, for a system call of t's. A
// debugger's breakpoint is here; the program goes on when it returns.
//
//go:noinline
//go:nosplit
func GuestWatch(t *task.Task, hits []WatchHit) {}

// KernelWatch: see GuestWatch.
//
//go:noinline
//go:nosplit
func KernelWatch(t *task.Task, hits []WatchHit) {}

// WatchHit is an access to watched memory. Debuggers know its layout.
type WatchHit struct {
	ID       uint64 // the watch's
	PC       uint64 // the instruction; 0: the kernel
	Addr     uint64 // where the access began, in the page that it was in
	Write    uint64 // 1: it is a write
	At       uint64 // where Old and New begin
	Old, New []byte // before and after
}

// nearRead is how far before watched memory a read of it may begin: the widest of them are vectors of 64 bytes. The debugger knows more about
// instructions.
const nearRead = 64

// maxWatched bounds a watch, bytes.
const maxWatched = 64 << 20

// debugAccess is an instruction that touches watched pages, which are open for it.
type debugAccess struct {
	as     *mm.AddressSpace
	at     place
	pc     uint64 // where the program thinks it is
	faults []debugTouch
	before []mm.Touched
}

type debugTouch struct {
	addr   uint64
	access platform.Access
}

// watch serves DebugWatch.
func (g *guestDebug) watch(t *sched.Thread, as *mm.AddressSpace, b []byte) error {
	if len(b) < 32 {
		return errRequest
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	start, n := word(0), word(1)
	if n == 0 || n > maxWatched || start > mm.UserTop-n {
		return errRequest
	}
	g.active.Store(true)
	as.SetWatch(t, mm.Watch{ID: word(2), Start: start, End: start + n, Reads: word(3)&1 != 0})
	return nil
}

// debugFault implements task.Hooks.DebugFault.
func (k *Kernel) debugFault(t *task.Task, addr uint64, access platform.Access) {
	if as := mm.Of(t.Thread); as.Guards(addr, access) {
		k.guest.touch(t, as, debugTouch{addr, access})
	}
}

// touch has the instruction executed that has trapped.
func (g *guestDebug) touch(t *task.Task, as *mm.AddressSpace, f debugTouch) {
	d := stateOf(t)
	if d.access != nil && (d.access.at != place{t.Regs.RIP, t.Regs.RSP}) {
		g.endAccess(t, d, true)
	}
	if d.access == nil {
		if !g.takeTurn(t, as) || !g.fetchOthers(t, as) {
			return // it traps again when it is its turn
		}
		d.access = &debugAccess{as: as, at: place{t.Regs.RIP, t.Regs.RSP}, pc: t.Regs.RIP}
		if s := d.at; s != nil && s.slot == t.Regs.RIP {
			d.access.pc = s.addr
		}
	}
	a := d.access
	a.faults = append(a.faults, f)
	for _, x := range as.Look(t.Thread, f.addr, f.addr+1) {
		if !slices.ContainsFunc(a.before, func(o mm.Touched) bool { return o.ID == x.ID && o.At == x.At }) {
			a.before = append(a.before, x)
		}
	}
	as.OpenWatched(t.Thread, f.addr)
}

// endAccess closes the pages, and notes what has happened in them. executed: the instruction was.
func (g *guestDebug) endAccess(t *task.Task, d *debugTask, executed bool) {
	a := d.access
	if a == nil {
		return
	}
	d.access = nil
	a.as.CloseWatched(t.Thread)
	begin := func(w mm.Watch) (f debugTouch, ok bool) {
		for _, f := range a.faults {
			if f.access != platform.AccessExec && f.addr < w.End && f.addr+nearRead > w.Start {
				return f, true
			}
		}
		return f, false
	}
	for _, x := range a.as.Changed(t.Thread, a.before, func(w mm.Watch) bool { _, ok := begin(w); return ok && w.Reads && executed }) {
		f, ok := begin(x.Watch)
		if !ok {
			f = a.faults[0]
		}
		d.hits = append(d.hits, WatchHit{ID: x.ID, PC: a.pc, Addr: f.addr, Write: bit(f.access == platform.AccessWrite), At: x.At, Old: x.Old, New: x.New})
	}
	g.giveTurn(t, a.as)
}

// tell tells the debugger.
func (g *guestDebug) tell(t *task.Task, d *debugTask) {
	if hits := d.hits; len(hits) > 0 {
		d.hits = nil
		GuestWatch(t, hits)
	}
}

// touchedByKernel implements mm.Memory.Watched.
func touchedByKernel(th *sched.Thread, addr uint64, write bool, touched []mm.Touched) {
	t, ok := th.Owner.(*task.Task)
	if !ok {
		return
	}
	var hits []WatchHit
	for _, x := range touched {
		hits = append(hits, WatchHit{ID: x.ID, Addr: addr, Write: bit(write), At: x.At, Old: x.Old, New: x.New})
	}
	KernelWatch(t, hits)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// takeTurn makes t the one of its address space that may open pages; false: another is.
func (g *guestDebug) takeTurn(t *task.Task, as *mm.AddressSpace) bool {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	if g.turns[as] != nil {
		return false
	}
	g.turns[as] = t
	g.open.Store(int32(len(g.turns)))
	return true
}

func (g *guestDebug) giveTurn(t *task.Task, as *mm.AddressSpace) {
	g.mu.Lock(t.Thread)
	delete(g.turns, as)
	g.open.Store(int32(len(g.turns)))
	g.mu.Unlock(t.Thread)
	g.given.Add(1)
	g.turn.WakeAll()
}

// awaitTurn waits while another thread of t's address space has watched pages open. It reports whether it has waited.
func (g *guestDebug) awaitTurn(t *task.Task) (waited bool) {
	for ; ; waited = true {
		n := g.given.Load()
		if !g.othersTurn(t) {
			return waited
		}
		g.turn.WakeAll() // who fetches us
		g.turn.WaitUninterruptible(t.Thread, task.WaitTurn, func() bool { return g.given.Load() != n })
	}
}

func (g *guestDebug) othersTurn(t *task.Task) bool {
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	x := g.turns[mm.Of(t.Thread)]
	return x != nil && x != t
}

// fetchTimeout is how long the user code of another thread may take to come back before it is looked at again, ns. It wakes us when it waits for
// its turn; when it has come for a system call, it may not.
const fetchTimeout = 200_000

// fetchOthers brings the other threads of t's address space back into the kernel. False: t has a signal, which comes first; it has given its turn.
func (g *guestDebug) fetchOthers(t *task.Task, as *mm.AddressSpace) bool {
	if len(t.Sys.Sched.CPUs) == 1 || as.Users() == 1 {
		return true // the only CPU is ours
	}
	others := g.running(t, as)
	for _, x := range others {
		t.Sys.Sched.Signal(x.Thread) // also one that is about to enter user code sees it
	}
	inUser := func(x *task.Task) bool { return x.InUser() }
	for slices.ContainsFunc(others, inUser) {
		g.turn.WaitUntil(t.Thread, "watch_fetch", t.Now()+fetchTimeout, func() bool { return !slices.ContainsFunc(others, inUser) })
		if t.SigPending.Load() {
			g.giveTurn(t, as)
			return false
		}
	}
	return true
}

// running lists the other tasks of an address space that hold a CPU.
func (g *guestDebug) running(t *task.Task, as *mm.AddressSpace) (r []*task.Task) {
	for _, p := range t.Sys.Processes(t.Thread) {
		for _, x := range p.Threads(t.Thread) {
			if state, _ := t.Sys.Sched.Snapshot(x.Thread); x == t || state != sched.Running {
				continue
			}
			if m := x.AddressSpace(t.Thread); m != nil {
				if m == as {
					r = append(r, x)
				}
				m.Release(t.Thread)
			}
		}
	}
	return r
}
