package guest

// Goroutine is what a thread of a Go program executes. It may go on in another thread, and with a stack elsewhere.
type Goroutine struct {
	ID   uint64 // goid; 0: the runtime's own business
	High uint64 // end of its stack
}

// goTLS is where a thread has its *runtime.g, from the end of its thread-local storage (Go's ABI for Linux on amd64:
// src/cmd/link/internal/ld/sym.go, "the runtime.tlsg offset").
const goTLS = 8

// goLayout says where things are in a runtime.g.
type goLayout struct{ id, low, high uint64 }

// Goroutine returns what a thread with these registers executes; false: this is no Go program, or says too little of itself. FS is
// the thread's FS base.
func (p *Process) Goroutine(regs *Registers, fs uint64) (g Goroutine, ok bool) {
	im := p.ImageAt(regs.R[RIP])
	if im == nil {
		return g, false
	}
	l := p.goLayout(im)
	if l == nil {
		return g, false
	}
	at, ok := Word(p.Mem, fs-goTLS)
	if !ok || at == 0 {
		return g, false
	}
	low, ok1 := Word(p.Mem, at+l.low)
	g.High, ok = Word(p.Mem, at+l.high)
	id, ok2 := Word(p.Mem, at+l.id)
	g.ID = id
	sp := regs.R[RSP]
	return g, ok && ok1 && ok2 && low <= sp && sp <= g.High
}

// goLayout finds it by the type of the runtime's first goroutine.
func (p *Process) goLayout(im *Image) *goLayout {
	f := im.File
	if f.goroutines != nil {
		return f.goroutines
	}
	if len(im.loadSymbols().named("runtime.g0")) == 0 {
		return nil
	}
	g0 := p.Global(&Frame{Place: Place{Image: im}}, "runtime.g0")
	if g0 == nil || g0.Addr == 0 {
		return nil
	}
	id, low, high := g0.inside("goid"), g0.inside("stack", "lo"), g0.inside("stack", "hi")
	if id.Err != nil || low.Err != nil || high.Err != nil {
		return nil
	}
	f.goroutines = &goLayout{id.Addr - g0.Addr, low.Addr - g0.Addr, high.Addr - g0.Addr}
	return f.goroutines
}
