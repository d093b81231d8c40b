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

// breakpoint is an int3 in the process, written late: a step sets and clears many, most of them the same as the last.
type breakpoint struct {
	addr   uint64
	orig   byte    // the program's own
	live   bool    // the int3 is in memory; otherwise it will be when the process runs
	claims []claim // none: it goes when the process runs

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
		if c.filter == nil || c.filter.eval(t, r) != no {
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
		b = &breakpoint{addr: addr, orig: orig[0]}
		if page := pageOf(addr); !t.writable[page] { // find out now whether it can be written
			if err := t.write(b); err != nil {
				return err
			}
			t.writable[page] = true
		}
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
	// Threads that have hit it keep Thread.over: one that is set here anew does not hit them again.
	if !b.live {
		delete(t.bps, addr)
	}
	return nil
}

// write puts an int3 into memory.
func (t *Tracer) write(b *breakpoint) error {
	if err := t.poke(b.addr, []byte{0xcc}); err != nil {
		return fmt.Errorf("set breakpoint at %#x: %w", b.addr, err)
	}
	b.live = true
	return nil
}

// writeAll makes memory have the breakpoints that it should have.
func (t *Tracer) writeAll() (first error) {
	gone := false
	for addr, b := range t.bps {
		var err error
		switch {
		case b.live && len(b.claims) == 0:
			err = t.poke(addr, []byte{b.orig})
			delete(t.bps, addr)
			gone = true
		case !b.live && len(b.claims) > 0:
			if err = t.write(b); err != nil { // the page is gone
				delete(t.bps, addr)
			}
		}
		if err != nil && first == nil {
			first = err
		}
	}
	if gone {
		t.high = t.scratch.hi
		for a := range t.bps {
			t.high = max(t.high, a+1)
		}
	}
	return first
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
