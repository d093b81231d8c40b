package mm

import (
	"vitrine/kernel/sched"
)

// MapInfo is an area as /proc/PID/maps and smaps show it.
type MapInfo struct {
	Start, End uint64
	Prot       Prot
	Flags      Flags
	Offset     uint64
	Name       string
	File       File  // without a reference: only to compare and to name
	RSS        int64 // pages; only if asked for
	Private    int64 // of them, the area's own
}

// Maps returns the areas in order of address. pages says whether to count resident pages.
func (as *AddressSpace) Maps(t *sched.Thread, pages bool) []MapInfo {
	as.mu.RLock(t)
	defer as.mu.RUnlock(t)
	list := make([]MapInfo, 0, len(as.vmas))
	for _, v := range as.vmas {
		m := MapInfo{Start: v.Start, End: v.End, Prot: v.Prot, Flags: v.Flags, Offset: v.Offset, Name: v.Name, File: v.File}
		if pages {
			as.pt.each(v.Start, v.End, func(_ uint64, e *pte) {
				m.RSS++
				if e.Has(pteAnon) {
					m.Private++
				}
			})
		}
		list = append(list, m)
	}
	return list
}

// Usage is what /proc/PID/{statm,status} show, in pages.
type Usage struct {
	Total, Peak, Data, Stack, Locked   int64
	RSS, Anon, File, Shmem, MaxRSS     int64
	PageTables, Exec, Areas            int64
	BrkStart, Brk                      uint64
	ArgStart, ArgEnd, EnvStart, EnvEnd UAddr
}

// Usage returns the sizes of the address space.
func (as *AddressSpace) Usage(t *sched.Thread) Usage {
	as.mu.RLock(t)
	defer as.mu.RUnlock(t)
	u := Usage{
		Total: as.total, Peak: as.peak, Data: as.data, Stack: as.stack, Locked: as.locked,
		RSS: int64(as.RSS()), Anon: as.rss[countAnon].Load(), File: as.rss[countFile].Load(), Shmem: as.rss[countShmem].Load(),
		PageTables: int64(as.pt.tables), Areas: int64(len(as.vmas)), BrkStart: as.brkStart, Brk: as.brk,
		ArgStart: as.args[0], ArgEnd: as.args[1], EnvStart: as.env[0], EnvEnd: as.env[1],
	}
	u.MaxRSS = max(as.maxRSS.Load(), u.RSS)
	for _, v := range as.vmas {
		if v.Prot&Exec != 0 {
			u.Exec += int64(v.pages())
		}
	}
	return u
}

// SetArguments tells where the program's arguments, environment and auxiliary vector lie. The loader calls it.
func (as *AddressSpace) SetArguments(t *sched.Thread, args, env [2]UAddr, auxv []byte) {
	as.lock(t)
	defer as.unlock(t)
	as.args, as.env, as.auxv = args, env, auxv
}

// Auxv returns the auxiliary vector that the program was started with.
func (as *AddressSpace) Auxv(t *sched.Thread) []byte {
	as.mu.RLock(t)
	defer as.mu.RUnlock(t)
	return as.auxv
}
