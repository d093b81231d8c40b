package engine

// currentG returns where the runtime.g of the current goroutine is, if the current thread runs it; otherwise 0.
func (e *Engine) currentG() (uint64, *gLayout) {
	l, g := e.layoutOnce(), e.target.SelectedGoroutine()
	if l == nil || g == nil || g.Thread == nil || e.tracer == nil {
		return 0, nil
	}
	regs, err := e.tracer.Regs(g.Thread.ThreadID())
	if err != nil {
		return 0, nil
	}
	off, err := e.sym.bi.GStructOffset(e.target.Memory())
	if err != nil {
		return 0, nil
	}
	at, err := e.word(regs.Fs_base + off)
	if err != nil {
		return 0, nil
	}
	if id, err := e.word(at + uint64(l.goid)); err != nil || int64(id) != g.ID { // on the scheduler's stack
		return 0, nil
	}
	return at, l
}

// Labels returns a goroutine's labels of runtime/pprof.
func (e *Engine) Labels(goroutine int64) (labels map[string]string, err error) {
	defer guard(&err)
	if g := e.target.SelectedGoroutine(); g != nil && g.ID == goroutine {
		if at, l := e.currentG(); at != 0 {
			p, err := e.word(at + uint64(l.labels))
			return e.labels(p), err
		}
	}
	g, err := e.goroutine(goroutine)
	if err != nil {
		return nil, err
	}
	return g.Labels(), nil
}
