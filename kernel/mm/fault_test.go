package mm

import (
	"errors"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

const base = 0x2000_0000

// anon maps private anonymous memory at base+off pages.
func anon(t testing.TB, th *sched.Thread, as *AddressSpace, addr uint64, pages uint64, prot Prot, flags int) uint64 {
	t.Helper()
	if addr != 0 {
		flags |= abi.MAP_FIXED
	}
	if flags&abi.MAP_SHARED == 0 {
		flags |= abi.MAP_PRIVATE
	}
	at, err := as.Mmap(th, MapRequest{Addr: UAddr(addr), Len: pages * PageSize, Prot: prot, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return uint64(at)
}

// withSpace runs f on a machine of so many pages with one address space, and looks for leaks afterwards.
func withSpace(t *testing.T, pages uint64, f func(h *host, th *sched.Thread, as *AddressSpace)) {
	t.Helper()
	onThreads(t, 1, func(th *sched.Thread) {
		h := newHost(t, pages)
		as := h.newSpace(root(th))
		f(h, th, as)
		as.Release(th)
		h.leakCheck(th)
	})
}

func TestSequentialFaultsGrowTheWindow(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		anon(t, th, as, base, 256, Read|Write, 0)
		s := tlbOf(as)
		for i := range uint64(256) {
			s.store(t, th, base+i*PageSize, i)
		}
		// 4, 16, the rest of the block; then whole blocks.
		if n := h.mem.stats.Faults.Load(); n > 8 {
			t.Errorf("%d faults for 256 pages", n)
		}
		// Each block is one run of frames, so that host mappings merge.
		for b := uint64(0); b < 256; b += chunkPages {
			first := as.pt.get(base + b*PageSize).Frame()
			for i := range uint64(chunkPages) {
				if f := as.pt.get(base + (b+i)*PageSize).Frame(); f != first+i {
					t.Fatalf("page %d of block %d has frame %#x, the first has %#x", i, b/chunkPages, f, first)
				}
			}
		}
	})
}

func TestScatteredFaultsTakeFewPagesEach(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		anon(t, th, as, base, 256, Read|Write, 0)
		for i := range uint64(20) {
			tlbOf(as).store(t, th, base+(i*37%256)*PageSize, i)
		}
		if n := as.RSS(); n < 20 || n > 20*aroundPages {
			t.Errorf("%d pages are resident", n)
		}
	})
}

func TestForkOfASmallProcessCostsOneMapPerArea(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		s := tlbOf(as)
		for area := range uint64(5) {
			anon(t, th, as, base+area*0x10_0000, 30, Read|Write, 0)
			for i := range uint64(10) {
				s.store(t, th, base+area*0x10_0000+i*PageSize, area*100+i)
			}
		}
		commits := s.commits
		child, err := h.fork(th, as)
		if err != nil {
			t.Fatal(err)
		}
		c := tlbOf(child)
		if c.maps > 10 || c.commits != 0 || s.commits != commits {
			t.Errorf("fork took %d Maps and %d commits of the child, %d of the parent", c.maps, c.commits, s.commits-commits)
		}
		faults := h.mem.stats.Faults.Load()
		for area := range uint64(5) {
			for i := range uint64(10) {
				va := base + area*0x10_0000 + i*PageSize
				c.store(t, th, va, c.load(t, th, va)+1)
				if got := s.load(t, th, va); got != area*100+i {
					t.Fatalf("the parent sees the child's %d", got)
				}
			}
		}
		if n := h.mem.stats.Faults.Load() - faults; n != 0 {
			t.Errorf("%d faults after a fork that copied", n)
		}
		child.Release(th)
	})
}

func TestLargeAreasAreSharedUntilWritten(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		anon(t, th, as, base, 256, Read|Write, 0)
		s := tlbOf(as)
		for i := range uint64(256) {
			s.store(t, th, base+i*PageSize, i)
		}
		free := h.mem.nfree.Load()
		child, err := h.fork(th, as)
		if err != nil {
			t.Fatal(err)
		}
		c := tlbOf(child)
		if n := free - h.mem.nfree.Load(); n > 10 {
			t.Errorf("fork took %d frames", n)
		}
		s.verify("fork")
		s.store(t, th, base, 1000)
		if got := c.load(t, th, base); got != 0 {
			t.Errorf("the child sees %d", got)
		}
		c.store(t, th, base+5*PageSize, 2000)
		if got := s.load(t, th, base+5*PageSize); got != 5 {
			t.Errorf("the parent sees %d", got)
		}
		child.Release(th)
		// Alone again: nothing is copied any more.
		copied := h.mem.stats.COW.Load()
		for i := range uint64(256) {
			s.store(t, th, base+i*PageSize, 3000+i)
		}
		if n := h.mem.stats.COW.Load() - copied; n != 0 {
			t.Errorf("%d pages were copied for the last owner", n)
		}
	})
}

func TestStackGrowsToItsLimitAndKeepsItsGap(t *testing.T) {
	withSpace(t, 1000, func(h *host, th *sched.Thread, as *AddressSpace) {
		as.SetLimits(Limits{NoLimit, NoLimit, 64 * PageSize, NoLimit})
		top := uint64(base + 0x100_0000)
		anon(t, th, as, top-4*PageSize, 4, Read|Write, abi.MAP_GROWSDOWN)
		s := tlbOf(as)
		s.store(t, th, top-64*PageSize, 7)
		if _, err := s.user(th, top-65*PageSize, platform.AccessWrite, 1); err == nil {
			t.Error("the stack grew beyond RLIMIT_STACK")
		}
		// What lies below keeps the gap.
		top2 := top + 0x200_0000
		anon(t, th, as, top2-4*PageSize, 4, Read|Write, abi.MAP_GROWSDOWN)
		anon(t, th, as, top2-300*PageSize, 30, Read|Write, 0)
		if _, err := s.user(th, top2-20*PageSize, platform.AccessWrite, 1); err == nil {
			t.Error("the stack grew into the guard gap")
		}
		s.store(t, th, top2-14*PageSize, 7)
		// And mmap keeps off the gap.
		if at := anon(t, th, as, 0, 10, Read, 0); at > UserTop {
			t.Error(at)
		}
	})
}

func TestSelfModifyingCode(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		anon(t, th, as, base, 2, Read|Write|Exec, 0)
		s := tlbOf(as)
		for i := range uint64(3) {
			s.store(t, th, base, i)
			if v, err := s.user(th, base, platform.AccessExec, 0); v != i || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		}
		if err := as.Mprotect(th, base, PageSize, Read|Exec); err != nil {
			t.Fatal(err)
		}
		s.verify("mprotect")
		if _, err := s.user(th, base, platform.AccessWrite, 1); err == nil {
			t.Error("written after mprotect")
		}
	})
}

func TestTruncationTakesMappedPagesAway(t *testing.T) {
	withSpace(t, 200, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 20)
		for i, flags := range []int{abi.MAP_SHARED, abi.MAP_PRIVATE} {
			_, err := as.Mmap(th, MapRequest{
				Addr: base + UAddr(i*0x10_0000), Len: 20 * PageSize, Prot: Read | Write,
				Flags: flags | abi.MAP_FIXED, Pager: f, File: f,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s := tlbOf(as)
		for i := range uint64(20) {
			s.store(t, th, base+i*PageSize, i)
			s.store(t, th, base+0x10_0000+i*PageSize, i)
		}
		f.size = 5
		for v := range f.vmas {
			v.Zap(th, 5, ^uint64(0)-5)
		}
		s.verify("truncate")
		for i := range uint64(20) {
			for _, b := range []uint64{base, base + 0x10_0000} {
				_, err := s.user(th, b+i*PageSize, platform.AccessRead, 0)
				var fault *Fault
				if i < 5 && err != nil || i >= 5 && (!errors.As(err, &fault) || fault.Signal != int(abi.SIGBUS)) {
					t.Errorf("page %d: %v", i, err)
				}
			}
		}
		as.Munmap(th, base, 0x20_0000)
		f.close(t, th)
	})
}

func TestWriteBackSeesLaterWrites(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 4)
		if _, err := as.Mmap(th, MapRequest{Addr: base, Len: 4 * PageSize, Prot: Read | Write, Flags: abi.MAP_SHARED | abi.MAP_FIXED, Pager: f, File: f}); err != nil {
			t.Fatal(err)
		}
		s := tlbOf(as)
		s.load(t, th, base)
		if len(f.dirty) != 0 {
			t.Error("a read made a page dirty")
		}
		for v := range uint64(3) {
			s.store(t, th, base, v)
			if !f.dirty[0] {
				t.Fatalf("write %d wasn't noticed", v)
			}
			if err := as.Msync(th, base, PageSize, abi.MS_SYNC); err != nil {
				t.Fatal(err)
			}
			if f.dirty[0] || f.home[0] != v {
				t.Errorf("after msync: dirty %v, on disk %d", f.dirty[0], f.home[0])
			}
			s.verify("msync")
		}
		as.Munmap(th, base, 4*PageSize)
		f.close(t, th)
	})
}

func TestFileTextIsMappedByRuns(t *testing.T) {
	withSpace(t, 2000, func(h *host, th *sched.Thread, as *AddressSpace) {
		f := newTestFile(h.mem, 300)
		p, err := h.mem.AllocRun(th, 300, true)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.pages {
			f.pages[i] = p + PFN(i)
		}
		if _, err := as.Mmap(th, MapRequest{Addr: 0x40_0000, Len: 300 * PageSize, Prot: Read | Exec, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED, Pager: f, File: f}); err != nil {
			t.Fatal(err)
		}
		s := tlbOf(as)
		for i := range uint64(300) {
			s.load(t, th, 0x40_0000+i*PageSize)
		}
		if n := h.mem.stats.Faults.Load(); n > 2 || s.maps > 2 {
			t.Errorf("%d faults, %d Maps", n, s.maps)
		}
		as.Munmap(th, 0x40_0000, 300*PageSize)
		f.close(t, th)
	})
}

func TestSparseMappingsLeaveNoTables(t *testing.T) {
	withSpace(t, 200, func(h *host, th *sched.Thread, as *AddressSpace) {
		s := tlbOf(as)
		for i := range uint64(2000) {
			va := minAddr + i*0x1234_5000%(UserTop/2)&^pageMask
			anon(t, th, as, va, 1, Read|Write, 0)
			s.store(t, th, va, i)
			if err := as.Munmap(th, UAddr(va), PageSize); err != nil {
				t.Fatal(err)
			}
		}
		if as.pt.tables != 1 {
			t.Errorf("%d tables are left", as.pt.tables)
		}
	})
}

func TestMmapArguments(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		for _, c := range []struct {
			r    MapRequest
			want errno.Errno
		}{
			{MapRequest{Len: 0, Flags: abi.MAP_PRIVATE}, errno.EINVAL},
			{MapRequest{Len: ^uint64(0), Flags: abi.MAP_PRIVATE}, errno.ENOMEM},
			{MapRequest{Len: UserTop + 1, Flags: abi.MAP_PRIVATE}, errno.ENOMEM},
			{MapRequest{Len: 1, Addr: 1, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED}, errno.EINVAL},
			{MapRequest{Len: 1, Addr: 0x1000, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED}, errno.EPERM},
			{MapRequest{Len: 1, Addr: UserTop, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED}, errno.ENOMEM},
			{MapRequest{Len: 1, Addr: 1<<63 + 0x1000, Flags: abi.MAP_PRIVATE | abi.MAP_FIXED}, errno.ENOMEM},
			{MapRequest{Len: 1, Offset: 5, Flags: abi.MAP_PRIVATE}, errno.EINVAL},
			{MapRequest{Len: 8 << 12, Offset: ^uint64(0) &^ pageMask, Flags: abi.MAP_PRIVATE}, errno.EOVERFLOW},
			{MapRequest{Len: 101 * PageSize, Prot: Write, Flags: abi.MAP_PRIVATE}, errno.ENOMEM},
			{MapRequest{Len: 1 << 40, Prot: Write, Flags: abi.MAP_PRIVATE | abi.MAP_NORESERVE}, 0},
			{MapRequest{Len: 1 << 40, Flags: abi.MAP_PRIVATE}, 0}, // as Go reserves its heap
			{MapRequest{Len: 1, Addr: ^UAddr(0), Flags: abi.MAP_PRIVATE}, 0},
			{MapRequest{Len: 1, Flags: abi.MAP_PRIVATE | abi.MAP_HUGETLB}, errno.ENOMEM},
		} {
			if _, err := as.Mmap(th, c.r); errno.Of(err) != c.want {
				t.Errorf("%+v: %v", c.r, err)
			}
		}
		at, err := as.Mmap(th, MapRequest{Len: 1, Flags: abi.MAP_PRIVATE | abi.MAP_32BIT})
		if err != nil || at >= 1<<31 {
			t.Errorf("MAP_32BIT: %#x, %v", at, err)
		}
		as.SetLimits(Limits{AS: 1 << 20, Data: 1 << 19, Stack: 8 << 20, MemLock: 0})
		if _, err := as.Mmap(th, MapRequest{Len: 2 << 20, Flags: abi.MAP_PRIVATE}); errno.Of(err) != errno.ENOMEM {
			t.Errorf("RLIMIT_AS: %v", err)
		}
	})
}
