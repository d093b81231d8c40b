package engine

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/linutil"

	"vitrine/debugserver/tracer"
)

// process implements proc.ProcessInternal. The embedded interface is nil: it only lends SetUProbe and
// GetBufferedTracepoints, whose types are internal to Delve, and which are never called as SupportsBPF says no.
type process struct {
	proc.ProcessInternal
	e       *Engine
	bi      *proc.BinaryInfo
	mem     *memory
	bps     proc.BreakpointMap
	threads map[int]*thread
}

func (p *process) BinInfo() *proc.BinaryInfo           { return p.bi }
func (p *process) Breakpoints() *proc.BreakpointMap    { return &p.bps }
func (p *process) Memory() proc.MemoryReadWriter       { return p.mem }
func (p *process) SupportsBPF() bool                   { return false }
func (p *process) StartCallInjection() (func(), error) { return func() {}, nil }
func (p *process) EntryPoint() (uint64, error)         { return entryPoint(p.e.tracer.Pid()) }

func entryPoint(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	return linutil.EntryPointFromAuxv(b, 8), err
}

func (p *process) FollowExec(v bool) error {
	if v {
		return errors.New("follow-exec is not supported")
	}
	return nil
}

func (p *process) Valid() (bool, error) {
	if p.e.detached {
		return false, proc.ErrProcessDetached
	}
	if gone, st := p.e.tracer.Exited(); gone {
		return false, proc.ErrProcessExited{Pid: p.e.tracer.Pid(), Status: st}
	}
	return true, nil
}

func (p *process) ThreadList() []proc.Thread {
	r := make([]proc.Thread, 0, len(p.threads))
	for _, t := range p.threads {
		r = append(r, t)
	}
	return r
}

func (p *process) FindThread(id int) (proc.Thread, bool) {
	t, ok := p.threads[id]
	if !ok {
		return nil, false // not a typed nil
	}
	return t, true
}

func (p *process) RequestManualStop(*proc.ContinueOnceContext) error {
	p.e.tracer.Interrupt()
	return nil
}

func (p *process) WriteBreakpoint(bp *proc.Breakpoint) error {
	if bp.WatchType != 0 { // bp.HWBreakIndex is Delve's guess; the tracer allocates
		return p.e.tracer.SetWatch(delveWatch(bp), p.e.owner)
	}
	if err := p.e.tracer.Insert(bp.Addr, p.e.owner); err != nil {
		return err
	}
	orig, _ := p.e.tracer.Orig(bp.Addr)
	bp.OriginalData = []byte{orig}
	return nil
}

func (p *process) EraseBreakpoint(bp *proc.Breakpoint) error {
	if bp.WatchType != 0 {
		return p.e.tracer.ClearWatch(delveWatch(bp), p.e.owner)
	}
	return p.e.tracer.Remove(bp.Addr, p.e.owner)
}

// delveWatch is a watch of Delve's: always on a stack.
func delveWatch(bp *proc.Breakpoint) tracer.Watch {
	return tracer.Watch{Addr: bp.Addr, Size: bp.WatchType.Size(), Read: bp.WatchType.Read(), Hard: true}
}

// sync takes over the tracer's threads; the objects of living threads stay the same, because Delve caches a goroutine
// in each.
func (p *process) sync() {
	for id := range p.threads {
		if p.e.tracer.Thread(id) == nil {
			delete(p.threads, id)
		}
	}
	for _, t := range p.e.tracer.Threads() {
		if p.threads[t.ID] == nil {
			p.threads[t.ID] = &thread{p: p, id: t.ID}
		}
	}
}
