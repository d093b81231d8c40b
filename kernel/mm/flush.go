package mm

import (
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// A frame that user code could reach is used again only when the platform has forgotten it. To wait for that
// costs a hand-off to another processor and back, so it is done only where somebody relies on it:
//
//	flush       waits: other threads or other address spaces are concerned
//	flushLate   does not: the only user of the address space takes away from itself. The change is effective before its
//	            user code goes on; the frames are dropped when the platform says so
//	dropLater   does not: the address space is gone

// maxLate is how many frames may be on their way back from one address space.
const maxLate = 512

// flush makes what was taken away unreachable for user code, then drops the references.
func (as *AddressSpace) flush(t *sched.Thread) {
	if as.stale {
		as.plat.Commit()
		as.stale = false
		as.dropLate(t)
	}
	as.mem.DecRefs(t, as.freed)
	if cap(as.freed) > 4096 {
		as.freed = nil
	}
	as.freed = as.freed[:0]
}

// flushLate is flush for a change that t makes to its own address space and that nobody else need see before t's user code
// goes on.
func (as *AddressSpace) flushLate(t *sched.Thread) {
	if !as.stale || as.refs.Load() != 1 || Of(t) != as || len(as.late)+len(as.freed) > maxLate {
		as.flush(t)
		return
	}
	as.stale = false
	as.late = append(as.late, as.freed...)
	as.freed = as.freed[:0]
}

func (as *AddressSpace) dropLate(t *sched.Thread) {
	as.mem.DecRefs(t, as.late)
	as.late = as.late[:0]
}

// limbo is what a released address space leaves behind until the platform has forgotten it.
type limbo struct {
	plat   platform.AddressSpace
	frames []PFN
}

// maxLimbo is how many released address spaces may be on their way at once.
const maxLimbo = 16

// dropLater drops references to frames when plat, which was released, is settled.
func (m *Memory) dropLater(t *sched.Thread, plat platform.AddressSpace, frames []PFN) {
	m.mu.Lock(t)
	m.limbo = append(m.limbo, limbo{plat, frames})
	m.nlimbo.Store(int32(len(m.limbo)))
	full := len(m.limbo) > maxLimbo
	m.mu.Unlock(t)
	m.drain(t, full)
}

// drain drops what is in limbo and settled; with wait all of it. It returns the number of references.
func (m *Memory) drain(t *sched.Thread, wait bool) (n int) {
	if m.nlimbo.Load() == 0 {
		return 0
	}
	m.mu.Lock(t)
	list := m.limbo
	m.limbo = nil
	m.nlimbo.Store(0)
	m.mu.Unlock(t)
	var rest []limbo
	for _, l := range list {
		if wait {
			l.plat.Commit()
		} else if !l.plat.Settled() {
			rest = append(rest, l)
			continue
		}
		m.DecRefs(t, l.frames)
		n += len(l.frames)
	}
	if rest != nil {
		m.mu.Lock(t)
		m.limbo = append(rest, m.limbo...)
		m.nlimbo.Store(int32(len(m.limbo)))
		m.mu.Unlock(t)
	}
	return n
}

// settle waits until the platform has forgotten what as has dropped. It does not wait for as.mu.
func (as *AddressSpace) settle(t *sched.Thread) (n int) {
	if !as.mu.TryLock(t) {
		return 0
	}
	defer as.unlock(t)
	if n = len(as.late); n > 0 && !as.dead {
		as.plat.Commit()
		as.dropLate(t)
	}
	return n
}
