package mm

import (
	"errors"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

func TestReservationsAreBrokenUpUnderPressure(t *testing.T) {
	withSpace(t, 200, func(h *host, th *sched.Thread, as *AddressSpace) {
		s := tlbOf(as)
		// Each touch reserves a block while frames are plenty; all frames can be had all the same.
		anon(t, th, as, base, 64*300, Read|Write, abi.MAP_NORESERVE)
		n := uint64(0)
		for ; n < 300; n++ {
			if _, err := s.user(th, base+n*chunkSize, platform.AccessWrite, n); err != nil {
				if !errors.Is(err, ErrOOM) {
					t.Fatal(err)
				}
				break
			}
		}
		if n < 150 {
			t.Errorf("only %d pages of 199 frames", n)
		}
		for i := range n {
			if got := s.load(t, th, base+i*chunkSize); got != i {
				t.Fatalf("page %d holds %d", i, got)
			}
		}
		if h.mem.stats.BrokenUp.Load() == 0 || h.mem.stats.OOMs.Load() == 0 {
			t.Error("nothing was broken up, or nobody noticed")
		}
	})
}

func TestCleanFilePagesMakeRoom(t *testing.T) {
	withSpace(t, 120, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 400)
		h.mem.RegisterShrinker("test", f.shrink)
		if _, err := as.Mmap(th, MapRequest{Addr: base, Len: 400 * PageSize, Prot: Read, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED, Pager: f, File: f}); err != nil {
			t.Fatal(err)
		}
		s := tlbOf(as)
		for range 2 {
			for i := range uint64(400) {
				if got := s.load(t, th, base+i*PageSize); got != 0xf11e_0000+i {
					t.Fatalf("page %d holds %#x", i, got)
				}
				s.verify("reclaim")
			}
		}
		as.Munmap(th, base, 400*PageSize)
		f.close(t, th)
	})
}

func TestOOMHookIsAskedWithoutLocks(t *testing.T) {
	withSpace(t, 140, func(h *host, th *sched.Thread, as *AddressSpace) {
		victim := h.newSpace(th)
		anon(t, th, victim, base, 100, Read|Write, 0)
		for i := range uint64(100) {
			tlbOf(victim).store(t, th, base+i*PageSize, i)
		}
		asked := 0
		h.mem.OOM = func(th *sched.Thread) bool {
			if len(th.Locks()) > 0 {
				t.Error("locks are held")
			}
			if asked++; asked > 1 {
				return false
			}
			best := as
			for _, x := range h.mem.Spaces(th) {
				if x.OOMScore(0) > best.OOMScore(0) {
					best = x
				}
			}
			if best != victim || best.OOMScore(-1000) != 0 {
				t.Error("the victim isn't the largest")
			}
			best.Release(th)
			return true
		}
		anon(t, th, as, base, 138, Read|Write, abi.MAP_NORESERVE)
		n := uint64(0)
		var err error
		for ; n < 138; n++ {
			if _, err = tlbOf(as).user(th, base+n*PageSize, platform.AccessWrite, n); err != nil {
				break
			}
		}
		if asked != 2 || !errors.Is(err, ErrOOM) || n < 120 {
			t.Errorf("asked %d times, %d pages, %v", asked, n, err)
		}
		// A copy meets the same end.
		th.MM = as
		if err := CopyOut(th, UAddr(base+n*PageSize), []byte{1}); !errors.Is(err, ErrOOM) {
			t.Errorf("CopyOut: %v", err)
		}
	})
}

func TestForkWithoutMemoryLeavesTheParentWhole(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		anon(t, th, as, base, 60, Read|Write, 0)
		for i := range uint64(60) {
			tlbOf(as).store(t, th, base+i*PageSize, i)
		}
		if _, err := h.fork(th, as); !errors.Is(err, ErrOOM) {
			t.Fatalf("fork: %v", err)
		}
		for i := range uint64(60) {
			tlbOf(as).store(t, th, base+i*PageSize, tlbOf(as).load(t, th, base+i*PageSize)+1)
			if got := tlbOf(as).load(t, th, base+i*PageSize); got != i+1 {
				t.Fatalf("page %d holds %d", i, got)
			}
		}
	})
}
