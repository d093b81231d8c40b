package cell

import (
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"vitrine/kernel/abi/errno"
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// context is a guest thread.
type context struct {
	*thread
	cell  *cell
	space *space

	intr     atomic.Bool // Interrupt wants the next return
	inUser   atomic.Bool // the host thread may run user code
	kicks    atomic.Uint32
	released atomic.Bool // the thread may be another's by now

	// The rest belongs to the goroutine that calls Switch.
	fp     uint64 // offset of the extended state in the area, 0: initial
	fs, gs uint64 // as the processor has them
	stay   func() // from OnStay
	parked uint64 // the time-stamp counter at Park; 0: Switch has been called since
	short  bool   // the last time between Park and Switch was short
	stays  bool   // the guest thread was told to stay around for the next one
	woke   bool   // the guest thread slept and was woken
	rides  bool   // the mm thread lets us go, after an order
	hits   hitRate
	fpBuf  []byte // what FPU returned last
}

var _ platform.Context = (*context)(nil)

// newThread takes an area for one more thread. Caller holds c.mu or is the
// only one who knows c.
func (c *cell) newThread() (*thread, error) {
	c.tmu.Lock()
	i := len(c.threads)
	c.tmu.Unlock()
	if i >= MaxThreads {
		return nil, errno.EAGAIN.Because("too many threads in one cell")
	}
	b, err := c.p.ctl.alloc()
	if err != nil {
		return nil, err
	}
	t := &thread{c: c, va: areaVA + uint64(i)*blockLen, area: b, box: b.mailbox()}
	clear(b.mem[:mboxLen])
	c.tmu.Lock()
	c.threads = append(c.threads, t)
	c.tmu.Unlock()
	return t, nil
}

// startThread clones the host thread of t and waits until it has its filter
// and sleeps. Caller holds c.mu or is the only one who knows c.
func (c *cell) startThread(t *thread) error {
	n := 0
	if t != c.first { // the first area was mapped at boot
		c.setEntry(n, sysMmap, t.va, blockLen, 3, mapFixed, ctlFD, t.area.off)
		n++
	}
	c.setEntry(n, sysClone, cloneThread, t.va+mboxLen)
	if !c.run(n + 1) {
		if r := c.deadReason(); r != "" {
			return errors.New(r)
		}
		return errno.EAGAIN.Because("the host refused a thread")
	}
	return t.awaitStart()
}

// awaitStart waits until a new host thread has its filter and sleeps.
func (t *thread) awaitStart() error {
	c := t.c
	for t0 := time.Now(); load(&t.box.state) != stReq; {
		if c.dead.Load() != nil {
			return errors.New(c.deadReason())
		}
		if time.Since(t0) > orderDeadline {
			c.kill("a new thread did not start")
			return errors.New(c.deadReason())
		}
		if !spinUntil(&t.box.state, stReq, c.p.tune.spinCycles()) {
			time.Sleep(10 * time.Microsecond)
		}
	}
	t.tid = load(&t.box.tid)
	c.p.stats.threads.Add(1)
	return nil
}

// newContext dresses a waiting thread as a new guest thread.
func (c *cell) newContext(s *space, t *thread) *context {
	t.place.Store(inKernel)
	return &context{thread: t, cell: c, space: s, fs: ^uint64(0), gs: ^uint64(0)}
}

// NewContext implements platform.AddressSpace.
func (s *space) NewContext() (platform.Context, error) {
	c := s.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.deadReason(); r != "" {
		return nil, errno.EAGAIN.Because("the cell is dead: " + r)
	}
	if !c.settle() {
		return nil, errno.EAGAIN.Because("the cell's last order failed")
	}
	c.tmu.Lock()
	var t *thread
	if n := len(c.idle); n > 0 {
		t = c.idle[n-1]
		c.idle = c.idle[:n-1]
	}
	c.tmu.Unlock()
	for shed := false; t == nil; {
		n, err := c.newThread()
		if err != nil {
			return nil, err
		}
		if err = c.startThread(n); err == nil {
			t = n
			break
		}
		c.dropThread(n)
		// The host's limit of tasks counts warm cells, too: they go first.
		if shed || c.dead.Load() != nil || !c.p.shed() {
			return nil, err
		}
		shed = true
	}
	x := c.newContext(s, t)
	s.contexts = append(s.contexts, x)
	return x, nil
}

// dropThread forgets a thread that the host did not give. Its area stays
// mapped for the next try, so it is kept as the last of the list.
func (c *cell) dropThread(t *thread) {
	if c.dead.Load() != nil {
		return // free gives the areas back
	}
	c.tmu.Lock()
	c.threads = c.threads[:len(c.threads)-1]
	c.tmu.Unlock()
	// The next thread's mmap at this address replaces the mapping; until then nobody else may have the block.
	c.setEntry(0, sysMmap, t.va, blockLen, 3, mapFixed, ctlFD, c.first.area.off)
	if c.run(1) {
		c.p.ctl.release(t.area)
	}
}

// Interrupt implements platform.Context. The flag is set before inUser is
// read, and Switch sets inUser before it reads the flag: one of the two sees
// the other.
func (x *context) Interrupt() {
	x.intr.Store(true)
	if x.inUser.Load() {
		x.kick()
	}
}

func (x *context) kick() {
	x.kicks.Add(1)
	x.cell.p.stats.kicks.Add(1)
	select {
	case <-x.cell.gone:
	default:
		tgkill(x.cell.pid, x.tid, sigKick)
	}
}

// OnStay implements platform.Context.
func (x *context) OnStay(f func()) bool {
	x.stay = f
	return true
}

// Park implements platform.Context.
func (x *context) Park() {
	if x.released.Load() || x.place.Load() != inKernel {
		return
	}
	x.parked = rdtsc()
	x.box.park = 0
	if x.short && x.cell.p.tune.mayStay() {
		x.stays = true
		x.box.park = x.cell.p.tune.stayCycles()
	}
	atomic.CompareAndSwapUint32(&x.box.state, stReq, stPark)
}

func (x *context) unstay() {
	if x.stays {
		x.stays = false
		x.cell.p.tune.staying.Add(-1)
	}
}

// FPU implements platform.Context. What it returns is a copy: the area itself
// is memory that other threads of the guest can write.
func (x *context) FPU() []byte {
	if x.fp == 0 {
		return nil
	}
	f := &x.cell.p.format
	if x.fpBuf == nil {
		x.fpBuf = make([]byte, f.Total())
	}
	if f.Sanitize(x.fpBuf, x.area.mem[x.fp:x.fp+uint64(f.Total())]) != nil {
		return nil // the guest spoilt it; the host would refuse it as well
	}
	return x.fpBuf
}

// SetFPU implements platform.Context.
func (x *context) SetFPU(area []byte) error {
	if area == nil {
		x.fp = 0
		return nil
	}
	f := &x.cell.p.format
	buf := make([]byte, f.Total())
	if err := f.Sanitize(buf, area); err != nil {
		return errno.EINVAL.Because(err.Error())
	}
	copy(x.area.mem[startFP:], buf)
	x.fp = startFP
	return nil
}

// Clone implements platform.Context.
func (x *context) Clone(to platform.Context) {
	y := to.(*context)
	y.fp = 0
	if x.fp != 0 {
		f := &x.cell.p.format
		if f.Sanitize(y.area.mem[startFP:], x.area.mem[x.fp:x.fp+uint64(f.Total())]) == nil {
			y.fp = startFP
		}
	}
}

// Release implements platform.Context. The host thread stays and sleeps until
// the next NewContext wants it: a filter without exit(2) is a smaller filter.
func (x *context) Release() {
	c := x.cell
	if !x.space.dropContext(x) {
		return
	}
	if x.inUser.Load() {
		panic("cell: Release of a Context that is in Switch")
	}
	x.released.Store(true)
	x.unstay()
	c.tmu.Lock()
	c.idle = append(c.idle, x.thread)
	c.tmu.Unlock()
}

// fillFrame fills the frame with which the thread enters user code.
func (x *context) fillFrame(regs *amd64.Registers) {
	uc := (*amd64.Ucontext)(unsafe.Pointer(&x.area.mem[startOff+8]))
	regs.Store(uc)
	uc.Link = 0
	uc.StackSP, uc.StackFlags, uc.StackSize = x.va+stackOff, 0, stackLen
	uc.Sigmask = guestMask
	uc.Flags = amd64.UCSigcontextSS | amd64.UCStrictRestoreSS
	uc.FPState = 0
	if x.fp != 0 {
		uc.Flags |= amd64.UCFPXState
		uc.FPState = x.va + x.fp
	}
	x.box.frame = x.va + startOff
	x.box.set = 0
	if fs := canonical(regs.FSBase); fs != x.fs {
		x.box.fs, x.fs = fs, fs
		x.box.set |= 1
	}
	if gs := canonical(regs.GSBase); gs != x.gs {
		x.box.gs, x.gs = gs, gs
		x.box.set |= 2
	}
}

// canonical returns v, or 0 where WRFSBASE would fault in the cell's own code.
func canonical(v uint64) uint64 {
	if v>>47 != 0 {
		return 0
	}
	return v
}
