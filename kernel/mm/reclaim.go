package mm

import (
	"errors"

	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
)

// Reclaim, from cheap to dear:
//
//	1 frames that reservations hold and nobody uses, or that wait for the platform
//	2 clean pages of caches that no program has mapped, by their shrinkers
//	3 clean file pages out of all page tables, then 2 again
//	4 Memory.OOM: a process ends

type shrinker struct {
	name string
	f    func(t *sched.Thread, want int) int
}

// RegisterShrinker adds a cache that can give frames back: f frees up to want of them and
// returns how many. It may be called while t holds locks of ranks up to RankPageCache, among them the cache's own, so
// it takes locks by TryLock only. For boot.
func (m *Memory) RegisterShrinker(name string, f func(t *sched.Thread, want int) int) {
	m.shrinkers = append(m.shrinkers, shrinker{name, f})
}

// scarce says that frames are few: reservations would do harm.
func (m *Memory) scarce() bool {
	return m.nfree.Load()*16 < m.total
}

// plenty says that frames are many: greater reservations do no harm.
func (m *Memory) plenty() bool { return m.nfree.Load()*4 > m.total }

// reclaim frees frames, more than asked for if it is cheap, and returns how many.
func (m *Memory) reclaim(t *sched.Thread, want int) int {
	want = max(want, 32)
	freed := m.breakUp(t, want) + m.drain(t, true)
	if freed < want && topRank(t) < ksync.RankAddrSpace {
		for _, as := range m.Spaces(t) {
			freed += as.settle(t)
		}
	}
	if freed < want {
		freed += m.shrink(t, want-freed)
	}
	if freed == 0 && topRank(t) < ksync.RankAddrSpace {
		freed = m.unmapClean(t, want)
	}
	m.stats.Reclaimed.Add(int64(freed))
	return freed
}

// Reclaim frees about want frames by all means short of ending a process. The caller holds no
// lock of RankAddrSpace or above.
func (m *Memory) Reclaim(t *sched.Thread, want int) int {
	freed := m.reclaim(t, want)
	if freed < want {
		freed += m.unmapClean(t, want-freed)
	}
	return freed
}

func (m *Memory) shrink(t *sched.Thread, want int) (freed int) {
	if topRank(t) > ksync.RankPageCache {
		return 0
	}
	for _, s := range m.shrinkers {
		if freed >= want {
			break
		}
		freed += s.f(t, want-freed)
	}
	return freed
}

// unmapClean takes clean file pages out of the page tables so that their caches can let them go.
func (m *Memory) unmapClean(t *sched.Thread, want int) (freed int) {
	m.mu.Lock(t)
	spaces := append([]*AddressSpace(nil), m.spaces...)
	m.mu.Unlock(t)
	for _, as := range spaces {
		if as.unmapClean(t) > 0 {
			freed += m.shrink(t, want-freed)
		}
		if freed >= want {
			break
		}
	}
	return freed
}

// unmapClean forgets all read-only pages of files. The program faults them in again when it needs them.
func (as *AddressSpace) unmapClean(t *sched.Thread) (n int) {
	// Who holds it may wait for I/O, and that for the caller.
	if !as.mu.TryLock(t) {
		return 0
	}
	defer as.unlock(t)
	if as.dead {
		return 0
	}
	for _, v := range as.vmas {
		if v.Pager == nil || v.Flags&(Locked|Special) != 0 || v.untracked {
			continue
		}
		as.pt.each(v.Start, v.End, func(va uint64, e *pte) {
			if !e.Has(pteAnon) && !e.Has(pteWrite) {
				as.clear(va, e)
				as.plat.Unmap(va, PageSize)
				n++
			}
		})
	}
	as.flush(t)
	return n
}

// retry does what can be done after ErrOOM and reports whether to try again. The caller holds no
// lock of RankAddrSpace or above.
func (m *Memory) retry(t *sched.Thread, err error) bool {
	if !errors.Is(err, ErrOOM) || topRank(t) >= ksync.RankAddrSpace {
		return false
	}
	if m.Reclaim(t, 32) > 0 {
		return true
	}
	m.stats.OOMs.Add(1)
	return m.OOM != nil && m.OOM(t)
}

func topRank(t *sched.Thread) int {
	if t == nil {
		return 0
	}
	if l := t.Locks(); len(l) > 0 {
		return l[len(l)-1].Rank
	}
	return 0
}

// MemStats is the state of the memory, in pages.
type MemStats struct {
	Total      uint64 // that the kernel can hand out
	Free       uint64 // in nobody's hands
	Reserved   uint64 // waiting in reservations: as good as free
	Anon       uint64 // private pages of programs
	Mapped     uint64 // file pages in page tables
	Shmem      uint64 // pages of shared memory objects
	PageTables uint64
	Committed  uint64 // that programs were promised
	Orders     [MaxOrder + 1]uint64
}

// Stats returns the state of the memory.
func (m *Memory) Stats(t *sched.Thread) MemStats {
	get := func(i int) uint64 { return uint64(max(m.counts[i].Load(), 0)) }
	s := MemStats{
		Reserved: get(countReserved), Anon: get(countAnon), Mapped: get(countFile),
		Shmem: get(countShmem), PageTables: get(countTables), Committed: get(countCommitted),
	}
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	s.Total, s.Free = m.total, m.nfree.Load()
	for o := range m.lists {
		for p := m.lists[o]; p != 0; p = m.pages[p].next {
			s.Orders[o]++
		}
	}
	return s
}

// Events returns the counters of what has happened since boot.
func (m *Memory) Events() *Events { return &m.stats }

// Spaces returns the living address spaces, oldest first.
func (m *Memory) Spaces(t *sched.Thread) []*AddressSpace {
	m.mu.Lock(t)
	defer m.mu.Unlock(t)
	return append([]*AddressSpace(nil), m.spaces...)
}
