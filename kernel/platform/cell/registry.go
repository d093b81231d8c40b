package cell

import (
	"sync/atomic"
	"unsafe"
)

// The registry is an array of {pid, flags} in memory that the supervisor
// shares. The template leads a process group to which all cells belong, so
// kill(-pid) of an entry with RegGroup reaches even a clone whose pid nobody
// knows yet.
type registry struct {
	ent []RegEntry
}

// RegEntry is one cell in the registry; flags 0 means unused.
type RegEntry struct {
	PID, Flags uint32
}

// Flags of a RegEntry. The supervisor sets RegFrozen, the platform all others.
const (
	RegLive     = 1 << iota // the process exists
	RegTemplate             // it is the template
	RegGroup                // pid is that of a process group as well
	RegFlight               // a clone is under way, pid is 0
	RegFrozen               // stopped by the supervisor: it need not answer
)

func newRegistry(b []byte) registry {
	if len(b) < 8 {
		return registry{}
	}
	return registry{unsafe.Slice((*RegEntry)(unsafe.Pointer(&b[0])), len(b)/8)}
}

// add enters a cell and returns its slot, or -1 when there is no room.
func (r *registry) add(pid int, flags uint32) int {
	for i := range r.ent {
		if e := &r.ent[i]; atomic.LoadUint32(&e.Flags) == 0 {
			r.set(i, pid, flags)
			return i
		}
	}
	return -1
}

func (r *registry) set(i, pid int, flags uint32) {
	if i < 0 {
		return
	}
	atomic.StoreUint32(&r.ent[i].PID, uint32(pid))
	atomic.StoreUint32(&r.ent[i].Flags, flags)
}

func (r *registry) drop(i int) { r.set(i, 0, 0) }

func (r *registry) frozen(i int) bool {
	return i >= 0 && atomic.LoadUint32(&r.ent[i].Flags)&RegFrozen != 0
}
