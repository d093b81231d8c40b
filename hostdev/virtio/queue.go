package virtio

import (
	"sync"

	"vitrine/machine/layout"
	"vitrine/machine/virtq"
)

// Queue is the device's end of one of its queues. Its methods are called inside the gate.
type Queue struct {
	Index int // immutable

	size int // greatest; immutable
	dev  *Device
	mu   sync.Mutex
	ring *virtq.DeviceQueue // nil: not in use; the pointer is guarded by the gate, what it points to by mu
}

// Ready reports whether the driver uses the queue.
func (q *Queue) Ready() bool { return q.ring != nil }

// Pop takes the next chain into c. It reports false if there is none or the
// driver broke a rule. More says that others wait behind it.
func (q *Queue) Pop(c *virtq.Chain) (ok, more bool) {
	if q.ring == nil || q.dev.broken.Load() || q.dev.closed.Load() {
		return false, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	ok, err := q.ring.Pop(c)
	if err != nil {
		q.dev.Break(err)
		return false, false
	}
	return ok, ok && q.ring.Pending() > 0
}

// Push gives c back with what was written into it, and interrupts if the driver wants that.
func (q *Queue) Push(c *virtq.Chain) {
	q.mu.Lock()
	q.ring.Push(c.Head, c.Written())
	need := q.ring.NeedInterrupt()
	q.mu.Unlock()
	if need {
		q.dev.interrupt(layout.InterruptUsed)
	}
}

// Quiet keeps the driver from kicking while the caller, a single worker, drains the queue.
func (q *Queue) Quiet() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ring.DisableKicks()
}

// Listen ends Quiet. It reports whether chains have come meanwhile, for which there may be no kick.
func (q *Queue) Listen() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ring.EnableKicks() && !q.dev.broken.Load() && !q.dev.closed.Load()
}

// Pending reports whether chains wait.
func (q *Queue) Pending() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ring != nil && q.ring.Pending() > 0
}

// Again makes a worker serve the queue though nobody kicked it: there is room again, or a second worker can help.
func (q *Queue) Again() {
	q.dev.kicks.Or(1 << q.Index)
	q.dev.wakeWorker()
}
