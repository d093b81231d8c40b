package layout

import (
	"math/bits"
	"sync/atomic"

	"vitrine/machine"
)

// Doorbells is the page of interrupt lines and doorbells. The side that sets
// the first bit of a word wakes the other by an eventfd; the side that is woken
// takes all bits at once. So a burst costs one wake-up.
type Doorbells struct {
	irq    atomic.Uint64 // lines raised by devices
	_      [7]uint64
	kicked atomic.Uint64 // slots whose doorbell was rung
	_      [7]uint64
	queues [machine.NumLines]atomic.Uint64 // per slot: queues; the last bit is the configuration
}

const configBit = 63

// DoorbellsOf returns RAM's doorbell page.
func DoorbellsOf(ram []byte) *Doorbells { return (*Doorbells)(at(ram, DoorbellsAddr)) }

// Raise makes an interrupt line pending. It reports whether the kernel has to be woken.
func (d *Doorbells) Raise(line int) (wake bool) {
	return d.irq.Or(1<<(uint(line)%machine.NumLines)) == 0
}

// TakeInterrupts returns the pending lines and clears them.
func (d *Doorbells) TakeInterrupts() uint64 { return d.irq.Swap(0) }

// Kick rings a slot's doorbell for a queue. It reports whether the board has to be woken.
func (d *Doorbells) Kick(slot, queue int) (wake bool) {
	if slot < 0 || slot >= MaxDevices {
		return false
	}
	if queue < 0 || queue >= configBit {
		queue = configBit
	}
	d.queues[slot].Or(1 << queue)
	return d.kicked.Or(1<<slot) == 0
}

// TakeKicks calls f for every doorbell rung and clears them. Configuration
// changes come before queues, so that a queue is known when its first kick comes.
func (d *Doorbells) TakeKicks(f func(slot, queue int)) {
	for set := d.kicked.Swap(0); set != 0; set &= set - 1 {
		slot := bits.TrailingZeros64(set)
		qs := d.queues[slot].Swap(0)
		if qs>>configBit != 0 {
			f(slot, machine.ConfigQueue)
		}
		for qs &^= 1 << configBit; qs != 0; qs &= qs - 1 {
			f(slot, bits.TrailingZeros64(qs))
		}
	}
}
