package mm

import (
	"slices"
	"sort"

	"vitrine/kernel/sched"
)

// VMA is an area of an address space whose pages come from one place and have one protection. Except where noted
// AddressSpace.mu guards it.
type VMA struct {
	Start, End uint64
	Prot       Prot
	Flags      Flags
	Pager      Pager  // nil: anonymous and private
	Offset     uint64 // of Start in the pager's object, bytes
	File       File   // holds a reference; nil-able
	Name       string // for /proc/PID/maps

	as        *AddressSpace // immutable
	gone      bool          // no longer in as
	untracked bool          // the pager doesn't ask for Dirty; immutable

	// The fault window: see window.
	lastLo, lastHi uint64
	lastSize       uint64
}

// Size returns the area's size in bytes.
func (v *VMA) Size() uint64 { return v.End - v.Start }

func (v *VMA) pages() uint64 { return (v.End - v.Start) / PageSize }

// pageIndex is the index in the object of the page at va.
func (v *VMA) pageIndex(va uint64) uint64 { return (v.Offset + (va - v.Start)) / PageSize }

// accountable says that its pages count as committed, and as data for RLIMIT_DATA.
func (v *VMA) accountable() bool { return isData(v.Prot, v.Flags) }

func isData(p Prot, f Flags) bool { return p&Write != 0 && f&Shared == 0 }

// index returns the index of the first area that ends above addr. Caller holds as.mu.
func (as *AddressSpace) index(addr uint64) int {
	return sort.Search(len(as.vmas), func(i int) bool { return as.vmas[i].End > addr })
}

// find returns the area that contains addr, or nil. Caller holds as.mu.
func (as *AddressSpace) find(addr uint64) *VMA {
	// The same area is asked for again and again; readers leave the hint alone.
	if v := as.hint; v != nil && addr >= v.Start && addr < v.End && !v.gone {
		return v
	}
	if i := as.index(addr); i < len(as.vmas) && as.vmas[i].Start <= addr {
		return as.vmas[i]
	}
	return nil
}

// overlaps reports whether an area lies in [start, end).
func (as *AddressSpace) overlaps(start, end uint64) bool {
	i := as.index(start)
	return i < len(as.vmas) && as.vmas[i].Start < end
}

// insert adds an area that overlaps no other, and joins it with its neighbours if it can. It returns the
// area that now contains it. Caller holds as.mu for writing.
func (as *AddressSpace) insert(t *sched.Thread, v *VMA) *VMA {
	i := as.index(v.Start)
	as.vmas = slices.Insert(as.vmas, i, v)
	as.account(v, +1)
	if v.Pager != nil {
		v.Pager.Attach(t, v)
	}
	return as.mergeAt(t, i)
}

// mergeAt joins the area at i with its neighbours if it can.
func (as *AddressSpace) mergeAt(t *sched.Thread, i int) *VMA {
	if i+1 < len(as.vmas) && as.vmas[i].joins(as.vmas[i+1]) {
		as.absorb(t, i)
	}
	if i > 0 && as.vmas[i-1].joins(as.vmas[i]) {
		i--
		as.absorb(t, i)
	}
	return as.vmas[i]
}

// absorb makes the area at i contain the next one, too.
func (as *AddressSpace) absorb(t *sched.Thread, i int) {
	v, n := as.vmas[i], as.vmas[i+1]
	v.End = n.End
	n.gone = true
	as.vmas = slices.Delete(as.vmas, i+1, i+2)
	as.letGo(t, n)
}

// joins reports whether n can become part of v, which lies before it.
func (v *VMA) joins(n *VMA) bool {
	return v.End == n.Start && v.Prot == n.Prot && v.Flags == n.Flags && v.Pager == n.Pager &&
		v.File == n.File && v.Name == n.Name && v.Flags&Special == 0 &&
		(v.Pager == nil || v.Offset+v.Size() == n.Offset)
}

// letGo detaches an area that has left the list. Its file is released when as.mu is.
func (as *AddressSpace) letGo(t *sched.Thread, v *VMA) {
	if v.Pager != nil {
		v.Pager.Detach(t, v)
	}
	if v.File != nil {
		as.files = append(as.files, v.File)
	}
	if as.hint == v {
		as.hint = nil
	}
}

// split cuts the area at i in two at addr, which lies inside it.
func (as *AddressSpace) split(t *sched.Thread, i int, addr uint64) {
	v := as.vmas[i]
	n := &VMA{
		Start: addr, End: v.End, Prot: v.Prot, Flags: v.Flags, Pager: v.Pager, File: v.File, Name: v.Name,
		as: as, untracked: v.untracked,
	}
	if v.Pager != nil {
		n.Offset = v.Offset + (addr - v.Start)
	}
	if n.File != nil {
		n.File.IncRef()
	}
	v.End = addr
	v.lastHi = 0
	as.vmas = slices.Insert(as.vmas, i+1, n)
	if n.Pager != nil {
		n.Pager.Attach(t, n)
	}
}

// isolate splits areas so that none crosses start or end, and returns the range of indices in [start, end).
func (as *AddressSpace) isolate(t *sched.Thread, start, end uint64) (from, to int) {
	from = as.index(start)
	if from < len(as.vmas) && as.vmas[from].Start < start {
		as.split(t, from, start)
		from++
	}
	to = from
	for to < len(as.vmas) && as.vmas[to].Start < end {
		if as.vmas[to].End > end {
			as.split(t, to, end)
		}
		to++
	}
	return from, to
}

// account adds an area to the totals, or takes it off.
func (as *AddressSpace) account(v *VMA, sign int64) { as.accountPages(v, sign*int64(v.pages())) }

func (as *AddressSpace) accountPages(v *VMA, n int64) {
	as.total += n
	as.peak = max(as.peak, as.total)
	if v.accountable() {
		if v.Flags&(GrowsDown|Stack) == 0 {
			as.data += n
		}
		if v.Flags&NoReserve == 0 {
			as.committed += n
			as.mem.counts[countCommitted].Add(n)
		}
	}
	if v.Flags&GrowsDown != 0 {
		as.stack += n
	}
	if v.Flags&Locked != 0 {
		as.locked += n
	}
}

// Zap forgets the pages [first, first+n) of the object where v maps them, private copies too:
// the file was truncated. The caller has made sure that Page fails for them from now on, and holds
// no lock of rank RankAddrSpace or above.
func (v *VMA) Zap(t *sched.Thread, first, n uint64) {
	as := v.as
	as.lock(t)
	defer as.unlock(t)
	if start, end, ok := v.span(first, n); ok {
		as.zap(t, start, end)
		as.flush(t)
	}
}

// WriteProtect makes the next write to the pages [first, first+n) of the object tell Pager.Dirty again.
// Write-back calls it before it reads the pages.
func (v *VMA) WriteProtect(t *sched.Thread, first, n uint64) {
	as := v.as
	as.lock(t)
	defer as.unlock(t)
	if start, end, ok := v.span(first, n); ok && v.Flags&Shared != 0 {
		as.writeProtect(v, start, end)
		as.flush(t)
	}
}

// span is where v maps the pages [first, first+n) of its object.
func (v *VMA) span(first, n uint64) (start, end uint64, ok bool) {
	if v.gone || v.as.dead {
		return 0, 0, false
	}
	lo, hi := v.Offset/PageSize, v.Offset/PageSize+v.pages()
	last := first + n
	if last < first {
		last = ^uint64(0)
	}
	first, last = max(first, lo), min(last, hi)
	if first >= last {
		return 0, 0, false
	}
	return v.Start + (first-lo)*PageSize, v.Start + (last-lo)*PageSize, true
}
