package cell

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// get takes a warm cell, or nil.
func (p *Platform) get() *cell {
	if c := p.washed(); c != nil {
		return c
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.pool)
	if n == 0 {
		return nil
	}
	c := p.pool[n-1]
	p.pool = p.pool[:n-1]
	if n-1 < p.cfg.Pool/2+1 {
		p.nudge()
	}
	return c
}

// put returns a cell that is as new.
func (p *Platform) put(c *cell) {
	p.mu.Lock()
	keep := len(p.pool) < 4*p.cfg.Pool && !p.closing.Load() && c.dead.Load() == nil
	if keep {
		p.pool = append(p.pool, c)
	}
	p.mu.Unlock()
	if !keep {
		c.bury("not needed")
		c.free()
	}
}

// shed ends all warm cells, for the host has no room. It reports whether there were any.
func (p *Platform) shed() bool {
	p.mu.Lock()
	cs := append(p.pool, p.washing...)
	p.pool, p.washing = nil, nil
	p.mu.Unlock()
	for _, c := range cs {
		c.kill("the host has no room for warm cells")
	}
	for _, c := range cs {
		c.bury("")
		c.free()
	}
	return len(cs) > 0
}

func (p *Platform) nudge() {
	select {
	case p.refill <- struct{}{}:
	default:
	}
}

// refiller keeps the pool full, off the path of those who fork.
func (p *Platform) refiller() {
	for range p.refill {
		for !p.closing.Load() {
			// No more than programs have been seen: a machine that runs one command needs no pool.
			p.mu.Lock()
			full := len(p.pool)+len(p.washing) >= min(p.cfg.Pool, int(p.stats.spaces.Load()))
			p.mu.Unlock()
			if full {
				break
			}
			c, err := p.clone()
			if err != nil {
				if !p.closing.Load() {
					p.cfg.Log("cell: refill: %v", err)
				}
				break
			}
			p.put(c)
		}
		if p.closing.Load() {
			return
		}
	}
}

var (
	errClosed   = errors.New("the platform is closed")
	errTemplate = errors.New("the template cell died")
)

// clone makes a cell that is ready to run user code.
func (p *Platform) clone() (*cell, error) {
	c, err := p.cloneProcess()
	for try := 0; try < 3 && errors.Is(err, errTemplate); try++ {
		c, err = p.cloneProcess()
	}
	if err != nil {
		return nil, err
	}
	if err = c.prepare(); err != nil {
		c.bury(err.Error())
		c.free()
		return nil, err
	}
	return c, nil
}

// cloneProcess lets the template fork and waits until the child obeys.
func (p *Platform) cloneProcess() (*cell, error) {
	p.cloneMu.Lock()
	defer p.cloneMu.Unlock()
	if p.closing.Load() {
		return nil, errClosed
	}
	tmpl := p.awaitTemplate()
	if tmpl == nil {
		return nil, errors.New("no template cell")
	}
	c := &cell{p: p, gone: make(chan struct{}), uffd: -1, regSlot: -1}
	var err error
	if c.order, err = p.ctl.alloc(); err != nil {
		return nil, err
	}
	t, err := c.newThread()
	if err != nil {
		p.ctl.release(c.order)
		return nil, err
	}
	c.first = t
	c.expectFirst()
	p.mu.Lock()
	p.flight = c
	c.regSlot = p.reg.add(0, RegFlight)
	full := c.regSlot < 0 && len(p.reg.ent) > 0
	p.mu.Unlock()
	fail := func(err error) (*cell, error) {
		p.mu.Lock()
		p.flight = nil
		p.reg.drop(c.regSlot)
		p.mu.Unlock()
		c.free()
		return nil, err
	}
	if full {
		return fail(errors.New("the registry of cells is full"))
	}
	tmpl.setEntry(0, sysClone, cloneCell, 0, 0, 0, t.area.off, c.order.off)
	// The page is the next template's as soon as this one is not p.tmpl any more.
	p.mu.Lock()
	ok := p.tmpl == tmpl
	if ok {
		tmpl.publish(1, 0, 0)
	}
	p.mu.Unlock()
	if ok {
		futexWake(&tmpl.order.order().seq)
		ok = tmpl.awaitOrder(orderDeadline)
	}
	if !ok {
		if tmpl.dead.Load() == nil {
			p.mu.Lock()
			if p.tmpl != tmpl {
				tmpl.die("replaced")
			}
			p.mu.Unlock()
		}
		if r := tmpl.deadReason(); r != "" {
			return fail(fmt.Errorf("%w: %s", errTemplate, r))
		}
		return fail(errors.New("the host refused a process (a cell takes two tasks of RLIMIT_NPROC)"))
	}
	ok = c.awaitFirst()
	p.mu.Lock()
	if pid := int(load(&t.box.pid)); ok && p.flight == c && pid > 0 {
		c.pid = pid
		p.live[pid] = c
		p.reg.set(c.regSlot, pid, RegLive)
		p.flight = nil
	} else {
		ok = false
	}
	p.mu.Unlock()
	if !ok {
		return fail(fmt.Errorf("the new cell did not start: %s", c.deadReason()))
	}
	p.stats.clones.Add(1)
	return c, nil
}

// awaitTemplate returns the template. If that has died, the warden makes a
// new one, which takes about a millisecond.
func (p *Platform) awaitTemplate() *cell {
	for range 1000 {
		p.mu.Lock()
		t := p.tmpl
		p.mu.Unlock()
		if t != nil && t.dead.Load() == nil || p.closing.Load() {
			return t
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// awaitFirst waits for the first sign of life of a cell whose pid is unknown.
func (c *cell) awaitFirst() bool {
	for t0 := time.Now(); time.Since(t0) < orderDeadline; {
		if ended, ok := c.order.acked(c.token); ended {
			return ok
		}
		if c.dead.Load() != nil {
			return false
		}
		time.Sleep(20 * time.Microsecond)
	}
	return false
}

// prepare gives a new process its guest thread and userfaultfd, and runs the
// thread once into a page fault: that warms its stack and shows that its traps arrive.
func (c *cell) prepare() error {
	if err := c.startThread(c.first); err != nil {
		return err
	}
	if err := c.first.awaitStart(); err != nil {
		return err
	}
	if c.p.uffd {
		c.mu.Lock()
		c.uffdErr = c.openUffd()
		c.mu.Unlock()
	}
	return c.probe()
}

// probe runs user code at address 0, which must fault.
func (c *cell) probe() error {
	x := c.newContext(nil, c.first)
	regs := amd64.Registers{}
	learn := c.p.format.Size == 0
	if learn { // the frame of the host itself says how long its XSAVE area is
		x.enter(&regs)
		if !x.await() {
			return errors.New("no trap from the first user code: " + c.deadReason())
		}
		x.place.Store(inKernel)
		frame := x.thread.box.frame - x.thread.va
		if frame < stackOff || frame > startOff-uint64(amd64.FrameSize) {
			return errors.New("the first frame is not in its stack")
		}
		uc := (*amd64.Ucontext)(unsafe.Pointer(&x.thread.area.mem[frame+8]))
		fp := uc.FPState - x.thread.va
		if fp < stackOff || fp >= startOff {
			return fmt.Errorf("the first frame has no XSAVE area")
		}
		f, err := amd64.ReadFormat(x.thread.area.mem[fp:startOff])
		if err != nil || f.Total() > startFPMax {
			return fmt.Errorf("the host's XSAVE area: %v", err)
		}
		c.p.format = f
	}
	if tr := x.Switch(&regs); tr.Kind != platform.KindPageFault || tr.Addr != 0 {
		return fmt.Errorf("the first user code came back with %v %+v", tr.Kind, tr)
	}
	return nil
}

func openPidfd(pid int) (int, error) {
	const sysPidfdOpen = 434
	fd, _, e := syscall.Syscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}
