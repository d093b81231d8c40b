package mm

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vitrine/kernel/abi"
	"vitrine/kernel/abi/errno"
	"vitrine/kernel/platform"
	"vitrine/kernel/sched"
)

// The model of an address space: what each page is and what its first word holds.
type mpage struct {
	prot   Prot
	shared bool
	ro     bool    // a shared mapping of a file not open for writing
	obj    *mobj   // what it maps; nil: anonymous and private
	idx    uint64  // the page in obj
	own    *uint64 // the word of a private page; nil: not written yet
}

// mobj is the file, or an anonymous shared object.
type mobj struct {
	words []uint64
	// was has the values that a word of the file ever had: a private page that nobody has written may be a
	// copy from any time since it was mapped (mmap(2): "unspecified").
	was []map[uint64]bool
}

func (p *mpage) bus() bool { return p.obj != nil && p.idx >= uint64(len(p.obj.words)) && p.own == nil }

type mspace struct {
	as    *AddressSpace
	pages map[uint64]*mpage
	brk   uint64
}

type world struct {
	*rapid.T
	th     *sched.Thread
	h      *host
	file   *testFile
	words  *mobj // the file
	spaces []*mspace
	tight  bool // little memory: operations may fail for the lack of it
}

const (
	arena      = 0x1000_0000
	arenaPages = 150
)

func TestAddressSpacesAgreeWithModel(t *testing.T) {
	for _, pages := range []uint64{4000, 260} {
		t.Run(fmt.Sprint(pages), func(t *testing.T) {
			onThreads(t, 1, func(th *sched.Thread) {
				rapid.Check(t, func(rt *rapid.T) { runModel(rt, root(th), pages) })
			})
		})
	}
}

func runModel(rt *rapid.T, th *sched.Thread, frames uint64) {
	h := newHost(rt, frames)
	w := &world{T: rt, th: th, h: h, file: newTestFile(h.mem, 40), tight: frames < 1000}
	h.mem.RegisterShrinker("test", w.file.shrink)
	w.words = &mobj{words: slices.Clone(w.file.home)}
	for _, v := range w.words.words {
		w.words.was = append(w.words.was, map[uint64]bool{v: true})
	}
	as := h.newSpace(th)
	as.SetBrk(th, arena+100*PageSize)
	w.spaces = append(w.spaces, &mspace{as: as, pages: map[uint64]*mpage{}, brk: arena + 100*PageSize})
	ops := []func(*mspace){
		w.mmap, w.mmap, w.munmap, w.mprotect, w.mremap, w.fork, w.exit, w.store, w.store, w.store, w.store,
		w.load, w.load, w.copyOut, w.copyIn, w.dontneed, w.dropTLB, w.sync, w.doBrk, w.remote,
	}
	for range rapid.IntRange(1, 60).Draw(rt, "ops") {
		s := w.spaces[rapid.IntRange(0, len(w.spaces)-1).Draw(rt, "space")]
		op := rapid.IntRange(0, len(ops)-1).Draw(rt, "op")
		ops[op](s)
		for _, s := range w.spaces {
			tlbOf(s.as).verify(fmt.Sprintf("after operation %d", op))
		}
	}
	for _, s := range w.spaces {
		w.compareAll(s)
		s.as.Release(th)
	}
	w.file.close(rt, th)
	h.leakCheck(th)
}

func (w *world) oom(err error) bool {
	return w.tight && (errors.Is(err, ErrOOM) || errno.Of(err) == errno.ENOMEM)
}

func (w *world) page() uint64 {
	return arena + rapid.Uint64Range(0, arenaPages-1).Draw(w.T, "page")*PageSize
}
func (w *world) count() uint64 { return rapid.Uint64Range(1, 40).Draw(w.T, "n") }
func (w *world) prot() Prot {
	return Prot(rapid.SampledFrom([]Prot{0, Read, Read | Write, Read | Write, Read | Exec, Read | Write | Exec}).Draw(w.T, "prot"))
}

// somePage returns an address in a mapped page if there is one.
func (w *world) somePage(s *mspace) uint64 {
	if keys := sortedKeys(s.pages); len(keys) > 0 && rapid.IntRange(0, 9).Draw(w.T, "mapped") > 0 {
		return keys[rapid.IntRange(0, len(keys)-1).Draw(w.T, "key")] * PageSize
	}
	return w.page()
}

func (w *world) mmap(s *mspace) {
	addr, n, prot := w.page(), w.count(), w.prot()
	r := MapRequest{Addr: UAddr(addr), Len: n * PageSize, Prot: prot}
	r.Flags = rapid.SampledFrom([]int{abi.MAP_PRIVATE, abi.MAP_SHARED}).Draw(w.T, "type")
	r.Flags |= rapid.SampledFrom([]int{abi.MAP_FIXED, abi.MAP_FIXED, 0, abi.MAP_FIXED_NOREPLACE, abi.MAP_FIXED | abi.MAP_POPULATE}).Draw(w.T, "flags")
	var first uint64
	if file := rapid.Bool().Draw(w.T, "file"); file {
		first = rapid.Uint64Range(0, 45).Draw(w.T, "first")
		r.Pager, r.File, r.Offset = w.file, w.file, first*PageSize
		r.ReadOnlyFile = rapid.IntRange(0, 4).Draw(w.T, "ro") == 0
	}
	shared := r.Flags&abi.MAP_SHARED != 0
	at, err := s.as.Mmap(w.th, r)
	if err != nil {
		busy := r.Flags&abi.MAP_FIXED_NOREPLACE != 0 && s.any(addr, n)
		denied := shared && r.ReadOnlyFile && prot&Write != 0
		if !(busy && errno.Of(err) == errno.EEXIST || denied && errno.Of(err) == errno.EACCES || w.oom(err)) {
			w.Fatalf("mmap: %v", err)
		}
		return
	}
	if r.Flags&abi.MAP_FIXED_NOREPLACE != 0 && s.any(addr, n) {
		w.Fatalf("MAP_FIXED_NOREPLACE replaced")
	}
	if r.Flags&(abi.MAP_FIXED|abi.MAP_FIXED_NOREPLACE) == 0 && s.any(uint64(at), n) {
		w.Fatalf("mmap chose %#x, which is in use", at)
	}
	obj := w.words
	if r.Pager == nil {
		obj = nil
		if shared {
			obj = &mobj{words: make([]uint64, n)}
		}
	}
	for i := range n {
		s.pages[uint64(at)/PageSize+i] = &mpage{prot: prot, shared: shared, ro: shared && r.ReadOnlyFile && r.Pager != nil, obj: obj, idx: first + i}
	}
}

func (s *mspace) any(addr, n uint64) bool {
	for i := range n {
		if s.pages[addr/PageSize+i] != nil {
			return true
		}
	}
	return false
}

func (w *world) munmap(s *mspace) {
	addr, n := w.somePage(s), w.count()
	if err := s.as.Munmap(w.th, UAddr(addr), n*PageSize); err != nil {
		w.Fatalf("munmap: %v", err)
	}
	for i := range n {
		delete(s.pages, addr/PageSize+i)
	}
}

func (w *world) mprotect(s *mspace) {
	addr, n, prot := w.somePage(s), w.count(), w.prot()
	err := s.as.Mprotect(w.th, UAddr(addr), n*PageSize, prot)
	for i := range n {
		p := s.pages[addr/PageSize+i]
		if p == nil {
			if errno.Of(err) != errno.ENOMEM {
				w.Fatalf("mprotect across a hole: %v", err)
			}
			return
		}
		if p.ro && prot&Write != 0 {
			if errno.Of(err) != errno.EACCES {
				w.Fatalf("mprotect of a read-only file: %v", err)
			}
			return
		}
		p.prot = prot
	}
	if err != nil {
		w.Fatalf("mprotect: %v", err)
	}
}

func (w *world) mremap(s *mspace) {
	addr, n, m := w.somePage(s), w.count(), w.count()
	to := w.page()
	flags := rapid.SampledFrom([]int{0, abi.MREMAP_MAYMOVE, abi.MREMAP_MAYMOVE | abi.MREMAP_FIXED, abi.MREMAP_MAYMOVE | abi.MREMAP_DONTUNMAP}).Draw(w.T, "flags")
	if flags&abi.MREMAP_DONTUNMAP != 0 {
		m = n
	}
	got, err := s.as.Mremap(w.th, UAddr(addr), n*PageSize, m*PageSize, flags, UAddr(to))
	if err != nil {
		switch errno.Of(err) {
		case errno.EFAULT, errno.EINVAL, errno.ENOMEM:
			return
		}
		w.Fatalf("mremap: %v", err)
	}
	at := uint64(got) / PageSize
	old := make([]*mpage, n)
	for i := range n {
		if old[i] = s.pages[addr/PageSize+i]; old[i] == nil {
			w.Fatalf("mremap of nothing")
		}
	}
	keep := flags&abi.MREMAP_DONTUNMAP != 0
	last := old[n-1]
	for i := range n {
		delete(s.pages, addr/PageSize+i)
		if keep {
			k := *old[i]
			k.own = nil
			s.pages[addr/PageSize+i] = &k
		}
	}
	for i := range m {
		var p *mpage
		if i < n {
			p = old[i]
		} else {
			q := *last
			q.own = nil
			q.idx += i - (n - 1)
			p = &q
		}
		s.pages[at+i] = p
	}
}

func (w *world) fork(s *mspace) {
	if len(w.spaces) == 4 {
		return
	}
	as, err := w.h.fork(w.th, s.as)
	if err != nil {
		if !w.oom(err) {
			w.Fatalf("fork: %v", err)
		}
		return
	}
	n := &mspace{as: as, pages: map[uint64]*mpage{}, brk: s.brk}
	for k, p := range s.pages {
		q := *p
		if q.own != nil {
			v := *q.own
			q.own = &v
		}
		n.pages[k] = &q
	}
	w.spaces = append(w.spaces, n)
}

func (w *world) exit(s *mspace) {
	if len(w.spaces) == 1 {
		return
	}
	s.as.Release(w.th)
	for i, x := range w.spaces {
		if x == s {
			w.spaces = append(w.spaces[:i], w.spaces[i+1:]...)
			return
		}
	}
}

// expect compares the result of an access with what the page allows.
func (w *world) expect(s *mspace, va uint64, access platform.Access, err error) bool {
	p := s.pages[va/PageSize]
	var f *Fault
	errors.As(err, &f)
	switch {
	case w.oom(err):
		return false
	case p == nil:
		if f == nil || f.Signal != int(abi.SIGSEGV) || f.Code != abi.SEGV_MAPERR {
			w.Fatalf("access to nothing at %#x: %v", va, err)
		}
	case !allows(p.prot, access):
		if f == nil || f.Signal != int(abi.SIGSEGV) || f.Code != abi.SEGV_ACCERR {
			w.Fatalf("forbidden access at %#x: %v", va, err)
		}
	case p.bus():
		if f == nil || f.Signal != int(abi.SIGBUS) {
			w.Fatalf("access beyond the object at %#x: %v", va, err)
		}
	case err != nil:
		w.Fatalf("access %d at %#x: %v", access, va, err)
	default:
		return true
	}
	return false
}

func (p *mpage) value() uint64 {
	switch {
	case p.own != nil:
		return *p.own
	case p.obj != nil:
		return p.obj.words[p.idx]
	}
	return 0
}

func (p *mpage) set(v uint64) {
	if !p.shared {
		p.own = &v
		return
	}
	p.obj.words[p.idx] = v
	if p.obj.was != nil {
		p.obj.was[p.idx][v] = true
	}
}

// holds reports whether a page may show v.
func (p *mpage) holds(v uint64) bool {
	return v == p.value() || !p.shared && p.own == nil && p.obj != nil && p.obj.was[p.idx][v]
}

func (w *world) store(s *mspace) {
	va, v := w.somePage(s), rapid.Uint64().Draw(w.T, "v")
	_, err := tlbOf(s.as).user(w.th, va, platform.AccessWrite, v)
	if w.expect(s, va, platform.AccessWrite, err) {
		s.pages[va/PageSize].set(v)
	}
}

func (w *world) load(s *mspace) {
	va := w.somePage(s)
	access := rapid.SampledFrom([]platform.Access{platform.AccessRead, platform.AccessExec}).Draw(w.T, "access")
	v, err := tlbOf(s.as).user(w.th, va, access, 0)
	if w.expect(s, va, access, err) && !s.pages[va/PageSize].holds(v) {
		w.Fatalf("%#x holds %#x, not %#x", va, v, s.pages[va/PageSize].value())
	}
}

func (w *world) copyOut(s *mspace) {
	w.th.MM = s.as
	va, v := w.somePage(s), rapid.Uint64().Draw(w.T, "v")
	if w.expect(s, va, platform.AccessWrite, CopyOutStruct(w.th, UAddr(va), &v)) {
		s.pages[va/PageSize].set(v)
	}
}

func (w *world) copyIn(s *mspace) {
	w.th.MM = s.as
	va := w.somePage(s)
	v, err := CopyInStruct[uint64](w.th, UAddr(va))
	if w.expect(s, va, platform.AccessRead, err) && !s.pages[va/PageSize].holds(v) {
		w.Fatalf("%#x holds %#x, not %#x", va, v, s.pages[va/PageSize].value())
	}
}

func (w *world) remote(s *mspace) {
	va := w.somePage(s)
	force := rapid.Bool().Draw(w.T, "force")
	write := rapid.Bool().Draw(w.T, "write")
	buf := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	_, err := AccessRemote(w.th, s.as, UAddr(va), buf, write, force)
	p := s.pages[va/PageSize]
	if err != nil || p == nil {
		if p != nil && !p.bus() && force && !(p.shared && write) && !w.oom(err) {
			w.Fatalf("forced access at %#x: %v", va, err)
		}
		return
	}
	if write {
		p.set(0x0807060504030201)
	}
}

func (w *world) dontneed(s *mspace) {
	va, n := w.somePage(s), w.count()
	s.as.Madvise(w.th, UAddr(va), n*PageSize, abi.MADV_DONTNEED)
	for i := range n {
		if p := s.pages[va/PageSize+i]; p != nil {
			p.own = nil
		}
	}
}

func (w *world) dropTLB(s *mspace) {
	for k := range rapid.Uint64Range(0, arenaPages).Draw(w.T, "drop") {
		tlbOf(s.as).drop(arena/PageSize + k)
	}
}

func (w *world) sync(s *mspace) {
	if err := s.as.Msync(w.th, arena, arenaPages*PageSize, abi.MS_SYNC); err != nil && errno.Of(err) != errno.ENOMEM {
		w.Fatalf("msync: %v", err)
	}
}

func (w *world) doBrk(s *mspace) {
	want := arena + 100*PageSize + rapid.Uint64Range(0, 50*PageSize).Draw(w.T, "brk")
	was := s.brk
	got := uint64(s.as.Brk(w.th, UAddr(want)))
	if got != want && got != was {
		w.Fatalf("brk %#x", got)
	}
	s.brk = got
	for k := pageUp(got) / PageSize; k < pageUp(was)/PageSize; k++ {
		delete(s.pages, k)
	}
	for k := pageUp(was) / PageSize; k < pageUp(got)/PageSize; k++ {
		if s.pages[k] != nil {
			w.Fatalf("brk took a page in use")
		}
		s.pages[k] = &mpage{prot: Read | Write}
	}
}

func (w *world) compareAll(s *mspace) {
	for k, p := range s.pages {
		v, err := tlbOf(s.as).user(w.th, k*PageSize, platform.AccessRead, 0)
		if w.expect(s, k*PageSize, platform.AccessRead, err) && !p.holds(v) {
			w.Fatalf("%#x holds %#x, not %#x", k*PageSize, v, p.value())
		}
	}
	var total int64
	for _, m := range s.as.Maps(w.th, true) {
		for va := m.Start; va < m.End; va += PageSize {
			if p := s.pages[va/PageSize]; p == nil || p.prot != m.Prot || p.shared != (m.Flags&Shared != 0) {
				w.Fatalf("the area %#x is listed, the model has %+v", va, p)
			}
			total++
		}
	}
	if u := s.as.Usage(w.th); total != int64(len(s.pages)) || u.Total != total {
		w.Fatalf("%d pages are mapped, %d listed, %d in the model", u.Total, total, len(s.pages))
	}
}
