package epoll

import (
	"sync/atomic"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Poller waits on many files at once, for one call: poll(2), select(2). The first round polls every file with Table,
// which joins its queues; then Wait sleeps until one of them wakes, and further rounds poll with nil.
type Poller struct {
	Table vfs.PollTable

	waiters []joined
	woken   atomic.Bool
	wait    ksync.WaitQueue
}

// NewPoller returns a Poller. Done must follow.
func NewPoller() *Poller {
	p := &Poller{}
	p.Table.Join = p.join
	return p
}

func (p *Poller) join(q *ksync.WaitQueue) {
	w := &ksync.Waiter{Func: p.wake}
	p.waiters = append(p.waiters, joined{q, w})
	q.Add(w)
}

// wake runs in the waker's context, perhaps in an interrupt.
func (p *Poller) wake(uint32) {
	p.woken.Store(true)
	p.wait.WakeAll()
}

// Wait sleeps until a joined queue wakes. It returns errno.ETIMEDOUT at the monotonic deadline and errno.RestartSys
// on a signal.
func (p *Poller) Wait(t *sched.Thread, reason string, deadline int64) error {
	if deadline <= t.Now() {
		return errno.ETIMEDOUT
	}
	err := p.wait.WaitUntil(t, reason, deadline, p.woken.Load)
	p.woken.Store(false) // before the files are polled again
	return err
}

// Done leaves the queues.
func (p *Poller) Done() {
	for _, j := range p.waiters {
		j.q.Remove(j.w)
	}
	p.waiters = nil
}
