package virtq

import (
	"errors"
	"fmt"
)

// Feature bits that concern the ring (6, "Reserved Feature Bits").
const (
	FeatureIndirect  = 1 << 28 // VIRTIO_F_INDIRECT_DESC: chains in a table of their own
	FeatureEventIdx  = 1 << 29 // VIRTIO_F_EVENT_IDX: used_event and avail_event
	FeatureVersion1  = 1 << 32 // VIRTIO_F_VERSION_1: not the legacy interface
	FeatureRingReset = 1 << 40 // VIRTIO_F_RING_RESET: a queue can be reset alone
)

// Features are the ring features that both ends here know.
const Features = FeatureIndirect | FeatureEventIdx | FeatureVersion1

// Descriptor flags (2.7.5, "The Virtqueue Descriptor Table").
const (
	descNext     = 1 // VIRTQ_DESC_F_NEXT: next is valid
	descWrite    = 2 // VIRTQ_DESC_F_WRITE: for the device to write
	descIndirect = 4 // VIRTQ_DESC_F_INDIRECT: the buffer is a table of descriptors
)

const (
	availNoInterrupt = 1 // VIRTQ_AVAIL_F_NO_INTERRUPT (2.7.6)
	usedNoNotify     = 1 // VIRTQ_USED_F_NO_NOTIFY (2.7.8)
)

// MaxSize is the greatest queue size (2.7: "The maximum Queue Size value is 32768").
const MaxSize = 32768

// Sizes and alignments of the parts (2.7, "Split Virtqueues"). The rings' size includes the event field.
const (
	descSize   = 16
	descAlign  = 16
	availAlign = 2
	usedAlign  = 4
)

// Layout says where a queue lies in RAM. Addresses are guest-physical: offsets in RAM.
type Layout struct {
	Size   int    // number of descriptors, a power of two
	Desc   uint64 // descriptor table ("Descriptor Area")
	Avail  uint64 // available ring ("Driver Area")
	Used   uint64 // used ring ("Device Area")
	Length uint64 // bytes from Desc to the end, as Place laid it out; 0 if not by Place
}

// Place lays a queue of size descriptors out in one piece at addr, which is 16-byte aligned.
func Place(addr uint64, size int) Layout {
	l := Layout{Size: size, Desc: addr}
	l.Avail = addr + uint64(descSize*size)
	l.Used = alignUp(l.Avail+availBytes(size), usedAlign)
	l.Length = l.Used + usedBytes(size) - addr
	return l
}

// ErrLayout says that a queue is not where it could be.
var ErrLayout = errors.New("virtq: bad layout")

// Check reports whether the queue is well formed and lies within ram bytes.
func (l Layout) Check(ram uint64) error {
	n := l.Size
	if n <= 0 || n > MaxSize || n&(n-1) != 0 {
		return fmt.Errorf("%w: size %d", ErrLayout, n)
	}
	for _, p := range [...]struct {
		name              string
		addr, size, align uint64
	}{
		{"descriptor table", l.Desc, descBytes(n), descAlign},
		{"available ring", l.Avail, availBytes(n), availAlign},
		{"used ring", l.Used, usedBytes(n), usedAlign},
	} {
		if p.addr%p.align != 0 || p.addr > ram || p.size > ram-p.addr {
			return fmt.Errorf("%w: %s at %#x", ErrLayout, p.name, p.addr)
		}
	}
	return nil
}

func descBytes(n int) uint64  { return descSize * uint64(n) }
func availBytes(n int) uint64 { return 6 + 2*uint64(n) }
func usedBytes(n int) uint64  { return 6 + 8*uint64(n) }

func alignUp(x, a uint64) uint64 { return (x + a - 1) &^ (a - 1) }

// needEvent is vring_need_event of 2.7.10: whether idx moving from old to new passed event.
func needEvent(event, new, old uint16) bool { return new-event-1 < new-old }
