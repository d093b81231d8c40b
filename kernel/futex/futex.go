package futex

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/mm"
	"vitrine/kernel/sched"
)

var classBucket = &ksync.Class{Name: "futex", Rank: ksync.RankFutex}

// nBuckets is how many queues the waiters of one kernel are spread over.
const nBuckets = 64

// Table holds all waiters of one kernel. Create it with NewTable.
type Table struct {
	buckets [nBuckets]bucket
}

type bucket struct {
	mu         ksync.SpinLock
	head, tail *Waiter // guarded by mu; in order of arrival
	index      int     // immutable; the order in which two buckets are locked
}

// Waiter is a thread that sleeps on a futex.
type Waiter struct {
	Thread *sched.Thread
	Key    mm.FutexKey // changes by requeue, under both buckets
	Mask   uint32      // wakers' masks must share a bit; immutable
	PI     bool        // waits to get the lock from UNLOCK_PI; immutable

	where      atomic.Pointer[bucket] // its bucket, nil when woken; written under the bucket's lock
	next, prev *Waiter                // guarded by the bucket's lock
	woken      atomic.Bool
	queue      ksync.WaitQueue
}

// NewTable returns a table without waiters.
func NewTable() *Table {
	ft := &Table{}
	for i := range ft.buckets {
		ft.buckets[i].mu = ksync.NewSpinLock(classBucket)
		ft.buckets[i].index = i
	}
	return ft
}

func (ft *Table) bucket(k mm.FutexKey) *bucket {
	h := k.Offset >> 2
	h ^= h>>6 ^ h>>13
	return &ft.buckets[h%nBuckets]
}

// add appends w. Caller holds b.mu.
func (b *bucket) add(w *Waiter) {
	w.where.Store(b)
	if w.prev = b.tail; w.prev != nil {
		w.prev.next = w
	} else {
		b.head = w
	}
	b.tail = w
}

// remove takes w out. Caller holds b.mu.
func (b *bucket) remove(w *Waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		b.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		b.tail = w.prev
	}
	w.next, w.prev = nil, nil
	w.where.Store(nil)
}

// lockTwo locks two buckets, which may be one.
func lockTwo(t *sched.Thread, a, b *bucket) {
	switch {
	case a == b:
		a.mu.Lock(t)
	case a.index < b.index:
		a.mu.Lock(t)
		b.mu.Lock(t)
	default:
		b.mu.Lock(t)
		a.mu.Lock(t)
	}
}

func unlockTwo(t *sched.Thread, a, b *bucket) {
	a.mu.Unlock(t)
	if a != b {
		b.mu.Unlock(t)
	}
}

// Wait sleeps if the word at addr holds val, until a Wake whose mask shares a bit, or the monotonic deadline. EAGAIN: the word
// holds something else. ETIMEDOUT, RestartSys: as usual; the caller restarts with the same deadline.
func (ft *Table) Wait(t *sched.Thread, addr mm.UAddr, private bool, val, mask uint32, deadline int64) error {
	if addr%4 != 0 {
		return errno.EINVAL.Because("the futex word is not aligned")
	}
	if mask == 0 {
		return errno.EINVAL.Because("the mask is empty")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return err
	}
	w := &Waiter{Thread: t, Key: key, Mask: mask}
	b := ft.bucket(key)
	same := false
	if err := mm.WithWord(t, addr, false, func(p *uint32) {
		b.mu.Lock(t)
		if same = load(p) == val; same {
			b.add(w)
		}
		b.mu.Unlock(t)
	}); err != nil {
		return err
	}
	if !same {
		return errno.EAGAIN.Because("the futex word has changed")
	}
	return ft.sleep(t, w, deadline)
}

// sleep waits until w is woken and takes it out of its queue.
func (ft *Table) sleep(t *sched.Thread, w *Waiter, deadline int64) error {
	err := w.queue.WaitUntil(t, "futex", deadline, w.woken.Load)
	if ft.dequeue(t, w) {
		if err == nil {
			return nil
		}
		return err
	}
	return nil // woken, whatever else happened: a wake-up must not be lost
}

// dequeue takes w out of its queue. It returns false if a waker has done so.
func (ft *Table) dequeue(t *sched.Thread, w *Waiter) bool {
	for {
		b := w.where.Load()
		if b == nil {
			return false
		}
		b.mu.Lock(t)
		if w.where.Load() == b { // else a requeue was faster

			b.remove(w)
			b.mu.Unlock(t)
			return true
		}
		b.mu.Unlock(t)
	}
}

// wake takes w out of its queue and wakes its thread. Caller holds b.mu.
func (b *bucket) wake(w *Waiter) {
	b.remove(w)
	w.woken.Store(true)
	w.queue.WakeAll()
}

// wakeKey wakes up to n waiters of a key. Caller holds b.mu.
func (b *bucket) wakeKey(key mm.FutexKey, n int, mask uint32) int {
	count := 0
	for w := b.head; w != nil && count < n; {
		next := w.next
		if w.Key == key && w.Mask&mask != 0 && !w.PI {
			b.wake(w)
			count++
		}
		w = next
	}
	return count
}

// Wake wakes up to n waiters on the word at addr and returns how many there were.
func (ft *Table) Wake(t *sched.Thread, addr mm.UAddr, private bool, n int, mask uint32) (int, error) {
	if addr%4 != 0 {
		return 0, errno.EINVAL.Because("the futex word is not aligned")
	}
	if mask == 0 {
		return 0, errno.EINVAL.Because("the mask is empty")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return 0, err
	}
	b := ft.bucket(key)
	b.mu.Lock(t)
	defer b.mu.Unlock(t)
	return b.wakeKey(key, n, mask), nil
}

// Requeue wakes up to n waiters on addr and moves up to m others to addr2. With check it does so only if the word at
// addr holds val, else EAGAIN. It returns how many were woken, and how many woken or moved.
func (ft *Table) Requeue(t *sched.Thread, addr, addr2 mm.UAddr, private bool, n, m int, check bool, val uint32) (woken, all int, err error) {
	if addr%4 != 0 || addr2%4 != 0 {
		return 0, 0, errno.EINVAL.Because("a futex word is not aligned")
	}
	if n < 0 || m < 0 {
		return 0, 0, errno.EINVAL.Because("a negative count")
	}
	key, err := mm.FutexKeyOf(t, addr, private)
	if err != nil {
		return 0, 0, err
	}
	key2, err := mm.FutexKeyOf(t, addr2, private)
	if err != nil {
		return 0, 0, err
	}
	from, to := ft.bucket(key), ft.bucket(key2)
	move := func() {
		for w := from.head; w != nil && all < n+m; {
			next := w.next
			if w.Key == key && !w.PI {
				if all++; woken < n {
					from.wake(w)
					woken++
				} else if key != key2 {
					from.remove(w)
					w.Key = key2
					to.add(w)
				}
			}
			w = next
		}
	}
	if !check {
		lockTwo(t, from, to)
		move()
		unlockTwo(t, from, to)
		return woken, all, nil
	}
	same := false
	err = mm.WithWord(t, addr, false, func(p *uint32) {
		lockTwo(t, from, to)
		if same = load(p) == val; same {
			move()
		}
		unlockTwo(t, from, to)
	})
	if err == nil && !same {
		err = errno.EAGAIN.Because("the futex word has changed")
	}
	return woken, all, err
}

// Waiters calls f for every waiter, for views; f must be short.
func (ft *Table) Waiters(t *sched.Thread, f func(w *Waiter)) {
	for i := range ft.buckets {
		b := &ft.buckets[i]
		b.mu.Lock(t)
		for w := b.head; w != nil; w = w.next {
			f(w)
		}
		b.mu.Unlock(t)
	}
}

// Forever is a deadline that never comes.
const Forever = ktime.Forever
