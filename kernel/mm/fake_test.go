package mm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"pgregory.net/rapid"

	"vitrine/kernel/cred"
	"vitrine/kernel/ktime"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

type testClock struct{ now atomic.Int64 }

func (c *testClock) Now() int64     { return c.now.Add(100) }
func (c *testClock) SetAlarm(int64) {}

// onThreads runs each function as a thread of its own and waits for all. A panic fails the test.
func onThreads(t rapid.TB, cpus int, fns ...func(th *sched.Thread)) {
	t.Helper()
	p, _ := sched.NewPolicy("rr")
	s := sched.New(cpus, ktime.New(&testClock{}, 0), p)
	var done sync.WaitGroup
	s.OnPanic = func(_ *sched.Thread, v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }
	for i, f := range fns {
		done.Add(1)
		s.Spawn(fmt.Sprint("t", i), func(th *sched.Thread) {
			defer done.Done()
			f(th)
			if len(th.Locks()) != 0 {
				t.Errorf("locks are still held: %v", th.Locks())
			}
		})
	}
	s.Balance()
	done.Wait()
	s.Stop()
}

// host is a platform that checks its contract: a TLB per address space whose changes wait, as
// stale as they may be, until Commit or until user code is entered.
type host struct {
	t   rapid.TB
	mem *Memory

	mu     sync.Mutex
	spaces []*tlb
	check  bool // the page tables may be looked at: there is one thread
}

type translation struct {
	frame uint64
	prot  Prot
}

type tlb struct {
	h        *host
	as       *AddressSpace
	live     map[uint64]translation // by page number: what user code can reach now
	queue    []func()
	released bool
	asked    bool // Settled was called after Release: it takes a while

	maps, commits, contexts int
}

var _ platform.AddressSpace = (*tlb)(nil)

func newHost(t rapid.TB, pages uint64) *host {
	h := &host{t: t, check: true}
	h.mem = NewMemory(make([]byte, pages*PageSize), PageSize)
	return h
}

func (h *host) space() *tlb {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &tlb{h: h, live: map[uint64]translation{}}
	h.spaces = append(h.spaces, s)
	return s
}

// newSpace returns an empty address space.
func (h *host) newSpace(th *sched.Thread) *AddressSpace {
	s := h.space()
	as, err := New(th, h.mem, s)
	if err != nil {
		h.t.Fatal(err)
	}
	s.as = as
	return as
}

// fork forks as.
func (h *host) fork(th *sched.Thread, as *AddressSpace) (*AddressSpace, error) {
	s := h.space()
	n, err := as.Fork(th, s)
	if err == nil {
		s.as = n
	}
	return n, err
}

func (s *tlb) Map(r platform.Range, prot Prot, res platform.Range) {
	if r.VA%PageSize != 0 || r.Pages == 0 || r.VA+r.Pages*PageSize > UserTop || prot&Read == 0 {
		s.h.t.Errorf("Map(%+v, %v)", r, prot)
	}
	if r.VA < res.VA || r.VA+r.Pages*PageSize > res.VA+res.Pages*PageSize || r.Frame-res.Frame != (r.VA-res.VA)/PageSize {
		s.h.t.Errorf("Map(%+v) isn't in its reservation %+v", r, res)
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.maps++
	if s.h.check {
		s.h.noneReaches(r)
	}
	s.queue = append(s.queue, func() {
		for i := range r.Pages {
			s.live[r.VA/PageSize+i] = translation{r.Frame + i, prot}
		}
	})
}

// noneReaches checks that nobody's stale translation leads to frames that get a new use. Frames with a reference on their
// way back get none: they are those of files and copies that others share.
func (h *host) noneReaches(r platform.Range) {
	held := map[uint64]bool{}
	for _, l := range h.mem.limbo {
		for _, p := range l.frames {
			held[uint64(p)] = true
		}
	}
	for _, s := range h.spaces {
		if s.as != nil {
			for _, p := range s.as.late {
				held[uint64(p)] = true
			}
		}
	}
	for _, s := range h.spaces {
		for vpn, tr := range s.live {
			if tr.frame >= r.Frame && tr.frame < r.Frame+r.Pages && !held[tr.frame] {
				if s.released {
					h.t.Errorf("frame %#x is used again while a released address space reaches it", tr.frame)
				} else if s.as != nil && PFN(s.as.pt.get(vpn*PageSize).Frame()) != PFN(tr.frame) {
					h.t.Errorf("frame %#x is used again while page %#x of another use reaches it", tr.frame, vpn)
				}
			}
		}
	}
}

func (s *tlb) Unmap(va, size uint64) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.queue = append(s.queue, func() {
		for vpn := range s.live {
			if vpn >= va/PageSize && vpn < (va+size)/PageSize {
				delete(s.live, vpn)
			}
		}
	})
}

func (s *tlb) Protect(va, size uint64, prot Prot) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.queue = append(s.queue, func() {
		for vpn, tr := range s.live {
			if vpn >= va/PageSize && vpn < (va+size)/PageSize {
				s.live[vpn] = translation{tr.frame, prot}
			}
		}
	})
}

func (s *tlb) Commit() {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.commits++
	s.apply()
}

func (s *tlb) Settled() bool {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.released && !s.asked {
		s.asked = true
		return false
	}
	if s.released {
		s.apply()
	}
	return len(s.queue) == 0
}

func (s *tlb) apply() {
	for _, f := range s.queue {
		f()
	}
	s.queue = nil
}

type fakeContext struct{ platform.Context }

func (s *tlb) NewContext() (platform.Context, error) { s.contexts++; return fakeContext{}, nil }
func (s *tlb) HostPID() int                          { return 0 }

func (s *tlb) Reset(platform.Context) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.queue = append(s.queue, func() { clear(s.live) })
}

func (s *tlb) Release() {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.released {
		s.h.t.Error("released twice")
	}
	s.released = true
	s.queue = []func(){func() { clear(s.live) }}
}

// verify checks that no translation gives more than the page table: it is called when an operation is over. What
// concerns nobody but the caller may still wait for its return to user code.
func (s *tlb) verify(when string) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.as.refs.Load() == 1 {
		s.apply()
	}
	for vpn, tr := range s.live {
		e := s.as.pt.get(vpn * PageSize)
		if e.Frame() != tr.frame || tr.prot&^s.as.protAt(vpn*PageSize, e) != 0 {
			s.h.t.Errorf("%s: page %#x: user code has frame %#x with %v, the page table %#x with %v",
				when, vpn, tr.frame, tr.prot, e.Frame(), s.as.protAt(vpn*PageSize, e))
		}
	}
}

// drop forgets a translation, as a TLB may.
func (s *tlb) drop(vpn uint64) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.apply()
	delete(s.live, vpn)
}

// user enters user code, which accesses the 8 bytes at va. It is a thread's loop: access, fault, again.
func (s *tlb) user(th *sched.Thread, va uint64, access platform.Access, value uint64) (uint64, error) {
	th.MM = s.as
	want := [...]Prot{Read, Write, Exec}[access]
	for range 100 {
		s.h.mu.Lock()
		s.apply()
		tr, ok := s.live[va/PageSize]
		if ok && tr.prot&want != 0 {
			mem := s.h.mem.Bytes(PFN(tr.frame), 1)[va%PageSize:]
			if access == platform.AccessWrite {
				binary.LittleEndian.PutUint64(mem, value)
			}
			v := binary.LittleEndian.Uint64(mem)
			s.h.mu.Unlock()
			return v, nil
		}
		s.h.mu.Unlock()
		if err := HandleFault(th, UAddr(va), access); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("faults without end")
}

func (s *tlb) store(t rapid.TB, th *sched.Thread, va, value uint64) {
	t.Helper()
	if _, err := s.user(th, va, platform.AccessWrite, value); err != nil {
		t.Fatalf("store at %#x: %v", va, err)
	}
}

func (s *tlb) load(t rapid.TB, th *sched.Thread, va uint64) uint64 {
	t.Helper()
	v, err := s.user(th, va, platform.AccessRead, 0)
	if err != nil {
		t.Fatalf("load at %#x: %v", va, err)
	}
	return v
}

func tlbOf(as *AddressSpace) *tlb { return as.plat.(*tlb) }

// leakCheck checks that all frames are back.
func (h *host) leakCheck(th *sched.Thread) {
	h.t.Helper()
	h.mem.drain(th, true)
	s := h.mem.Stats(th)
	if s.Free != s.Total {
		h.t.Errorf("%d of %d frames are free; %+v", s.Free, s.Total, s)
	}
	if s.Anon != 0 || s.Mapped != 0 || s.Shmem != 0 || s.PageTables != 0 || s.Committed != 0 || s.Reserved != 0 {
		h.t.Errorf("counts are left: %+v", s)
	}
}

// testFile is a pager with a page cache of its own.
type testFile struct {
	mem   *Memory
	pages []PFN // 0: not in the cache
	size  uint64
	home  []uint64 // first words, as on the disk
	dirty map[uint64]bool
	vmas  map[*VMA]bool
	refs  int
	reads int
}

func newTestFile(mem *Memory, pages uint64) *testFile {
	f := &testFile{mem: mem, size: pages, pages: make([]PFN, pages), home: make([]uint64, pages), dirty: map[uint64]bool{}, vmas: map[*VMA]bool{}, refs: 1}
	for i := range f.home {
		f.home[i] = 0xf11e_0000 + uint64(i)
	}
	return f
}

func (f *testFile) IncRef() { f.refs++ }
func (f *testFile) DecRef(th *sched.Thread) {
	if len(th.Locks()) > 0 {
		panic("a file is released under a lock")
	}
	f.refs--
}

func (f *testFile) Page(th *sched.Thread, index uint64, write bool) (PFN, error) {
	if index >= f.size {
		return 0, ErrBus
	}
	if f.pages[index] == 0 {
		p, err := f.mem.Alloc(th, 0, true)
		if err != nil {
			return 0, err
		}
		f.reads++
		binary.LittleEndian.PutUint64(f.mem.Bytes(p, 1), f.home[index])
		f.pages[index] = p
	}
	f.mem.IncRef(f.pages[index])
	return f.pages[index], nil
}

func (f *testFile) Run(th *sched.Thread, index, lo, hi uint64) (uint64, PFN, uint64) {
	hi = min(hi, f.size)
	if index < lo || index >= hi || f.pages[index] == 0 {
		return 0, 0, 0
	}
	first := index
	for first > lo && f.pages[first-1] != 0 && f.pages[first-1]+1 == f.pages[first] {
		first--
	}
	n := uint64(0)
	for first+n < hi && f.pages[first+n] == f.pages[first]+PFN(n) {
		f.mem.IncRef(f.pages[first+n])
		n++
	}
	return first, f.pages[first], n
}

func (f *testFile) Attach(_ *sched.Thread, v *VMA)      { f.vmas[v] = true }
func (f *testFile) Detach(_ *sched.Thread, v *VMA)      { delete(f.vmas, v) }
func (f *testFile) Dirty(_ *sched.Thread, index uint64) { f.dirty[index] = true }

func (f *testFile) Sync(th *sched.Thread, from, to uint64) error {
	for i := from; i < min(to, f.size); i++ {
		if f.dirty[i] {
			for v := range f.vmas {
				v.WriteProtect(th, i, 1)
			}
			delete(f.dirty, i)
			f.home[i] = binary.LittleEndian.Uint64(f.mem.Bytes(f.pages[i], 1))
		}
	}
	return nil
}

// shrink drops clean pages that nobody maps.
func (f *testFile) shrink(th *sched.Thread, want int) (n int) {
	for i, p := range f.pages {
		if p != 0 && !f.dirty[uint64(i)] && f.mem.Refs(p) == 1 && n < want {
			f.pages[i] = 0
			f.mem.DecRef(th, p)
			n++
		}
	}
	return n
}

// close drops the cache.
func (f *testFile) close(t rapid.TB, th *sched.Thread) {
	if f.refs != 1 || len(f.vmas) != 0 {
		t.Errorf("the file has %d references and %d areas", f.refs, len(f.vmas))
	}
	for _, p := range f.pages {
		if p != 0 {
			f.mem.DecRef(th, p)
		}
	}
}

func root(th *sched.Thread) *sched.Thread { th.Cred = cred.Root(); return th }
