package kernel

import (
	"encoding/binary"
	"math"

	"vitrine/kernel/abi"
	"vitrine/kernel/mm"
	"vitrine/kernel/task"
)

// begin has the instruction at a breakpoint executed.
func (g *guestDebug) begin(t *task.Task, d *debugTask) {
	as := mm.Of(t.Thread)
	g.mu.Lock(t.Thread)
	defer g.mu.Unlock(t.Thread)
	s := g.site(t.Thread, as, d.over.rip)
	if s == nil || s.off { // it is gone meanwhile
		d.over = place{}
		return
	}
	d.at = s
	if s.slot == 0 && s.flags&siteInPlace == 0 {
		g.place(t, as, g.spaces[as], s)
	}
	if s.slot == 0 {
		g.poke(t, as, s.addr, []byte{s.orig})
		return
	}
	t.Regs.RIP = s.slot
}

// slotSize is room for any instruction.
const slotSize = 32

// place copies a site's instruction to where it can be executed out of line. Caller holds g.mu.
func (g *guestDebug) place(t *task.Task, as *mm.AddressSpace, sp *debugSpace, s *debugSite) {
	near := func(page uint64) bool {
		d := int64(s.addr - page)
		return d > math.MinInt32+mm.PageSize && d < math.MaxInt32-mm.PageSize
	}
	n := len(sp.pages)
	if n == 0 || sp.slots == mm.PageSize/slotSize || s.rel != 0 && !near(sp.pages[n-1]) {
		page, ok := g.mapPage(t, as, s.addr)
		if !ok {
			return
		}
		sp.pages, sp.slots, n = append(sp.pages, page), 0, n+1
	}
	if s.rel != 0 && !near(sp.pages[n-1]) {
		return
	}
	slot := sp.pages[n-1] + uint64(sp.slots)*slotSize
	code := append([]byte(nil), s.code...)
	if s.rel != 0 {
		at := code[s.rel : s.rel+4]
		d := int64(int32(binary.LittleEndian.Uint32(at))) + int64(s.addr-slot)
		if d < math.MinInt32 || d > math.MaxInt32 {
			return
		}
		binary.LittleEndian.PutUint32(at, uint32(d))
	}
	if g.poke(t, as, slot, code) {
		sp.slots++
		s.slot = slot
	}
}

// mapPage maps a page for instructions near an address: below the image that it lies in, where nobody else has reason to be.
func (g *guestDebug) mapPage(t *task.Task, as *mm.AddressSpace, addr uint64) (uint64, bool) {
	lo := addr &^ (mm.PageSize - 1)
	for _, m := range as.Maps(t.Thread, false) {
		if m.Start <= addr && addr-m.Start < math.MaxInt32/2 {
			lo = min(lo, m.Start)
			break
		}
	}
	for distance := uint64(16 * mm.PageSize); distance < 1<<30 && distance < lo; distance *= 2 {
		at, err := as.Mmap(t.Thread, mm.MapRequest{
			Addr: mm.UAddr(lo - distance), Len: mm.PageSize, Prot: mm.Read | mm.Exec,
			Flags: abi.MAP_PRIVATE | abi.MAP_ANONYMOUS | abi.MAP_FIXED_NOREPLACE, Name: "[debug]",
		})
		if err == nil {
			return uint64(at), true
		}
	}
	at, err := as.Mmap(t.Thread, mm.MapRequest{Len: mm.PageSize, Prot: mm.Read | mm.Exec, Flags: abi.MAP_PRIVATE | abi.MAP_ANONYMOUS, Name: "[debug]"})
	return uint64(at), err == nil
}
