package guest

// Frame is one level of a program's stack.
type Frame struct {
	Place
	PC       uint64
	CFA      uint64 // where the caller's part of the stack begins; 0 unknown
	Regs     Registers
	Inlined  bool
	Signal   bool // the kernel has put it there, to call a signal handler
	Doubtful bool // was guessed: by the frame pointer, or by what looks like a return address
	exact    bool // PC is where it goes on, not behind a call

	unit *unit
	fn   *function // the function, inlined or not; nil unknown
	inl  *function // the innermost inlined one at this level; nil: it is fn itself
}

// maxDepth bounds a stack.
const maxDepth = 4096

// Stack returns the frames of a thread with these registers, innermost first, at most n; more says that there are more.
func (p *Process) Stack(regs Registers, n int) (frames []Frame, more bool, err error) {
	defer guard(&err)
	n = min(n, maxDepth)
	u := unwinder{p: p, regs: regs}
	for level := 0; level < maxDepth; level++ {
		f := u.frame(level)
		frames = p.expand(frames, f, level == 0 || u.exact)
		if len(frames) > n {
			return frames[:n], true, nil
		}
		if !u.up(&frames[len(frames)-1], level == 0) {
			break
		}
	}
	return frames, false, nil
}

// unwinder walks from frame to frame.
type unwinder struct {
	p        *Process
	regs     Registers
	doubtful bool
	exact    bool // the PC is where the frame goes on, not behind a call: a signal has interrupted it
	guesses  int
}

func (u *unwinder) frame(level int) Frame {
	return Frame{PC: u.regs.R[RIP], Regs: u.regs, Doubtful: u.doubtful}
}

// up sets the registers to the caller's, and completes f.
func (u *unwinder) up(f *Frame, first bool) bool {
	at := f.PC
	if !first && !u.exact {
		at-- // the call itself: what follows may belong to something else
	}
	if im := u.p.ImageAt(at); im != nil {
		if d := im.loadFrames().at(at - im.Bias); d != nil {
			f.Signal = d.cie.signal
			if ok, done := u.byCFI(f, im, d, at-im.Bias); done {
				return ok
			}
		} else if ok, done := u.byGoTable(f, im, at-im.Bias); done {
			return ok
		}
	}
	return u.byGuess(f, first)
}

// byCFI applies the rules. done is false if they can't be.
func (u *unwinder) byCFI(f *Frame, im *Image, d *fde, a uint64) (ok, done bool) {
	r, err := d.rules(a)
	if err != nil {
		im.note(err)
		return false, false
	}
	c := context{mem: u.p.Mem, regs: &u.regs, bias: im.Bias}
	var cfa uint64
	switch r.cfa.kind {
	case ruleRegister:
		v, known := u.regs.Get(r.cfa.reg)
		if !known {
			return false, false
		}
		cfa = v + uint64(r.cfa.off)
	case ruleExpr:
		if cfa, err = c.number(r.cfa.expr); err != nil {
			return false, false
		}
	default:
		return false, false
	}
	f.CFA = cfa
	if r.regs[d.cie.ret].kind == ruleUndefined {
		return false, true // the outermost frame
	}
	c.cfa, c.hasCFA = cfa, true
	next := Registers{FS: u.regs.FS}
	for i := range uint64(numRegs) {
		if v, at, known := u.apply(&c, r.regs[i], i, cfa); known {
			next.Set(int(i), v)
			next.saved[i] = at
		}
	}
	if i := d.cie.ret; i != RIP {
		v, known := next.Get(i)
		if !known {
			return false, true
		}
		next.Set(RIP, v)
		next.saved[RIP] = next.saved[i]
	}
	if r.regs[RSP].kind == ruleSame {
		next.Set(RSP, cfa)
		next.saved[RSP] = notSaved
	}
	if r.regs[d.cie.ret].kind == ruleSame || next.Known&(1<<RIP) == 0 || next.R[RIP] == 0 {
		return false, true
	}
	if !d.cie.signal && cfa <= u.regs.R[RSP] && cfa <= f.Regs.R[RSP] {
		return false, true // a stack grows towards its callers, or it is broken
	}
	u.regs, u.exact = next, d.cie.signal
	return true, true
}

// apply finds a register of the caller's, and where it was saved: see Registers.
func (u *unwinder) apply(c *context, r rule, n, cfa uint64) (v, at uint64, known bool) {
	switch r.kind {
	case ruleSame:
		v, known = u.regs.Get(n)
		return v, u.regs.saved[n], known
	case ruleOffset:
		at = cfa + uint64(r.off)
		v, err := readUint(u.p.Mem, at, 8)
		return v, at, err == nil
	case ruleValOffset:
		return cfa + uint64(r.off), notSaved, true
	case ruleRegister:
		v, known = u.regs.Get(r.reg)
		return v, notSaved, known
	case ruleExpr, ruleValExpr:
		v, err := c.number(r.expr, cfa)
		if err != nil || r.kind == ruleValExpr {
			return v, notSaved, err == nil
		}
		at = v
		v, err = readUint(u.p.Mem, at, 8)
		return v, at, err == nil
	}
	return 0, notSaved, false
}

// Bounds of guessing.
const (
	maxGuesses = 64
	scanWords  = 128
)

// byGuess finds the caller without rules: by the frame pointer if that leads behind a call, else by the next word on the stack that does.
func (u *unwinder) byGuess(f *Frame, first bool) bool {
	u.guesses++
	sp, known := u.regs.Get(RSP)
	if !known || u.guesses > maxGuesses {
		return false
	}
	if first { // a call of what is no code, or a stub that was just entered: the return address is on top
		ret, err := readUint(u.p.Mem, sp, 8)
		if err == nil && u.afterCall(ret) && (u.p.ImageAt(f.PC) == nil || u.p.InPLT(f.PC) || u.calledBy(ret, f.PC)) {
			return u.guessed(ret, sp+8, 0, f)
		}
	}
	if bp, known := u.regs.Get(RBP); known && bp >= sp && bp%8 == 0 && bp-sp < 1<<24 {
		ret, err := readUint(u.p.Mem, bp+8, 8)
		if err == nil && u.afterCall(ret) {
			old, _ := readUint(u.p.Mem, bp, 8)
			return u.guessed(ret, bp+16, old, f)
		}
	}
	for i := range uint64(scanWords) {
		ret, err := readUint(u.p.Mem, sp+8*i, 8)
		if err != nil {
			return false
		}
		if u.afterCall(ret) {
			bp, _ := u.regs.Get(RBP)
			return u.guessed(ret, sp+8*i+8, bp, f)
		}
	}
	return false
}

func (u *unwinder) guessed(ret, sp, bp uint64, f *Frame) bool {
	f.CFA = sp
	next := Registers{FS: u.regs.FS}
	for i := range next.saved {
		next.saved[i] = notSaved
	}
	next.Set(RIP, ret)
	next.Set(RSP, sp)
	if bp != 0 {
		next.Set(RBP, bp)
	}
	u.regs, u.doubtful, u.exact = next, true, false
	return true
}

// afterCall reports whether an address is in code, behind something that may be a call.
func (u *unwinder) afterCall(a uint64) bool {
	if u.p.ImageAt(a) == nil {
		return false
	}
	var b [7]byte
	if n, err := u.p.Mem.Read(b[:], a-7); n < 7 || err != nil {
		return false
	}
	if b[2] == 0xe8 { // call rel32
		return true
	}
	for n := 2; n <= 7; n++ { // call r/m64: ff /2, with or without a prefix before it
		if c := b[7-n:]; c[0] == 0xff && c[1]>>3&7 == 2 && modRMSize(c[1:]) == n-1 {
			return true
		}
	}
	return false
}

// calledBy reports whether the call before ret is a direct one of pc.
func (u *unwinder) calledBy(ret, pc uint64) bool {
	var b [5]byte
	if n, err := u.p.Mem.Read(b[:], ret-5); n < 5 || err != nil || b[0] != 0xe8 {
		return false
	}
	return ret+uint64(int64(int32(uint32(b[1])|uint32(b[2])<<8|uint32(b[3])<<16|uint32(b[4])<<24))) == pc
}

// modRMSize is how many bytes a ModRM byte and what belongs to it take.
func modRMSize(b []byte) int {
	mod, rm, n := b[0]>>6, b[0]&7, 1
	if mod == 3 {
		return n
	}
	if rm == 4 {
		n++
		if len(b) > 1 && mod == 0 && b[1]&7 == 5 {
			n += 4
		}
	}
	switch {
	case mod == 1:
		n++
	case mod == 2 || mod == 0 && rm == 5:
		n += 4
	}
	return n
}
