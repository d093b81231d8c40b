package futex

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

// Bits of the word of a robust or PI futex.
const (
	waitersBit = 0x80000000
	ownerDied  = 0x40000000
	tidMask    = 0x3fffffff
)

// LockPI takes the lock whose word at addr holds its owner's thread ID, or waits until UnlockPI hands it over. The scheduler
// knows no real-time priorities, so nothing is inherited. alive reports whether a thread ID is one.
func (ft *Table) LockPI(t *sched.Thread, addr mm.UAddr, private, try bool, deadline int64, alive func(tid int) bool) error {
	if addr%4 != 0 {
		return errno.EINVAL.Because("the futex word is not aligned")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return err
	}
	me := uint32(t.ID)
	w := &Waiter{Thread: t, Key: key, Mask: ^uint32(0), PI: true}
	b := ft.bucket(key)
	var result error
	got := false
	var owner uint32
	if err := mm.WithWord(t, addr, true, func(p *uint32) {
		b.mu.Lock(t)
		defer b.mu.Unlock(t)
		for {
			old := atomic.LoadUint32(p)
			owner = old & tidMask
			switch {
			case owner == me:
				result = errno.EDEADLK
			case owner == 0 && b.firstPI(key) == nil:
				// Free, or left behind by a dead owner: the bit tells the new one.
				if !atomic.CompareAndSwapUint32(p, old, me|old&ownerDied) {
					continue
				}
				got = true
			case try:
				result = errno.EAGAIN
			default:
				if !atomic.CompareAndSwapUint32(p, old, old|waitersBit) {
					continue
				}
				b.add(w)
			}
			return
		}
	}); err != nil {
		return err
	}
	if got || result != nil {
		return result
	}
	if owner != 0 && !alive(int(owner)) && ft.dequeue(t, w) {
		return errno.ESRCH.Because("the owner's thread does not exist")
	}
	return ft.sleep(t, w, deadline)
}

// firstPI returns the waiter that gets the lock next. Caller holds b.mu.
func (b *bucket) firstPI(key mm.FutexKey) *Waiter {
	for w := b.head; w != nil; w = w.next {
		if w.PI && w.Key == key {
			return w
		}
	}
	return nil
}

// UnlockPI gives the lock to the thread that has waited longest, or frees it.
func (ft *Table) UnlockPI(t *sched.Thread, addr mm.UAddr, private bool) error {
	if addr%4 != 0 {
		return errno.EINVAL.Because("the futex word is not aligned")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return err
	}
	return ft.unlockPI(t, addr, key, uint32(t.ID), 0)
}

// unlockPI hands over the lock of owner me; died is what the next one finds in the word.
func (ft *Table) unlockPI(t *sched.Thread, addr mm.UAddr, key mm.FutexKey, me, died uint32) error {
	b := ft.bucket(key)
	var result error
	err := mm.WithWord(t, addr, true, func(p *uint32) {
		b.mu.Lock(t)
		defer b.mu.Unlock(t)
		for {
			old := atomic.LoadUint32(p)
			if old&tidMask != me {
				result = errno.EPERM.Because("the lock is another's")
				return
			}
			next := b.firstPI(key)
			v := died
			if next != nil {
				v |= uint32(next.Thread.ID)
				for w := next.next; w != nil; w = w.next {
					if w.PI && w.Key == key {
						v |= waitersBit
						break
					}
				}
			}
			if !atomic.CompareAndSwapUint32(p, old, v) {
				continue
			}
			if next != nil {
				b.wake(next)
			}
			return
		}
	})
	if err != nil {
		return err
	}
	return result
}
