package virtq

import (
	"sync/atomic"
	"unsafe"
)

// memory is RAM with little-endian loads and stores that are atomic and
// sequentially consistent, as the barriers of 2.7.13 and 2.7.14 ask (a store
// of an index, then a load of the other side's event field).
//
// Callers check offsets once, at Layout.Check or per descriptor; RAM's base is page aligned.
type memory []byte

func (m memory) at(off uint64) unsafe.Pointer { return unsafe.Pointer(&m[off]) }

func (m memory) load32(off uint64) uint32     { return atomic.LoadUint32((*uint32)(m.at(off))) }
func (m memory) store32(off uint64, v uint32) { atomic.StoreUint32((*uint32)(m.at(off)), v) }
func (m memory) load64(off uint64) uint64     { return atomic.LoadUint64((*uint64)(m.at(off))) }
func (m memory) store64(off uint64, v uint64) { atomic.StoreUint64((*uint64)(m.at(off)), v) }

// load16 reads through the aligned word around off: Go has no 16-bit atomics.
func (m memory) load16(off uint64) uint16 {
	return uint16(m.load32(off&^3) >> (off & 2 * 8))
}

// store16 leaves the other half of the word, which may be another field of ours, as it is.
func (m memory) store16(off uint64, v uint16) {
	p := (*uint32)(m.at(off &^ 3))
	shift := off & 2 * 8
	for {
		old := atomic.LoadUint32(p)
		if atomic.CompareAndSwapUint32(p, old, old&^(0xffff<<shift)|uint32(v)<<shift) {
			return
		}
	}
}
