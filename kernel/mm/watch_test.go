package mm

import (
	"bytes"
	"encoding/binary"
	"testing"

	"vitrine/kernel/abi"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// tryStore reports whether user code can write at va, once faults have been answered.
func (s *tlb) tryStore(th *sched.Thread, va uint64) bool {
	_, err := s.user(th, va, platform.AccessWrite, 1)
	return err == nil
}

func (s *tlb) tryLoad(th *sched.Thread, va uint64) bool {
	_, err := s.user(th, va, platform.AccessRead, 0)
	return err == nil
}

// TestWatchedPagesStayClosed: whatever is done with the memory, user code never gets the right that a watch takes, and keeps all others.
func TestWatchedPagesStayClosed(t *testing.T) {
	withSpace(t, 2000, func(h *host, th *sched.Thread, as *AddressSpace) {
		const pages = 100
		anon(t, th, as, base, pages, Read|Write, 0)
		s := tlbOf(as)
		for i := range uint64(pages) {
			s.store(t, th, base+i*PageSize, i)
		}
		written, read := uint64(base+7*PageSize), uint64(base+9*PageSize)
		as.SetWatch(th, Watch{ID: 1, Start: written + 100, End: written + 108})
		as.SetWatch(th, Watch{ID: 2, Start: read + 100, End: read + PageSize + 108, Reads: true}) // two pages
		closed := func(when string) {
			t.Helper()
			s.verify(when)
			if s.tryStore(th, written) || s.tryLoad(th, read) || s.tryStore(th, read+PageSize) {
				t.Errorf("%s: user code reaches what is watched", when)
			}
			if v := s.load(t, th, written); v != 7 {
				t.Errorf("%s: %d", when, v)
			}
			s.store(t, th, written-PageSize, 6)
			s.store(t, th, written+PageSize, 8)
			s.verify(when)
		}
		closed("at first")
		n, err := h.fork(th, as)
		if err != nil {
			t.Fatal(err)
		}
		tlbOf(n).store(t, th, written, 70) // a child has no watches
		closed("after fork")
		n.Release(th)
		as.Mprotect(th, base, pages*PageSize, Read)
		as.Mprotect(th, base, pages*PageSize, Read|Write)
		closed("after mprotect")
		s.drop(written / PageSize)
		closed("after a translation was dropped")
		to, err := as.Mremap(th, base, pages*PageSize, pages*PageSize, abi.MREMAP_MAYMOVE|abi.MREMAP_FIXED, base+(1<<30))
		if err != nil {
			t.Fatal(err)
		}
		s.store(t, th, uint64(to)+7*PageSize, 7) // it has gone elsewhere
		if _, err := as.Mremap(th, to, pages*PageSize, pages*PageSize, abi.MREMAP_MAYMOVE|abi.MREMAP_FIXED, base); err != nil {
			t.Fatal(err)
		}
		closed("after mremap")

		as.OpenWatched(th, written+4)
		s.store(t, th, written, 7)
		as.CloseWatched(th)
		closed("opened and closed")
		as.DropWatch(th, 1)
		s.store(t, th, written, 7)
		as.DropWatch(th, 2)
		s.store(t, th, read, 9)
		s.verify("at the end")
	})
}

// TestKernelAccessesAreTold: copies to watched memory are told with what was there before and after; those to its neighbourhood are not.
func TestKernelAccessesAreTold(t *testing.T) {
	withSpace(t, 100, func(h *host, th *sched.Thread, as *AddressSpace) {
		th.MM = as
		anon(t, th, as, base, 4, Read|Write, 0)
		var told []Touched
		h.mem.Watched = func(_ *sched.Thread, _ uint64, _ bool, hits []Touched) { told = append(told, hits...) }
		as.SetWatch(th, Watch{ID: 5, Start: base + 4092, End: base + 4100}) // across a page's end
		as.SetWatch(th, Watch{ID: 6, Start: base + 64, End: base + 68, Reads: true})
		write := func(addr UAddr, v uint64) {
			t.Helper()
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], v)
			if err := CopyOut(th, addr, b[:]); err != nil {
				t.Fatal(err)
			}
		}
		write(base+4080, 1)
		write(base+4092, 0) // no change
		if len(told) != 0 {
			t.Errorf("told %+v", told)
		}
		write(base+4090, 0x1122_3344_5566_7788)
		if len(told) != 1 || told[0].ID != 5 || told[0].At != base+4092 || !bytes.Equal(told[0].Old, make([]byte, 8)) ||
			!bytes.Equal(told[0].New, []byte{0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0}) {
			t.Errorf("told %+v", told)
		}
		told = nil
		var b [4]byte
		CopyIn(th, b[:], base+60)
		CopyIn(th, b[:], base+66)
		if err := StoreUint32(th, base+64, 9); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0].ID != 6 || told[1].New[0] != 9 {
			t.Errorf("told %+v", told)
		}
	})
}
