package tracer

import (
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/arch/x86/x86asm"
	"golang.org/x/sys/unix"
)

// Owner says who asked for a breakpoint or a watch. Owners share one int3, or one debug register, and a Hit names all
// of them.
type Owner uint32

var owners atomic.Uint32

// NewOwner returns an owner that is not used yet. It means the same to every Tracer. Safe from any goroutine.
func NewOwner() Owner { return Owner(owners.Add(1)) }

// breakpoint is an int3 in the process.
type breakpoint struct {
	addr   uint64
	orig   byte // the program's own
	claims []claim

	decoded bool
	code    [16]byte // the program's own, inst's at least
	inst    x86asm.Inst
	slot    *slot
	noSlot  bool // it can have none
}

// claim is what one owner wants of a breakpoint.
type claim struct {
	owner  Owner
	filter *Filter // nil: every hit
}

// asked returns the owners who want to know of a hit.
func (b *breakpoint) asked(t *Tracer, r *unix.PtraceRegs) (os []Owner) {
	for _, c := range b.claims {
		if c.filter == nil || c.filter.eval(t, r.Rsp) != no {
			os = append(os, c.owner)
		}
	}
	return os
}

// Insert makes o an owner of the breakpoint at addr.
func (t *Tracer) Insert(addr uint64, o Owner) error {
	if t.exited {
		return ErrExited
	}
	b := t.bps[addr]
	if b == nil {
		if t.inScratch(addr) {
			return fmt.Errorf("no breakpoint at %#x: the tracer uses this dead code itself", addr)
		}
		var orig [1]byte
		if _, err := t.Read(orig[:], addr); err != nil {
			return err
		}
		if err := t.poke(addr, []byte{0xcc}); err != nil {
			return fmt.Errorf("set breakpoint at %#x: %w", addr, err)
		}
		b = &breakpoint{addr: addr, orig: orig[0]}
		t.bps[addr] = b
		t.high = max(t.high, addr+1)
	}
	if !slices.ContainsFunc(b.claims, func(c claim) bool { return c.owner == o }) {
		b.claims = append(b.claims, claim{owner: o})
	}
	return nil
}

// SetFilter makes an owner's hits of the breakpoint at addr conditional; nil: all of them.
func (t *Tracer) SetFilter(addr uint64, o Owner, f *Filter) error {
	if b := t.bps[addr]; b != nil {
		for i := range b.claims {
			if b.claims[i].owner == o {
				b.claims[i].filter = f
				return nil
			}
		}
	}
	return fmt.Errorf("no breakpoint at %#x", addr)
}

// Remove takes an owner off the breakpoint at addr; without owners it goes.
func (t *Tracer) Remove(addr uint64, o Owner) error {
	b := t.bps[addr]
	if b == nil {
		return nil
	}
	b.claims = slices.DeleteFunc(b.claims, func(c claim) bool { return c.owner == o })
	if len(b.claims) > 0 {
		return nil
	}
	delete(t.bps, addr) // threads that have hit it keep Thread.over: one that is set here anew does not hit them again
	t.high = t.scratch.hi
	for a := range t.bps {
		t.high = max(t.high, a+1)
	}
	if t.exited {
		return nil
	}
	return t.poke(addr, []byte{b.orig})
}

// RemoveAll takes an owner off all breakpoints and watches.
func (t *Tracer) RemoveAll(o Owner) error {
	var first error
	for a := range t.bps {
		if err := t.Remove(a, o); err != nil && first == nil {
			first = err
		}
	}
	if err := t.dropWatches(o, func(Watch) bool { return true }); err != nil && first == nil {
		first = err
	}
	return first
}

// Owners returns the owners of the breakpoint at addr.
func (t *Tracer) Owners(addr uint64) (os []Owner) {
	if b := t.bps[addr]; b != nil {
		for _, c := range b.claims {
			os = append(os, c.owner)
		}
	}
	return os
}

// Orig returns the program's own byte under the breakpoint at addr.
func (t *Tracer) Orig(addr uint64) (byte, bool) {
	b := t.bps[addr]
	if b == nil {
		return 0, false
	}
	return b.orig, true
}
