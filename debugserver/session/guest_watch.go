package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/arch/x86/x86asm"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
)

// Data breakpoints on programs' memory. The kernel protects the pages and compares (kernel/debug_watch.go); it passes GuestWatch behind an
// instruction that has touched what is watched, and KernelWatch where it has done so itself, for a system call.

const (
	guestWatchHook  = "vitrine/kernel.GuestWatch"
	kernelWatchHook = "vitrine/kernel.KernelWatch"
)

// Kinds of request: see kernel/debug_requests.go.
const (
	debugWatch   = 5
	debugUnwatch = 6
	watchReads   = 1
)

// maxWatched bounds a watch, bytes: kernel/debug_watch.go.
const maxWatched = 64 << 20

// guestWatch is what a data breakpoint watches in a program.
type guestWatch struct {
	id    uint64
	key   spaceKey
	addr  uint64
	size  int
	value *guest.Value // to show what was there and what is; nil: as bytes
	scope guestScope   // of a variable on the stack
	on    bool         // the kernel has been asked for it
	over  string       // why it is watched no more; "": it is
}

// guestScope is the end of a variable on the stack: where its function returns to.
type guestScope struct {
	ret, sp uint64 // ret 0: it has no end
	tid     int
	end     *point // the breakpoint there
}

// enableWatch sets p, a data breakpoint, if it is one on a program's memory.
func (s *Session) enableWatch(p *point) (ok bool, err error) {
	if p.watch == nil {
		if ok, err := s.findWatch(p); !ok || err != nil {
			return ok, err
		}
	}
	w := p.watch
	if w.over != "" {
		return true, errors.New(w.over)
	}
	b, err := s.breaks()
	if err != nil {
		return true, err
	}
	flags := uint64(0)
	if p.Spec.Access == ReadWrite {
		flags = watchReads
	}
	if err := b.put(debugWatch, nil, uint64(w.key.pid), w.addr, uint64(w.size), w.id, flags); err != nil {
		return true, fmt.Errorf("the kernel takes no more requests until it has run: %w", err)
	}
	w.on, p.program = true, true
	p.Addrs, p.Spec.Size = []uint64{w.addr}, w.size
	b.watches[w.id] = p
	return true, s.watchScope(b, p)
}

// findWatch finds out what p is to watch; false: nothing of a program's.
func (s *Session) findWatch(p *point) (ok bool, err error) {
	w := &guestWatch{addr: p.Spec.Addr, size: p.Spec.Size}
	switch {
	case p.Spec.Space != 0:
		sp, err := s.space(p.Spec.Space)
		if err != nil {
			return true, err
		}
		w.key = sp.key()
		if st := s.oneStack(0); st != nil && st.task.space.key() == w.key {
			w.scope, w.value = scopeOf(st, w.addr), valueNamed(st, p.Spec.Expr, w)
		}
	case p.Spec.Expr != "":
		st, f := s.program(p.Spec.Thread, p.Spec.Frame)
		if f == nil {
			return false, nil
		}
		v, err := st.task.space.Eval(f, p.Spec.Expr)
		var unknown *guest.UnknownName
		if errors.As(err, &unknown) {
			return false, nil // perhaps something of the kernel's
		}
		if err != nil {
			return true, err
		}
		if v.Addr == 0 {
			return true, fmt.Errorf("%s has no place in memory that could be watched", p.Spec.Expr)
		}
		w.key, w.addr = st.task.space.key(), v.Addr
		if int64(w.size) == v.Size() || w.size == 0 {
			w.size, w.value = int(v.Size()), v
		}
		w.scope = scopeOf(st, v.Addr)
	default:
		return false, nil
	}
	if w.size <= 0 || w.size > maxWatched {
		return true, fmt.Errorf("a watch of %d bytes is not possible", w.size)
	}
	s.guests.lastWatch++
	w.id = s.guests.lastWatch
	p.watch = w
	return true, nil
}

// valueNamed finds the variable that has a name in some frame and is what w watches; nil: none.
func valueNamed(st *oneStack, expr string, w *guestWatch) *guest.Value {
	for i := 0; expr != "" && i < len(st.frames); i++ {
		if v, err := st.task.space.Eval(&st.frames[i], expr); err == nil && v.Addr == w.addr && v.Size() == int64(w.size) {
			return v
		}
	}
	return nil
}

// scopeOf finds the function on whose part of the stack an address lies, and where that returns to.
func scopeOf(st *oneStack, addr uint64) (sc guestScope) {
	const redZone = 128 // what a function may use below its stack pointer
	if len(st.frames) == 0 || addr < st.frames[0].Regs.R[guest.RSP]-redZone {
		return sc
	}
	for i, f := range st.frames {
		if f.CFA == 0 || addr >= f.CFA {
			continue
		}
		for _, caller := range st.frames[i+1:] {
			if !caller.Inlined && caller.Regs.R[guest.RSP] >= f.CFA {
				return guestScope{ret: caller.PC, sp: caller.Regs.R[guest.RSP], tid: st.task.tid}
			}
		}
		break
	}
	return sc
}

// watchScope has the watch of a variable on the stack end with it.
func (s *Session) watchScope(b *guestBreaks, p *point) error {
	w := p.watch
	if w.scope.ret == 0 {
		return nil
	}
	sp, err := s.space(w.key.pid)
	if err != nil {
		return err
	}
	end := &point{client: p.client, program: true}
	end.onHit = func(_ *point, h *engine.Hit) verdict { return s.scopeLeft(p, h) }
	if err := s.use(b, sp, w.scope.ret, end); err != nil {
		return err
	}
	w.scope.end = end
	return nil
}

// scopeLeft is a hit where the function of p's variable returns to.
func (s *Session) scopeLeft(p *point, h *engine.Hit) verdict {
	o, _, _, err := s.hookArgs(h)
	if err != nil || p.gone {
		return verdict{}
	}
	t, err := s.lookAtTask(o)
	if err != nil || t.tid != p.watch.scope.tid || t.regs.R[guest.RSP] < p.watch.scope.sp { // a call further inside
		return verdict{}
	}
	text := p.Spec.Expr + " is gone: its function has returned"
	s.endWatch(p, text)
	return verdict{stop: true, reason: ReasonData, text: text, id: p.ID}
}

// endWatch takes a watch away that can't be hit any more.
func (s *Session) endWatch(p *point, why string) {
	p.watch.over = why
	s.disable(p)
	p.Verified, p.Message = false, why
	c := p.Breakpoint
	s.publish(Event{Breakpoint: &c})
}

// disableWatch takes p's watch away.
func (s *Session) disableWatch(b *guestBreaks, p *point) {
	w := p.watch
	if w == nil || !w.on {
		return
	}
	w.on = false
	delete(b.watches, w.id)
	b.put(debugUnwatch, nil, uint64(w.key.pid), w.id)
	if end := w.scope.end; end != nil {
		end.gone = true
		s.release(b, w.key, w.scope.ret, end)
		w.scope.end = nil
	}
}

// watchHit is kernel.WatchHit.
type watchHit struct {
	id, pc, addr uint64
	write        bool
	at           uint64
	old, now     []byte
}

const (
	sizeofWatchHit = 5*8 + 2*24
	maxWatchHits   = 256
)

// guestWatchHit is a hit of GuestWatch or KernelWatch.
func (s *Session) guestWatchHit(_ *point, h *engine.Hit) (v verdict) {
	b := s.guests.debug
	o, ptr, n, err := s.hookArgs(h)
	if err != nil || b == nil {
		return verdict{}
	}
	hits, err := s.readWatchHits(ptr, min(n, maxWatchHits))
	if err != nil {
		return verdict{stop: true, reason: ReasonData, text: err.Error()}
	}
	for i := range hits {
		x := &hits[i]
		p := b.watches[x.id]
		if p == nil || p.gone || slices.Contains(append(v.more, v.id), p.ID) {
			continue
		}
		text, ok := s.watchText(p, x, o)
		if !ok {
			continue
		}
		w := s.programHit(p, h, o)
		if !w.stop {
			continue
		}
		if v.stop {
			v.more, v.text = append(v.more, w.id), joinText(v.text, text)
			continue
		}
		v = w
		v.reason, v.text = ReasonData, joinText(text, w.text)
		if w.text == "" {
			v.text = text
		}
	}
	return v
}

// readWatchHits reads the argument of the hook, a []kernel.WatchHit.
func (s *Session) readWatchHits(ptr, n uint64) (hits []watchHit, err error) {
	read := func(at, n uint64) []byte {
		b := make([]byte, n)
		if _, e := s.e.Tracer().Read(b, at); e != nil {
			err = e
		}
		return b
	}
	all := read(ptr, n*sizeofWatchHit)
	for ; len(all) > 0; all = all[sizeofWatchHit:] {
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(all[8*i:]) }
		hits = append(hits, watchHit{
			id: word(0), pc: word(1), addr: word(2), write: word(3) != 0, at: word(4),
			old: read(word(5), min(word(6), 2*pageBytes)), now: read(word(8), min(word(9), 2*pageBytes)),
		})
	}
	return hits, err
}

// watchText says what has happened to what p watches; false: nothing that it is about.
func (s *Session) watchText(p *point, x *watchHit, o views.Object) (string, bool) {
	w := p.watch
	t, err := s.lookAtTask(o)
	if err != nil {
		return "", true
	}
	name := p.Spec.Expr
	if name == "" {
		name = fmt.Sprintf("%#x", w.addr)
	}
	by := ""
	if x.pc == 0 {
		by = ", by the kernel for " + s.showCall(t)
	}
	if string(x.old) == string(x.now) {
		if x.pc != 0 && !touches(t, x, w) {
			return "", false
		}
		return name + " was accessed" + by, true
	}
	if w.value != nil && w.size <= maxShownValue {
		now := make([]byte, w.size)
		if n, _ := t.space.Mem.Read(now, w.addr); n == len(now) {
			old := slices.Clone(now)
			if off := x.at - w.addr; off <= uint64(len(now)) {
				copy(old[off:], x.old)
				copy(now[off:], x.now)
			}
			path, before, after := w.value.Change(old, now)
			return fmt.Sprintf("%s%s: %s → %s%s", name, path, before, after, by), true
		}
	}
	off, n := difference(x.old, x.now)
	if at := x.at + uint64(off); n < len(x.old) {
		name = fmt.Sprintf("%s, at %#x", name, at)
	}
	return fmt.Sprintf("%s: %s → %s%s", name, showBytes(x.old[off:off+n]), showBytes(x.now[off:off+n]), by), true
}

// maxShownValue bounds the values that are shown by their type.
const maxShownValue = 1 << 16

// difference finds the part of a and b that differs: of up to 8 bytes all of it, else in whole words.
func difference(a, b []byte) (off, n int) {
	if n = min(len(a), len(b)); n <= 8 {
		return 0, n
	}
	for off < n && a[off] == b[off] {
		off++
	}
	off &^= 7
	return off, min(8, n-off)
}

// touches reports whether an instruction's access reaches what is watched: the kernel knows only where it began.
func touches(t *guestTask, x *watchHit, w *guestWatch) bool {
	size := 64 // of the widest vector
	code := make([]byte, 15)
	n, _ := t.space.Mem.Read(code, x.pc)
	if in, err := x86asm.Decode(code[:n], 64); err == nil && in.MemBytes > 0 {
		size = in.MemBytes
	}
	return x.addr < w.addr+uint64(w.size) && w.addr < x.addr+uint64(size)
}
