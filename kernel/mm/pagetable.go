package mm

import (
	"vitrine/kernel/arch/amd64"
	"vitrine/kernel/sched"
)

// pte is an entry of a page table. An entry other than 0 at the leaf names a frame and holds a reference to it.
type pte = amd64.PTE

// Bits of an entry.
const (
	pteWrite = amd64.PTEWrite
	pteNX    = amd64.PTENoExec
	// pteAnon: the frame belongs to address spaces alone, not to a pager.
	pteAnon = amd64.PTESoft0
	// pteShmem: the frame belongs to a memory object. For the counts.
	pteShmem = amd64.PTESoft1
	// pteHeld: the entry isn't present but holds its frame: PROT_NONE.
	pteHeld = amd64.PTESoft2

	pteTable = amd64.PTEPresent | amd64.PTEWrite | amd64.PTEUser
	pteUser  = amd64.PTEPresent | amd64.PTEUser
)

// protOf is what the platform may let user code do with a present entry; 0 if it isn't present.
func protOf(e pte) Prot {
	if e&amd64.PTEPresent == 0 {
		return 0
	}
	p := Read
	if e&pteWrite != 0 {
		p |= Write
	}
	if e&pteNX == 0 {
		p |= Exec
	}
	return p
}

// pageTable is a four-level page table in guest frames. AddressSpace.mu guards it: for
// reading while it is looked at, for writing while it is changed.
type pageTable struct {
	mem    *Memory
	root   PFN
	tables int // frames that it occupies, the root included

	// The leaf table that was last changed, and va>>21 of what it serves: accesses are close to each other.
	lastKey uint64
	last    *[512]pte
}

func (pt *pageTable) init(t *sched.Thread, mem *Memory) error {
	pt.mem = mem
	p, err := mem.Alloc(t, 0, true)
	if err != nil {
		return err
	}
	pt.root, pt.tables = p, 1
	mem.counts[countTables].Add(1)
	return nil
}

// leaf returns the table with va's entry, or nil.
func (pt *pageTable) leaf(va uint64) *[512]pte {
	if pt.last != nil && va>>leafShift == pt.lastKey {
		return pt.last
	}
	tb := pt.mem.table(pt.root)
	for level := amd64.Levels - 1; level > 0; level-- {
		e := tb[amd64.PageTableIndex(va, level)]
		if e == 0 {
			return nil
		}
		tb = pt.mem.table(PFN(e.Frame()))
	}
	return tb
}

// get returns va's entry: 0 if there is none.
func (pt *pageTable) get(va uint64) pte {
	if tb := pt.leaf(va); tb != nil {
		return tb[va>>PageShift%512]
	}
	return 0
}

// entry returns va's entry for a change, with the tables above it.
func (pt *pageTable) entry(t *sched.Thread, va uint64) (*pte, error) {
	if pt.last != nil && va>>leafShift == pt.lastKey {
		return &pt.last[va>>PageShift%512], nil
	}
	tb := pt.mem.table(pt.root)
	for level := amd64.Levels - 1; level > 0; level-- {
		e := &tb[amd64.PageTableIndex(va, level)]
		if *e == 0 {
			p, err := pt.mem.Alloc(t, 0, true)
			if err != nil {
				return nil, err
			}
			pt.tables++
			pt.mem.counts[countTables].Add(1)
			*e = amd64.MakePTE(uint64(p), pteTable)
		}
		tb = pt.mem.table(PFN(e.Frame()))
	}
	pt.lastKey, pt.last = va>>leafShift, tb
	return &tb[va>>PageShift%512], nil
}

// leafShift divides what one leaf table serves from the next: 2 MiB.
const leafShift = PageShift + 9

// each calls f for every entry in [start, end) that isn't 0, in order. f may change the entry.
func (pt *pageTable) each(start, end uint64, f func(va uint64, e *pte)) {
	if start < end {
		pt.walk(pt.root, amd64.Levels-1, start, end, f)
	}
}

func (pt *pageTable) walk(table PFN, level int, start, end uint64, f func(va uint64, e *pte)) {
	tb := pt.mem.table(table)
	if level == 0 {
		for va := start; va < end; va += PageSize {
			if e := &tb[va>>PageShift%512]; *e != 0 {
				f(va, e)
			}
		}
		return
	}
	span := amd64.PageTableSpan(level)
	for va := start; va < end; {
		next := (va &^ (span - 1)) + span
		if e := tb[amd64.PageTableIndex(va, level)]; e != 0 {
			pt.walk(PFN(e.Frame()), level-1, va, min(next, end), f)
		}
		va = next
	}
}

// prune frees the tables that serve [start, end) and nothing outside [lo, hi), where no entry is left.
func (pt *pageTable) prune(t *sched.Thread, start, end, lo, hi uint64) {
	pt.pruneTable(t, pt.root, amd64.Levels-1, start, end, lo, hi)
}

func (pt *pageTable) pruneTable(t *sched.Thread, table PFN, level int, start, end, lo, hi uint64) {
	tb := pt.mem.table(table)
	span := amd64.PageTableSpan(level)
	for va := start &^ (span - 1); va < end; va += span {
		e := &tb[amd64.PageTableIndex(va, level)]
		if *e == 0 {
			continue
		}
		below := PFN(e.Frame())
		if level > 1 {
			pt.pruneTable(t, below, level-1, max(start, va), min(end, va+span), lo, hi)
		}
		if va >= lo && va+span <= hi {
			*e = 0
			pt.last = nil
			pt.tables--
			pt.mem.counts[countTables].Add(-1)
			pt.mem.DecRef(t, below)
		}
	}
}

// allOf is the end of what a page table can span.
const allOf = 1 << 48

// release frees the table, of which only the root is left.
func (pt *pageTable) release(t *sched.Thread) {
	pt.tables--
	pt.mem.counts[countTables].Add(-1)
	pt.mem.DecRef(t, pt.root)
	pt.root = 0
}
