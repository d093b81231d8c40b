package tracer

import (
	"slices"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"
)

// Displaced stepping: instead of taking the int3 out, stopping all and single stepping, a thread continues in a copy of
// the instruction that is followed by a jump back. No other thread can miss the breakpoint, and it costs no stop.
//
//	addr:  int3 …              slot:  mov  [rip+x'], rax      the original, relocated
//	next:  …           ◄────────────  jmp  next
//
// Calls need no copy: the tracer pushes the return address itself.

const slotSize = 32

type slot struct {
	base, addr uint64
	oldLen     int // length of the original instruction
	newLen     int // length of its copy
}

// scratch is dead text that slots live in.
type scratch struct {
	lo, hi uint64
	saved  []byte // what it was before
	slots  []*slot
}

// SetScratch gives the tracer program text that will never run again, for example runtime.rt0_go once the program has
// started. Reads do not show its use.
func (t *Tracer) SetScratch(lo, hi uint64) error {
	b := make([]byte, min(hi-lo, 64<<10))
	if _, err := t.Read(b, lo); err != nil {
		return err
	}
	t.unmapScratch()
	t.scratch = scratch{lo: lo, hi: lo + uint64(len(b)), saved: b}
	t.high = max(t.high, t.scratch.hi)
	for _, p := range t.bps {
		p.slot, p.noSlot = nil, false
	}
	return nil
}

func (t *Tracer) unmapScratch() {
	s := &t.scratch
	if s.lo == 0 {
		return
	}
	for _, th := range t.threads {
		t.Regs(th.ID) // moves it out of its slot
	}
	t.poke(s.lo, s.saved)
	t.scratch = scratch{}
	for _, p := range t.bps {
		p.slot, p.noSlot = nil, false
	}
}

func (s *scratch) mask(b []byte, addr uint64) {
	lo, hi := max(addr, s.lo), min(addr+uint64(len(b)), s.hi)
	if lo < hi {
		copy(b[lo-addr:hi-addr], s.saved[lo-s.lo:])
	}
}

// canDisplace tells whether a thread can leave the breakpoint it stands at while others run.
func (t *Tracer) canDisplace(th *Thread) bool {
	pc, err := t.pc(th)
	if err != nil || t.bps[pc] == nil {
		return false
	}
	b := t.bps[pc]
	return emulable(t.decode(b)) || t.slotFor(b) != nil
}

// displace sends a thread that stands at a breakpoint through its slot.
func (t *Tracer) displace(th *Thread) {
	r, err := t.Regs(th.ID)
	if err != nil {
		return
	}
	th.over = false
	b := t.bps[r.Rip]
	if b == nil {
		return
	}
	if t.emulateCall(th, b, r) {
		t.Stats.Displaced++
		return
	}
	if s := t.slotFor(b); s != nil {
		t.Stats.Displaced++
		r.Rip = s.base
		th.dirty = true
	}
}

// stepCopy executes the instruction at a breakpoint, so that the thread is past it when a signal is delivered. Signals
// that come meanwhile join the queue.
func (t *Tracer) stepCopy(th *Thread) (hit bool, err error) {
	for th.over {
		if t.displace(th); !t.inScratch(th.regs.Rip) {
			return false, nil // a call, done already; or no breakpoint any more
		}
		n := len(th.sigs)
		report, err := t.stepOnce(th, 0)
		if err != nil || t.exited || t.threads[th.ID] == nil {
			return false, err
		}
		if report && th.Hit.Kind == HitStep {
			th.Hit = Hit{}
			return false, nil
		}
		if report {
			return true, nil
		}
		if len(th.sigs) > n && faults(unix.Signal(th.sigs[len(th.sigs)-1])) {
			last := len(th.sigs) - 1 // goes first, at the instruction that caused it
			th.sigs[0], th.sigs[last] = th.sigs[last], th.sigs[0]
			th.over = false
		}
	}
	return false, nil
}

func (t *Tracer) inScratch(pc uint64) bool { return pc >= t.scratch.lo && pc < t.scratch.hi }

// leaveSlot gives a thread that stopped inside a slot its real PC.
func (t *Tracer) leaveSlot(th *Thread) {
	pc := th.regs.Rip
	if !t.inScratch(pc) {
		return
	}
	i := int(pc-t.scratch.lo) / slotSize
	if i >= len(t.scratch.slots) {
		return
	}
	switch s := t.scratch.slots[i]; pc {
	case s.base:
		th.regs.Rip, th.over, th.dirty = s.addr, true, true
	case s.base + uint64(s.newLen):
		th.regs.Rip, th.dirty = s.addr+uint64(s.oldLen), true
	}
}

// decode returns the instruction under a breakpoint; its Len is 0 if that is none.
func (t *Tracer) decode(b *breakpoint) x86asm.Inst {
	if !b.decoded {
		b.decoded = true
		n, _ := t.Read(b.code[:], b.addr)
		if in, err := x86asm.Decode(b.code[:n], 64); err == nil {
			b.inst = in
		}
	}
	return b.inst
}

// slotFor returns the breakpoint's slot, made if need be, or nil if it can have none.
func (t *Tracer) slotFor(b *breakpoint) *slot {
	if b.slot != nil || b.noSlot || t.scratch.lo == 0 {
		return b.slot
	}
	for _, s := range t.scratch.slots { // slots outlive their breakpoints
		if s.addr == b.addr {
			b.slot = s
			return s
		}
	}
	b.slot = t.newSlot(b)
	b.noSlot = b.slot == nil
	return b.slot
}

func (t *Tracer) newSlot(b *breakpoint) *slot {
	in := t.decode(b)
	i := slices.IndexFunc(t.scratch.slots, func(s *slot) bool { return s.addr == 0 })
	if i < 0 {
		i = len(t.scratch.slots)
	}
	base := t.scratch.lo + uint64(i*slotSize)
	if in.Len == 0 || base+slotSize > t.scratch.hi {
		return nil
	}
	out, ok := relocate(in, b.code[:in.Len], b.addr, base)
	if !ok {
		return nil
	}
	s := &slot{base: base, addr: b.addr, oldLen: in.Len, newLen: len(out)}
	back, ok := rel32(base+uint64(len(out))+5, b.addr+uint64(in.Len))
	if !ok || t.poke(base, append(append(out, 0xe9), back...)) != nil {
		return nil
	}
	if i == len(t.scratch.slots) {
		t.scratch.slots = append(t.scratch.slots, s)
	} else {
		t.scratch.slots[i] = s
	}
	return s
}

// freeSlots makes room when most slots are taken: all threads are stopped, and leave those that are not needed.
func (t *Tracer) freeSlots() {
	s := &t.scratch
	if len(s.slots) == 0 || len(s.slots) < int(s.hi-s.lo)/slotSize*3/4 {
		return
	}
	for _, th := range t.threads {
		t.Regs(th.ID)
	}
	for _, x := range s.slots {
		if t.bps[x.addr] == nil {
			x.addr = 0
		}
	}
	for _, b := range t.bps {
		b.noSlot = false
	}
}

// changed forgets what was known of code in [addr, end). All threads are stopped.
func (t *Tracer) changed(addr, end uint64) {
	const maxLen = 15
	if addr >= t.high {
		return
	}
	for _, b := range t.bps {
		if b.addr < end && addr < b.addr+maxLen {
			b.decoded, b.inst, b.slot, b.noSlot = false, x86asm.Inst{}, nil, false
		}
	}
	for _, s := range t.scratch.slots {
		if s.addr < end && addr < s.addr+maxLen {
			for _, th := range t.threads {
				t.Regs(th.ID) // leaves it
			}
			s.addr = 0
		}
	}
}
