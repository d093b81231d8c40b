package layout

import (
	"sync/atomic"
	"unsafe"

	"vitrine/machine"
)

// CellEntry is a host process that runs user code. The kernel's platform writes
// it; the supervisor adds and removes CellFrozen alone, and believes a PID only if
// the host says that it belongs to this kernel. Flags 0 means unused.
type CellEntry struct {
	PID   atomic.Uint32
	Flags atomic.Uint32
}

// Flags of a CellEntry.
const (
	CellLive     = 1 << iota // the process exists
	CellTemplate             // the others are cloned from it
	CellGroup                // PID is also that of the process group to which all cells belong
	CellFlight               // a clone is under way, PID is 0
	CellFrozen               // stopped by the supervisor: it need not answer
)

// CellTable returns the table of cells at e in RAM.
func CellTable(ram []byte, e machine.Extent) []CellEntry {
	b := Bytes(ram, e)
	if len(b) < int(unsafe.Sizeof(CellEntry{})) {
		return nil
	}
	return unsafe.Slice((*CellEntry)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(CellEntry{})))
}
