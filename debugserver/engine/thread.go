package engine

import (
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/amd64util"
	"github.com/go-delve/delve/pkg/proc/linutil"
	"golang.org/x/sys/unix"

	"vitrine/debugserver/tracer"
)

// thread implements proc.Thread.
type thread struct {
	p      *process
	id     int
	bp     proc.BreakpointState
	common proc.CommonThread
}

func (t *thread) ThreadID() int                        { return t.id }
func (t *thread) BinInfo() *proc.BinaryInfo            { return t.p.bi }
func (t *thread) ProcessMemory() proc.MemoryReadWriter { return t.p.Memory() }
func (t *thread) Breakpoint() *proc.BreakpointState    { return &t.bp }
func (t *thread) Common() *proc.CommonThread           { return &t.common }

// SoftExc says that the thread executed an int3 during the last resume.
func (t *thread) SoftExc() bool {
	th := t.p.e.tracer.Thread(t.id)
	return th != nil && (th.Hit.Kind == tracer.HitBreakpoint || th.Hit.Kind == tracer.HitHardcoded)
}

func (t *thread) registers() (*linutil.AMD64Registers, error) {
	r, err := t.p.e.tracer.Regs(t.id)
	if err != nil {
		return nil, err
	}
	c := linutil.AMD64PtraceRegs(*r)
	return linutil.NewAMD64Registers(&c, func(r *linutil.AMD64Registers) error {
		b, err := t.p.e.tracer.XState(t.id)
		if err != nil {
			return err
		}
		var x amd64util.AMD64Xstate
		x.Xsave = b
		err = amd64util.AMD64XstateRead(b, true, &x, 0)
		r.Fpregs, r.Fpregset = x.Decode(), &x
		return err
	}), nil
}

func (t *thread) Registers() (proc.Registers, error) {
	r, err := t.registers()
	if err != nil {
		return nil, err // not a typed nil
	}
	return r, nil
}

func (t *thread) SetReg(n uint64, v *op.DwarfRegister) error {
	r, err := t.registers()
	if err != nil {
		return err
	}
	fp, err := r.SetReg(n, v)
	if err != nil {
		return err
	}
	if fp {
		return t.p.e.tracer.SetXState(t.id, r.Fpregset.Xsave)
	}
	return t.p.e.tracer.SetRegs(t.id, (*unix.PtraceRegs)(r.Regs))
}

// RestoreRegisters is used when a called function has returned. The bases of the thread are its own.
func (t *thread) RestoreRegisters(saved proc.Registers) error {
	s, ok := saved.(*linutil.AMD64Registers)
	if !ok {
		return fmt.Errorf("registers of another kind: %T", saved)
	}
	cur, err := t.p.e.tracer.Regs(t.id)
	if err != nil {
		return err
	}
	c := unix.PtraceRegs(*s.Regs)
	c.Fs_base, c.Gs_base = cur.Fs_base, cur.Gs_base
	if err := t.p.e.tracer.SetRegs(t.id, &c); err != nil {
		return err
	}
	if s.Fpregset != nil && s.Fpregset.Xsave != nil {
		return t.p.e.tracer.SetXState(t.id, s.Fpregset.Xsave)
	}
	return nil
}

// SetCurrentBreakpoint finds the engine's breakpoint that the thread is at. The tracer has rewound the PC already, so
// there is nothing to adjust.
func (t *thread) SetCurrentBreakpoint(bool) error {
	t.bp.Clear()
	th := t.p.e.tracer.Thread(t.id)
	if th == nil {
		return nil
	}
	if th.Hit.Kind == tracer.HitWatch {
		if bp := t.p.bps.M[th.Hit.Addr]; bp != nil && bp.WatchType != 0 {
			t.bp.Breakpoint = bp
			return nil
		}
	}
	r, err := t.p.e.tracer.Regs(t.id)
	if err != nil {
		return err
	}
	if bp := t.p.bps.M[r.Rip]; bp != nil && bp.WatchType == 0 {
		t.bp.Breakpoint = bp
	}
	return nil
}
