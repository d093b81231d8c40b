package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// debugReg is one of the four debug registers, the same in all threads.
type debugReg struct {
	owner *watchpoint // nil: free
	addr  uint64
	size  int
}

// allot gives a watch debug registers, if there are enough.
func (t *Tracer) allot(p *watchpoint) bool {
	var parts []debugReg
	for a := p.Addr; a < p.end(); {
		size := 8
		for a%uint64(size) != 0 || a+uint64(size) > p.end() {
			size /= 2
		}
		if parts = append(parts, debugReg{p, a, size}); len(parts) > len(t.debug) {
			return false
		}
		a += uint64(size)
	}
	old := t.debug
	for i := range t.debug {
		if t.debug[i].owner == nil && len(parts) > 0 {
			t.debug[i], parts = parts[0], parts[1:]
		}
	}
	if len(parts) > 0 {
		t.debug = old
		return false
	}
	return true
}

func (t *Tracer) armAll() error {
	for _, th := range t.threads {
		if th.running { // a clone whose first stop is to come
			continue
		}
		if err := t.arm(th); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

const drOff = 848 // offsetof(struct user, u_debugreg)

// arm sets a thread's debug registers.
func (t *Tracer) arm(th *Thread) error {
	var dr7 uint64
	for i, d := range t.debug {
		if d.owner == nil {
			continue
		}
		rw := uint64(1)
		if d.owner.Read {
			rw = 3
		}
		ln := [...]uint64{1: 0, 2: 1, 4: 3, 8: 2}[d.size]
		dr7 |= 1<<(2*i) | (rw|ln<<2)<<(16+4*i)
	}
	if dr7 == 0 && !th.armed {
		return nil
	}
	if err := ptrace(unix.PTRACE_POKEUSR, th.ID, drOff+7*8, 0); err != nil {
		return err
	}
	for i, d := range t.debug {
		if d.owner != nil {
			if err := ptrace(unix.PTRACE_POKEUSR, th.ID, uintptr(drOff+i*8), uintptr(d.addr)); err != nil {
				return err
			}
		}
	}
	th.armed = dr7 != 0
	return ptrace(unix.PTRACE_POKEUSR, th.ID, drOff+7*8, uintptr(dr7))
}

// debugHit returns the watches whose debug registers have stopped th.
func (t *Tracer) debugHit(th *Thread) (touched []*watchpoint) {
	if !th.armed {
		return nil
	}
	var dr6 uint64
	ptrace(unix.PTRACE_PEEKUSR, th.ID, drOff+6*8, uintptr(unsafe.Pointer(&dr6)))
	if dr6&0xf == 0 {
		return nil
	}
	ptrace(unix.PTRACE_POKEUSR, th.ID, drOff+6*8, 0)
	for i, d := range t.debug {
		if dr6&(1<<i) == 0 || d.owner == nil {
			continue
		}
		if n := len(touched); n == 0 || touched[n-1] != d.owner {
			touched = append(touched, d.owner)
		}
	}
	return touched
}
