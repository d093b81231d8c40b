package mm

import (
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/sched"
)

func TestLoadedProgramFindsItsPages(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 40)
		file := func(addr, first, pages uint64, prot Prot) {
			t.Helper()
			_, err := as.Mmap(th, MapRequest{
				Addr: UAddr(addr), Len: pages * PageSize, Prot: prot, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED,
				Pager: f, File: f, Offset: first * PageSize,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range uint64(40) {
			if i != 20 { // which isn't in the cache
				p, _ := f.Page(th, i, false)
				h.mem.DecRef(th, p)
			}
		}
		s, reads := tlbOf(as), f.reads
		as.Loading(th)
		file(base, 0, 30, Read|Exec)
		file(base+30*PageSize, 30, 5, Read|Write)
		anon(t, th, as, base+35*PageSize, 6, Read|Write, 0)
		if s.maps != 0 {
			t.Error("the platform hears of a program that is being loaded")
		}
		as.Loaded(th)
		if f.reads != reads {
			t.Errorf("%d pages were read", f.reads-reads)
		}
		faults := h.mem.stats.Faults.Load()
		for i := range uint64(20) {
			if got := s.load(t, th, base+i*PageSize); got != f.home[i] {
				t.Errorf("page %d: %#x", i, got)
			}
		}
		for i := range uint64(11) {
			s.store(t, th, base+(30+i)*PageSize, i)
		}
		if n := h.mem.stats.Faults.Load() - faults; n != 0 {
			t.Errorf("%d faults for what was at hand", n)
		}
		if got := s.load(t, th, base+20*PageSize); got != f.home[20] {
			t.Errorf("page 20: %#x", got)
		}
		if p, _ := f.Page(th, 30, false); h.mem.Bytes(p, 1)[0] != byte(f.home[30]) {
			t.Error("a private page was written to the file")
		} else {
			h.mem.DecRef(th, p)
		}
		as.Munmap(th, base, 41*PageSize)
		as.flush(th)
		as.settle(th)
		f.close(t, th)
	})
}

// What a program gives up takes effect when it goes on, and its frames have no other use before.
func TestFramesWaitUntilThePlatformHasForgotten(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		th.MM = as
		s := tlbOf(as)
		anon(t, th, as, base, 8, Read|Write, 0)
		s.store(t, th, base, 1)
		commits, p := s.commits, PFN(as.pt.get(base).Frame())
		if err := as.Munmap(th, base, 8*PageSize); err != nil {
			t.Fatal(err)
		}
		if s.commits != commits {
			t.Error("munmap waited")
		}
		if n := h.mem.Refs(p); n != 1 {
			t.Errorf("the frame has %d references while user code reaches it", n)
		}
		anon(t, th, as, base, 8, Read|Write, 0)
		if got := s.load(t, th, base); got != 0 { // back to user code, and a fault
			t.Errorf("read %d from a new page", got)
		}

		child, err := h.fork(th, as)
		if err != nil {
			t.Fatal(err)
		}
		p = PFN(child.pt.get(base).Frame())
		child.Release(th)
		if n := h.mem.Refs(p); n != 1 {
			t.Errorf("the frame has %d references while a released address space reaches it", n)
		}
		h.mem.Reclaim(th, 1) // waits
		if n := h.mem.Refs(p); n != 0 {
			t.Errorf("the frame has %d references after all is settled", n)
		}
	})
}
