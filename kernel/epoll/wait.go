package epoll

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// wake is the callback on the file's wait queues: it may run in an interrupt, takes no lock and needs no thread.
// It may also still come, once, for an item that was removed meanwhile.
func (it *item) wake(k uint32) {
	ev := it.events.Load()
	if it.dead.Load() || ev&^flags == 0 { // EPOLLONESHOT has fired
		return
	}
	if k&(ev&^flags|always) == 0 {
		return
	}
	ep := it.ep
	if it.queued.CompareAndSwap(false, true) {
		for {
			head := ep.woken.Load()
			it.woke = head
			if ep.woken.CompareAndSwap(head, it) {
				break
			}
		}
	}
	ep.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM)
}

// makeReady puts an item on the ready list and wakes who waits. Caller holds mu.
func (ep *Instance) makeReady(it *item) {
	it.requeue()
	ep.wait.WakeKey(abi.POLLIN | abi.POLLRDNORM)
}

// drain moves the items that woke to the ready list, in the order in which they did. Caller holds mu.
func (ep *Instance) drain() {
	var oldest *item
	for it := ep.woken.Swap(nil); it != nil; {
		next := it.woke
		it.woke = oldest
		oldest, it = it, next
	}
	for it := oldest; it != nil; {
		next := it.woke
		it.woke = nil
		if !it.dead.Load() {
			ep.ready.add(it)
		}
		it = next
	}
}

// pending reports whether there is something to look at. Caller holds mu.
func (ep *Instance) pending() bool { return ep.ready.first != nil || ep.woken.Load() != nil }

// Wait waits until the monotonic deadline for events and gives at most max of them to emit, which stores
// them for the program; it returns how many. A signal ends the wait with errno.EINTR: epoll_wait is never restarted.
func (ep *Instance) Wait(t *sched.Thread, max int, deadline int64, emit func(i int, events uint32, data uint64) error) (int, error) {
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	for {
		n, err := ep.collect(t, max, emit)
		if n > 0 || err != nil {
			return n, err
		}
		if deadline <= t.Now() {
			return 0, nil
		}
		switch err := ep.wait.WaitLockedUntil(t, "epoll_wait", &ep.mu, deadline, ep.pending); {
		case err == nil:
		case errno.Of(err) == errno.ETIMEDOUT:
			return 0, nil
		default:
			return 0, errno.EINTR
		}
	}
}

// collect polls the ready items and reports those with events. Caller holds mu.
func (ep *Instance) collect(t *sched.Thread, max int, emit func(i int, events uint32, data uint64) error) (int, error) {
	ep.drain()
	n := 0
	// Items that go back to the list's end must not be seen twice.
	end := ep.ready.last
	for it := ep.ready.first; it != nil && n < max; {
		next := it.readyNext
		if it == end {
			next = nil
		}
		ep.ready.remove(it)
		it.queued.Store(false) // before the poll: a wake-up from now on queues it again
		ev := it.poll(t)
		if ev != 0 {
			if err := emit(n, ev, it.data); err != nil {
				it.requeue()
				if n > 0 {
					return n, nil
				}
				return 0, err
			}
			n++
			switch want := it.events.Load(); {
			case want&abi.EPOLLONESHOT != 0:
				it.events.Store(want & flags)
			case want&abi.EPOLLET == 0:
				it.requeue()
			}
		}
		it = next
	}
	return n, nil
}

// requeue puts an item at the end of the ready list, unless it is there, or woke and waits in woken. Whoever
// changes queued from false to true enqueues the item, nobody else. Caller holds ep.mu.
func (it *item) requeue() {
	if it.queued.CompareAndSwap(false, true) {
		it.ep.ready.add(it)
	}
}

// poll returns the wanted events that hold now. Caller holds ep.mu.
func (it *item) poll(t *sched.Thread) uint32 {
	want := it.events.Load()
	if want&^flags == 0 {
		return 0
	}
	return uint32(it.file.Poll(t, nil)) & (want&^flags | always)
}

// Poll implements vfs.Poller: an instance is readable if it has events.
func (ep *Instance) Poll(t *sched.Thread, _ *vfs.File, p *vfs.PollTable) vfs.Events {
	p.Add(&ep.wait)
	ep.mu.Lock(t)
	defer ep.mu.Unlock(t)
	ep.drain()
	for it := ep.ready.first; it != nil; {
		next := it.readyNext
		if it.poll(t) != 0 {
			return abi.POLLIN | abi.POLLRDNORM
		}
		// Not ready after all. Between the poll and here it may have woken again: look once more.
		ep.ready.remove(it)
		it.queued.Store(false)
		if it.poll(t) != 0 {
			it.requeue()
			return abi.POLLIN | abi.POLLRDNORM
		}
		it = next
	}
	return 0
}

// readyList is a list of items, each at most once.
type readyList struct{ first, last *item }

func (l *readyList) add(it *item) {
	if it.inReady {
		return
	}
	it.inReady = true
	if it.readyPrev = l.last; it.readyPrev != nil {
		it.readyPrev.readyNext = it
	} else {
		l.first = it
	}
	l.last = it
}

func (l *readyList) remove(it *item) {
	if !it.inReady {
		return
	}
	if it.readyPrev != nil {
		it.readyPrev.readyNext = it.readyNext
	} else {
		l.first = it.readyNext
	}
	if it.readyNext != nil {
		it.readyNext.readyPrev = it.readyPrev
	} else {
		l.last = it.readyPrev
	}
	it.readyNext, it.readyPrev, it.inReady = nil, nil, false
}
