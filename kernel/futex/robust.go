package futex

import (
	"sync/atomic"

	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// robustListLimit bounds the list of a thread: it lies in user memory and may be a circle.
const robustListLimit = 2048

// RobustHead is struct robust_list_head.
type RobustHead struct {
	Next    uint64
	Offset  int64 // from an entry to its futex word
	Pending uint64
}

// RobustHeadSize is what set_robust_list(2) wants to hear as its length.
const RobustHeadSize = 24

// ExitRobust releases the futexes on the list of a thread that ends: each is marked as its dead owner's and a waiter
// is woken (get_robust_list(2)). Whatever is wrong with the list ends the walk.
func ExitRobust(t *sched.Thread, ft *Table, head mm.UAddr, tid uint32) {
	h, err := mm.CopyInStruct[RobustHead](t, head)
	if err != nil {
		return
	}
	release := func(entry uint64, pending bool) bool {
		pi := entry&1 != 0
		return ft.robustDeath(t, mm.UAddr(entry&^1+uint64(h.Offset)), tid, pi, pending)
	}
	entry := h.Next
	for range robustListLimit {
		if entry&^1 == uint64(head) {
			break
		}
		next, err := mm.CopyInStruct[uint64](t, mm.UAddr(entry&^1))
		if entry&^1 != h.Pending&^1 && !release(entry, false) {
			return
		}
		if err != nil {
			return
		}
		entry = next
	}
	if h.Pending != 0 {
		release(h.Pending, true)
	}
}

// robustDeath deals with one futex of the list.
func (ft *Table) robustDeath(t *sched.Thread, addr mm.UAddr, tid uint32, pi, pending bool) bool {
	if addr%4 != 0 {
		return false
	}
	wake, mine := false, false
	err := mm.WithWord(t, addr, true, func(p *uint32) {
		for {
			old := atomic.LoadUint32(p)
			if pending && !pi && old == 0 {
				wake = true // died between unlocking and waking
				return
			}
			if old&tidMask != tid {
				return
			}
			mine = true
			if pi {
				return
			}
			if atomic.CompareAndSwapUint32(p, old, old&waitersBit|ownerDied) {
				wake = old&waitersBit != 0
				return
			}
		}
	})
	if err != nil {
		return false
	}
	if pi && mine {
		key, err := mm.FutexKeyOf(t, addr, false)
		return err == nil && ft.unlockPI(t, addr, key, tid, ownerDied) == nil
	}
	if wake {
		ft.Wake(t, addr, false, 1, ^uint32(0))
	}
	return true
}
