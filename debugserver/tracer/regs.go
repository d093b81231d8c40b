package tracer

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Regs returns the thread's general registers, fs_base and gs_base included. They are cached until it runs, and not to
// be changed but by SetRegs.
func (t *Tracer) Regs(tid int) (*unix.PtraceRegs, error) {
	th := t.threads[tid]
	if th == nil || th.running {
		return nil, fmt.Errorf("thread %d is gone or runs", tid)
	}
	if !th.regsOK {
		if err := unix.PtraceGetRegs(tid, &th.regs); err != nil {
			return nil, fmt.Errorf("registers of thread %d: %w", tid, err)
		}
		th.regsOK, th.dirty = true, false
		t.leaveSlot(th)
	}
	return &th.regs, nil
}

// SetRegs changes the thread's registers; they are written when it resumes. A new PC takes the thread out of a system
// call that it would have continued; a breakpoint there counts as known, and is not hit.
func (t *Tracer) SetRegs(tid int, r *unix.PtraceRegs) error {
	cur, err := t.Regs(tid)
	if err != nil {
		return err
	}
	const top = 1 << 47 // bases that are no addresses would be refused at resume, when nobody hears of it
	if r.Fs_base >= top || r.Gs_base >= top {
		return fmt.Errorf("fs_base or gs_base is no address")
	}
	th := t.threads[tid]
	c := *r
	if c.Rip != cur.Rip {
		th.over = t.bps[c.Rip] != nil
		c.Orig_rax = ^uint64(0)
	}
	th.regs, th.dirty = c, true
	return nil
}

func (t *Tracer) pc(th *Thread) (uint64, error) {
	r, err := t.Regs(th.ID)
	if err != nil {
		return 0, err
	}
	return r.Rip, nil
}

// flush writes registers that were changed.
func (t *Tracer) flush(th *Thread) {
	if th.dirty {
		unix.PtraceSetRegs(th.ID, &th.regs)
	}
	th.dirty, th.regsOK = false, false
}

const ntXState = 0x202

// XState returns the thread's x87, SSE and AVX state in XSAVE layout.
func (t *Tracer) XState(tid int) ([]byte, error) {
	b := make([]byte, 16<<10)
	iov := unix.Iovec{Base: &b[0], Len: uint64(len(b))}
	if err := ptrace(unix.PTRACE_GETREGSET, tid, ntXState, uintptr(unsafe.Pointer(&iov))); err != nil {
		return nil, fmt.Errorf("vector registers of thread %d: %w", tid, err)
	}
	return b[:iov.Len], nil
}

// SetXState changes what XState returned.
func (t *Tracer) SetXState(tid int, b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("vector registers of thread %d: no data", tid)
	}
	iov := unix.Iovec{Base: &b[0], Len: uint64(len(b))}
	if err := ptrace(unix.PTRACE_SETREGSET, tid, ntXState, uintptr(unsafe.Pointer(&iov))); err != nil {
		return fmt.Errorf("vector registers of thread %d: %w", tid, err)
	}
	return nil
}
