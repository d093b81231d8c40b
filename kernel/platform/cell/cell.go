package cell

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A cell is one host process: an mm thread and guest threads.
type cell struct {
	p        *Platform
	pid      int   // immutable once the cell is in use
	order    block // the order page
	uffd     int   // guarded by mu; our copy of the cell's userfaultfd, or -1
	uffdErr  error
	regSlot  int
	template bool          // it forks the others and has no guest thread
	first    *thread       // the guest thread that every cell has
	gone     chan struct{} // closed when the process has been reaped
	dead     atomic.Pointer[string]
	user     *space // whose cell it is or was last; guarded by Platform.mu

	mu     sync.Mutex // held across host calls; above Platform.mu
	token  uint64     // guarded by mu; of the last order
	riding bool       // guarded by mu; that order is not awaited yet
	table  segments   // guarded by mu
	queue  []op       // guarded by mu
	conts  []span     // guarded by mu; pages to be continued by userfaultfd

	last atomic.Pointer[thread] // that trapped last

	// pending is set while queue or conts hold something or are being worked off.
	pending atomic.Bool
	running atomic.Int32 // Contexts in user code

	tmu     sync.Mutex // a leaf
	threads []*thread  // guarded by tmu; all that were ever made in this process
	idle    []*thread  // guarded by tmu; those without a Context
}

// thread is a host thread that runs user code, and its area.
type thread struct {
	c     *cell
	va    uint64 // of the area in the cell
	area  block
	box   *mailbox
	place atomic.Int32
	tid   uint32 // as the thread said itself: good for kicks within the cell only
}

// Where a thread is, as the kernel knows it: thread.place.
const (
	inUser   = iota // Switch has let it go and not seen it again
	inKernel        // it waits in its mailbox
	asked           // … and handOff is writing there
)

// handOff asks a thread that waits awake to wake the mm thread and to sleep.
// The mailbox alone would not do: between a look at it and a write the thread
// can have run and trapped again, and that trap would be lost.
func (t *thread) handOff() bool {
	if !t.place.CompareAndSwap(inKernel, asked) {
		return false
	}
	ok := atomic.CompareAndSwapUint32(&t.box.state, stReq, stOrder) && load(&t.box.gwait) == 0
	t.place.Store(inKernel)
	return ok
}

// leave is called before the thread is let go.
func (t *thread) leave() {
	for !t.place.CompareAndSwap(inKernel, inUser) {
		runtime.Gosched()
	}
}

// die marks c dead and wakes all who wait for it.
func (c *cell) die(reason string) {
	c.dead.CompareAndSwap(nil, &reason)
	c.tmu.Lock()
	defer c.tmu.Unlock()
	for _, t := range c.threads {
		atomic.StoreUint32(&t.box.kwait, 0)
		futexWake(&t.box.kwait)
	}
	futexWake((*uint32)(ptr(c.order.done())))
}

// kill ends the process. Its end is noticed by the warden.
func (c *cell) kill(reason string) {
	if c.dead.Load() == nil {
		c.die(reason)
	}
	select {
	case <-c.gone: // its pid may be another's by now
	default:
		kill(c.pid, syscall.SIGKILL)
	}
}

// reaped is called by the warden when the process is no more.
func (c *cell) reaped() { close(c.gone) }

// closeUffd gives the descriptor back. Not when the process dies but under
// c.mu, for the number may be another file's the moment after.
func (c *cell) closeUffd() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uffd >= 0 {
		syscall.Close(c.uffd)
		c.uffd = -1
	}
}

func (c *cell) deadReason() string {
	if s := c.dead.Load(); s != nil {
		return *s
	}
	return ""
}

// bury waits until the process is gone; then no user code runs and no frame is mapped.
func (c *cell) bury(reason string) {
	c.kill(reason)
	for i := 0; ; i++ {
		select {
		case <-c.gone:
			return
		case <-time.After(time.Second):
			c.p.cfg.Log("cell: process %d does not end (%d s)", c.pid, i+1)
			kill(c.pid, syscall.SIGKILL)
		}
	}
}

// free gives the control memory back. The process is gone.
func (c *cell) free() {
	c.closeUffd()
	c.p.ctl.release(c.order)
	c.tmu.Lock()
	ts := c.threads
	c.threads, c.idle = nil, nil
	c.tmu.Unlock()
	for _, t := range ts {
		c.p.ctl.release(t.area)
	}
}

// expectFirst prepares the order page for a cell that is about to start.
func (c *cell) expectFirst() {
	o := c.order.order()
	o.seq, o.n, o.kwait, o.spin, o.wake = 0, 0, 0, 0, 0
	atomic.StoreUint64(c.order.done(), 0)
	atomic.StoreUint64(c.order.failed(), 0)
	c.token = 1
	o.token = 1
}

// orderDeadline is how long the mm thread may take for one order. It only
// does host calls, so it is late only when the host is.
const orderDeadline = 15 * time.Second

// run has the mm thread do the entries that are in the order page. It reports
// whether all succeeded; the first failure ends the order.
func (c *cell) run(n int) bool {
	o := c.order.order()
	c.publish(n, 0, 0)
	// A guest thread that waits for us with its eyes open holds a processor,
	// maybe the last: it wakes the mm thread there and sleeps. Otherwise, or if
	// it does not get to it, the wake comes from here.
	if t := c.last.Load(); t == nil || !t.handOff() {
		futexWake(&o.seq)
	}
	return c.awaitOrder(orderDeadline)
}

// publish hands the order to the mm thread, whom somebody still has to wake. If it succeeds the mailbox at wake, unless
// that is 0, gets the state reply.
func (c *cell) publish(n int, wake uint64, reply uint32) {
	o := c.order.order()
	c.token++
	o.wake, o.reply = wake, reply
	atomic.StoreUint64(&o.token, c.token)
	atomic.StoreUint32(&o.n, uint32(n))
	atomic.AddUint32(&o.seq, 1)
	c.p.stats.orders.Add(1)
}

// settle waits for an order that Switch left under way. The order page is free
// when it returns true. Caller holds c.mu.
func (c *cell) settle() bool {
	if !c.riding {
		return true
	}
	c.riding = false
	return c.awaitOrder(orderDeadline)
}

// awaitOrder waits for the acknowledgement of the last order. Caller holds
// c.mu or is the only one who knows c.
func (c *cell) awaitOrder(limit time.Duration) bool {
	o := c.order.order()
	word := (*uint32)(ptr(c.order.done()))
	if spinUntil(word, uint32(c.token), c.p.tune.mmSpin()) {
		return true
	}
	futexWake(&o.seq)
	for waited := time.Duration(0); ; {
		atomic.StoreUint32(&o.kwait, 1)
		old := load(word)
		if ended, ok := c.order.acked(c.token); ended {
			atomic.StoreUint32(&o.kwait, 0)
			return ok
		}
		if c.dead.Load() != nil {
			return false
		}
		const slice = 100 * time.Millisecond
		if futexWait(word, old, slice) == syscall.ETIMEDOUT {
			if waited += slice; waited >= limit {
				c.kill(fmt.Sprintf("the mm thread did not answer for %v", limit))
				return false
			}
			futexWake(&o.seq)
		}
	}
}

// setEntry writes entry i of the next order.
func (c *cell) setEntry(i int, nr uint64, args ...uint64) {
	e := &c.order.order().entry[i]
	*e = entry{nr: nr}
	copy(e.args[:], args)
}

func ptr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
