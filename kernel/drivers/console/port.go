package console

import (
	"sync/atomic"

	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/ktime"
	"vitrine/kernel/sched"
	"vitrine/kernel/tty"
	"vitrine/kernel/virtio"
)

// Buffers of a port, each of a page.
const (
	rxBufs  = 4
	txBufs  = 8
	bufSize = 4096
)

// Port is a port of a console device.
type Port struct {
	ID      int // immutable
	Console *Console
	TTY     atomic.Pointer[tty.TTY] // if it is a terminal; set once

	Received, Sent atomic.Int64 // bytes
	HostOpen       atomic.Bool  // the host's side is open
	settled        atomic.Bool  // Probe need not wait for it any more

	readMu  ksync.Mutex // one reader's copy at a time, so that bytes come in order
	started bool        // it has buffers; guarded by readMu

	lock      ksync.SpinLock
	Name      string // guarded by lock, as all below
	full      []*buf // received, not taken yet; oldest first
	free      []*buf // for sending
	Opens     int    // open files; a terminal counts as one
	told      bool   // what the device was told by PORT_OPEN last
	telling   bool   // that message is under way
	throttled bool   // a terminal has no room
	retry     ktime.Timer

	inFlight atomic.Int64 // bytes sent and not taken yet
	room     atomic.Int32 // len(free)
	readers  ksync.WaitQueue
	writers  ksync.WaitQueue
}

func newPort(c *Console, id int) *Port {
	p := &Port{ID: id, Console: c, lock: ksync.NewSpinLock(classPort), readMu: ksync.NewMutex(classStream)}
	p.HostOpen.Store(!c.multi)
	return p
}

func (p *Port) rxIndex() int {
	if p.ID == 0 {
		return 0
	}
	return 2*p.ID + 2
}

// start gives the port its buffers, at its first use.
func (p *Port) start(t *sched.Thread) error {
	p.readMu.Lock(t)
	defer p.readMu.Unlock(t)
	if p.started {
		return nil
	}
	rx, err := newBufs(t, p.Console.Device.Bus, rxBufs, bufSize, true)
	if err != nil {
		return err
	}
	tx, err := newBufs(t, p.Console.Device.Bus, txBufs, bufSize, false)
	if err != nil {
		return err
	}
	p.started = true
	for _, b := range tx {
		p.putFree(t, b)
	}
	for _, b := range rx {
		p.resubmit(t, b)
	}
	return nil
}

// resubmit gives the device a buffer to receive in.
func (p *Port) resubmit(t *sched.Thread, b *buf) {
	b.from = 0
	p.Console.queue(p.rxIndex()).Submit(t, &b.Request) // an error means that the device is lost
}

// received takes what came, in an interrupt window.
func (p *Port) received(t *sched.Thread, r *virtio.Request) {
	if r.Err != nil {
		p.hostOpened(t, false)
		return
	}
	p.Received.Add(int64(r.Written))
	p.lock.Lock(t)
	p.full = append(p.full, r.Owner.(*buf))
	p.lock.Unlock(t)
	p.offer(t)
	p.readers.WakeKey(abi.POLLIN | abi.POLLRDNORM)
}

// offer gives the terminal layer, if the port is a terminal, what it has room for. What is left waits for Unthrottle, or a moment: the
// device then has fewer buffers, and so the sender waits, too.
func (p *Port) offer(t *sched.Thread) {
	line := p.TTY.Load()
	if line == nil {
		return
	}
	for {
		p.lock.Lock(t)
		if p.throttled || len(p.full) == 0 {
			p.lock.Unlock(t)
			return
		}
		b := p.full[0]
		rest := b.bytes[b.from:b.Written]
		n := line.Receive(t, rest)
		b.from += n
		if n < len(rest) {
			p.retryLater(t)
			p.lock.Unlock(t)
			return
		}
		p.full = p.full[1:]
		p.lock.Unlock(t)
		p.resubmit(t, b)
	}
}

// retryTime is how long a terminal that had no room is left alone, if it does not say itself that it has.
const retryTime = 5 * ktime.Millisecond

// retryLater arms the timer. Caller holds p.lock.
func (p *Port) retryLater(t *sched.Thread) {
	timers := t.Scheduler().Timers
	if _, armed := timers.Deadline(&p.retry); !armed {
		p.retry.Fn = func(int64) { p.Console.poke(nil) }
		timers.Add(&p.retry, timers.Now()+retryTime)
	}
}

// getFree takes a buffer for sending, or nil.
func (p *Port) getFree(t *sched.Thread) *buf {
	p.lock.Lock(t)
	defer p.lock.Unlock(t)
	n := len(p.free)
	if n == 0 {
		return nil
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	p.room.Store(int32(n - 1))
	return b
}

func (p *Port) putFree(t *sched.Thread, b *buf) {
	p.lock.Lock(t)
	p.free = append(p.free, b)
	p.room.Store(int32(len(p.free)))
	p.lock.Unlock(t)
}

// send sends the first n bytes of b. There is room in the queue for all buffers of the port.
func (p *Port) send(t *sched.Thread, b *buf, n int) error {
	b.Out[0].Len = uint32(n)
	p.inFlight.Add(int64(n))
	if err := p.Console.queue(p.rxIndex()+1).Submit(t, &b.Request); err != nil {
		p.inFlight.Add(-int64(n))
		p.putFree(t, b)
		return err
	}
	p.Sent.Add(int64(n))
	return nil
}

// sent gets a buffer back, in an interrupt window.
func (p *Port) sent(t *sched.Thread, r *virtio.Request) {
	b := r.Owner.(*buf)
	p.inFlight.Add(-int64(b.Out[0].Len))
	p.putFree(t, b)
	if line := p.TTY.Load(); line != nil {
		line.WriteWakeup(t)
	}
	p.writers.WakeKey(abi.POLLOUT | abi.POLLWRNORM)
}

// hostOpened is the device's PORT_OPEN.
func (p *Port) hostOpened(t *sched.Thread, open bool) {
	was := p.HostOpen.Swap(open)
	p.settled.Store(true)
	if line := p.TTY.Load(); line != nil && was && !open {
		line.Lost(t)
	}
	p.readers.WakeAll()
	p.writers.WakeAll()
}

// setOpen counts users and tells the device of the first and the last.
func (p *Port) setOpen(t *sched.Thread, open bool) {
	p.lock.Lock(t)
	var unread []*buf
	if open {
		if p.Opens++; p.Opens == 1 {
			// What the host said before may be about its last user. It answers our PORT_OPEN with how things are.
			p.HostOpen.Store(true)
		}
	} else if p.Opens--; p.Opens == 0 {
		unread, p.full = p.full, nil // what the next user finds is meant for it
	}
	p.tell(t)
	for _, b := range unread {
		p.resubmit(t, b)
	}
}

// tell sends PORT_OPEN if the device knows otherwise and no message is under way. Caller holds p.lock, which is
// given back.
func (p *Port) tell(t *sched.Thread) {
	open := p.Opens > 0
	due := open != p.told && !p.telling
	if due {
		p.told, p.telling = open, true
	}
	p.lock.Unlock(t)
	switch {
	case due && open:
		p.Console.say(t, uint32(p.ID), eventOpen, 1)
	case due:
		p.Console.say(t, uint32(p.ID), eventOpen, 0)
	}
}

// saidOpen hears that the device has PORT_OPEN. Meanwhile it may have become untrue.
func (p *Port) saidOpen(t *sched.Thread, r *virtio.Request) {
	p.lock.Lock(t)
	p.telling = false
	if r.Err != nil {
		p.lock.Unlock(t)
		return
	}
	p.tell(t)
}
