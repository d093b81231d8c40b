package cell

import "sort"

// A segment is a host mapping of the cell: [lo, hi) shows frames from the
// memory file at va+delta.
type segment struct {
	lo, hi uint64
	delta  uint64 // file offset minus va, modulo 2^64
	prot   uint8  // the host's PROT bits, as platform.Prot
	lazy   bool   // registered with userfaultfd: pages fault until continued
	fresh  bool   // lazy, but not registered yet
}

// span is [lo, hi) in user addresses.
type span struct{ lo, hi uint64 }

// segments are a cell's host mappings in order of address.
type segments struct {
	s []segment
}

// at returns the index of the first segment that ends above va.
func (t *segments) at(va uint64) int {
	return sort.Search(len(t.s), func(i int) bool { return t.s[i].hi > va })
}

// overlap returns the range of indices of segments that intersect [lo, hi).
func (t *segments) overlap(lo, hi uint64) (i, j int) {
	i = t.at(lo)
	for j = i; j < len(t.s) && t.s[j].lo < hi; j++ {
	}
	return i, j
}

// split makes va a boundary if a segment lies across it.
func (t *segments) split(va uint64) {
	i := t.at(va)
	if i == len(t.s) || t.s[i].lo >= va {
		return
	}
	left := t.s[i]
	left.hi = va
	t.s[i].lo = va
	t.s = append(t.s, segment{})
	copy(t.s[i+1:], t.s[i:])
	t.s[i] = left
}

// carve removes [lo, hi).
func (t *segments) carve(lo, hi uint64) {
	t.split(lo)
	t.split(hi)
	i, j := t.overlap(lo, hi)
	if i < j {
		t.s = append(t.s[:i], t.s[j:]...)
	}
}

// insert adds g, whose range is free, and joins it to equal neighbours, as the host does.
func (t *segments) insert(g segment) {
	i := t.at(g.lo)
	if i > 0 && joins(t.s[i-1], g) {
		t.s[i-1].hi = g.hi
		if i < len(t.s) && joins(t.s[i-1], t.s[i]) {
			t.s[i-1].hi = t.s[i].hi
			t.s = append(t.s[:i], t.s[i+1:]...)
		}
		return
	}
	if i < len(t.s) && joins(g, t.s[i]) {
		t.s[i].lo = g.lo
		return
	}
	t.s = append(t.s, segment{})
	copy(t.s[i+1:], t.s[i:])
	t.s[i] = g
}

func joins(a, b segment) bool {
	return a.hi == b.lo && a.delta == b.delta && a.prot == b.prot && a.lazy == b.lazy && a.fresh == b.fresh
}

// cut removes [lo, hi) from a list of spans.
func cut(list []span, lo, hi uint64) []span {
	var more []span
	out := list[:0]
	for _, s := range list {
		if s.hi <= lo || hi <= s.lo {
			out = append(out, s)
			continue
		}
		if s.lo < lo {
			out = append(out, span{s.lo, lo})
		}
		if hi < s.hi {
			more = append(more, span{hi, s.hi})
		}
	}
	return append(out, more...)
}
