package engine

import (
	"github.com/go-delve/delve/pkg/proc"

	"vitrine/debugserver/tracer"
)

// group implements proc.ProcessGroup.
type group struct{ e *Engine }

// ContinueOnce runs the process until there is something for Delve, or for us.
func (g group) ContinueOnce(cctx *proc.ContinueOnceContext) (proc.Thread, proc.StopReason, error) {
	e := g.e
	current := e.target.CurrentThread()
	if len(e.active) > 0 {
		// Delve goes on though others have hit something: it does when a Step has come to a call. They are to be told
		// of first; the step stays to be finished.
		for _, t := range e.proc.threads {
			t.bp.Clear()
		}
		e.requestStop(cctx)
		return current, proc.StopUnknown, nil
	}
	e.useScratch()
	e.tracer.Prefer(current.ThreadID())
	for {
		e.forget()
		e.install()
		s, err := e.tracer.Resume(func() {
			if cctx.ResumeChan != nil {
				close(cctx.ResumeChan)
				cctx.ResumeChan = nil
			}
		})
		e.raw = s
		if err != nil {
			return nil, proc.StopUnknown, err
		}
		if s.Kind == tracer.StopExited {
			return nil, proc.StopExited, proc.ErrProcessExited{Pid: e.tracer.Pid(), Status: s.Status}
		}
		e.proc.sync()
		e.proc.mem.forget() // other owners may have looked while it ran
		if !e.classify() {  // only watches whose conditions are false
			continue
		}
		if s.Kind == tracer.StopInterrupted {
			e.halted = true
			s.TID = e.showGoroutine(s.TID)
		}
		if e.foreign || e.halted || len(e.watched) > 0 {
			e.requestStop(cctx) // nothing that Delve knows: without this it would continue at once
		}
		return e.proc.threads[s.TID], proc.StopUnknown, nil
	}
}

func (e *Engine) requestStop(cctx *proc.ContinueOnceContext) {
	if !cctx.GetManualStopRequested() {
		e.group.RequestManualStop()
		e.tracer.ClearInterrupt()
	}
}

// classify looks at every thread's hit: Delve's, another owner's, or a watch of ours. It returns false if none is
// left to tell anybody of.
func (e *Engine) classify() bool {
	ours := false
	seen := false
	for id, t := range e.proc.threads {
		h := e.tracer.Thread(id).Hit
		switch h.Kind {
		case tracer.HitNone:
			continue
		case tracer.HitBreakpoint, tracer.HitWatch:
			for _, o := range h.Owners {
				e.foreign = e.foreign || o != e.owner && o != e.watchOwner
			}
			if h.By(e.owner) {
				ours = true
				t.SetCurrentBreakpoint(false)
				e.compile(t)
			}
			if h.By(e.watchOwner) && e.watchesHit(t, h) {
				ours = true
			}
		case tracer.HitHardcoded, tracer.HitStep: // a step that Delve has asked for
			ours = true
		}
		seen = true
	}
	return !seen || ours || e.foreign
}

// forget drops what the last resume has found.
func (e *Engine) forget() {
	for _, t := range e.proc.threads {
		t.bp.Clear()
	}
	e.active, e.watched, e.condErr = nil, nil, nil
	e.proc.mem.forget()
}

// StepInstruction lets one thread execute one instruction.
func (g group) StepInstruction(tid int) error {
	e := g.e
	e.forget()
	s, err := e.tracer.Step(tid)
	e.raw = s
	if err != nil {
		return err
	}
	if s.Kind == tracer.StopExited {
		return proc.ErrProcessExited{Pid: e.tracer.Pid(), Status: s.Status}
	}
	e.halted = e.halted || s.Kind == tracer.StopInterrupted
	e.proc.sync()
	e.classify()
	return nil
}

// Detach ends the tracing of the process.
func (g group) Detach(_ int, kill bool) error {
	if kill {
		return g.e.tracer.Kill()
	}
	return g.e.tracer.Detach()
}

func (g group) Close() error { return nil } // symbols are the cache's
