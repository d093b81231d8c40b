package session

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"vitrine/debugserver/engine"
	"vitrine/debugserver/guest"
	"vitrine/debugserver/views"
	"vitrine/machine/ring"
)

// Breakpoints in programs. The kernel sets them (kernel/debug_guest.go), when it is asked by the debug ring and next runs; it passes
// GuestStop when one is hit, and GuestImage when code has been mapped in which others may be wanted. The session's own breakpoints are on these
// two, and only while there is something set in programs.

const (
	guestStopHook  = "vitrine/kernel.GuestStop"
	guestImageHook = "vitrine/kernel.GuestImage"
)

// Kinds of request in the debug ring, and flags of breakpoints: see kernel/debug_requests.go.
const (
	debugBreak  = 2
	debugClear  = 3
	debugStep   = 4
	siteCall    = 1
	siteInPlace = 2
)

// Reasons that the kernel gives with GuestStop.
const (
	stopBreak = 1 + iota
	stopStep
	stopUser
)

// guestBreaks is what is set in programs.
type guestBreaks struct {
	ring    *ring.Queue
	hooks   []*point                          // on GuestStop and GuestImage
	sites   map[spaceKey]map[uint64]guestSite // what the kernel has
	watches map[uint64]*point                 // data breakpoints, by the numbers that the kernel knows
	known   map[spaceKey]bool                 // spaces that all breakpoints were looked for in
	users   map[spaceKey]map[uint64][]*point  // whose they are
	run     *guestRun                         // a step in a program under way
}

// spaceKey names an address space; its address alone might come to mean another one.
type spaceKey struct {
	addr uint64
	pid  int
}

// guestSite is a breakpoint as the kernel has it.
type guestSite struct{ orig byte }

// leave is for when the session has let the kernel go.
func (g *guests) leave() { g.forget(); g.debug, g.task = nil, nil }

// breaks returns what is set in programs, ready for more.
func (s *Session) breaks() (*guestBreaks, error) {
	if b := s.guests.debug; b != nil {
		return b, nil
	}
	m, ok := s.machine.(interface{ Ring(name string) []byte })
	if !ok || s.ram() == nil {
		return nil, errNoRAM
	}
	q, err := ring.NewQueue(m.Ring("debug"))
	if err != nil {
		return nil, err
	}
	b := &guestBreaks{
		ring: q, sites: map[spaceKey]map[uint64]guestSite{}, known: map[spaceKey]bool{}, users: map[spaceKey]map[uint64][]*point{},
		watches: map[uint64]*point{},
	}
	for hook, f := range map[string]func(*point, *engine.Hit) verdict{
		guestStopHook: s.guestStop, guestImageHook: s.guestImage, guestWatchHook: s.guestWatchHit, kernelWatchHook: s.guestWatchHit,
	} {
		p := &point{onHit: f}
		if err := s.plant(p, engine.Spec{Function: hook}); err != nil {
			return nil, fmt.Errorf("this kernel can't stop its programs: %w", err)
		}
		b.hooks = append(b.hooks, p)
	}
	s.guests.debug = b
	return b, nil
}

// dropHooks takes the session's own breakpoints away when nothing in a program needs them any more.
func (s *Session) dropHooks() {
	b := s.guests.debug
	if b == nil || b.run != nil {
		return
	}
	for _, p := range s.points {
		if p.program && !p.gone {
			return
		}
	}
	for _, p := range b.hooks {
		p.gone = true
		s.disable(p)
	}
	s.guests.debug = nil
}

func (b *guestBreaks) put(kind uint32, more []byte, words ...uint64) error {
	var data []byte
	for _, w := range words {
		data = binary.LittleEndian.AppendUint64(data, w)
	}
	return b.ring.Put(0, kind, append(data, more...))
}

// mended is a space's memory as the program made it: without breakpoints.
func (s *Session) mended(sp *guestSpace) guest.Memory { return mended{s, sp} }

type mended struct {
	s  *Session
	sp *guestSpace
}

func (m mended) Read(b []byte, addr uint64) (int, error) {
	n, err := m.sp.ram.Read(b, addr)
	if d := m.s.guests.debug; d != nil {
		for a, site := range d.sites[m.sp.key()] {
			if i := a - addr; i < uint64(n) && b[i] == 0xcc {
				b[i] = site.orig
			}
		}
	}
	return n, err
}

func (sp *guestSpace) key() spaceKey { return spaceKey{sp.addr, sp.pid} }

// enableProgram sets p in every process that has the place. Where none has it, it waits for one.
func (s *Session) enableProgram(p *point) error {
	b, err := s.breaks()
	if err != nil {
		return err
	}
	p.program, p.Addrs = true, nil
	tasks, err := s.guestTasks()
	if err != nil { // nothing runs yet
		tasks = map[int]views.Object{}
	}
	seen := map[spaceKey]bool{}
	for _, tid := range sortedIDs(tasks) {
		t, err := s.lookAtTask(tasks[tid])
		if err != nil || seen[t.space.key()] {
			continue
		}
		seen[t.space.key()] = true
		if err := s.setIn(b, p, t.space); err != nil {
			p.Message = err.Error()
		}
	}
	if len(p.Addrs) == 0 {
		return errNoImage
	}
	return nil
}

// disableProgram takes p out of all processes.
func (s *Session) disableProgram(p *point) {
	b := s.guests.debug
	if b == nil || !p.program {
		return
	}
	s.disableWatch(b, p)
	for key, users := range b.users {
		for addr, ps := range users {
			if slices.Contains(ps, p) {
				s.release(b, key, addr, p)
			}
		}
	}
	s.dropHooks()
}

// setIn sets p in one address space.
func (s *Session) setIn(b *guestBreaks, p *point, sp *guestSpace) error {
	for _, addr := range s.placesIn(p, sp) {
		if err := s.use(b, sp, addr, p); err != nil {
			return err
		}
		if !slices.Contains(p.Addrs, addr) {
			p.Addrs = append(p.Addrs, addr)
		}
	}
	return nil
}

// placesIn finds where p is in an address space.
func (s *Session) placesIn(p *point, sp *guestSpace) (addrs []uint64) {
	if p.Spec.Kind == Address {
		if sp.ImageAt(p.Spec.Addr) != nil {
			addrs = append(addrs, p.Spec.Addr)
		}
		return addrs
	}
	for _, im := range sp.Images {
		ls, ok := p.where[im.File]
		if !ok {
			switch p.Spec.Kind {
			case Line:
				ls = im.Line(s.guests.guestSource(p.Spec.File), p.Spec.Line)
			case Function:
				ls = im.Function(p.Spec.Func)
			}
			if p.where == nil {
				p.where = map[*guest.File][]guest.Location{}
			}
			p.where[im.File] = ls
		}
		for _, l := range ls {
			addrs = append(addrs, l.Addr+im.Bias)
			p.Func, p.File, p.Line = l.Func, s.guests.hostSource(l.File), l.Line
		}
	}
	return addrs
}

// guestSource is the way back of hostSource.
func (g *guests) guestSource(file string) string {
	for _, m := range g.maps {
		if len(file) >= len(m[1]) && file[:len(m[1])] == m[1] {
			return m[0] + file[len(m[1]):]
		}
	}
	return file
}

// use has the kernel set a breakpoint, if it has not yet.
func (s *Session) use(b *guestBreaks, sp *guestSpace, addr uint64, p *point) error {
	key := sp.key()
	if b.users[key] == nil {
		b.users[key], b.sites[key] = map[uint64][]*point{}, map[uint64]guestSite{}
	}
	if ps := b.users[key][addr]; len(ps) > 0 {
		if !slices.Contains(ps, p) {
			b.users[key][addr] = append(ps, p)
		}
		return nil
	}
	code := make([]byte, 15)
	n, err := sp.Mem.Read(code, addr)
	if n == 0 {
		return err
	}
	if err := b.put(debugBreak, siteOf(code[:n], addr), uint64(sp.pid), addr); err != nil {
		return fmt.Errorf("the kernel takes no more requests until it has run: %w", err)
	}
	b.users[key][addr] = []*point{p}
	b.sites[key][addr] = guestSite{code[0]}
	return nil
}

// release takes a breakpoint away when p was the last to need it.
func (s *Session) release(b *guestBreaks, key spaceKey, addr uint64, p *point) {
	ps := slices.DeleteFunc(b.users[key][addr], func(q *point) bool { return q == p })
	if len(ps) > 0 {
		b.users[key][addr] = ps
		return
	}
	delete(b.users[key], addr)
	delete(b.sites[key], addr)
	b.put(debugClear, nil, uint64(key.pid), addr)
}

// siteOf describes an instruction for the kernel: size, flags, where a displacement is, and the code, with relative jumps in their long form.
func siteOf(code []byte, addr uint64) []byte {
	in, err := x86asm.Decode(code, 64)
	if len(code) >= 4 && binary.LittleEndian.Uint32(code) == 0xfa1e0ff3 { // endbr64
		return append([]byte{4, 0, 0}, code[:4]...)
	}
	inPlace := append([]byte{1, siteInPlace, 0}, code[0])
	if err != nil || in.Len == 0 || in.Len > len(code) {
		return inPlace
	}
	flags, rel := byte(0), byte(0)
	out := append([]byte(nil), code[:in.Len]...)
	switch in.Op {
	case x86asm.SYSCALL, x86asm.SYSENTER, x86asm.INT, x86asm.LCALL, x86asm.LOOP, x86asm.LOOPE, x86asm.LOOPNE, x86asm.JCXZ, x86asm.JECXZ, x86asm.JRCXZ, x86asm.XBEGIN:
		return inPlace
	case x86asm.CALL:
		flags = siteCall
	}
	for _, a := range in.Args {
		r, ok := a.(x86asm.Rel)
		if !ok || flags == siteCall {
			continue
		}
		op := []byte{0xe9} // jmp rel32
		if in.Op != x86asm.JMP {
			c := code[0] // 70+cc rel8
			if in.PCRel != 1 {
				c = code[in.PCRelOff-1] // 0f 80+cc rel32
			}
			op = []byte{0x0f, 0x80 | c&0xf}
		}
		size := len(op) + 4
		out = binary.LittleEndian.AppendUint32(op, uint32(int64(in.Len)+int64(r)-int64(size)))
		return append([]byte{byte(in.Len), flags, byte(len(op))}, out...)
	}
	if in.PCRel != 0 {
		if in.PCRel != 4 {
			return inPlace
		}
		rel = byte(in.PCRelOff)
	}
	return append([]byte{byte(in.Len), flags, rel}, out...)
}

// atGuestStop reports whether a thread stands where its program has come to a breakpoint.
func (s *Session) atGuestStop(thread int) bool {
	if at, ok := s.guests.at[thread]; ok {
		return at
	}
	w, err := s.where(thread, 0)
	if err != nil {
		return false
	}
	fs, err := s.e.Stack(engine.Where{Goroutine: w.Goroutine, TID: w.TID}, 1)
	if s.guests.at == nil {
		s.guests.at = map[int]bool{}
	}
	s.guests.at[thread] = err == nil && len(fs) > 0 && isProgramHook(fs[0].Function)
	return s.guests.at[thread]
}

// isProgramHook reports whether a function of the kernel's is where it shows its program to a debugger, and nothing of itself.
func isProgramHook(fn string) bool { return fn == guestStopHook || fn == guestWatchHook }

func sortedIDs[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }

// otherwise reports whether a place that the kernel hasn't may be one of a program's: a file that is not the kernel's, or a function whose name
// none of the kernel's contains.
func (s *Session) otherwise(p *point) bool {
	if s.ram() == nil {
		return false
	}
	if p.Spec.Kind == Line {
		_, err := s.e.Source(p.Spec.File)
		return err != nil
	}
	_, err := s.function(p.Spec.Func)
	return err != nil && strings.Contains(err.Error(), "has no function")
}
