package cell

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/platform"
)

// Switch implements platform.Context.
func (x *context) Switch(regs *amd64.Registers) platform.Trap {
	c := x.cell
	c.p.stats.switches.Add(1)
	for {
		if r := c.dead.Load(); r != nil {
			return platform.Trap{Kind: platform.KindDead, Reason: *r}
		}
		if x.released.Load() {
			return platform.Trap{Kind: platform.KindDead, Reason: "the Context was released"}
		}
		x.kicks.Store(0)
		// inUser comes first: from here on an Interrupt kicks and a change of
		// the mappings knows that user code may run.
		x.running(true)
		if x.intr.Load() {
			x.running(false)
			x.intr.Store(false)
			return platform.Trap{Kind: platform.KindInterrupt}
		}
		if c.pending.Load() {
			c.mu.Lock()
			on := x.ride(regs)
			if !on {
				x.running(false)
				c.flush()
			}
			c.mu.Unlock()
			if !on {
				continue
			}
		} else {
			x.enter(regs)
		}
		ok := x.await()
		x.place.Store(inKernel)
		x.rides = false
		x.running(false)
		if !ok {
			return platform.Trap{Kind: platform.KindDead, Reason: c.deadReason()}
		}
		if c.last.Load() != x.thread {
			c.last.Store(x.thread)
		}
		if t, ok := x.decode(regs); ok {
			return t
		}
	}
}

func (x *context) running(on bool) {
	x.inUser.Store(on)
	if on {
		x.cell.running.Add(1)
	} else {
		x.cell.running.Add(-1)
	}
}

// prepareEntry writes all that the guest thread will read.
func (x *context) prepareEntry(regs *amd64.Registers) {
	x.fillFrame(regs)
	if x.parked != 0 {
		x.short, x.parked = rdtsc()-x.parked < x.cell.p.tune.stayCycles(), 0
		x.unstay()
	}
	x.box.spin = x.cell.p.tune.guestWait(&x.hits)
	x.cell.p.tune.guests.Add(1)
}

// enter lets the guest thread go.
func (x *context) enter(regs *amd64.Registers) {
	x.prepareEntry(regs)
	x.leave()
	b := x.box
	atomic.StoreUint32(&b.state, stReply)
	if x.woke = load(&b.gwait) != 0; x.woke {
		futexWake(&b.state)
		x.cell.p.stats.guestWakes.Add(1)
	}
}

// await waits for the next trap. It reports false when the cell is dead.
func (x *context) await() bool {
	c, b := x.cell, x.box
	t := &c.p.tune
	defer t.guests.Add(-1)
	start := rdtsc()
	if t.wait(&x.hits, &b.state, x.woke || x.rides, &c.p.stats) {
		return true
	}
	if x.stay != nil {
		x.stay()
	}
	if x.rides { // in case the guest thread did not wake the mm thread
		futexWake(&c.order.order().seq)
	}
	var h health
	nap, last := c.p.tune.nap(), time.Now()
	for misses := 0; ; {
		atomic.StoreUint32(&b.kwait, 1)
		if load(&b.state) == stReq {
			b.kwait = 0
			t.slept(&x.hits, rdtsc()-start)
			return true
		}
		if c.dead.Load() != nil {
			return false
		}
		c.p.stats.sleeps.Add(1)
		if nap > 0 {
			nap = futexNap(&b.kwait, 1, nap)
			continue
		}
		switch e := futexWait(&b.kwait, 1, healthSlice); {
		case e == syscall.ETIMEDOUT || time.Since(last) > healthSlice:
			h.check(x)
			last, misses = time.Now(), 0
		case misses < 3:
			misses++ // a wake or a kick of our own, and the next is the trap
		default:
			// Somebody writes kwait all the time, or wakes us for nothing: another
			// thread of the guest. That shall not keep this thread busy.
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// health looks after a thread that has not come back for a while.
type health struct {
	kicked time.Duration // how long it has left a kick unanswered
	cpu    time.Duration // processor time of the cell at the first such look
	lost   int           // looks at which the thread did not exist
}

const healthSlice = 100 * time.Millisecond

// check kills a cell that does not answer a kick. Time is counted in slices
// that this thread really waited, so that a kernel that was itself stopped
// does not blame the guest, and a guest that runs is given less of it than one
// that the host does not let run.
func (h *health) check(x *context) {
	c := x.cell
	if x.rides {
		if c.mu.TryLock() {
			failed := !c.settle()
			c.mu.Unlock()
			if failed {
				c.kill("a change of its mappings failed")
				return
			}
		}
	}
	if tgkill(c.pid, x.tid, 0) == syscall.ESRCH {
		if h.lost++; h.lost > 10 { // a dead process is the warden's to report; a lone thread has no way to end
			c.kill("a guest thread is gone")
		}
		return
	}
	if x.kicks.Load() == 0 {
		return
	}
	c.p.mu.Lock()
	frozen := c.p.reg.frozen(c.regSlot)
	c.p.mu.Unlock()
	cpu := cpuTime(c.pid)
	if frozen || h.kicked == 0 {
		h.kicked, h.cpu = 1, cpu
		return
	}
	h.kicked += healthSlice
	c.tmu.Lock()
	n := time.Duration(len(c.threads))
	c.tmu.Unlock()
	const fair = 150 * time.Millisecond
	if ran := cpu - h.cpu; ran > n*fair || h.kicked > c.p.cfg.KickDeadline {
		c.p.stats.deaf.Add(1)
		c.kill(fmt.Sprintf("deaf: no answer to a kick for %v, in which it ran %v", h.kicked.Round(time.Millisecond), ran))
		return
	}
	tgkill(c.pid, x.tid, sigKick)
}

// cpuTime returns the processor time that a process has used, by its CPU clock
// (include/linux/posix-timers.h: the complement of the pid, then CPUCLOCK_SCHED).
func cpuTime(pid int) time.Duration {
	var ts syscall.Timespec
	id := uintptr(^pid)<<3 | 2
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(uint32(id)), uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}
