package layout

import (
	"sync/atomic"
	"unsafe"

	"vitrine/machine"
)

// CellState is what a cell is doing.
type CellState uint32

// States of a cell. An entry is free while it is CellFree.
const (
	CellFree  CellState = iota
	CellBorn            // being made: PID may still be 0
	CellPool            // warm, without an address space
	CellInUse           // runs user code or waits for the kernel
)

// CellEntry is a cell's entry in the table. The kernel alone writes it; the
// supervisor believes a PID only if the host says that it belongs to this kernel.
type CellEntry struct {
	State atomic.Uint32 // CellState
	PID   atomic.Int32  // host process
	Guest atomic.Int32  // guest process for people to read, or 0
	_     uint32
}

// MaxCells is the number of entries of the cell table.
const MaxCells = CellsSize / int(unsafe.Sizeof(CellEntry{}))

// CellTable registers the host processes of a kernel, so that the supervisor
// can stop and end them all whatever state the kernel is in.
type CellTable struct {
	entries []CellEntry
	hint    atomic.Uint32 // where the search for a free entry starts
}

// CellsOf returns the table at e in RAM.
func CellsOf(ram []byte, e machine.Extent) *CellTable {
	b := Bytes(ram, e)
	n := len(b) / int(unsafe.Sizeof(CellEntry{}))
	if n == 0 {
		return &CellTable{}
	}
	return &CellTable{entries: unsafe.Slice((*CellEntry)(unsafe.Pointer(&b[0])), n)}
}

// Alloc takes a free entry and makes it CellBorn. Nil: the table is full.
func (t *CellTable) Alloc() *CellEntry {
	n := uint32(len(t.entries))
	from := t.hint.Load()
	for i := range n {
		at := (from + i) % n
		e := &t.entries[at]
		if e.State.CompareAndSwap(uint32(CellFree), uint32(CellBorn)) {
			t.hint.Store(at + 1)
			return e
		}
	}
	return nil
}

// Free gives the entry back, when the process has ended and been reaped.
func (e *CellEntry) Free() {
	e.PID.Store(0)
	e.Guest.Store(0)
	e.State.Store(uint32(CellFree))
}

// Each calls f for every entry that is not free.
func (t *CellTable) Each(f func(e *CellEntry)) {
	for i := range t.entries {
		if e := &t.entries[i]; e.State.Load() != uint32(CellFree) {
			f(e)
		}
	}
}
