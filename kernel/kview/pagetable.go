package kview

import (
	"fmt"

	"vitrine/kernel/arch/amd64"
)

// PageTable says how to walk what View.Each leads to as a page table. Paths start there.
type PageTable struct {
	Root string // to the number of the frame that the top level lies in
	RAM  string // to the guest's physical memory, a []byte
	Soft string // a letter for each bit that the processor leaves to the kernel, the lowest first
}

// Translation is what a row of a page table's view shows: a run of pages that lie in consecutive frames with equal flags.
type Translation struct {
	Start uint64 // address of the first page
	Pages uint64
	Frame uint64 // number of the first frame
	Flags string // r w x u (user code may) and the soft bits' letters, - where a bit is not set
}

// Translations calls f for each run of a page table in the order of addresses, until it returns false. What table returns for a frame's
// number are its bytes, or why there is none.
//
// A table that can't be read, or that stands at two places (so that no loop is walked twice), is left out: the first such error is
// returned at the end.
func (p PageTable) Translations(root uint64, table func(frame uint64) ([]byte, error), f func(Translation) bool) error {
	w := tableWalk{PageTable: p, table: table, f: f, seen: map[uint64]bool{}}
	if w.walk(root, amd64.Levels-1, 0) {
		w.flush()
	}
	return w.err
}

type tableWalk struct {
	PageTable
	table func(uint64) ([]byte, error)
	f     func(Translation) bool
	seen  map[uint64]bool // frames that are tables

	run  Translation // that may still grow, if it has pages
	bits amd64.PTE   // its entries' but for the frame
	err  error       // the first
}

// walk goes through a table that serves the addresses from va on. It returns false when nobody wants more.
func (w *tableWalk) walk(frame uint64, level int, va uint64) bool {
	b, err := w.table(frame)
	if w.seen[frame] {
		err = fmt.Errorf("frame %#x is a page table twice", frame)
	} else if err == nil && len(b) < amd64.PageSize {
		err = fmt.Errorf("frame %#x has only %d bytes", frame, len(b))
	}
	if err != nil {
		if w.err == nil {
			w.err = err
		}
		return true
	}
	w.seen[frame] = true
	for i := range amd64.PTEsPerTable {
		e := amd64.LoadPTE(b, i)
		if e == 0 {
			continue
		}
		at := va + uint64(i)*amd64.PageTableSpan(level)
		if level == 0 && !w.add(at, e) || level > 0 && !w.walk(e.Frame(), level-1, at) {
			return false
		}
	}
	return true
}

// add makes the run longer by a page, or begins another.
func (w *tableWalk) add(va uint64, e amd64.PTE) bool {
	const canonical = 1 << 47 // from here on the upper bits are ones
	if va >= canonical {
		va |= ^uint64(canonical - 1)
	}
	r := &w.run
	if bits := e.Bits(); r.Pages == 0 || bits != w.bits || va != r.Start+r.Pages*amd64.PageSize || e.Frame() != r.Frame+r.Pages {
		if !w.flush() {
			return false
		}
		*r, w.bits = Translation{Start: va, Frame: e.Frame(), Flags: w.flags(e)}, bits
	}
	r.Pages++
	return true
}

// flush hands the run over.
func (w *tableWalk) flush() bool { return w.run.Pages == 0 || w.f(w.run) }

func (w *tableWalk) flags(e amd64.PTE) string {
	var b []byte
	letter := func(c byte, set bool) {
		if !set {
			c = '-'
		}
		b = append(b, c)
	}
	present := e.Has(amd64.PTEPresent)
	letter('r', present)
	letter('w', present && e.Has(amd64.PTEWrite))
	letter('x', present && !e.Has(amd64.PTENoExec))
	letter('u', e.Has(amd64.PTEUser))
	for i, bit := range []amd64.PTE{amd64.PTESoft0, amd64.PTESoft1, amd64.PTESoft2} {
		if i < len(w.Soft) {
			letter(w.Soft[i], e.Has(bit))
		}
	}
	return string(b)
}
